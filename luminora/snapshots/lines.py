"""What a snapshot is made of: one JSON object a line, a header first and a seal last.

::

    {"header":{"format":"luminora-snapshot","format_version":1,…}}
    {"sessions":{"session_id":"4b0c…","user_id":"diego",…}}
    {"messages":{…}}
    …
    {"footer":{"counts":{"messages":906,…},"sha256":"9f86…"}}

The groups come in the order of :data:`GROUPS` and the rows of each in the order of their keys, so
that whoever reads a snapshot needs to keep no more of it than the ids. The checksum is that of all
bytes before the footer's line. A snapshot as a mapping, ``{"header": …, "sessions": […], …,
"footer": …}``, stands for the same lines: the checksum is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from luminora.providers import COLLECTIONS

FORMAT: Final = "luminora-snapshot"
FORMAT_VERSION: Final = 1
"""Version of the format that this Luminora writes, and the newest it can read."""

HEADER: Final = "header"
FOOTER: Final = "footer"
PERSONAS: Final = "personas"
VECTORS: Final = "vectors"
GROUPS: Final = (
    PERSONAS,
    "sessions",
    "messages",
    VECTORS,
    "memory_classifications",
    "user_affinity",
    "affinity_events",
    "user_facts",
    "fact_history",
    "episodes",
    "session_moods",
)
"""The groups of rows, in their order; all but two are collections."""
MAX_LINE: Final = 16 << 20
"""Bytes of the longest line that is read."""

_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
)


def key_of(group: str) -> str:
    """The field that the rows of a group are ordered by, and that is unique in it."""
    own = {PERSONAS: "name", VECTORS: "id"}
    return own.get(group) or COLLECTIONS[group].key[0]


def line(name: str, value: Any) -> bytes:
    """One line: the only one there is for that value."""
    return _CANONICAL.encode({name: value}).encode() + b"\n"


class Seal:
    """Counts the rows of a snapshot and sums up its bytes."""

    def __init__(self) -> None:
        self._sum = sha256()
        self.counts = dict.fromkeys(GROUPS, 0)

    def add(self, name: str, text: bytes) -> None:
        """Take note of a line, which is not the footer's."""
        self._sum.update(text)
        if name != HEADER:
            self.counts[name] += 1

    def footer(self) -> dict[str, Any]:
        """The footer of what was added so far."""
        return {"counts": dict(self.counts), "sha256": self._sum.hexdigest()}


def lines_of(document: Mapping[str, Any]) -> Iterator[bytes]:
    """The lines that a snapshot in one piece stands for.

    Raises:
        TypeError, ValueError: It holds what JSON does not know.
    """
    yield line(HEADER, document.get(HEADER))
    for group in GROUPS:
        rows = document.get(group, [])
        for row in rows if isinstance(rows, list | tuple) else [rows]:
            yield line(group, row)
    for name in document:
        if name not in {HEADER, FOOTER, *GROUPS}:
            yield line(str(name), document[name])  # to be refused by name
    yield line(FOOTER, document.get(FOOTER))
