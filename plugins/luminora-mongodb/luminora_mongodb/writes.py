"""Operations as commands: each is checked at once and run when its turn comes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from luminora.errors import Conflict, InputError
from luminora.providers.checks import (
    confined_to,
    declared,
    missing,
    own_changes,
    own_row,
    own_where,
)
from luminora.providers.collections import Collection
from luminora.providers.operations import Delete, Insert, Is, Row, Update, Upsert, Write
from luminora_mongodb.connection import Database, Document
from luminora_mongodb.documents import (
    TERMS,
    document_of,
    encode,
    identity,
    names_one,
    query_of,
    row_of,
    stored,
    values_of,
    words_of,
)
from luminora_mongodb.errors import DUPLICATE

_ATTEMPTS = 3


class Collision(Exception):
    """Rows that may be left as they are stand in the way: look before inserting."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a step runs.

    Attributes:
        session: The transaction it belongs to, if any.
        careful: Look for rows in the way before inserting, because trying ends a transaction.
    """

    database: Database
    prefix: str
    session: AsyncClientSession | None = None
    careful: bool = False

    def of(self, collection: Collection) -> AsyncCollection[Document]:
        """The driver's collection."""
        return self.database[f"{self.prefix}{collection.name}"]


class Step(ABC):
    """One operation, or several inserts in a row.

    Attributes:
        alone: Whether it is all or nothing without a transaction: it writes one document at most.
    """

    collection: Collection
    alone: bool = True

    @abstractmethod
    async def run(self, scope: Scope) -> list[int]:
        """Do it; how many rows each of its operations touched.

        Raises:
            Conflict: A row stands in the way, or an ``expect`` was not met.
            Collision: Only when not careful, inside a transaction.
        """


def steps_of(operations: Sequence[Write]) -> list[Step]:
    """The operations, checked; neighbouring inserts of a collection travel together.

    Raises:
        InputError: One can never succeed, whatever the database holds.
    """
    steps: list[Step] = []
    for operation in operations:
        step = _step(operation)
        last = steps[-1] if steps else None
        if isinstance(step, _Inserts) and isinstance(last, _Inserts) and last.takes(step):
            last.add(step)
        else:
            steps.append(step)
    return steps


def _step(operation: Write) -> Step:
    collection = declared(operation.collection)
    user = confined_to(collection, operation.user_id)
    match operation:
        case Insert():
            row = own_row(collection, user, operation.row)
            if absent := missing(collection, row):
                raise InputError(f"a row of '{collection.name}' needs {', '.join(absent)}")
            return _Inserts(collection, [row], [operation.ignore_conflict])
        case Upsert():
            return _Upsert(collection, own_row(collection, user, operation.row))
        case Update():
            return _Update(collection, user, operation)
        case Delete():
            return _Delete(collection, own_where(collection, user, operation.where))
    raise InputError(f"not a write: {type(operation).__name__}")


