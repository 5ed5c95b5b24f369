"""Working out what a transaction changes.

The operations run, in order, on the rows that were read, in memory; what differs afterwards is
what has to be written. They see what came before them, and nothing is written unless all of it
can be. Where an operation asks for something nobody has read yet, that is noted in ``unread``; it
is then read and the plan made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from luminora.errors import Conflict, InputError
from luminora.providers.checks import (
    confined_to,
    declared,
    missing,
    own_changes,
    own_row,
    own_where,
)
from luminora.providers.collections import COLLECTIONS, Collection, FieldType
from luminora.providers.operations import Delete, Insert, Is, Row, Update, Upsert, Write
from luminora.providers.rows import changes_of, matches
from luminora_dynamodb.changes import Change, Changes, Claims, Touch
from luminora_dynamodb.items import Place, claims_of, place_of
from luminora_dynamodb.paths import exact, places_of
from luminora_dynamodb.reading import Image

_BOUND: Final = 2**63
_COMPARED: Final = frozenset({FieldType.STRING, FieldType.INTEGER, FieldType.TIMESTAMP})


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, checked: what can be known of it without reading."""

    operation: Write
    collection: Collection
    user: str | None
    row: Row = field(default_factory=dict)
    conditions: Mapping[str, Is] = field(default_factory=dict)
    absent: Sequence[str] = ()

    @property
    def selects(self) -> bool:
        """Whether it works on rows that have to be looked for."""
        return isinstance(self.operation, Update | Delete)


def step_of(operation: Write) -> Step:
    """The operation, checked.

    Raises:
        InputError: It can never succeed, whatever the database holds.
    """
    if not isinstance(operation, Insert | Upsert | Update | Delete):
        raise InputError(f"not a write: {type(operation).__name__}")
    collection = declared(operation.collection)
    user = confined_to(collection, operation.user_id)
    if isinstance(operation, Update | Delete):
        conditions = own_where(collection, user, operation.where)
        if isinstance(operation, Update):
            own_changes(collection, user, operation)
        return Step(operation, collection, user, conditions=conditions)
    row = own_row(collection, user, operation.row)
    absent = missing(collection, row)
    if absent and isinstance(operation, Insert):
        raise InputError(f"a row of '{collection.name}' needs {', '.join(absent)}")
    place_of(collection, row)
    return Step(operation, collection, user, row=row, absent=absent)


def touches_of(steps: Sequence[Step]) -> Changes | None:
    """The changes of a transaction that needs nothing read: new rows, and values set by key.

    None if something else is among them.
    """
    rows: dict[Place, Change] = {}
    touches: dict[Place, Touch] = {}
    claims: dict[str, tuple[Place | None, Place | None]] = {}
    for step in steps:
        place = _new(step, rows, claims) if isinstance(step.operation, Insert) else None
        if place is None:
            touch = _touch(step)
            if touch is None or touch.place in rows or touch.place in touches:
                return None
            touches[touch.place] = touch
    return Changes([*rows.values()], [*touches.values()], Claims(claims))


def _new(
    step: Step,
    rows: dict[Place, Change],
    claims: dict[str, tuple[Place | None, Place | None]],
) -> Place | None:
    place = place_of(step.collection, step.row)
    wanted = claims_of(step.collection, step.row)
    if place in rows or claims.keys() & set(wanted):
        return None
    rows[place] = Change(place, None, step.row)
    claims |= dict.fromkeys(wanted, (None, place))
    return place


def _touch(step: Step) -> Touch | None:
    operation, collection = step.operation, step.collection
    if (
        not isinstance(operation, Update)
        or operation.increment
        or operation.expect not in {None, 1}
    ):
        return None
    keys = exact(collection, step.conditions)
    if keys is None or len(keys) != 1 or (step.user is None and collection.per_user):
        return None
    fixed = {name for group in collection.unique for name in group} | set(collection.text)
    fixed |= {"seq", "session_id"} if collection.name == "messages" else set()
    if operation.set.keys() & fixed:
        return None
    expected = {}
    for name, condition in step.conditions.items():
        if name in {"user_id", *collection.key}:
            continue
        plain = condition.op == "in" and len(condition.value) == 1
        if not plain or collection.fields[name].type not in _COMPARED:
            return None
        if condition.value[0] is None:
            return None
        expected[name] = condition.value[0]
    values, _, _ = own_changes(collection, step.user, operation)
    (place,) = places_of(collection, step.user, keys)
    return Touch(place, expected, values) if values else None


