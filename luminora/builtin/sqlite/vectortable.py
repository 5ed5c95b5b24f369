"""The tables of the vector store, and what is done with them on one connection.

========================  ======================================================================
``message_embeddings``    vec0: rowid, the user as partition, the vector at length 1
``…_items``               rowid again (``num``), and what the vector is filed under
``…_users``               how many items a user has, and the revision of the last change to them
``…_meta``                dimension, metric, model, an epoch (new with every index), the revision
========================  ======================================================================

At length 1 the order by Euclidean distance is the order by cosine, which is ``1 - d²/2``; the
former is the faster one in sqlite-vec. A ``num`` is never used twice: replacing an item gives it a
new one, so that a copy in memory can tell what it lacks.

vec0 sets aside room for a whole chunk per user, and looks a user's chunks up by reading the list of
all chunks. Hence chunks of eight, the smallest there are, and an index on that list: with 5,000
users of four vectors each the file takes 44 MB instead of 334, and an insert a third of the time.
"""

# ruff: noqa: S608 - table names are ours, values are parameters

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import apsw

from luminora.errors import Conflict, SchemaPending
from luminora.providers.vector_store import DEFAULT_INDEX
from luminora.providers.vectors import Entry, Filters, check_model, mismatch, placed


@dataclass(frozen=True, slots=True)
class Meta:
    """What the store says of its index."""

    dimension: int
    metric: str
    model_id: str | None
    epoch: str


@dataclass(frozen=True, slots=True)
class Share:
    """A user's share of the index."""

    items: int
    revision: int


