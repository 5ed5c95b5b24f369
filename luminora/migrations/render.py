"""Templates: found in folders, rendered with typed parameters, split into statements.

A template set is a folder with one folder per dialect: ``<dialect>/NNN_name.sql`` (or ``.json``,
a list of commands) and, to undo it, ``NNN_name.down.sql``. Only six placeholders exist, and each
value is checked for type and bounds before it can reach a statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from luminora._resources import folder
from luminora.errors import InputError, MigrationError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

IndexMethod = Literal["hnsw", "ivfflat", "none"]
Values = Mapping[str, str | int]

CORE: Final = "core"
MAX_DIMENSION: Final = 16_000
"""Most dimensions a pgvector ``vector`` can have."""
_MAX_INDEXED_VECTOR: Final = 2_000
_MAX_INDEXED_HALFVEC: Final = 4_000
_MAX_LISTS: Final = 32_768
_PLACEHOLDERS: Final = frozenset(
    {
        "EMBEDDING_DIMENSION",
        "INDEX_METHOD",
        "INDEX_OPTIONS",
        "TABLE_PREFIX",
        "VECTOR_OPS",
        "VECTOR_TYPE",
    }
)
_DIMENSIONAL: Final = _PLACEHOLDERS - {"TABLE_PREFIX"}
_FILE = re.compile(r"(?P<version>[0-9]{3,9})_(?P<name>[a-z0-9_]+)(?P<down>\.down)?\.(sql|json)")
_COMPONENT = re.compile(r"[a-z][a-z0-9_-]{0,63}")
# Executable comments (/*! and /*M!) are statements' business, all others nobody's.
_LEADING_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*(?!!|M!).*?\*/)+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What templates are rendered with.

    Attributes:
        dimension: Length of the embeddings; None when this database keeps no vectors.
        table_prefix: Put before every name of a table or index.
        index: How vectors are indexed; more than 4,000 dimensions cannot be.
        lists: Cells of an ``ivfflat`` index; about the rows divided by 1,000.

    Raises:
        InputError: A value is of the wrong type or out of bounds.
    """

    dimension: int | None = None
    table_prefix: str = ""
    index: IndexMethod = "hnsw"
    lists: int = 100

    def __post_init__(self) -> None:
        if self.dimension is not None:
            _bounded("the embedding dimension", self.dimension, MAX_DIMENSION)
        _bounded("lists of an ivfflat index", self.lists, _MAX_LISTS)
        if self.index not in get_args(IndexMethod):
            raise InputError(
                f"there is no vector index of type {self.index!r}",
                hint=f"use one of {', '.join(get_args(IndexMethod))}",
            )
        prefix: Any = self.table_prefix
        if not isinstance(prefix, str) or not re.fullmatch(r"([a-z_][a-z0-9_]{0,30})?", prefix):
            raise InputError(
                f"the table prefix {prefix!r} cannot be used",
                hint="at most 31 lower-case letters, digits and underscores, no digit first",
            )

    def values(self) -> dict[str, str | int]:
        """The placeholders' values; EMBEDDING_DIMENSION is absent where no vectors are kept."""
        fixed: dict[str, str | int] = {"TABLE_PREFIX": self.table_prefix}
        size = self.dimension
        if size is None:
            return fixed | dict.fromkeys(_DIMENSIONAL - {"EMBEDDING_DIMENSION"}, "none")
        half = _MAX_INDEXED_VECTOR < size <= _MAX_INDEXED_HALFVEC
        kind = "halfvec" if half else "vector"
        return fixed | {
            "EMBEDDING_DIMENSION": size,
            "VECTOR_TYPE": f"{kind}({size})",
            "VECTOR_OPS": f"{kind}_cosine_ops",
            "INDEX_METHOD": "none" if size > _MAX_INDEXED_HALFVEC else self.index,
            "INDEX_OPTIONS": (
                f"lists = {self.lists}"
                if self.index == "ivfflat"
                else "m = 16, ef_construction = 64"
            ),
        }


