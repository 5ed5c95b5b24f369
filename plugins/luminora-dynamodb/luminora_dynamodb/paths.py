"""Which table or index answers a read, and what may be asked of it.

All rows of one user are read from the user's own partition: the table itself, or a *local* index
of it, which is as consistent as the table. Reads over all users by another field than the key use
a *global* index, which DynamoDB updates a moment later, or read the whole table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from luminora.providers.collections import COLLECTIONS, Collection
from luminora.providers.operations import Is, Row
from luminora.providers.rows import Order
from luminora_dynamodb.items import Place, key_names, sort_value, thread

MARKS: Final = ("_v", "_tx", "_next", "_new", "_gone")
"""Attributes that a read needs beside the row's own."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a table.

    Attributes:
        name: Its name.
        field: The field that it sorts by.
        attribute: The attribute that keeps that field in sortable form.
        hashed: The field that all rows of one look-up share; None for the user (a local index).
        held: The fields its entries have; None is all.
    """

    name: str
    field: str
    attribute: str
    hashed: str | None = None
    held: frozenset[str] | None = None


_KEYS: Final = frozenset({"user_id", "id"})
THREAD: Final = Index("idx_messages_session", "seq", "_thread")
"""Within one user and session; its attribute begins with a digest of the session."""
WORD_FIELDS: Final = ("_terms", "session_id", "personality_name", "speaker")
WORDS: Final = Index("idx_messages_user", "seq", "seq", held=_KEYS | {"seq", *WORD_FIELDS})
"""A user's messages in order, with their words only: what a search reads."""

INDEXES: Final[Mapping[str, tuple[Index, ...]]] = {
    "sessions": (Index("idx_sessions_user", "last_activity", "last_activity"),),
    "messages": (
        WORDS,
        Index("idx_messages_thread", "seq", "seq", "session_id", _KEYS | {"session_id", "seq"}),
        Index(
            "idx_messages_embedding",
            "seq",
            "seq",
            "embedding_state",
            _KEYS | {"embedding_state", "seq"},
        ),
    ),
    "affinity_events": (Index("idx_affinity_events_user", "created_at", "created_at"),),
    "user_facts": (Index("idx_facts_user", "last_updated", "last_updated"),),
    "episodes": (
        Index("idx_episodes_importance", "importance", "_importance"),
        Index("idx_episodes_user", "timestamp", "timestamp"),
    ),
    "jobs": (Index("idx_jobs_due", "run_at", "run_at", "status", _KEYS | {"status", "run_at"}),),
}
"""The indexes by collection, beside :data:`THREAD`; the migrations create them."""


@dataclass(frozen=True, slots=True)
class Path:
    """One Query or Scan.

    Attributes:
        operation: ``"query"`` or ``"scan"``.
        parameters: Of the request, but for the table and what is projected.
        names: Names for its expressions.
        sort: The field in whose order the items come; None if they come in none.
        attribute: The attribute that keeps that field.
        held: The fields the items have; None is all.
    """

    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sort: str | None = None
    attribute: str = ""
    held: frozenset[str] | None = None


def exact(collection: Collection, conditions: Mapping[str, Is]) -> list[str] | None:
    """The keys that alone can match; None if the conditions do not name them."""
    condition = conditions.get(collection.key[0])
    if len(collection.key) != 1 or condition is None or condition.op != "in":
        return None
    return list(dict.fromkeys(value for value in condition.value if value))


def places_of(collection: Collection, user: str | None, keys: Sequence[str]) -> list[Place]:
    """Where rows of these keys are, for a known user or in a table that has none."""
    before = () if user is None else (user,)
    return [Place(collection.name, (*before, key)) for key in keys]


def path_of(
    collection: Collection,
    user: str | None,
    conditions: Mapping[str, Is],
    order: Order,
    after: Row | None,
    *,
    first: bool,
    needed: frozenset[str] | None,
) -> list[Path]:
    """The cheapest paths that together yield every candidate.

    Args:
        collection: What is read.
        user: Whose rows; None for everybody's.
        conditions: What has to hold.
        order: The order that is asked for.
        after: The last row of the page before.
        first: Whether only the first rows of the order are wanted.
        needed: The fields the caller looks at; None is all.
    """
    if user is None:
        return _everybody(collection, conditions, order, after)
    session = _single(conditions.get("session_id"))
    if collection.name == "messages" and session:
        return [_in_thread(user, session, order, after)]
    name, down = order[0]
    values = {":h": {"S": user}}
    if first and name == collection.key[0]:
        return [_query(collection, None, "user_id", values, name, name, after, down=down)]
    for index in INDEXES.get(collection.name, ()):
        if first and index.hashed is None and index.field == name:
            found = _query(
                collection, index, "user_id", values, name, index.attribute, after, down=down
            )
            return [found]
    if needed == frozenset() and collection.name == "messages":
        return [_query(collection, WORDS, "user_id", values, None, "", None, down=False)]
    return [_query(collection, None, "user_id", values, None, "", None, down=False)]