class Plan:
    """Rows and claims as far as they are known, and what the operations make of them.

    Args:
        read: What is at a place; None if nothing is.
        held: Who holds a claim; None if nobody does.

    Attributes:
        unread: Claims and places that were asked for and are not known yet.
    """

    def __init__(
        self, read: Mapping[Place, Image | None], held: Mapping[str, Place | None]
    ) -> None:
        self._read = read
        self._rows: dict[Place, Row | None] = {
            place: image.row if image else None for place, image in read.items()
        }
        self._initial: dict[str, Place | None] = dict(held)
        self._claims: dict[str, Place | None] = dict(held)
        self.unread: set[str | Place] = set()

    def run(self, steps: Sequence[Step]) -> list[int]:
        """Do the operations; the rows each one touched.

        Raises:
            Conflict: A key is taken, or an ``expect`` was not met.
            InputError: A row cannot be made or a number leaves its bounds.
        """
        return [self._do(step) for step in steps]

    @property
    def changes(self) -> Changes:
        """What has to be written."""
        rows = [
            Change(place, image, after)
            for place, after in self._rows.items()
            for image in [self._read.get(place)]
            if not _alike(image.row if image else None, after)
        ]
        moved = {
            claim: (before, after)
            for claim, after in self._claims.items()
            for before in [self._initial.get(claim)]
            if before != after
        }
        return Changes(rows, (), Claims(moved))

    def _do(self, step: Step) -> int:
        match step.operation:
            case Insert():
                return self._insert(step, ignore=step.operation.ignore_conflict)
            case Upsert():
                return self._upsert(step)
            case Update():
                return self._update(step, step.operation)
            case Delete():
                return self._delete(step)

    def _insert(self, step: Step, *, ignore: bool) -> int:
        place = place_of(step.collection, step.row)
        wanted = claims_of(step.collection, step.row)
        others = [other for claim in wanted if (other := self._holder(claim)) is not None]
        if not wanted and self._row(place) is not None:
            others = [place]
        if others:
            mine = any(other.user == place.user for other in others)
            if ignore and mine:
                return 0
            raise _taken(step.collection, foreign=not mine)
        self._rows[place] = {**dict.fromkeys(step.collection.fields), **step.row}
        self._claims |= dict.fromkeys(wanted, place)
        return 1

    def _upsert(self, step: Step) -> int:
        collection, place = step.collection, place_of(step.collection, step.row)
        there = self._row(place)
        if there is None:
            holder = (
                self._holder(claims_of(collection, step.row)[0]) if collection.per_user else None
            )
            if holder is not None and holder != place:
                raise _taken(collection, foreign=True)
            if step.absent:
                raise InputError(
                    f"no such row in '{collection.name}', and a new one needs "
                    f"{', '.join(step.absent)}"
                )
            return self._insert(step, ignore=False)
        self._replace(place, {**there, **step.row})
        return 1

    def _update(self, step: Step, operation: Update) -> int:
        changed = changes_of(step.collection, step.user, operation)
        places = self._matching(step)
        if operation.expect is not None and len(places) != operation.expect:
            raise Conflict(
                f"an update of '{step.collection.name}' met {len(places)} rows where "
                f"{operation.expect} were expected; nothing was written",
                hint="read the row again: somebody else has changed it",
            )
        for place in places:
            row = self._rows[place] or {}
            new = changed(row)
            for name in operation.increment:
                if step.collection.fields[name].type is FieldType.INTEGER:
                    if not -_BOUND <= new[name] < _BOUND:
                        raise InputError(f"'{name}' would not fit in 64 bits any more")
                else:
                    new[name] = float(new[name])
            self._replace(place, {**row, **new})
        return len(places)

    def _delete(self, step: Step) -> int:
        places = self._matching(step)
        for place in places:
            self._claims |= dict.fromkeys(self._own(place))
            self._rows[place] = None
        return len(places)

    def _replace(self, place: Place, row: Row) -> None:
        collection = COLLECTIONS[place.collection]
        before = set(self._own(place))
        after = claims_of(collection, row)
        for claim in after:
            holder = self._holder(claim) if claim not in before else place
            if holder not in {None, place}:
                foreign = holder is not None and holder.user != place.user
                raise _taken(collection, foreign=foreign)
        self._claims |= {**dict.fromkeys(before), **dict.fromkeys(after, place)}
        self._rows[place] = row

    def _own(self, place: Place) -> list[str]:
        """What the row claims now; a row that was read holds its claims without being asked."""
        collection, image = COLLECTIONS[place.collection], self._read.get(place)
        if image is not None:
            self._initial |= dict.fromkeys(claims_of(collection, image.row), place)
        return claims_of(collection, self._rows[place] or {})

    def _matching(self, step: Step) -> list[Place]:
        return [
            place
            for place, row in self._rows.items()
            if row is not None
            and place.collection == step.collection.name
            and matches(row, step.conditions)
        ]

    def _holder(self, claim: str) -> Place | None:
        if claim not in self._claims:
            self.unread.add(claim)
        return self._claims.get(claim)

    def _row(self, place: Place) -> Row | None:
        if place not in self._rows:
            self.unread.add(place)
        return self._rows.get(place)


def _alike(before: Row | None, after: Row | None) -> bool:
    if before is None or after is None:
        return before is after
    return before is after or repr(before) == repr(after)


def _taken(collection: Collection, *, foreign: bool) -> Conflict:
    if foreign:
        return Conflict(f"a row of '{collection.name}' with that key belongs to another user")
    return Conflict(f"a row of '{collection.name}' with that key or those unique fields exists")
