"""The commands of migrations: tables are created, deleted, and told what expires."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from luminora.errors import MigrationError, SchemaPending, StorageError, StorageUnavailable
from luminora_dynamodb.client import Client

SETTLED_SECONDS: Final = 600.0
"""How long AWS may take to create or delete tables."""
_NAMES: Final = 100
_COMPARED: Final = ("KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")


class Tables:
    """The tables behind one connection."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._creating: set[str] = set()

    async def run(self, command: Mapping[str, Any]) -> None:
        """Carry out one command of a migration; one that is carried out already is fine.

        Tables are created side by side: :meth:`settled` waits for them.

        Raises:
            MigrationError: There is no such command, or a table of that name is something else.
            StorageError: DynamoDB refuses.
        """
        match list(command.items()):
            case [("create_table", definition)]:
                await self._begin(definition)
            case [("delete_table", {"TableName": name})]:
                await self._delete(name)
            case [("update_time_to_live", parameters)]:
                await self.settled()
                await self._expire(parameters)
            case _:
                raise MigrationError(f"no such command: {', '.join(command)}")

    async def create(self, definition: Mapping[str, Any]) -> None:
        """Create a table unless there is one, and wait until it can be used."""
        name = definition["TableName"]
        if await self._remaining(name) is None:
            await self._create(definition)
        self._creating.add(name)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every table that was created can be used."""
        deadline = monotonic() + SETTLED_SECONDS
        pause = 0.02
        while self._creating:
            for name in sorted(self._creating):
                found = await self._describe(name)
                if found is not None and _active(found):
                    self._creating.discard(name)
            if not self._creating:
                return
            _check_deadline(deadline, min(self._creating), "created")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def counted(self, prefix: str, known: frozenset[str]) -> dict[str, int]:
        """Tables whose name has the prefix, and how many items each holds.

        With an empty prefix every table of the account and region is ours to name, but only
        those of ``known`` names are counted item by item.
        """
        names = [name for name in await self._names() if name.startswith(prefix)]
        ours = {f"{prefix}{name}" for name in known}
        counts = await asyncio.gather(*(self._count(name, exact=name in ours) for name in names))
        return {name: count for name, count in zip(names, counts, strict=True) if count is not None}

    async def _names(self) -> list[str]:
        names: list[str] = []
        start: dict[str, str] = {}
        while True:
            answer = await self._client.call("list_tables", Limit=_NAMES, **start)
            names += answer["TableNames"]
            if "LastEvaluatedTableName" not in answer:
                return sorted(names)
            start = {"ExclusiveStartTableName": answer["LastEvaluatedTableName"]}

    async def _count(self, name: str, *, exact: bool) -> int | None:
        found = await self._describe(name)
        if found is None:
            return None
        told = int(found.get("ItemCount", 0))
        if not exact:
            return told
        answer = await self._client.call(
            "scan", TableName=name, Select="COUNT", ConsistentRead=True
        )
        counted = int(answer["Count"])
        return max(counted, told) if "LastEvaluatedKey" in answer else counted

    async def _begin(self, definition: Mapping[str, Any]) -> None:
        name = definition["TableName"]
        found = await self._remaining(name)
        if found is None:
            await self._create(definition)
        elif not _same(found, definition) or await self._count(name, exact=True):
            raise MigrationError(
                f"there is a table '{name}' already, and it is not an empty one of this form",
                where=self._client.settings.place,
                hint="it may be another program's: set another table_prefix in luminora.json, or "
                f"delete it if nobody needs it (aws dynamodb delete-table --table-name {name})",
            )
        self._creating.add(name)

    async def _create(self, definition: Mapping[str, Any]) -> None:
        try:
            await self._client.call("create_table", **definition)
        except StorageError as error:
            # another process was quicker, or the answer to our own first request was lost
            if "ResourceInUseException" not in error.message:
                raise

    async def _delete(self, name: str) -> None:
        try:
            await self._client.call("delete_table", TableName=name)
        except SchemaPending:
            return
        except StorageError as error:
            if "ResourceInUseException" not in error.message:
                raise
        await self._remaining(name)

    async def _expire(self, parameters: Mapping[str, Any]) -> None:
        wanted = parameters["TimeToLiveSpecification"]
        try:
            await self._client.call("update_time_to_live", **parameters)
        except StorageError as error:
            state = "enabled" if wanted.get("Enabled") else "disabled"
            if f"already {state}" not in error.message:
                raise

    async def _remaining(self, name: str) -> dict[str, Any] | None:
        """The table, or None: one that is being deleted is waited for until it is gone."""
        deadline = monotonic() + SETTLED_SECONDS
        pause = 0.02
        while True:
            found = await self._describe(name)
            if found is None or found["TableStatus"] != "DELETING":
                return found
            _check_deadline(deadline, name, "deleted")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            answer = await self._client.call("describe_table", TableName=name)
        except SchemaPending:
            return None
        found: dict[str, Any] = answer["Table"]
        return found


def _active(table: Mapping[str, Any]) -> bool:
    indexes = table.get("GlobalSecondaryIndexes", [])
    states = [table["TableStatus"], *(one.get("IndexStatus", "ACTIVE") for one in indexes)]
    return all(state == "ACTIVE" for state in states)


def _same(table: Mapping[str, Any], definition: Mapping[str, Any]) -> bool:
    """Whether a table has the keys and indexes of a definition."""
    return all(_form(table.get(part)) == _form(definition.get(part)) for part in _COMPARED)


def _form(part: Any) -> Any:
    if not part:
        return []
    if "IndexName" not in part[0]:
        return [(one["AttributeName"], one["KeyType"]) for one in part]
    return sorted((one["IndexName"], _form(one["KeySchema"])) for one in part)


def _check_deadline(deadline: float, name: str, what: str) -> None:
    if monotonic() > deadline:
        raise StorageUnavailable(
            f"table '{name}' is still being {what} after {SETTLED_SECONDS:g} seconds",
            hint="look at it in the AWS console, then: luminora migrate --status",
        )
