"""Rows as DynamoDB's items and back, and who holds which key.

An item has its row's fields under their own names; what is absent is None. Attributes of our own
begin with an underscore:

=================  ================================================================================
``_v``             Version: random text, another with every write; what was read is compared by it.
``_terms``         The stemmed words of a message, for full-text search.
``_thread``        A digest of the session and the number of a message, to sort within a session.
``_importance``    An episode's importance as text whose order is that of the numbers.
``_tx`` …          A transaction too large for one request is under way: see ``journal``.
=================  ================================================================================

A row's key and its unique groups are unique in the whole database, while items are filed under
their users. So each of them is *claimed*: an item of the table ``row_keys`` says which row holds
it, and changes in one transaction with that row.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from luminora.errors import InputError
from luminora.providers import lexical
from luminora.providers.collections import COLLECTIONS, Collection, FieldType
from luminora.providers.operations import Row
from luminora.providers.sql import json_text, time_text
from luminora_dynamodb.client import VERSION, Item

CLAIMS: Final = "row_keys"
"""The table of claims."""
MAX_ITEM: Final = 400 * 1024
"""Bytes that DynamoDB keeps in one item, names included."""
MAX_TERMS: Final = 4_000
"""Distinct words of one message that a search can find."""

_SMALLEST, _LARGEST = Decimal("1e-130"), Decimal("9.9e125")
_TERM_BYTES: Final = 60_000
_OTHER_BYTES: Final = 16 * 1024
"""Room for a message's other fields: words to search by never keep a text from being stored."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row's item is: its collection and the values of its table's key."""

    collection: str
    values: tuple[str, ...]

    @property
    def key(self) -> Item:
        """The item's key."""
        names = key_names(COLLECTIONS[self.collection])
        return {name: {"S": value} for name, value in zip(names, self.values, strict=True)}

    @property
    def user(self) -> str | None:
        """Whose row it is."""
        return self.values[0] if COLLECTIONS[self.collection].per_user else None


def key_names(collection: Collection) -> tuple[str, ...]:
    """The key of the collection's table: a user's rows lie together, so that reads are exact."""
    return ("user_id", *collection.key) if collection.per_user else collection.key


def place_of(collection: Collection, row: Mapping[str, Any]) -> Place:
    """Where the row is or will be.

    Raises:
        InputError: A part of its key is empty.
    """
    values = tuple(row[name] for name in key_names(collection))
    if "" in values:
        raise InputError(
            f"a key of '{collection.name}' is empty: DynamoDB keeps no empty text in a key"
        )
    return Place(collection.name, values)


def place_in(collection: Collection, item: Item) -> Place:
    """Where an item that was read is."""
    return Place(collection.name, tuple(item[name]["S"] for name in key_names(collection)))


def claims_of(collection: Collection, row: Row) -> list[str]:
    """What the row claims: its key, and each of its unique groups that is complete."""
    if not collection.per_user:
        return []  # such a table's key is the row's own
    claims = [key_claim(collection, row[collection.key[0]])]
    for group in collection.unique:
        values = [row.get(name) for name in group]
        if None not in values:
            digest = sha256(json_text(values).encode()).hexdigest()
            claims.append(f"{collection.name}/{'+'.join(group)}/{digest}")
    return claims


def key_claim(collection: Collection, value: str) -> str:
    """The claim on a row's key."""
    return f"{collection.name}/{value}"


def claim_item(claim: str, place: Place) -> Item:
    """The item that says who holds a claim."""
    return {"claim": {"S": claim}, "user_id": {"S": place.values[0]}, "key": {"S": place.values[1]}}


def holder_in(item: Item) -> Place:
    """Who holds the claim that was read."""
    collection = item["claim"]["S"].partition("/")[0]
    return Place(collection, (item["user_id"]["S"], item["key"]["S"]))


def new_version() -> dict[str, str]:
    """A version that no item ever had."""
    return {"S": uuid4().hex[:20]}


def item_of(collection: Collection, row: Row) -> Item:
    """The row's item with a new version.

    Raises:
        InputError: It is larger than DynamoDB stores, or its key is empty.
    """
    item = {**attributes(collection, row, row), VERSION: new_version()}
    size = size_of(item)
    if size > MAX_ITEM:
        largest = max(item, key=lambda name: size_of({name: item[name]}))
        raise InputError(
            f"a row of '{collection.name}' would take {size:,} bytes, '{largest}' "
            f"{size_of({largest: item[largest]}):,} of them; DynamoDB stores at most "
            f"{MAX_ITEM:,} in one item",
            hint="shorten it, or split it in several",
        )
    return item


def attributes(collection: Collection, row: Row, names: Iterable[str]) -> Item:
    """The attributes that keep these fields, those included that follow from them."""
    chosen = set(names)
    item: Item = {}
    for name in chosen:
        field, value = collection.fields[name], row.get(name)
        if value is None and (field.nullable or field.type is not FieldType.JSON):
            continue
        item[name] = _encoded(field.type, value)
    if collection.name == "messages":
        if chosen & {"content", "speaker_name"}:
            item["_terms"] = {"S": _terms(row)}
        if chosen & {"session_id", "seq"}:
            item["_thread"] = {"S": thread(row["session_id"], row["seq"])}
    elif collection.name == "episodes" and "importance" in chosen:
        item["_importance"] = {"S": sortable(row["importance"])}
    return item


