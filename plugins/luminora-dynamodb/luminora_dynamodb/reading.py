"""Reading rows: candidates by the cheapest path, decided by the rows' common rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from luminora.errors import InputError
from luminora.providers.checks import confined_to, declared, order_of, own_where
from luminora.providers.collections import Collection
from luminora.providers.operations import Count, Find, Is, Row
from luminora.providers.rows import Order, arranged, matches
from luminora_dynamodb.client import VERSION, Client, Item
from luminora_dynamodb.items import (
    CLAIMS,
    Place,
    holder_in,
    key_claim,
    key_names,
    place_in,
    row_in,
)
from luminora_dynamodb.paths import Path, exact, path_of, places_of, projection

if TYPE_CHECKING:
    from luminora_dynamodb.journal import Journal

LEASE: Final = "#lock"
"""The component under which the ledger keeps the migration lock: no row of the collection."""
Fields = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Image:
    """A row as it was read.

    Attributes:
        place: Where it is.
        row: Its fields.
        version: Its ``_v``.
        transaction: The large transaction that holds it, if one does.
    """

    place: Place
    row: Row
    version: str
    transaction: str | None = None


class Reader:
    """Reads of one database.

    Args:
        client: The connection.
        journal: Knows what became of large transactions.
    """

    def __init__(self, client: Client, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._prefix = client.settings.table_prefix

    async def find(self, query: Find) -> list[Row]:
        """The rows that match, in order."""
        collection = declared(query.collection)
        user = confined_to(collection, query.user_id)
        conditions = own_where(collection, user, query.where)
        order = order_of(collection, query.order)
        limit, after = query.limit, query.after
        # says what is wrong with limit and after, whether or not there are rows
        arranged([], order, limit=limit, after=after)
        if after is not None and any(name not in after for name, _ in order):
            raise InputError("'after' lacks a field that the order goes by")
        if limit == 0:
            return []
        first = limit is not None
        paths = self._paths(collection, user, conditions, order, after, first=first)
        found = [row for path in paths for row in await self._along(path, query, conditions, order)]
        return arranged(found, order, limit=limit, after=after)

    async def _along(
        self, path: Path | None, query: Find, conditions: Mapping[str, Is], order: Order
    ) -> list[Row]:
        """The matching rows of one path; where it is ordered, the first of them suffice."""
        collection = declared(query.collection)
        user = confined_to(collection, query.user_id)
        sort = path.sort if path is not None else None
        limit, after = query.limit, query.after
        simple = not (conditions.keys() - {"user_id", "session_id", "embedding_state"})
        portion = _portion(limit, simple=simple) if sort else None
        found: list[Row] = []
        async for items in self._items(collection, user, conditions, path, None, portion):
            rows = [row_in(collection, item) for item in await self._resolved(collection, items)]
            found += [row for row in rows if matches(row, conditions)]
            if limit is None or sort is None or not items:
                continue
            best = arranged(found, order, limit=limit, after=after)
            if len(best) == limit and best[-1][sort] != row_in(collection, items[-1])[sort]:
                return best  # what follows sorts behind them
        return found

    async def count(self, query: Count) -> int:
        """How many rows match."""
        collection = declared(query.collection)
        user = confined_to(collection, query.user_id)
        conditions = own_where(collection, user, query.where)
        needed = frozenset(conditions) - set(key_names(collection))
        order, number = order_of(collection, ()), 0
        for path in self._paths(collection, user, conditions, order, None, needed=needed):
            async for items in self._items(collection, user, conditions, path, needed):
                for item in await self._resolved(collection, items, needed):
                    number += matches(_partial(collection, item, conditions), conditions)
        return number

    async def everything(
        self, collection: Collection, conditions: Mapping[str, Is], size: int
    ) -> AsyncIterator[list[Row]]:
        """All users' rows that match, in the table's own order, ``size`` at a time."""
        held: list[Row] = []
        path = Path("scan", {"ConsistentRead": True})
        async for items in self._items(collection, None, {}, path, None):
            rows = [row_in(collection, item) for item in await self._resolved(collection, items)]
            held += [row for row in rows if matches(row, conditions)]
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        if held:
            yield held

    async def images(
        self, collection: Collection, user: str | None, conditions: Mapping[str, Is]
    ) -> list[Image]:
        """Everything that may match, as it is, large transactions not looked into."""
        order = order_of(collection, ())
        return [
            _image(collection, item)
            for path in self._paths(collection, user, conditions, order, None)
            async for items in self._items(collection, user, conditions, path, None)
            for item in items
        ]

    async def at(self, places: Iterable[Place]) -> dict[Place, Image]:
        """The rows at these places, as they are."""
        by_collection: dict[str, list[Place]] = {}
        for place in places:
            by_collection.setdefault(place.collection, []).append(place)
        read = await asyncio.gather(
            *(
                self._client.get_many(self.table(name), [place.key for place in some])
                for name, some in by_collection.items()
            )
        )
        return {
            image.place: image
            for name, items in zip(by_collection, read, strict=True)
            for image in (_image(declared(name), item) for item in items)
        }

    async def holders(self, claims: Iterable[str]) -> dict[str, Place | None]:
        """Who holds each claim."""
        keys = {claim: {"claim": {"S": claim}} for claim in claims}
        items = await self._client.get_many(self.table(CLAIMS), keys.values())
        held = {item["claim"]["S"]: holder_in(item) for item in items}
        return {claim: held.get(claim) for claim in keys}

    async def rows_at(self, collection: Collection, places: Sequence[Place]) -> dict[Place, Row]:
        """The rows at these places, with what large transactions made of them."""
        keys = [place.key for place in places]
        items = await self._client.get_many(self.table(collection.name), keys)
        found = await self._resolved(collection, items)
        return {place_in(collection, item): row_in(collection, item) for item in found}

    async def items(
        self, collection: Collection, user: str, path: Path
    ) -> AsyncIterator[list[Item]]:
        """What an index holds of a user's rows, page by page."""
        async for items in self._items(collection, user, {}, path, path.held):
            yield await self._resolved(collection, items, path.held)

    def table(self, name: str) -> str:
        """The full name of a table."""
        return f"{self._prefix}{name}"

    def _paths(
        self,
        collection: Collection,
        user: str | None,
        conditions: Mapping[str, Is],
        order: Order,
        after: Row | None,
        *,
        first: bool = False,
        needed: Fields = None,
    ) -> Sequence[Path | None]:
        """The paths to take; a None stands for rows that are named by their keys."""
        if exact(collection, conditions) is not None:
            return [None]
        return path_of(collection, user, conditions, order, after, first=first, needed=needed)

    async def _items(
        self,
        collection: Collection,
        user: str | None,
        conditions: Mapping[str, Is],
        path: Path | None,
        needed: Fields,
        portion: int | None = None,
    ) -> AsyncIterator[list[Item]]:
        table = self.table(collection.name)
        whole = projection(collection, needed)
        if path is None:
            keys = exact(collection, conditions) or []
            places = await self._named(collection, user, keys)
            yield await self._client.get_many(table, [place.key for place in places], whole)
            return
        enough = path.held is None or (needed is not None and needed <= path.held)
        partial = path.held is not None
        shown = needed if enough else frozenset[str]()
        parameters = {
            **path.parameters,
            **projection(collection, shown, path.names, partial=partial),
        }
        if portion is not None:
            parameters["Limit"] = portion
        async for page in self._client.pages(path.operation, TableName=table, **parameters):
            items = [item for item in page if item.get("component", {}).get("S") != LEASE]
            stale = [item for item in items if not enough or (partial and "_tx" in item)]
            yield await self._fetched(collection, items, stale, whole) if stale else items

    async def _fetched(
        self, collection: Collection, items: list[Item], stale: list[Item], whole: dict[str, Any]
    ) -> list[Item]:
        """``items`` in their order, the stale ones read from the table itself."""
        places = [place_in(collection, item) for item in stale]
        keys = [place.key for place in places]
        read = await self._client.get_many(self.table(collection.name), keys, whole)
        fresh = {place_in(collection, item): item for item in read}
        outdated = set(places)
        ordered = [(place_in(collection, item), item) for item in items]
        return [
            fresh[place] if place in outdated else item
            for place, item in ordered
            if place not in outdated or place in fresh
        ]

    async def _named(
        self, collection: Collection, user: str | None, keys: Sequence[str]
    ) -> list[Place]:
        if user is not None or not collection.per_user:
            return places_of(collection, user, keys)
        held = await self.holders(key_claim(collection, key) for key in keys)
        return [place for place in held.values() if place is not None]

    async def _resolved(
        self, collection: Collection, items: list[Item], needed: Fields = None
    ) -> list[Item]:
        if not any("_tx" in item for item in items):
            return items
        shown = projection(collection, needed)
        return await self._journal.resolved(
            items,
            collection,
            lambda keys: self._client.get_many(self.table(collection.name), keys, shown),
        )


def _image(collection: Collection, item: Item) -> Image:
    transaction = item.get("_tx", {}).get("S")
    version = item.get(VERSION, {}).get("S", "")
    return Image(place_in(collection, item), row_in(collection, item), version, transaction)


def _partial(collection: Collection, item: Item, names: Iterable[str]) -> Row:
    row = row_in(collection, item)
    return {name: row[name] for name in names}


def _portion(limit: int | None, *, simple: bool) -> int | None:
    """Items to ask for at once: one more than wanted tells that no equals follow."""
    if limit is None:
        return None
    return limit + 1 if simple else 2 * limit + 10