class _Inserts(Step):
    def __init__(self, collection: Collection, rows: list[Row], ignore: list[bool]) -> None:
        self.collection, self.rows, self.ignore = collection, rows, ignore

    def takes(self, other: _Inserts) -> bool:
        return self.collection is other.collection

    def add(self, other: _Inserts) -> None:
        self.rows += other.rows
        self.ignore += other.ignore
        self.alone = False

    async def run(self, scope: Scope) -> list[int]:
        if scope.careful:
            return await self._careful(scope)
        try:
            await self._insert(scope, self.rows)
        except (DuplicateKeyError, BulkWriteError) as error:
            failed = _duplicate(error)
            if failed is None:
                raise
            if not self.ignore[failed]:
                raise _taken(self.collection) from error
            if scope.session is not None:
                raise Collision from error
            return await self._careful(scope)
        return [1] * len(self.rows)

    async def _insert(self, scope: Scope, rows: Sequence[Row]) -> None:
        documents = [document_of(self.collection, row) for row in rows]
        target = scope.of(self.collection)
        if len(documents) == 1:
            await target.insert_one(documents[0], session=scope.session)
        elif documents:
            await target.insert_many(documents, session=scope.session)

    async def _careful(self, scope: Scope) -> list[int]:
        for _ in range(_ATTEMPTS):
            owners = await self._owners(scope)
            touched = [self._decide(row, ignore, owners) for row, ignore in self._pairs()]
            wanted = [row for row, count in zip(self.rows, touched, strict=True) if count]
            try:
                await self._insert(scope, wanted)
            except (DuplicateKeyError, BulkWriteError) as error:
                if _duplicate(error) is None or scope.session is not None:
                    raise
                continue  # somebody was quicker: look again
            return touched
        raise _taken(self.collection)

    def _pairs(self) -> list[tuple[Row, bool]]:
        return list(zip(self.rows, self.ignore, strict=True))

    def _decide(self, row: Row, ignore: bool, owners: dict[Any, str | None]) -> int:  # noqa: FBT001
        """1 to insert the row, 0 to leave the one there; inserted ones are in the way too."""
        groups = list(_groups(self.collection, row))
        in_the_way = [owners[group] for group in groups if group in owners]
        owner = row.get("user_id") if self.collection.per_user else None
        if not in_the_way:
            owners.update(dict.fromkeys(groups, owner))
            return 1
        if ignore and owner in in_the_way:
            return 0
        raise _taken(self.collection)

    async def _owners(self, scope: Scope) -> dict[Any, str | None]:
        """Whose row stands under each key and each unique group of these rows."""
        by_group: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for row in self.rows:
            for names, values in _groups(self.collection, row):
                by_group.setdefault(names, []).append(values)
        queries: list[Document] = []
        for names, wanted in by_group.items():
            places = [stored(self.collection, name) for name in names]
            if len(names) == 1:
                queries.append({places[0]: {"$in": [values[0] for values in wanted]}})
            else:
                queries += [dict(zip(places, values, strict=True)) for values in wanted]
        shown = {place for names in by_group for place in map(self._place, names)}
        fields = dict.fromkeys(shown | {"user_id"}, 1)
        found = scope.of(self.collection).find({"$or": queries}, fields, session=scope.session)
        owners: dict[Any, str | None] = {}
        async for document in found:
            row = row_of(self.collection, document)
            owner = row.get("user_id") if self.collection.per_user else None
            owners.update(dict.fromkeys(_groups(self.collection, row), owner))
        return owners

    def _place(self, name: str) -> str:
        return stored(self.collection, name)


class _Upsert(Step):
    def __init__(self, collection: Collection, row: Row) -> None:
        self.collection, self.row = collection, row
        self.absent = missing(collection, row)
        self.query: Document = {"_id": identity(collection, row)}
        if collection.per_user:
            self.query["user_id"] = row["user_id"]
        self.values = values_of(collection, row)
        self.values.pop("user_id", None)
        self.rewords = bool(set(collection.text) & row.keys())
        self.alone = not (self.rewords and self.absent)
        if not self.absent:
            self.values |= {name: row[name] for name in collection.key if len(collection.key) > 1}
            if collection.text:
                self.values[TERMS] = words_of(collection, row)

    async def run(self, scope: Scope) -> list[int]:
        if self.absent:
            return [await self._overwrite(scope)]
        target = scope.of(self.collection)
        for attempt in range(_ATTEMPTS):
            try:
                await target.update_one(
                    self.query, {"$set": self.values}, upsert=True, session=scope.session
                )
            except DuplicateKeyError as error:
                # Outside a transaction two that insert the same row can meet: then it is there now.
                if scope.session is not None or attempt == _ATTEMPTS - 1:
                    raise _taken(self.collection) from error
            else:
                break
        return [1]

    async def _overwrite(self, scope: Scope) -> int:
        target, touched = scope.of(self.collection), 0
        try:
            if self.values:
                changed = await target.update_one(
                    self.query, {"$set": self.values}, session=scope.session
                )
                touched = changed.matched_count
        except DuplicateKeyError as error:
            raise _taken(self.collection) from error
        if not touched:
            raise InputError(
                f"no such row in '{self.collection.name}', and a new one needs "
                f"{', '.join(self.absent)}"
            )
        if self.rewords:
            await _reword(scope, self.collection, self.query)
        return touched


