"""The table of an index: its name, its shape, and every statement that is sent about it.

The default index is the table that migration 004 makes; further ones are made here, alike. Which
model the vectors come from is noted in the table's comment, in a line of its own.
"""

# ruff: noqa: S608 - table names are ours, values are parameters

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Literal, Self

from luminora.providers.vector_store import DEFAULT_INDEX
from luminora.providers.vectors import Filters, placed

Method = Literal["hnsw", "ivfflat", "none"]

MAX_DIMENSION: Final = 16_000
"""What a ``vector`` holds; an index takes 2,000 of a ``vector`` and 4,000 of a ``halfvec``."""
_MAX_INDEXED, _MAX_INDEXED_HALF = 2_000, 4_000
_MAX_NAME: Final = 63
_NOTE: Final = re.compile(r"^luminora: (\{.*\})$", re.MULTILINE)
_COLUMNS: Final = {"id": "message_id"}

LEARNED: Final = "luminora: made from the vectors that were there"
"""The comment on an ivfflat index that is worth asking."""

SHAPE: Final = """
SELECT e.extversion, en.nspname, to_regtype('vector') IS NOT NULL, c.oid IS NOT NULL,
       t.typname, a.atttypmod, obj_description(c.oid, 'pg_class'),
       v.amname, v.relname, obj_description(v.oid, 'pg_class')
  FROM (SELECT to_regclass($1) AS oid) wanted
  LEFT JOIN pg_class c ON c.oid = wanted.oid
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'embedding'
  LEFT JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_extension e ON e.extname = 'vector'
  LEFT JOIN pg_namespace en ON en.oid = e.extnamespace
  LEFT JOIN LATERAL (
       SELECT x.oid, x.relname, m.amname
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        WHERE i.indrelid = c.oid AND i.indisvalid AND m.amname IN ('hnsw', 'ivfflat')
        ORDER BY m.amname LIMIT 1) v ON true
"""
"""Everything there is to know about the extension and one table, always as one row."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the database says of the extension and of one table.

    Attributes:
        version: pgvector's, None where it is not installed.
        schema: Where pgvector is installed.
        reachable: Whether its type is found without naming that schema.
        present: Whether the table exists.
        type: ``vector`` or ``halfvec``; anything else is not a table of ours.
        dimension: Length of its vectors.
        comment: On the table.
        found: The method of the index over the vectors; None where there is none.
        index: That index's name.
        remark: The comment on it.
    """

    version: str | None
    schema: str | None
    reachable: bool
    present: bool
    type: str | None
    dimension: int
    comment: str | None
    found: str | None
    index: str | None
    remark: str | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The answer to :data:`SHAPE`."""
        version, schema, reachable, present, kind, dimension, *rest = row
        return cls(version, schema, reachable, present, kind, dimension or 0, *rest)

    @property
    def method(self) -> str | None:
        """How vectors can be found other than by comparing all; None where they cannot.

        An ivfflat index that was made while the table was empty, as that of a migration, placed
        its cells by chance: it misses a third of the neighbours. Only one that was made anew
        since, which its comment tells, is used.
        """
        return None if self.found == "ivfflat" and self.remark != LEARNED else self.found

    @property
    def model_id(self) -> str | None:
        """The model the vectors come from, if it was noted."""
        found = _NOTE.search(self.comment or "")
        return json.loads(found[1]).get("model") if found else None

    def noted(self, model_id: str) -> str:
        """The comment with that model in it; what others wrote there stays."""
        others = _NOTE.sub("", self.comment or "").strip()
        note = f"luminora: {json.dumps({'model': model_id}, ensure_ascii=False)}"
        return f"{others}\n{note}" if others else note


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """How vectors are indexed, and how carefully an index is searched.

    Attributes:
        method: ``hnsw``, ``ivfflat``, or ``none``, which compares everything.
        m: Neighbours per vector in the graph (hnsw).
        ef_construction: Candidates looked at for each when the graph is built (hnsw).
        lists: Cells (ivfflat).
        ef_search: Candidates a search keeps (hnsw).
        probes: Cells a search looks into at once (ivfflat).
        iterative_scan: Whether a search goes on until enough of the user's own were found:
            ``strict_order``, ``relaxed_order`` or ``off``.
    """

    method: Method = "hnsw"
    m: int = 16
    ef_construction: int = 64
    lists: int = 100
    ef_search: int = 200
    probes: int = 10
    iterative_scan: str = "strict_order"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Those of the section ``vector_store_provider``."""
        names = ("m", "ef_construction", "lists", "ef_search", "probes", "iterative_scan")
        given = {name: config[name] for name in names if name in config}
        return cls(method=config.get("index_type", "hnsw"), **given)

    def for_search(self, method: str | None, top_k: int) -> dict[str, str]:
        """The server's settings for one search through an index of that method."""
        if method == "hnsw":
            effort = str(min(1_000, max(self.ef_search, top_k)))
            return {"hnsw.ef_search": effort, "hnsw.iterative_scan": self.iterative_scan}
        # Cells are not visited in the order of distance, so ivfflat knows no strict order.
        going_on = "off" if self.iterative_scan == "off" else "relaxed_order"
        return {"ivfflat.probes": str(self.probes), "ivfflat.iterative_scan": going_on}


