"""The table of large transactions: what state each is in, which rows it holds, who is alive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from time import time
from typing import Final

from luminora_dynamodb.changes import Action
from luminora_dynamodb.client import Client, Item
from luminora_dynamodb.items import Place

ALIVE_SECONDS: Final = 30
"""How long a writer that says nothing more counts as alive."""
PENDING, COMMITTED, ABORTED = "pending", "committed", "aborted"
_LISTED: Final = 1_000
"""Rows that one part of the list names."""


class Records:
    """Records by transaction: part 0 is its state, the others list its rows.

    Args:
        client: The connection.
        table: The table's full name.
    """

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self.table = table

    async def announce(self, transaction: str, places: Sequence[Place]) -> None:
        """List the rows, then say that the transaction has begun."""
        parts = [places[start : start + _LISTED] for start in range(0, len(places), _LISTED)]
        for number, part in enumerate(parts, 1):
            rows = json.dumps([[place.collection, *place.values] for place in part])
            await self._put({**self._key(transaction, number), "rows": {"S": rows}})
        await self._put({**self._key(transaction), "state": {"S": PENDING}})

    def alive(self, transaction: str) -> Action:
        """Goes with every request of the writer: nobody has given it up, and it lives on."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": self._key(transaction),
                "UpdateExpression": "SET #u = :u",
                "ConditionExpression": "#s = :p",
                "ExpressionAttributeNames": {"#s": "state", "#u": "until"},
                "ExpressionAttributeValues": {":p": {"S": PENDING}, ":u": _until()},
            }
        }

    async def decide(
        self, transaction: str, state: str, *, seen: dict[str, str] | None = None
    ) -> None:
        """Turn *pending* into another state; ``seen`` is the writer's last sign of life."""
        condition, values = "#s = :p", {":p": {"S": PENDING}, ":s": {"S": state}, ":u": _until()}
        if seen is not None:
            condition, values = f"{condition} AND #u = :e", {**values, ":e": seen}
        await self._client.call(
            "update_item",
            TableName=self.table,
            Key=self._key(transaction),
            UpdateExpression="SET #s = :s, #u = :u",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#s": "state", "#u": "until"},
            ExpressionAttributeValues=values,
        )

    async def states(self, transactions: Iterable[str]) -> dict[str, str]:
        """The state of each, as far as there is a record."""
        keys = [self._key(one) for one in set(transactions)]
        found = await self._client.get_many(self.table, keys)
        return {item["tx"]["S"]: item["state"]["S"] for item in found}

    async def find(self, transaction: str) -> Item | None:
        """The record, or None: it ended, or never began."""
        found = await self._client.get_many(self.table, [self._key(transaction)])
        return found[0] if found else None

    async def parts(self, transaction: str) -> list[Item]:
        """The lists of rows."""
        return [
            item
            async for items in self._client.pages(
                "query",
                TableName=self.table,
                ConsistentRead=True,
                KeyConditionExpression="#t = :t AND #p > :z",
                ExpressionAttributeNames={"#t": "tx", "#p": "part"},
                ExpressionAttributeValues={":t": {"S": transaction}, ":z": {"N": "0"}},
            )
            for item in items
        ]

    async def forget(self, transaction: str, parts: Sequence[Item]) -> None:
        """Delete the lists and, last, the record."""
        numbers = [*(int(item["part"]["N"]) for item in parts), 0]
        for number in numbers:
            await self._client.call(
                "delete_item", TableName=self.table, Key=self._key(transaction, number)
            )

    async def _put(self, item: Item) -> None:
        await self._client.call("put_item", TableName=self.table, Item={**item, "until": _until()})

    @staticmethod
    def _key(transaction: str, part: int = 0) -> Item:
        return {"tx": {"S": transaction}, "part": {"N": str(part)}}


def rows_in(part: Item) -> list[Place]:
    """The rows that a part lists."""
    return [Place(name, tuple(values)) for name, *values in json.loads(part["rows"]["S"])]


def _until() -> dict[str, str]:
    return {"N": f"{time() + ALIVE_SECONDS:.3f}"}