class _Update(Step):
    def __init__(self, collection: Collection, user: str | None, operation: Update) -> None:
        self.collection = collection
        values, steps, bounds = own_changes(collection, user, operation)
        conditions = own_where(collection, user, operation.where)
        self.query = query_of(collection, conditions)
        self.expect = operation.expect
        self.one = names_one(collection, conditions)
        texts = set(collection.text) & values.keys()
        whole = texts == set(collection.text)
        self.rewords = bool(texts) and not whole
        self.alone = self.one and not self.rewords and self.expect in {None, 1}
        changed = values_of(collection, values)
        if texts and whole:
            changed[TERMS] = words_of(collection, values)
        self.change = _change(collection, changed, steps, bounds)

    async def run(self, scope: Scope) -> list[int]:
        target, session = scope.of(self.collection), scope.session
        found: list[Document] = []
        if self.rewords:  # what matches now may not match any more afterwards
            found = await target.find(self.query, {"_id": 1}, session=session).to_list()
        update = target.update_one if self.one else target.update_many
        try:
            done = await update(self.query, self.change, session=session)
        except DuplicateKeyError as error:
            raise _taken(self.collection) from error
        touched = done.matched_count
        if self.expect is not None and touched != self.expect:
            raise Conflict(
                f"an update of '{self.collection.name}' met {touched} rows where {self.expect} "
                "were expected; nothing was written",
                hint="read the row again: somebody else has changed it",
            )
        if found:
            ids = [document["_id"] for document in found]
            await _reword(scope, self.collection, {"_id": {"$in": ids}})
        return [touched]


class _Delete(Step):
    def __init__(self, collection: Collection, conditions: dict[str, Is]) -> None:
        self.collection = collection
        self.query = query_of(collection, conditions)
        self.alone = names_one(collection, conditions)

    async def run(self, scope: Scope) -> list[int]:
        target = scope.of(self.collection)
        delete = target.delete_one if self.alone else target.delete_many
        return [(await delete(self.query, session=scope.session)).deleted_count]


def _change(
    collection: Collection, values: Document, steps: Row, bounds: dict[str, tuple[Any, ...]]
) -> Document | list[Document]:
    """The update document; a pipeline where sums have bounds, which operators cannot express."""
    sums = {name: encode(collection, name, step) for name, step in steps.items()}
    if not bounds:
        return {
            operator: fields for operator, fields in (("$set", values), ("$inc", sums)) if fields
        }
    stage: Document = {name: {"$literal": value} for name, value in values.items()}
    for name, step in sums.items():
        total: Document = {"$add": [{"$ifNull": [f"${name}", encode(collection, name, 0)]}, step]}
        if name in bounds:
            low, high = (encode(collection, name, bound) for bound in bounds[name])
            total = {"$max": [low, {"$min": [high, total]}]}
        stage[name] = total
    return [{"$set": stage}]


async def _reword(scope: Scope, collection: Collection, query: Document) -> None:
    """Set the words of documents of whose text a part has changed."""
    target = scope.of(collection)
    fields = dict.fromkeys(collection.text, 1)
    found = await target.find(query, fields, session=scope.session).to_list()
    changes = [
        UpdateOne({"_id": one["_id"]}, {"$set": {TERMS: words_of(collection, one)}})
        for one in found
    ]
    if changes:
        await target.bulk_write(changes, session=scope.session)


def _groups(collection: Collection, row: Row) -> list[tuple[tuple[str, ...], tuple[Any, ...]]]:
    """The key and the unique groups, with the row's values, where none of them is None."""
    return [
        (names, values)
        for names in (collection.key, *collection.unique)
        if None not in (values := tuple(row.get(name) for name in names))
    ]


def _duplicate(error: DuplicateKeyError | BulkWriteError) -> int | None:
    """Which of the documents has a key that is taken; None if something else went wrong."""
    if isinstance(error, DuplicateKeyError):
        return 0
    failures = error.details.get("writeErrors") or [{}]
    return failures[0]["index"] if failures[0].get("code") in DUPLICATE else None


def _taken(collection: Collection) -> Conflict:
    return Conflict(
        f"a row of '{collection.name}' with that key or those unique fields is there already"
    )
