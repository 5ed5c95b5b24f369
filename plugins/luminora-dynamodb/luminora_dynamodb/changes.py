"""What a transaction changes, item by item, and the actions of DynamoDB that bring it about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from luminora.providers.collections import COLLECTIONS
from luminora.providers.operations import Row
from luminora_dynamodb.client import VERSION, Item
from luminora_dynamodb.items import (
    CLAIMS,
    Place,
    attributes_of,
    claim_item,
    claims_of,
    delta,
    item_of,
    key_names,
    new_version,
    size_of,
)
from luminora_dynamodb.reading import Image

Action = dict[str, dict[str, Any]]
"""One entry of TransactWriteItems: ``{"Put" | "Update" | "Delete" | "ConditionCheck": …}``."""

MAX_ACTIONS: Final = 100
"""Actions of one TransactWriteItems."""
MAX_BYTES: Final = 3_500_000
"""Bytes of one TransactWriteItems: below the 4 MB that DynamoDB takes."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is added (no ``before``), changed, or removed (no ``after``)."""

    place: Place
    before: Image | None
    after: Row | None


@dataclass(frozen=True, slots=True)
class Touch:
    """A change of a row that nobody has read: its new values, and what has to hold of it."""

    place: Place
    expected: Mapping[str, Any]
    values: Row


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims that change hands: who held each before and who holds it afterwards."""

    moved: Mapping[str, tuple[Place | None, Place | None]] = field(default_factory=dict)

    def of(self, place: Place) -> dict[str, tuple[Place | None, Place | None]]:
        """Those that this row takes or gives up."""
        return {claim: pair for claim, pair in self.moved.items() if place in pair}

    @property
    def passed_on(self) -> list[str]:
        """Those that one row gives up and another takes."""
        return [claim for claim, (old, new) in self.moved.items() if old and new]


@dataclass(frozen=True, slots=True)
class Changes:
    """All that a transaction writes."""

    rows: Sequence[Change] = ()
    touches: Sequence[Touch] = ()
    claims: Claims = field(default_factory=Claims)


class Actions:
    """Actions on the tables of one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def table(self, name: str) -> str:
        """The full name of a table."""
        return f"{self._prefix}{name}"

    def of(self, changes: Changes) -> list[Action]:
        """Everything at once."""
        return [
            *(self.row(change) for change in changes.rows),
            *(self.touch(touch) for touch in changes.touches),
            *(self.claim(claim, *pair) for claim, pair in changes.claims.moved.items()),
        ]

    def row(self, change: Change) -> Action:
        """Add, change or remove the row, if it still is as it was read."""
        place, before, after = change.place, change.before, change.after
        collection = COLLECTIONS[place.collection]
        if before is None:
            return {
                "Put": {
                    "TableName": self.table(collection.name),
                    "Item": item_of(collection, after or {}),
                    "ConditionExpression": "attribute_not_exists(#h)",
                    "ExpressionAttributeNames": {"#h": key_names(collection)[0]},
                }
            }
        if after is None:
            return self.delete(place, unchanged(before.version))
        item_of(collection, after)  # refuses what is too large
        return self.update(place, delta(collection, before.row, after), unchanged(before.version))

    def touch(self, touch: Touch) -> Action:
        """Set values of a row that was not read."""
        collection = COLLECTIONS[touch.place.collection]
        names, values = {"#h": key_names(collection)[0], "#tx": "_tx"}, {}
        conditions = ["attribute_exists(#h)", "attribute_not_exists(#tx)"]
        for number, (name, value) in enumerate(attributes_of(collection, touch.expected).items()):
            names[f"#e{number}"] = name
            values[f":e{number}"] = value
            conditions.append(f"#e{number} = :e{number}")
        condition = {
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        return self.update(touch.place, attributes_of(collection, touch.values), condition)

    def delete(self, place: Place, condition: Mapping[str, Any]) -> Action:
        """Remove the item."""
        return {
            "Delete": {"TableName": self.table(place.collection), "Key": place.key, **condition}
        }

    def update(self, place: Place, changes: Item, condition: Mapping[str, Any]) -> Action:
        """Set and remove attributes, with a new version."""
        names = dict(condition["ExpressionAttributeNames"])
        values = dict(condition.get("ExpressionAttributeValues", {}))
        sets, removals = [], []
        for number, (name, value) in enumerate({**changes, VERSION: new_version()}.items()):
            names[f"#a{number}"] = name
            if value == {"NULL": True}:
                removals.append(f"#a{number}")
            else:
                values[f":a{number}"] = value
                sets.append(f"#a{number} = :a{number}")
        expression = f"SET {', '.join(sets)}"
        if removals:
            expression += f" REMOVE {', '.join(removals)}"
        return {
            "Update": {
                "TableName": self.table(place.collection),
                "Key": place.key,
                "UpdateExpression": expression,
                "ConditionExpression": condition["ConditionExpression"],
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def claim(self, claim: str, old: Place | None, new: Place | None) -> Action:
        """Take, give up or pass on a claim, if it is still held as it was."""
        table = self.table(CLAIMS)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(claim)"}
        if old is not None:
            condition = held_by(old)
        if new is None:
            return {"Delete": {"TableName": table, "Key": {"claim": {"S": claim}}, **condition}}
        return {"Put": {"TableName": table, "Item": claim_item(claim, new), **condition}}


def unchanged(version: str) -> dict[str, Any]:
    """The condition that a row still is as it was read."""
    return {
        "ConditionExpression": "#v = :v",
        "ExpressionAttributeNames": {"#v": VERSION},
        "ExpressionAttributeValues": {":v": {"S": version}},
    }


def held_by(place: Place) -> dict[str, Any]:
    """The condition that this row holds a claim."""
    return {
        "ConditionExpression": "#u = :u AND #k = :k",
        "ExpressionAttributeNames": {"#u": "user_id", "#k": "key"},
        "ExpressionAttributeValues": {
            ":u": {"S": place.values[0]},
            ":k": {"S": place.values[1]},
        },
    }


def bytes_of(actions: Iterable[Action]) -> int:
    """About how large a request of these actions is."""
    total = 0
    for action in actions:
        ((_, inner),) = action.items()
        for name in ("Item", "Key", "ExpressionAttributeValues"):
            total += size_of(inner.get(name, {}))
    return total


def fits(actions: Sequence[Action]) -> bool:
    """Whether one TransactWriteItems takes them all."""
    return len(actions) <= MAX_ACTIONS and bytes_of(actions) <= MAX_BYTES


def portions(groups: Iterable[list[Action]], *, room: int = MAX_ACTIONS) -> list[list[Action]]:
    """Groups of actions packed into requests, none of them torn apart."""
    packed: list[list[Action]] = []
    size = 0
    for group in groups:
        weight = bytes_of(group)
        if not packed or len(packed[-1]) + len(group) > room or size + weight > MAX_BYTES:
            packed.append([])
            size = 0
        packed[-1] += group
        size += weight
    return packed


def released(before: Row, after: Row | None, place: Place) -> list[str]:
    """Claims that the row gives up when it becomes ``after``."""
    collection = COLLECTIONS[place.collection]
    kept = set(claims_of(collection, after)) if after is not None else set()
    return [claim for claim in claims_of(collection, before) if claim not in kept]