def _bounded(what: str, value: Any, most: int) -> None:
    # A boolean is an int to isinstance, and vector(True) is nobody's intention.
    if type(value) is not int or not 1 <= value <= most:
        raise InputError(
            f"{what} must be a whole number from 1 to {most}, not {value!r}",
            hint="see the embedding provider's documentation for the model's dimension",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One migration as it lies in its folder.

    Attributes:
        component: Whose set it belongs to.
        text: The template, with line feeds.
        undo: The template that undoes it, if it has one.
    """

    component: str
    version: str
    name: str
    path: Path
    text: str
    undo: str | None = None

    @property
    def number(self) -> int:
        """The version as a number."""
        return int(self.version)

    @property
    def label(self) -> str:
        """The file's name, after its component unless that is the core."""
        return self.path.name if self.component == CORE else f"{self.component}/{self.path.name}"

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def dimensional(self) -> bool:
        """Whether it cannot be rendered before the embedding dimension is known."""
        return bool(_placeholders(self.text, self.path) & _DIMENSIONAL)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template.

    Attributes:
        text: All of it, comments included.
        statements: SQL without the final semicolon, or commands as dicts.
        parameters: The placeholders it uses and their values.
    """

    text: str
    statements: tuple[Any, ...]
    parameters: dict[str, str | int]


def load(component: str, root: Path, dialect: str) -> list[Template]:
    """The templates of a set for a dialect, by version; none if the set does not know it.

    Raises:
        MigrationError: A file is misnamed or unreadable, or two have the same version.
    """
    if not _COMPONENT.fullmatch(component):
        raise MigrationError(f"'{component}' cannot be the name of a migration set")
    ups: dict[int, tuple[re.Match[str], Path]] = {}
    downs: dict[str, Path] = {}
    for path, match in _files(root / dialect):
        if match["down"]:
            downs[f"{match['version']}_{match['name']}"] = path
        elif (twin := ups.setdefault(int(match["version"]), (match, path))[1]) != path:
            raise MigrationError(
                f"{twin.name} and {path.name} are the same version", where=str(root)
            )
    templates = [
        Template(
            component=component,
            version=match["version"],
            name=match["name"],
            path=path,
            text=_read(path),
            undo=_read(undo) if (undo := downs.pop(path.stem, None)) else None,
        )
        for _, (match, path) in sorted(ups.items())
    ]
    if downs:
        lost = next(iter(downs.values()))
        raise MigrationError("this file undoes a migration that does not exist", where=str(lost))
    return templates


def load_core(dialect: str) -> list[Template]:
    """Luminora's own templates for a dialect.

    Raises:
        InputError: There are none.
    """
    root = folder("templates") / "migrations"
    known = sorted(path.name for path in root.iterdir() if path.is_dir())
    if dialect not in known:
        raise InputError(
            f"there are no migrations for '{dialect}'", hint=f"there are for {', '.join(known)}"
        )
    return load(CORE, root, dialect)


def render(template: Template, values: Values, *, undo: bool = False) -> Rendered:
    """Render a template, or the one that undoes it.

    Raises:
        MigrationError: It is malformed, uses an unknown placeholder, or needs a value that is not
            there; names the file and line.
    """
    import jinja2  # noqa: PLC0415 - only a migration needs it

    text = template.undo if undo else template.text
    if text is None:
        raise MigrationError(f"{template.label} cannot be undone: it has no .down file")
    used = _placeholders(text, template.path)
    try:
        rendered = _environment().from_string(text).render(values)
    except jinja2.UndefinedError as error:
        raise MigrationError(
            f"a value is missing: {error.message}",
            where=template.label,
            hint="name the embedding dimension: luminora migrate --dimension N",
        ) from error
    except jinja2.TemplateError as error:
        raise MigrationError(f"cannot be rendered: {error}", where=template.label) from error
    statements = _commands if template.path.suffix == ".json" else _split
    return Rendered(
        rendered,
        tuple(statements(rendered, template.path)),
        {name: values[name] for name in sorted(used) if name in values},
    )


def _files(place: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.suffix not in {".sql", ".json"}:
            continue
        if (match := _FILE.fullmatch(path.name)) is None:
            raise MigrationError(
                "a migration's file is named NNN_name.sql (or .json), or NNN_name.down.sql, in "
                "lower case",
                where=str(path),
            )
        yield path, match


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"cannot be read: {error}", where=str(path)) from error
    return text.replace("\r\n", "\n")


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    return SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # SQL and JSON, not HTML; values are typed and bounded
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _placeholders(text: str, path: Path) -> frozenset[str]:
    from jinja2 import TemplateSyntaxError, meta  # noqa: PLC0415

    try:
        used = frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    except TemplateSyntaxError as error:
        raise MigrationError(
            f"not a template: {error.message}", where=f"{path}:{error.lineno}"
        ) from error
    if unknown := used - _PLACEHOLDERS:
        raise MigrationError(
            f"unknown placeholder {', '.join(sorted(unknown))}",
            where=str(path),
            hint=f"known are {', '.join(sorted(_PLACEHOLDERS))}",
        )
    return used


def _split(text: str, _: Path) -> Iterable[str]:
    import sqlparse  # noqa: PLC0415 - only a migration needs it

    for part in sqlparse.split(text, strip_semicolon=True):
        if statement := _LEADING_COMMENTS.sub("", part).strip():
            yield statement


def _commands(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        commands = json.loads(text)
    except ValueError as error:
        raise MigrationError(f"not JSON after rendering: {error}", where=str(path)) from error
    if not isinstance(commands, list) or not all(one and isinstance(one, dict) for one in commands):
        raise MigrationError("a list of commands was expected", where=str(path))
    return commands
