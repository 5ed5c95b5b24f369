"""What the shell is offered for a value, from what lies on the disk anyway; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

if TYPE_CHECKING:
    from luminora._index import Index

KINDS = {
    "llm": "llm",
    "embeddings": "embedding",
    "storage": "storage",
    "vector-store": "vector_store",
    "cache": "cache",
}
"""The kinds of provider as commands and options spell them."""

_FILES = {"--config", "--to", "--output", "--save", "--compare", "--identity"}
_READERS = {
    ("load-personality",),
    ("copy", "--from"),
    ("init", "--from"),
    ("import", "messages"),
    ("personality", "import"),
    ("personality", "validate"),
    ("plugins", "validate"),
    ("snapshot", "import"),
    ("snapshot", "inspect"),
    ("snapshot", "verify"),
}
"""What a file's name follows."""
_PERSONAS = {"show", "compile", "export", "blend"}
_PLUGINS = {"info", "disable", "enable"}
_OWNERS = {"--database": "storage", "--provider": None, **{f"--{one}": one for one in KINDS}}


def register() -> None:
    """Have click complete with our values too."""
    for base in (BashComplete, ZshComplete, FishComplete):
        add_completion_class(type(base.__name__, (_Valued, base), {"source": _source}))


class _Valued(ShellComplete):
    """Offers values where click knows of none."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        before, begun = args, incomplete
        if incomplete.startswith("--") and "=" in incomplete:
            option, _, begun = incomplete.partition("=")
            before = [*args, option]
        elif args[-1:] == ["="]:  # so bash splits --option=value
            before = args[:-1]
        # first what needs no command to be imported
        if known := [one for one in values(before) if one.startswith(begun.lower())]:
            return [CompletionItem(one) for one in known]
        found = super().get_completions(args, incomplete)
        if not found and not begun.startswith("-") and _wants_file(before):
            return [CompletionItem(begun, type="file")]
        return found


def _source(self: ShellComplete) -> str:
    """The script, which click would have look at the shell's version first."""
    return self.source_template % self.source_vars()


def values(words: Sequence[str]) -> Iterable[str]:
    """What may follow these words, where that is a name we know.

    Args:
        words: The complete words of the command line, without the program.
    """
    last = words[-1] if words else ""
    if last == "--personality" or _follows(words, "personality", _PERSONAS):
        return _personas()
    if last in _OWNERS:
        kind = _OWNERS[last] or next((word for word in words if word in KINDS), None)
        return _providers(KINDS[kind]) if kind else ()
    if _follows(words, "plugins", _PLUGINS):
        return sorted(one.distribution.name for one in _index().discoveries)
    if list(words) == ["help"]:
        from luminora.cli import COMMANDS

        return [*COMMANDS, "exit-codes"]
    return ()


def _wants_file(words: Sequence[str]) -> bool:
    """Whether a file's name comes next, as far as that can be told by the words before it."""
    return words[-1:] != [] and (words[-1] in _FILES or (*words[:1], *words[1:][-1:]) in _READERS)


def _follows(words: Sequence[str], command: str, actions: Iterable[str]) -> bool:
    return len(words) >= 2 and words[0] == command and words[-1] in actions  # noqa: PLR2004 - a pair


def _providers(kind: str) -> Iterable[str]:
    return list(_index().usable(kind))


def _personas() -> Iterable[str]:
    """Names of the personas that come along and of those of this project; none is opened."""
    from luminora._resources import folder
    from luminora.config import find_file

    places = [folder("personalities")]
    try:
        import os
        from pathlib import Path

        file = find_file(None, env=os.environ, cwd=Path.cwd())
        places.append((file.parent if file else Path.cwd()) / "personalities")
    except OSError:
        return ()
    return sorted({path.stem for place in places for path in place.glob("*.json")})


def _index() -> Index:
    from luminora._index import Index

    return Index.load()