class VectorTable:
    """The tables under one prefix; every method runs inside the caller's transaction."""

    def __init__(self, prefix: str = "", index: str = DEFAULT_INDEX) -> None:
        name = placed(f"{prefix}message_embeddings", index)
        self.name = name
        self._vectors, self._items = f'"{name}"', f'"{name}_items"'
        self._users, self._meta = f'"{name}_users"', f'"{name}_meta"'
        self._user_index = f'"{name}_items_user"'
        self._chunks, self._chunk_index = f'"{name}_chunks"', f'"{name}_chunks_user"'

    def meta(self, connection: apsw.Connection) -> Meta | None:
        """What the index is; None if there is none."""
        present = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
        if not _all(connection, present, (f"{self.name}_meta",)):
            return None
        values = dict(_all(connection, f"SELECT key, value FROM {self._meta}"))
        return Meta(int(values["dimension"]), values["metric"], values["model_id"], values["epoch"])

    def fitting(self, connection: apsw.Connection, dimension: int) -> Meta:
        """The index, which has to have that dimension.

        Raises:
            SchemaPending: There is none.
            DimensionMismatch: It has another.
        """
        meta = self.meta(connection)
        if meta is None:
            raise SchemaPending(
                "the vector index does not exist yet", where=self.name, hint="luminora migrate"
            )
        if meta.dimension != dimension:
            raise mismatch(meta.dimension, dimension, self.name)
        return meta

    def create(
        self, connection: apsw.Connection, dimension: int, metric: str, model_id: str | None
    ) -> None:
        """Create the index, or make sure that the one there fits.

        Raises:
            DimensionMismatch: It has another dimension or comes from another model.
        """
        meta = self.meta(connection)
        if meta is None:
            self._create(connection, dimension, metric, model_id)
            return
        if meta.dimension != dimension:
            raise mismatch(meta.dimension, dimension, self.name)
        if model_id is not None and meta.model_id is None:
            connection.execute(
                f"UPDATE {self._meta} SET value = ? WHERE key = 'model_id'", (model_id,)
            )
        check_model(meta.model_id, model_id, meta.dimension, self.name)

    def _create(
        self, connection: apsw.Connection, dimension: int, metric: str, model_id: str | None
    ) -> None:
        connection.execute(
            f"CREATE VIRTUAL TABLE {self._vectors} USING vec0(user_id text partition key, "
            f"embedding float[{dimension}] distance_metric=L2, chunk_size=8)"
        )
        columns = _all(connection, f"SELECT name FROM pragma_table_info('{self.name}_chunks')")
        if ("partition00",) in columns:
            connection.execute(f"CREATE INDEX {self._chunk_index} ON {self._chunks}(partition00)")
        connection.execute(
            f"CREATE TABLE {self._items}(num INTEGER PRIMARY KEY AUTOINCREMENT, "
            "id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, session_id TEXT NOT NULL, "
            "personality_name TEXT NOT NULL, kind TEXT NOT NULL) STRICT"
        )
        connection.execute(f"CREATE INDEX {self._user_index} ON {self._items}(user_id)")
        connection.execute(
            f"CREATE TABLE {self._users}(user_id TEXT NOT NULL PRIMARY KEY, "
            "items INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID"
        )
        connection.execute(f"CREATE TABLE {self._meta}(key TEXT NOT NULL PRIMARY KEY, value ANY)")
        connection.executemany(
            f"INSERT INTO {self._meta} VALUES (?, ?)",
            [
                ("dimension", dimension),
                ("metric", metric),
                ("model_id", model_id),
                ("epoch", uuid4().hex),
                ("revision", 0),
            ],
        )

    def drop(self, connection: apsw.Connection) -> None:
        """Remove the tables."""
        for table in (self._vectors, self._items, self._users, self._meta):
            connection.execute(f"DROP TABLE IF EXISTS {table}")

    def put(self, connection: apsw.Connection, entries: Sequence[Entry]) -> None:
        """Store the entries, replacing those of the same id.

        Raises:
            Conflict: An id belongs to another user.
        """
        owners = {entry.id: entry.user_id for entry in entries}
        ids = json.dumps(list(owners))
        known = _all(
            connection,
            f"SELECT num, id, user_id FROM {self._items} "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
        if any(owners[item] != owner for _, item, owner in known):
            raise Conflict("a vector with that id belongs to another user", where=self.name)
        self._remove(connection, [num for num, _, _ in known])
        first = self._next(connection)
        numbered = list(enumerate(entries, first))
        connection.executemany(
            f"INSERT INTO {self._items} VALUES (?, ?, ?, ?, ?, ?)",
            [(n, e.id, e.user_id, e.session_id, e.personality_name, e.kind) for n, e in numbered],
        )
        connection.executemany(
            f"INSERT INTO {self._vectors}(rowid, user_id, embedding) VALUES (?, ?, ?)",
            [(num, entry.user_id, entry.vector.tobytes()) for num, entry in numbered],
        )
        gained = dict.fromkeys(owners.values(), 0)
        for owner in owners.values():
            gained[owner] += 1
        for _, _, owner in known:
            gained[owner] -= 1
        self._recount(connection, gained)

    def delete(self, connection: apsw.Connection, filters: Filters, limit: int) -> int:
        """Remove what matches, at most ``limit`` items, and say how many."""
        clause, params = _clause(filters)
        text = (
            "SELECT json_group_array(num) FROM "
            f"(SELECT num FROM {self._items} WHERE {clause} LIMIT ?)"
        )
        numbers = json.loads(_one(connection, text, (*params, limit)))
        if numbers:
            self._remove(connection, numbers)
            (user,) = filters["user_id"]
            self._recount(connection, {user: -len(numbers)})
        return len(numbers)

    def count(self, connection: apsw.Connection, filters: Filters) -> int:
        """How many items match."""
        if filters.keys() == {"user_id"}:
            share = self.share(connection, filters["user_id"][0])
            return share.items if share else 0
        clause, params = _clause(filters)
        text = f"SELECT count(*) FROM {self._items} WHERE {clause}"
        return int(_one(connection, text, params))

    def total(self, connection: apsw.Connection) -> int:
        """Items of all users."""
        text = f"SELECT coalesce(sum(items), 0) FROM {self._users}"
        return int(_one(connection, text))

    def share(self, connection: apsw.Connection, user: str) -> Share | None:
        """How many items a user has; None for none."""
        text = f"SELECT items, revision FROM {self._users} WHERE user_id = ?"
        found = _all(connection, text, (user,))
        return Share(*found[0]) if found else None

    def nearest(
        self, connection: apsw.Connection, vector: bytes, top_k: int, filters: Filters
    ) -> list[tuple[int, float]]:
        """The nearest items' numbers and cosines, by vec0."""
        (user,) = filters["user_id"]
        narrow, params = "", tuple[Any, ...]()
        if len(filters) > 1:
            clause, params = _clause(filters)
            narrow = f" AND rowid IN (SELECT num FROM {self._items} WHERE {clause})"
        found = _all(
            connection,
            f"SELECT rowid, distance FROM {self._vectors} "
            f"WHERE embedding MATCH ? AND k = ? AND user_id = ?{narrow}",
            (vector, top_k, user, *params),
        )
        return [(num, 1.0 - distance * distance / 2.0) for num, distance in found]

    def ids(self, connection: apsw.Connection, numbers: Sequence[int]) -> dict[int, str]:
        """The ids of items by their numbers."""
        text = f"SELECT num, id FROM {self._items} WHERE num IN (SELECT value FROM json_each(?))"
        return dict(_all(connection, text, (json.dumps(list(numbers)),)))

    def items(
        self, connection: apsw.Connection, user: str, ids: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """A user's items of these ids: id, session, personality, kind, vector."""
        return _all(
            connection,
            f"SELECT i.id, i.session_id, i.personality_name, i.kind, v.embedding "
            f"FROM {self._items} i CROSS JOIN {self._vectors} v ON v.rowid = i.num "
            "WHERE i.user_id = ? AND i.id IN (SELECT value FROM json_each(?))",
            (user, json.dumps(list(ids))),
        )

    def numbers(self, connection: apsw.Connection, user: str) -> list[int]:
        """The numbers of all of a user's items, ascending."""
        text = (
            f"SELECT json_group_array(num) FROM "
            f"(SELECT num FROM {self._items} WHERE user_id = ? ORDER BY num)"
        )
        numbers: list[int] = json.loads(_one(connection, text, (user,)))
        return numbers

    def rows_after(
        self, connection: apsw.Connection, user: str, num: int
    ) -> Iterator[tuple[Any, ...]]:
        """A user's items beyond ``num``: number, session, personality, kind, vector."""
        return connection.execute(
            f"SELECT i.num, i.session_id, i.personality_name, i.kind, v.embedding "
            f"FROM {self._items} i CROSS JOIN {self._vectors} v ON v.rowid = i.num "
            "WHERE i.user_id = ? AND i.num > ? ORDER BY i.num",
            (user, num),
        )

    def _remove(self, connection: apsw.Connection, numbers: Sequence[int]) -> None:
        rows = [(num,) for num in numbers]
        connection.executemany(f"DELETE FROM {self._vectors} WHERE rowid = ?", rows)
        connection.executemany(f"DELETE FROM {self._items} WHERE num = ?", rows)

    def _next(self, connection: apsw.Connection) -> int:
        text = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        found = _all(connection, text, (f"{self.name}_items",))
        return int(found[0][0]) + 1 if found else 1

    def _recount(self, connection: apsw.Connection, gained: Mapping[str, int]) -> None:
        connection.execute(f"UPDATE {self._meta} SET value = value + 1 WHERE key = 'revision'")
        revision = f"(SELECT value FROM {self._meta} WHERE key = 'revision')"
        connection.executemany(
            f"INSERT INTO {self._users} VALUES (?, ?, {revision}) ON CONFLICT DO UPDATE "
            "SET items = items + excluded.items, revision = excluded.revision",
            list(gained.items()),
        )
        connection.executemany(
            f"DELETE FROM {self._users} WHERE user_id = ? AND items = 0",
            [(user,) for user in gained],
        )


def _clause(filters: Filters) -> tuple[str, tuple[Any, ...]]:
    parts = [
        f'"{name}" = ?' if len(values) == 1 else f'"{name}" IN (SELECT value FROM json_each(?))'
        for name, values in filters.items()
    ]
    params = [
        values[0] if len(values) == 1 else json.dumps(list(values)) for values in filters.values()
    ]
    return " AND ".join(parts), tuple(params)


def _all(connection: apsw.Connection, text: str, params: tuple[Any, ...] = ()) -> list[Any]:
    return connection.execute(text, params).fetchall()


def _one(connection: apsw.Connection, text: str, params: tuple[Any, ...] = ()) -> Any:
    return next(connection.execute(text, params))[0]