class VectorTable:
    """The statements about one index; all of them are constant, so that they can be prepared.

    Args:
        prefix: Put before every name.
        index: The index.
    """

    def __init__(self, prefix: str = "", index: str = DEFAULT_INDEX) -> None:
        table = placed("message_embeddings", index)
        self.name = _fitting(f"{prefix}{table}")
        self.user_index = _fitting(f"{prefix}idx_{table}_user")
        self.vector_index = _fitting(f"{prefix}idx_{table}_vector")
        self._table = f'"{self.name}"'

    def create(self, dimension: int) -> list[str]:
        """The table and its index by user.

        Rows stay whole as far as they fit on a page: a vector that was moved out of its row costs
        several times as much to read.
        """
        return [
            f"""
            CREATE TABLE {self._table} (
                message_id       VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY,
                user_id          VARCHAR(255) COLLATE "C" NOT NULL,
                session_id       VARCHAR(255) COLLATE "C" NOT NULL,
                personality_name VARCHAR(255) COLLATE "C" NOT NULL,
                kind             VARCHAR(255) COLLATE "C" NOT NULL,
                embedding        {type_of(dimension)}({dimension}) NOT NULL,
                created_at       TIMESTAMPTZ NOT NULL DEFAULT now()
            )""",
            self.whole_rows,
            f'CREATE INDEX "{self.user_index}" ON {self._table} (user_id)',
        ]

    @cached_property
    def whole_rows(self) -> str:
        """Keep vectors within their rows; concerns rows that are yet to be written."""
        return f"ALTER TABLE {self._table} SET (toast_tuple_target = 8160)"

    def create_index(self, dimension: int, settings: IndexSettings) -> str:
        """The index over the vectors, of a method that is one."""
        built = f"m = {settings.m}, ef_construction = {settings.ef_construction}"
        options = built if settings.method == "hnsw" else f"lists = {settings.lists}"
        return (
            f'CREATE INDEX "{self.vector_index}" ON {self._table} USING {settings.method} '
            f"(embedding {type_of(dimension)}_cosine_ops) WITH ({options})"
        )

    def learn(self, shape: Shape, settings: IndexSettings) -> list[str]:
        """Make the ivfflat index, or make it anew, from the vectors that are there now."""
        name = shape.index or self.vector_index
        making = f'REINDEX INDEX "{name}"' if shape.index else None
        return [
            making or self.create_index(shape.dimension, settings),
            f"COMMENT ON INDEX \"{name}\" IS '{LEARNED}'",
        ]

    def comment(self, text: str) -> str:
        """Set the table's comment: a statement that takes no parameters."""
        quoted = text.replace("'", "''").replace("\\", "\\\\")
        return f"COMMENT ON TABLE {self._table} IS E'{quoted}'"

    @cached_property
    def drop(self) -> str:
        """Remove the table."""
        return f"DROP TABLE IF EXISTS {self._table}"

    @cached_property
    def put(self) -> str:
        """Store one item, or replace its owner's.

        Another user's has no user afterwards, which the table refuses: the whole batch fails.
        """
        return f"""
        INSERT INTO {self._table} AS held
               (message_id, user_id, session_id, personality_name, kind, embedding)
        VALUES ($1, $2, $3, $4, $5, $6::vector)
        ON CONFLICT (message_id) DO UPDATE SET
            user_id = CASE WHEN held.user_id = excluded.user_id THEN held.user_id END,
            session_id = excluded.session_id, personality_name = excluded.personality_name,
            kind = excluded.kind, embedding = excluded.embedding"""

    @cached_property
    def fetch(self) -> str:
        """A user's items of some ids."""
        return f"""
        SELECT message_id, session_id, personality_name, kind, vector_send(embedding::vector)
          FROM {self._table} WHERE user_id = $1 AND message_id = ANY($2)"""

    def delete(self, filters: Filters) -> tuple[str, list[Any]]:
        """Remove what matches."""
        clause, values = _clause(filters)
        return f"DELETE FROM {self._table} WHERE {clause}", values

    def count(self, filters: Filters) -> tuple[str, list[Any]]:
        """How many match."""
        clause, values = _clause(filters)
        return f"SELECT count(*) FROM {self._table} WHERE {clause}", values

    @cached_property
    def total(self) -> str:
        """How many there are."""
        return f"SELECT count(*) FROM {self._table}"

    @cached_property
    def at_least(self) -> str:
        """How many there are, counted no further than a number."""
        return f"SELECT count(*) FROM (SELECT FROM {self._table} LIMIT $1::bigint) AS found"

    def compared(
        self, kind: str | None, vector: Any, top_k: int, filters: Filters, most: int | None
    ) -> tuple[str, list[Any]]:
        """Read all that match by user, ``most`` at most, and sort them.

        The inner part has no order, so no plan can go through the index of vectors; its limit
        keeps the outer one's order from it. With ``most``, the third column says how many match,
        counted no further than that.
        """
        clause, values = _clause(filters, 4)
        held = f"FROM {self._table} WHERE {clause} LIMIT $3::bigint"
        total = "" if most is None else f", (SELECT count(*) FROM (SELECT {held}) AS counted)"
        text = f"""
        SELECT message_id, distance{total}
          FROM (SELECT message_id, embedding <=> $1::{_cast(kind)} AS distance {held}) AS compared
         ORDER BY distance, message_id LIMIT $2::bigint"""
        return text, [vector, top_k, most, *values]

    def neighbours(
        self, kind: str | None, vector: Any, top_k: int, filters: Filters
    ) -> tuple[str, list[Any]]:
        """Go through the index of vectors until enough that match were found.

        ``+ 0`` has them sorted once more: a relaxed scan yields them only nearly in order, and
        the planner believes it.
        """
        clause, values = _clause(filters, 3)
        distance = f"embedding <=> $1::{_cast(kind)}"
        text = f"""
        WITH near AS MATERIALIZED (
            SELECT message_id, {distance} AS distance FROM {self._table}
             WHERE {clause} ORDER BY {distance} LIMIT $2::bigint)
        SELECT message_id, distance FROM near ORDER BY distance + 0, message_id"""
        return text, [vector, top_k, *values]


def type_of(dimension: int) -> str:
    """The column's type: as the migrations choose it."""
    return "halfvec" if _MAX_INDEXED < dimension <= _MAX_INDEXED_HALF else "vector"


def indexable(dimension: int) -> bool:
    """Whether pgvector can index vectors that long."""
    return dimension <= _MAX_INDEXED_HALF


def _cast(kind: str | None) -> str:
    return "vector::halfvec" if kind == "halfvec" else "vector"


def _clause(filters: Filters, first: int = 1) -> tuple[str, list[Any]]:
    parts, values = [], list[Any]()
    for number, (name, wanted) in enumerate(sorted(filters.items()), first):
        one = len(wanted) == 1
        column = _COLUMNS.get(name, name)
        parts.append(f"{column} = ${number}" if one else f"{column} = ANY(${number})")
        values.append(wanted[0] if one else list(wanted))
    return " AND ".join(parts), values


def _fitting(name: str) -> str:
    """``name``, or a short form of it: PostgreSQL would cut it off, and make two names one."""
    if len(name) <= _MAX_NAME:
        return name
    return f"{name[: _MAX_NAME - 13]}_{sha256(name.encode()).hexdigest()[:12]}"
