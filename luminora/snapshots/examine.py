"""Looking through a snapshot before anything is believed: format, checksum, schema, references."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from luminora._version import __version__
from luminora.errors import InputError, PersonalityError, SnapshotInvalid
from luminora.personality import Personality
from luminora.providers import Row
from luminora.snapshots import schema
from luminora.snapshots.files import Source
from luminora.snapshots.lines import (
    FOOTER,
    FORMAT,
    FORMAT_VERSION,
    GROUPS,
    HEADER,
    MAX_LINE,
    PERSONAS,
    VECTORS,
    Seal,
    key_of,
    line,
)
from luminora.snapshots.rows import numbers, row_of

_TELL_EVERY: Final = 1_000
_REFERENCES: Final = {
    "messages": ("session_id", "sessions"),
    "memory_classifications": ("message_id", "messages"),
    "affinity_events": ("session_id", "sessions"),
    "user_facts": ("session_id", "sessions"),
    "fact_history": ("fact_id", "user_facts"),
    "episodes": ("session_id", "sessions"),
    "session_moods": ("session_id", "sessions"),
}
"""By collection, the field that has to name a row of a collection before it."""

Progress = Callable[[int], None]
"""Called with the rows read so far."""


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """What a snapshot says of itself.

    Attributes:
        header: Format, versions, time, whose it is, and what was left out.
        counts: Rows by group.
        sha256: Its checksum, which is also its identity.
    """

    header: dict[str, Any]
    counts: dict[str, int]
    sha256: str


@dataclass(slots=True)
class Contents:
    """What is kept of a snapshot that was looked through: its ids and its small parts.

    Attributes:
        sessions: The rows of its sessions.
        personas: Documents by name, of personas that sessions name.
        ids: The keys by collection, of those that others refer to.
        external: Ids of the application's own that look like ours.
        facts: What identifies each fact, and when it was last mentioned, by its id.
        affinity: Its rows of ``user_affinity``.
    """

    info: SnapshotInfo
    sessions: list[Row] = field(default_factory=list)
    personas: dict[str, dict[str, Any]] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(
        default_factory=lambda: {
            name: set() for name in ("sessions", "messages", "user_facts", "episodes")
        }
    )
    external: set[str] = field(default_factory=set)
    facts: dict[str, Row] = field(default_factory=dict)
    affinity: list[Row] = field(default_factory=list)


def header_of(source: Source) -> dict[str, Any]:
    """The header alone, for a quick look; nothing behind it is checked.

    Raises:
        SnapshotInvalid: There is none, or it is from the future.
    """
    with source.lines(whole=False) as lines:
        return _header(next(_parsed(lines, source.name), None), source.name)


def entries(source: Source) -> Iterator[tuple[int, str, Any]]:
    """The rows: the number of each one's line, its group, and what it says.

    The last entry is the footer, by then compared with what came before it.

    Raises:
        SnapshotInvalid: The snapshot is not what was once written.
        InputError: It cannot be read.
    """
    with source.lines() as lines:
        parsed = _parsed(lines, source.name)
        header = next(parsed, None)
        yield 1, HEADER, _header(header, source.name)
        seal, rank, last = Seal(), 0, ""
        seal.add(HEADER, header[3] if header else b"")
        for number, name, value, text in parsed:
            where = f"{source.name}:{number}"
            if name == FOOTER:
                _compare(seal.footer(), value, text, where)
                if next(parsed, None) is not None:
                    raise SnapshotInvalid("there is something behind its end", where=where)
                yield number, FOOTER, value
                return
            if name not in GROUPS:
                raise SnapshotInvalid(f"rows of '{name:.60}' are not known here", where=where)
            if flaw := schema.flaw(name, value):
                raise SnapshotInvalid(flaw, where=where)
            key = (GROUPS.index(name), value[key_of(name)])
            if key <= (rank, last):
                raise SnapshotInvalid("a row comes twice, or out of its order", where=where)
            rank, last = key
            seal.add(name, text)
            yield number, name, value
    raise SnapshotInvalid(
        "the end is missing: it was cut off", where=source.name, hint="get another copy of it"
    )


def examine(source: Source, on_progress: Progress | None = None) -> Contents:
    """Read all of a snapshot and check all that can be checked without a database.

    Raises:
        SnapshotInvalid: Something is wrong with it.
        InputError: It cannot be read or unlocked.
    """
    found = Contents(SnapshotInfo({}, {}, ""))
    for number, name, value in entries(source):
        if on_progress is not None and number % _TELL_EVERY == 0:
            on_progress(number)
        where = f"{source.name}:{number}"
        if name == HEADER:
            found.info = SnapshotInfo(value, {}, "")
        elif name == FOOTER:
            found.info = SnapshotInfo(found.info.header, value["counts"], value["sha256"])
        else:
            try:
                _note(found, name, value)
            except (InputError, PersonalityError) as error:
                raise SnapshotInvalid(
                    f"a row of '{name}' cannot be used: {error.message}", where=where
                ) from error
    if not found.sessions:
        raise SnapshotInvalid("it holds no session", where=source.name)
    return found


def _note(found: Contents, name: str, value: dict[str, Any]) -> None:
    """Check a row and keep of it what the rest has to be compared with.

    Raises:
        InputError, PersonalityError: It cannot be used.
    """
    if name == PERSONAS:
        Personality.from_document(value["document"], slug=value["name"])
        found.personas[value["name"]] = value["document"]
    elif name == VECTORS:
        model = found.info.header["embedding"]
        if value["id"] not in found.ids["messages"]:
            raise InputError("its message is not in the snapshot")
        if model is None or len(numbers(value["vector"])) != model["dimension"]:
            raise InputError("its length is not that of the header's model")
    else:
        row = row_of(name, value, found.info.header["user_id"])
        field_name, group = _REFERENCES.get(name, ("", ""))
        if group and row[field_name] not in found.ids[group]:
            raise InputError(f"its {field_name} names nothing in the snapshot")
        if row.get("personality_document") is not None:
            Personality.from_document(row["personality_document"], slug=row["personality_name"])
        _keep(found, name, row)


def _keep(found: Contents, name: str, row: Row) -> None:
    key = row[key_of(name)]
    if name in found.ids:
        found.ids[name].add(key)
    match name:
        case "sessions":
            found.sessions.append(row)
        case "messages" if looks_like_ours(row["external_id"]):
            found.external.add(row["external_id"])
        case "user_affinity":
            found.affinity.append(row)
        case "user_facts":
            kept = ("id", "personality_name", "category", "key", "last_updated")
            found.facts[key] = {field: row[field] for field in kept}


def looks_like_ours(name: Any) -> bool:
    """Whether an id may be one that Luminora made: 32 hexadecimal digits."""
    return isinstance(name, str) and len(name) == 32 and not set(name) - set("0123456789abcdef")  # noqa: PLR2004


_Parsed = tuple[int, str, Any, bytes]


def _parsed(lines: Iterator[bytes], name: str) -> Iterator[_Parsed]:
    """The number, name, value and text of each line."""
    for number, text in enumerate(lines, 1):
        where = f"{name}:{number}"
        if len(text) > MAX_LINE:
            raise SnapshotInvalid(f"the line has more than {MAX_LINE >> 20} MiB", where=where)
        try:
            found = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or len(found) != 1 or not text.endswith(b"\n"):
            raise SnapshotInvalid(
                "this line is cut off or damaged", where=where, hint="get another copy of it"
            )
        ((key, value),) = found.items()
        yield number, key, value, text


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _header(first: _Parsed | None, name: str) -> dict[str, Any]:
    _, key, value, _ = first or (0, "", None, b"")
    given = value if key == HEADER and isinstance(value, dict) else {}
    version = given.get("format_version")
    if given.get("format") != FORMAT or not isinstance(version, int):
        raise SnapshotInvalid(
            "this is not a snapshot of Luminora, or its beginning is damaged",
            where=name,
            hint="luminora snapshot export --user NAME makes one",
        )
    if version > FORMAT_VERSION:
        raise SnapshotInvalid(
            f"this snapshot has format {version}, written by Luminora "
            f"{given.get('luminora_version')!s:.20}; this is Luminora {__version__}, "
            f"which reads formats up to {FORMAT_VERSION}",
            where=name,
            hint="pip install --upgrade luminora",
        )
    if flaw := schema.flaw(HEADER, given):
        raise SnapshotInvalid(flaw, where=name)
    return given


def _compare(wanted: dict[str, Any], found: Any, text: bytes, where: str) -> None:
    if text != line(FOOTER, wanted):
        told = schema.flaw(FOOTER, found) or "the checksum or the counts at its end are others"
        raise SnapshotInvalid(
            f"the snapshot is damaged: {told}", where=where, hint="get another copy of it"
        )
