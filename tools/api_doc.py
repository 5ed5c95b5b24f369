"""Write the pages in ``docs/reference/`` from the code, the manifests and the schemas.

Run ``python tools/api_doc.py`` after changing a public method, a setting, a hook or an exception; a
test fails while a page differs.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from luminora import errors as tree  # noqa: E402
from luminora import hookspecs, providers  # noqa: E402
from luminora import testing as kit  # noqa: E402
from luminora.client import LuminoraCoreClient  # noqa: E402
from tools.docstrings import first_sentence, inline, markdown, signature  # noqa: E402

TARGET = ROOT / "docs" / "reference"

_WRITTEN = "<!-- Written by tools/api_doc.py from the code; do not edit. -->\n"


def client() -> str:
    """The client's public methods, by what they are about."""
    parts = [_WRITTEN, "# The client", "`from luminora import LuminoraCoreClient`"]
    parts += [markdown(LuminoraCoreClient.__doc__)]
    parts.append(
        "`luminora.sync.LuminoraCoreClient` has the same methods for code that does not await."
    )
    told = set()
    for kind in LuminoraCoreClient.__mro__[:-1]:
        members = [(name, one) for name, one in _public(kind) if name not in told]
        told |= {name for name, _ in members}
        title = "Conversation" if kind is LuminoraCoreClient else kind.__name__
        parts += [f"## {title}"]
        if kind is not LuminoraCoreClient:
            parts.append(first_sentence(kind.__doc__))
        parts += _members(members)
    return _page(parts)


def contracts() -> str:
    """The five contracts of providers."""
    parts = [_WRITTEN, "# Contracts of providers"]
    parts.append(
        "What a provider has to be, and what its base class gives it: `from luminora.providers "
        "import …`. A method marked *abstract* has to be written; [the guide](../plugins.md) tells "
        "how to publish the result, [`luminora.testing`](testing.md) tests it."
    )
    names = ("Provider", "LLM", "Embedding", "Storage", "VectorStore", "Cache")
    for name in names:
        kind = getattr(providers, name if name == "Provider" else f"{name}Provider")
        parts += [f"## {kind.__name__}", markdown(kind.__doc__)]
        parts += _members(_public(kind), getattr(kind, "__abstractmethods__", frozenset()))
    return _page(parts)


def testing() -> str:
    """What ``luminora.testing`` has."""
    parts = [_WRITTEN, "# luminora.testing", markdown(kit.__doc__)]
    for name in kit.__all__:
        one = getattr(kit, name)
        parts.append(f"## {name}")
        if inspect.isclass(one):
            parts += [markdown(one.__doc__), *_tests(one)]
        else:
            parts += [_code(signature(one, name)), markdown(one.__doc__)]
    return _page(parts)


def hooks() -> str:
    """Every hook specification."""
    parts = [_WRITTEN, "# Hooks", markdown(hookspecs.__doc__)]
    for name, one in vars(hookspecs).items():
        options = getattr(one, "luminora_spec", None)
        if options is None:
            continue
        parts += [f"## {name}", _code(signature(one, name)), markdown(one.__doc__)]
        if options.get("firstresult"):
            parts.append("The first answer that is not None counts.")
    return _page(parts)


def errors() -> str:
    """The tree of exceptions and their exit codes."""
    base = tree.LuminoraError
    parts = [_WRITTEN, "# Errors", markdown(base.__doc__)]
    parts.append(
        "`exit_code` is what the `luminora` command returns for it; one that is *retryable* may be "
        "gone if the same is tried again. Import them from `luminora.errors`."
    )
    rows = [
        ["`" + "· " * depth + one.__name__ + "`", str(one.exit_code), "yes" * one.retryable,
         first_sentence(one.__doc__)]
        for depth, one in _descendants(base)
    ]  # fmt: skip
    parts.append(_table(("Exception", "Exit code", "Retryable", "Means"), rows))
    parts += ["## What they carry", ""]
    for _, one in _descendants(base):
        if "**" in (told := markdown(one.__doc__)) and one is not base:
            parts += [f"### {one.__name__}", told]
    return _page(parts)


