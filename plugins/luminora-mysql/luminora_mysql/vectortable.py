"""The texts that make, fill and ask a table of vectors."""

# ruff: noqa: S608 - names come from the index's own, values are written out by the driver

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from luminora.errors import StorageError
from luminora.providers.vectors import Entry, Filters, placed
from luminora_mysql.migrations import COLLATION
from luminora_mysql.wire import Connection, Result, Version

MAX_DIMENSION: Final = 16_383
"""What a column of vectors takes."""
SINCE: Final = ("MariaDB", (11, 7, 0))
FILING: Final = ("id", "user_id", "session_id", "personality_name", "kind")


class Meta(NamedTuple):
    """What an index holds, kept as the comment on its table."""

    dimension: int
    model_id: str | None


class VectorTable:
    """One index's table.

    Attributes:
        name: Its name; ``quoted`` is what stands in statements.
    """

    def __init__(self, prefix: str, index: str) -> None:
        self.name = f"{prefix}{placed('message_embeddings', index)}"
        self.quoted = f"`{self.name}`"

    def create(self, connection: Connection, meta: Meta) -> str:
        """Make the table, sorted by user, unless it is there."""
        names = "".join(f"{name} VARCHAR(255) NOT NULL, " for name in FILING)
        return (
            f"CREATE TABLE IF NOT EXISTS {self.quoted} ({names}"
            f"embedding {column_type(meta.dimension)} NOT NULL, PRIMARY KEY (user_id, id)) "
            f"ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 {COLLATION} {comment_of(connection, meta)}"
        )

    def insert(self, connection: Connection, entries: Sequence[Entry]) -> str:
        """Put entries in the place of those with their user and id; the key is the only one."""
        marks = ", ".join(["(%s, %s, %s, %s, %s, UNHEX(%s))"] * len(entries))
        changed = ("session_id", "personality_name", "kind", "embedding")
        params = [
            value
            for entry in entries
            for value in (*(getattr(entry, name) for name in FILING), hexed(entry.vector))
        ]
        return connection.literal(
            f"INSERT INTO {self.quoted} ({', '.join(FILING)}, embedding) VALUES {marks} "
            f"ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in changed)}",
            params,
        )

    def ask(self, connection: Connection) -> str:
        """The question that :func:`meta_of` reads the answer to."""
        return connection.literal(
            "SELECT table_comment FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = %s",
            [self.name],
        )


def column_type(dimension: int) -> str:
    """The type of a column of vectors."""
    return f"VECTOR({dimension})"


def check_server(version: Version, where: str) -> None:
    """Refuse a server that keeps no vectors.

    Raises:
        StorageError: It is no MariaDB, or one that is too old.
    """
    if not version >= SINCE:
        raise StorageError(
            f"{version} keeps no vectors: MariaDB 11.7 or newer does",
            where=where,
            hint='set "vector_store_provider": {"name": "sqlite-vec"}, which needs no server, or '
            "another one of `luminora plugins list`; or upgrade the server",
        )


def comment_of(connection: Connection, meta: Meta) -> str:
    """The option of a table that keeps ``meta``."""
    said = json.dumps({"luminora": meta._asdict()}, ensure_ascii=False)
    return connection.literal("COMMENT = %s", [said])


def meta_of(results: Sequence[Result]) -> Meta | None:
    """What the table holds; None if there is none, or it is another program's."""
    if not results or not results[0][1]:
        return None
    ((comment,),) = results[0][1]
    try:
        held = json.loads(comment)["luminora"]
        return Meta(int(held["dimension"]), held["model_id"])
    except (ValueError, KeyError, TypeError):
        return None


def condition(filters: Filters) -> tuple[str, tuple[str, ...]]:
    """What stands behind WHERE, and its parameters."""
    parts: list[str] = []
    params: list[str] = []
    for name, values in filters.items():
        parts.append(f"{name} IN ({', '.join(['%s'] * len(values))})" if values else "1 = 0")
        params += values
    return " AND ".join(parts), tuple(params)


def hexed(vector: array[float]) -> str:
    """A vector as the parameter of UNHEX: bytes would pass for text in the connection's charset."""
    return little(vector).tobytes().hex()


def little(vector: array[float]) -> array[float]:
    """The numbers in MariaDB's order of bytes, or back."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return vector
