"""Templates: found in folders, rendered with typed parameters, split into statements.

A template set is a folder with one folder per dialect: ``<dialect>/NNN_name.sql`` (or ``.json``,
a list of commands) and, to undo it, ``NNN_name.down.sql``. Only six placeholders exist, and each
value is checked for type and bounds before it can reach a statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
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
TemplateSet = tuple[str, Path]
"""A component's name and the folder of its templates."""
Values = Mapping[str, str | int]

CORE: Final = "core"
_DIMENSIONAL: Final = frozenset(
    {"EMBEDDING_DIMENSION", "VECTOR_TYPE", "VECTOR_OPS", "INDEX_METHOD", "INDEX_OPTIONS"}
)
_PLACEHOLDERS: Final = _DIMENSIONAL | {"TABLE_PREFIX"}
# pgvector's bounds: what a vector stores, and what an index takes of a vector and of a halfvec.
_MAX_STORED, _MAX_INDEXED, _MAX_INDEXED_HALF = 16_000, 2_000, 4_000
_MAX_LISTS: Final = 32_768
_FILE = re.compile(r"([0-9]{3,9})_([a-z0-9_]+)(\.down)?\.(sql|json)")
# All comments but executable ones (/*! and /*M!), which are the statement's business.
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*(?!!|M!).*?\*/)+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What templates are rendered with.

    Attributes:
        dimension: Length of the embeddings; None when this database keeps no vectors.
        table_prefix: Put before every name of a table or index.
        index: How vectors are indexed; more than 4,000 dimensions never are.
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
            _check_number("the embedding dimension", self.dimension, _MAX_STORED)
        _check_number("lists of an ivfflat index", self.lists, _MAX_LISTS)
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
        values: dict[str, str | int] = {"TABLE_PREFIX": self.table_prefix}
        size = self.dimension
        if size is None:
            return values | dict.fromkeys(_DIMENSIONAL - {"EMBEDDING_DIMENSION"}, "none")
        kind = "halfvec" if _MAX_INDEXED < size <= _MAX_INDEXED_HALF else "vector"
        lists = self.index == "ivfflat"
        return values | {
            "EMBEDDING_DIMENSION": size,
            "VECTOR_TYPE": f"{kind}({size})",
            "VECTOR_OPS": f"{kind}_cosine_ops",
            "INDEX_METHOD": self.index if size <= _MAX_INDEXED_HALF else "none",
            "INDEX_OPTIONS": f"lists = {self.lists}" if lists else "m = 16, ef_construction = 64",
        }


def _check_number(what: str, value: Any, most: int) -> None:
    # To isinstance a boolean is an int, and vector(True) is nobody's intention.
    if type(value) is not int or not 1 <= value <= most:
        raise InputError(f"{what} must be a whole number from 1 to {most}, not {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One migration as it lies in its folder.

    Attributes:
        component: Whose set it belongs to.
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
        """Whether what it renders to depends on the embedding dimension."""
        return any(name in self.text for name in _DIMENSIONAL)  # asked at every start: no parsing


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


def load_all(dialect: str, sets: Iterable[TemplateSet] = ()) -> tuple[Template, ...]:
    """Luminora's templates for a dialect, then each plugin's, by name and version.

    Raises:
        MigrationError: Two sets claim the same name, or :func:`load` refuses one.
    """
    places: dict[str, Path] = {}
    for component, root in ((CORE, folder("templates") / "migrations"), *sets):
        if (root / dialect).is_dir() and places.setdefault(component, root) != root:
            raise MigrationError(
                f"two plugins call their migrations '{component}'",
                where=f"{places[component]}, {root}",
                hint="disable one of them: luminora plugins disable NAME",
            )
    ordered = sorted(places.items(), key=lambda place: (place[0] != CORE, place[0]))
    return tuple(one for component, root in ordered for one in load(component, root, dialect))


def load(component: str, root: Path, dialect: str) -> list[Template]:
    """The templates of one set for a dialect, by version.

    Raises:
        MigrationError: A file is misnamed or unreadable, or two have the same version.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", component):
        raise MigrationError(f"'{component}' cannot be the name of a migration set")
    paths = sorted(p for p in (root / dialect).iterdir() if p.suffix in {".sql", ".json"})
    ups: dict[int, Template] = {}
    for path in paths:
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise MigrationError("a migration is named NNN_name.sql or .json", where=str(path))
        if match[3]:
            if path.with_name(path.name.replace(".down", "")) not in paths:
                raise MigrationError("there is no migration for this to undo", where=str(path))
            continue
        down = path.with_name(f"{path.stem}.down{path.suffix}")
        template = Template(
            component=component,
            version=match[1],
            name=match[2],
            path=path,
            text=_read(path),
            undo=_read(down) if down in paths else None,
        )
        if (twin := ups.setdefault(template.number, template)) is not template:
            raise MigrationError(f"{twin.path.name} has the same version", where=str(path))
    return [ups[number] for number in sorted(ups)]


def render(template: Template, values: Values, *, undo: bool = False) -> Rendered:
    """Render a template, or the one that undoes it.

    Raises:
        MigrationError: It is malformed, uses an unknown placeholder, or needs a value that is not
            there.
    """
    import jinja2  # noqa: PLC0415 - only a migration needs it

    text = template.undo if undo else template.text
    if text is None:
        raise MigrationError(f"{template.label} cannot be undone: it has no .down file")
    used = _placeholders(text, template.label)
    try:
        rendered = _environment().from_string(text).render(values)
    except jinja2.UndefinedError as error:
        raise MigrationError(
            f"a value is missing: {error.message}",
            where=template.label,
            hint="name the embedding dimension: luminora migrate --dimension N",
        ) from error
    except Exception as error:  # an expression can fail in any way
        raise MigrationError(f"cannot be rendered: {error}", where=template.label) from error
    split = _commands if template.path.suffix == ".json" else _statements
    parameters = {name: values[name] for name in sorted(used) if name in values}
    return Rendered(rendered, tuple(split(rendered, template.label)), parameters)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"cannot be read: {error}", where=str(path)) from error


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    # Nothing to escape: the output is SQL or JSON, the values are typed and bounded.
    return SandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )


def _placeholders(text: str, label: str) -> frozenset[str]:
    from jinja2 import TemplateSyntaxError, meta  # noqa: PLC0415

    try:
        used = frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    except TemplateSyntaxError as error:
        raise MigrationError(f"line {error.lineno}: {error.message}", where=label) from error
    if unknown := used - _PLACEHOLDERS:
        raise MigrationError(
            f"unknown placeholder {', '.join(sorted(unknown))}",
            where=label,
            hint=f"known are {', '.join(sorted(_PLACEHOLDERS))}",
        )
    return used


def _statements(text: str, _: str) -> Iterable[str]:
    import sqlparse  # noqa: PLC0415 - only a migration needs it

    parts = (_COMMENTS.sub("", part).strip() for part in sqlparse.split(text, strip_semicolon=True))
    return filter(None, parts)


def _commands(text: str, label: str) -> list[dict[str, Any]]:
    try:
        commands = json.loads(text)
    except ValueError as error:
        raise MigrationError(f"not JSON when rendered: {error}", where=label) from error
    if not isinstance(commands, list) or not all(one and isinstance(one, dict) for one in commands):
        raise MigrationError("a list of commands was expected", where=label)
    return commands