def settings() -> str:
    """Every setting of ``luminora.json`` that is not a provider's, then where those are."""
    document = json.loads((ROOT / "schemas" / "luminora.schema.json").read_bytes())
    manifest = json.loads((ROOT / "luminora" / "luminora-plugin.json").read_bytes())
    parts = [_WRITTEN, "# Settings of luminora.json", document["description"]]
    parts.append(
        "Paths are written as `luminora config get` and `--set` take them. Everything is optional. "
        "[luminora.json](../configuration.md) shows them together; each provider's own settings, "
        "below `config`, are in [Providers](../providers.md), those of the embedded default here."
    )
    rows = list(_settings(document, document))
    parts.append(_table(("Setting", "Type", "Default", ""), rows))
    for kind, offered in manifest["providers"].items():
        for name, facts in offered.items():
            found = list(_settings(facts["config_schema"], facts["config_schema"]))
            parts += [f"## {name} ({kind.replace('_', ' ')})", facts["description"]]
            parts.append(
                _table(("Setting", "Type", "Default", ""), found) if found else "No settings."
            )
    return _page(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "client.md": client,
    "config.md": settings,
    "contracts.md": contracts,
    "errors.md": errors,
    "hooks.md": hooks,
    "testing.md": testing,
}


def _public(kind: type) -> list[tuple[str, Any]]:
    """Its own methods and properties, as they stand in the source."""
    return [
        (name, one)
        for name, one in vars(kind).items()
        if not name.startswith("_")
        and (inspect.isfunction(one) or isinstance(one, (classmethod, property)))
        and not name.startswith("test_")
        and _docstring(one)
    ]


def _docstring(member: Any) -> str | None:
    return inspect.getdoc(member.fget if isinstance(member, property) else member)


def _members(members: list[tuple[str, Any]], abstract: frozenset[str] = frozenset()) -> list[str]:
    parts = []
    for name, one in members:
        mark = " *abstract*" if name in abstract else ""
        parts += [f"### {name}{mark}", _code(signature(one, name)), markdown(_docstring(one))]
    return parts


def _tests(kind: type) -> list[str]:
    """What a conformance class gives and tests, capability by capability."""
    parts = _members(_public(kind))
    tested: dict[str, list[str]] = {}
    for name in dir(kind):
        one = getattr(kind, name)
        if name.startswith("test_"):
            word = getattr(one, "luminora_capability", "everything")
            tested.setdefault(word, []).append(name.removeprefix("test_").replace("_", " "))
    for word, names in sorted(tested.items()):
        parts += [f"Tests of `{word}`:", "\n".join(f"- {name}" for name in sorted(names))]
    return parts


def _descendants(kind: type, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """The tree beneath, in the order of the source; what plugins add to it is not ours."""
    yield depth, kind
    for one in kind.__subclasses__():
        if one.__module__ == kind.__module__:
            yield from _descendants(one, depth + 1)


def _settings(part: Any, document: Any, above: str = "") -> Iterator[list[str]]:
    for name, one in part.get("properties", {}).items():
        if name == "$schema" or one.get("deprecated"):
            continue
        path = f"{above}{name}"
        default = f"`{json.dumps(one['default'], ensure_ascii=False)}`" if "default" in one else ""
        if not one.get("properties") or default != "`{}`":
            told = inline(one.get("description", "")).replace("|", "\\|")
            yield [f"`{path}`", _kind(one), default, told]
        yield from _settings(one, document, f"{path}.")


def _kind(one: Mapping[str, Any]) -> str:
    if "enum" in one:
        return "one of " + ", ".join(
            f"`{value if isinstance(value, str) else json.dumps(value)}`" for value in one["enum"]
        )
    if reference := one.get("$ref"):
        return "a provider" if reference.endswith("/provider") else reference.rpartition("/")[2]
    if "anyOf" in one:
        return " or ".join(_kind(choice) for choice in one["anyOf"])
    kinds = one.get("type", "any")
    kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if "minimum" in one and "maximum" in one:
        return f"{kind}, {one['minimum']} to {one['maximum']}"
    return kind


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _page(parts: list[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for file, write in PAGES.items():
        (TARGET / file).write_text(write(), encoding="utf-8")
