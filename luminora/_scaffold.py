"""Write the beginning of a plugin: a whole package that works, is tested, and can be published."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from luminora import _resources
from luminora._version import API_VERSION, __version__
from luminora.errors import InputError

KINDS: Mapping[str, tuple[str, str, str]] = {
    "llm": ("LLM", "language model", "llm"),
    "embedding": ("Embedding", "embedding model", "embeddings"),
    "storage": ("Storage", "database", "storage"),
    "vector_store": ("VectorStore", "vector store", "vector-store"),
    "cache": ("Cache", "cache", "cache"),
}
"""The kinds: how their classes end, what people call them, and the word on the command line."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40
_LONGEST_LINE = 300
_SUFFIX = ".j2"
_RENAMED = {"gitignore": ".gitignore"}  # some tools leave files with a dot out of packages
_DESCRIPTIONS = {
    "llm": "A language model that says what it hears.",
    "embedding": "Vectors of hashed letter groups, without a model.",
    "storage": "A database in one JSON file.",
    "vector_store": "Vectors in one JSON file, compared one by one.",
    "cache": "A cache in the memory of the process.",
}
_WRONG = {
    "llm": [{"prefix": 7}, {"nonsense": True}],
    "embedding": [{"dimension": "long"}, {"nonsense": True}],
    "storage": [{"path": 7}, {"nonsense": True}],
    "vector_store": [{"path": 7}, {"nonsense": True}],
    "cache": [{"max_entries": 0}, {"nonsense": True}],
}
"""Settings that the generated tests expect to be refused."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plugin to be.

    Attributes:
        name: The provider's name in a configuration, such as ``echo``.
        kind: One of :data:`KINDS`.
        author: Who publishes it.
        description: One sentence for people.
    """

    name: str
    kind: str
    author: str
    description: str = ""

    @property
    def distribution(self) -> str:
        """The name to publish it under."""
        return f"luminora-{self.name}"

    @property
    def package(self) -> str:
        """The Python package."""
        return f"luminora_{self.name.replace('-', '_')}"

    @property
    def values(self) -> dict[str, Any]:
        """What the templates are filled with."""
        ending, people, word = KINDS[self.kind]
        description = self.description or _DESCRIPTIONS[self.kind]
        prefix = "".join(part.capitalize() for part in self.name.split("-"))
        return {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "prefix": prefix,
            "klass": f"{prefix}{ending}",
            "base": f"{ending}Provider",
            "imported": ", ".join(sorted([f"{ending}Provider", "ProviderContext"])),
            "title": self.name.replace("-", " ").capitalize(),
            "kind": self.kind,
            "kind_title": people,
            "article": "an" if people[0] in "aeiou" else "a",
            "word": word,
            "section": f"{self.kind}_provider",
            "description": description,
            # what JSON escapes, TOML's basic strings understand as well
            "quoted_description": json.dumps(description, ensure_ascii=False),
            "quoted_author": json.dumps(self.author, ensure_ascii=False),
            "ability": _ABILITIES[self.kind],
            "author": self.author,
            "year": datetime.now(UTC).year,
            "api": _api_range(),
            "luminora_version": __version__,
            "wrong": json.dumps(_WRONG[self.kind]).replace("true", "True"),
        }


def check_name(name: str) -> str:
    """``name`` itself, without ``luminora-`` in front, if a plugin may be called that.

    Raises:
        InputError: It may not.
    """
    plain = name.removeprefix("luminora-")
    if not _NAME.fullmatch(plain) or len(plain) > _LONGEST:
        raise InputError(
            f"'{name:.60}' is no name for a plugin: small letters, digits and single hyphens, "
            f"a letter first, at most {_LONGEST}",
            hint="luminora plugins new echo --kind llm",
        )
    return plain


def check_line(text: str, what: str) -> str:
    """``text`` with single spaces, if it can stand in a manifest and in pyproject.toml.

    Raises:
        InputError: It is too long, or holds what cannot be printed.
    """
    line = " ".join(text.split())
    if len(line) > _LONGEST_LINE or not line.isprintable():
        raise InputError(
            f"the {what} has to be a line of at most {_LONGEST_LINE} characters that can be printed"
        )
    return line


def render(plan: Plan) -> dict[str, str]:
    """The files of the package, by their path in it."""
    return dict(_rendered(plan))


def write(plan: Plan, parent: Path) -> Path:
    """Write the package below ``parent``: all of it, or nothing.

    Returns:
        The new folder, ``luminora-NAME``.

    Raises:
        InputError: It exists already, or cannot be written.
    """
    folder = parent / plan.distribution
    if folder.exists():
        raise InputError(
            "it exists already", where=str(folder), hint="take another name, or --directory"
        )
    part = parent / f".{plan.distribution}.{uuid4().hex[:8]}"
    try:
        for path, text in _rendered(plan):
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, folder)  # noqa: PTH105 - a folder, which Path.replace takes as well
    except OSError as problem:
        raise InputError(f"it cannot be written: {problem.strerror}", where=str(folder)) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _rendered(plan: Plan) -> Iterator[tuple[str, str]]:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only who writes a plugin

    environment = Environment(  # noqa: S701 - Python and TOML, not HTML
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    root = _resources.folder("templates") / "plugin"
    for part in ("common", plan.kind):
        for file in sorted((root / part).rglob(f"*{_SUFFIX}")):
            path = file.relative_to(root / part).as_posix().removesuffix(_SUFFIX)
            path = _RENAMED.get(path, path).replace("__package__", plan.package)
            template = environment.from_string(file.read_text("utf-8"))
            yield path, template.render(plan.values)


def _api_range() -> str:
    major = int(str(API_VERSION).partition(".")[0])
    return f">={major},<{major + 1}"


_ABILITIES = {
    "llm": "Chat and streaming. JSON by a schema it does not have, and says so in its manifest.",
    "embedding": "Texts that share letters are near each other. What they mean it does not know, "
    "and says so\nin its manifest (`meaning` is `unsupported`).",
    "storage": "Everything Luminora asks of a database: transactions, isolation of users, "
    "full-text search,\nleases of jobs. The file is written whole at every change, so it is for "
    "one process and a few\nthousand rows.",
    "vector_store": "Exact answers, several indexes side by side, filters. The file is written "
    "whole at every change,\nso it is for one process and a few thousand vectors.",
    "cache": "Namespaces, times to live, a bound. It is gone when the process ends.",
}
"""What the provider of the template can do, for its README."""