def attributes_of(collection: Collection, values: Mapping[str, Any]) -> Item:
    """Single fields as attributes, ``{"NULL": True}`` for None; what follows from them is not."""
    kept = {
        name: _encoded(collection.fields[name].type, value)
        for name, value in values.items()
        if value is not None or not collection.fields[name].nullable
    }
    if collection.name == "episodes" and "importance" in values:
        kept["_importance"] = {"S": sortable(values["importance"])}
    return {name: kept.get(name, {"NULL": True}) for name in (*values, *kept)}


def row_in(collection: Collection, item: Item) -> Row:
    """The row that an item keeps."""
    return {
        name: _decoded(field.type, item[name]) if name in item else None
        for name, field in collection.fields.items()
    }


def delta(collection: Collection, before: Row, after: Row) -> Item:
    """What changed: attributes with new values, and ``{"NULL": True}`` for those that go."""
    changed = [name for name in collection.fields if not _same(before.get(name), after.get(name))]
    kept = attributes(collection, after, changed)
    return {**kept, **{name: {"NULL": True} for name in changed if name not in kept}}


def applied(item: Item, changes: Item) -> Item:
    """The item after such a change."""
    merged = {**item, **changes}
    return {name: value for name, value in merged.items() if value != {"NULL": True}}


def thread(session_id: str, seq: int | None = None) -> str:
    """The sorting text of a message, or, without ``seq``, what a session's have in common."""
    digest = sha256(session_id.encode()).hexdigest()[:32]
    return f"{digest}/" if seq is None else f"{digest}/{seq + 2**63:020d}"


def sortable(number: float) -> str:
    """Sixteen hexadecimal digits whose order as text is that of the numbers (IEEE 754)."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return f"{bits ^ (2**64 - 1) if bits >> 63 else bits | 2**63:016x}"


def sort_value(collection: Collection, attribute: str, value: Any) -> dict[str, Any]:
    """A field's value as the attribute that an index sorts by has it."""
    if attribute == "_importance":
        return {"S": sortable(value)}
    return _encoded(collection.fields[attribute].type, value)


def size_of(value: Any) -> int:
    """Bytes an item takes, as DynamoDB's developer guide counts them (never less)."""
    total = 0
    for name, typed in value.items():
        ((kind, inner),) = typed.items()
        total += len(name.encode()) + _size(kind, inner)
    return total


def _size(kind: str, inner: Any) -> int:
    if kind == "S":
        return len(inner.encode())
    if kind == "N":
        return len(inner) // 2 + 2
    if kind == "M":
        return 3 + size_of(inner) + len(inner)
    if kind == "L":
        return 3 + sum(1 + _size(*next(iter(one.items()))) for one in inner)
    return 1


def _encoded(kind: FieldType, value: Any) -> dict[str, Any]:  # noqa: PLR0911 - a table
    match kind:
        case FieldType.INTEGER:
            return {"N": str(value)}
        case FieldType.FLOAT:
            return _float(value)
        case FieldType.BOOLEAN:
            return {"BOOL": value}
        case FieldType.TIMESTAMP:
            return {"S": time_text(value)}
        case FieldType.JSON:
            return {"S": json_text(value)}
        case FieldType.STRINGS:
            return {"L": [{"S": one} for one in value]}
    return {"S": value}


def _float(value: float) -> dict[str, str]:
    """A number where DynamoDB can keep it (38 digits, 1e-130 to 9.9e125), else its text."""
    text = repr(float(value))
    magnitude = abs(Decimal(text))
    inside = magnitude == 0 or _SMALLEST <= magnitude <= _LARGEST
    return {"N": text} if inside else {"S": text}


def _decoded(kind: FieldType, typed: dict[str, Any]) -> Any:
    ((_, value),) = typed.items()
    match kind:
        case FieldType.INTEGER:
            return int(Decimal(value))
        case FieldType.FLOAT:
            return float(value)
        case FieldType.TIMESTAMP:
            return datetime.fromisoformat(value)
        case FieldType.JSON:
            return json.loads(value)
        case FieldType.STRINGS:
            return [one["S"] for one in value]
    return value


def _same(mine: Any, other: Any) -> bool:
    """Equality that tells 1 from True and 1.0, as JSON does."""
    if isinstance(mine, dict | list) or isinstance(other, dict | list):
        return json_text(mine) == json_text(other)
    return type(mine) is type(other) and bool(mine == other)


def _terms(row: Row) -> str:
    spoken = f"{row.get('speaker_name') or ''} {row['content']}"
    kept: list[str] = []
    room = min(_TERM_BYTES, MAX_ITEM - _OTHER_BYTES - len(row["content"].encode()))
    for term in dict.fromkeys(lexical.terms(spoken)):
        room -= len(term.encode()) + 1
        if room < 0 or len(kept) == MAX_TERMS:
            break
        kept.append(term)
    return " ".join(kept)