def _everybody(
    collection: Collection, conditions: Mapping[str, Is], order: Order, after: Row | None
) -> list[Path]:
    for index in INDEXES.get(collection.name, ()):
        if index.hashed is None or index.hashed not in conditions:
            continue
        condition = conditions[index.hashed]
        if condition.op != "in" or "" in condition.value or None in condition.value:
            continue
        name, down = order[0]
        sort = name if name == index.field else None
        return [
            _query(
                collection,
                index,
                index.hashed,
                {":h": {"S": value}},
                sort,
                index.attribute,
                after if sort else None,
                down=down,
                consistent=False,
            )
            for value in dict.fromkeys(condition.value)
        ]
    return [Path("scan", {"ConsistentRead": True})]


def _in_thread(user: str, session: str, order: Order, after: Row | None) -> Path:
    name, down = order[0]
    values = {":h": {"S": user}, ":s": {"S": thread(session)}}
    condition = "#h = :h AND begins_with(#s, :s)"
    sort = "seq" if name == "seq" else None
    if sort and after is not None:
        low, high = thread(session), f"{thread(session)}~"
        edge = thread(session, after["seq"])
        condition = "#h = :h AND #s BETWEEN :s AND :t"
        values |= {":s": {"S": low if down else edge}, ":t": {"S": edge if down else high}}
    parameters: dict[str, Any] = {
        "IndexName": THREAD.name,
        "ConsistentRead": True,
        "ScanIndexForward": not (sort and down),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    return Path("query", parameters, {"#h": "user_id", "#s": "_thread"}, sort, "_thread")


def _query(
    collection: Collection,
    index: Index | None,
    hashed: str,
    values: dict[str, Any],
    sort: str | None,
    attribute: str,
    after: Row | None,
    *,
    down: bool,
    consistent: bool = True,
) -> Path:
    names, condition = {"#h": hashed}, "#h = :h"
    if sort and after is not None:
        names["#s"] = attribute
        condition += f" AND #s {'<=' if down else '>='} :s"
        values = {**values, ":s": sort_value(collection, attribute, after[sort])}
    parameters: dict[str, Any] = {
        "ScanIndexForward": not (sort and down),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    if consistent:
        parameters["ConsistentRead"] = True
    if index is not None:
        parameters["IndexName"] = index.name
    return Path("query", parameters, names, sort, attribute, index.held if index else None)


def projection(
    collection: Collection,
    fields: frozenset[str] | None,
    names: Mapping[str, str] | None = None,
    *,
    partial: bool = False,
) -> dict[str, Any]:
    """Parameters that ask for these fields and our own marks only; all if ``fields`` is None.

    Args:
        collection: What is read.
        fields: What the caller looks at.
        names: Names of the request's other expressions.
        partial: Whether an index is read that does not hold everything.
    """
    marks = ("_tx",) if partial else MARKS
    kept = () if fields is None else (*key_names(collection), *sorted(fields), *marks)
    wanted = list(dict.fromkeys(kept))
    aliases = {f"#p{number}": name for number, name in enumerate(wanted)}
    parameters: dict[str, Any] = {}
    if wanted:
        parameters["ProjectionExpression"] = ", ".join(aliases)
    if names or aliases:
        parameters["ExpressionAttributeNames"] = {**(names or {}), **aliases}
    return parameters


def _single(condition: Is | None) -> str | None:
    if condition is None or condition.op != "in" or len(condition.value) != 1:
        return None
    return condition.value[0] or None


def tables() -> list[str]:
    """The names, without prefix, of all tables that Luminora's own migrations create."""
    own = [name for name in COLLECTIONS if name != "schema_migrations"]
    return [*own, "row_keys", "transactions"]
