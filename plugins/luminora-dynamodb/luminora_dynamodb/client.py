"""Requests to DynamoDB: AWS's synchronous client on a handful of threads.

Threads belong to no event loop, so one storage serves any number of ``asyncio.run`` in a row. A
put took the same time as with aiobotocore (2 ms against moto, 1 ms against dynalite, 300 at once
0.7 s and 0.3 s with both), which would pin one exact version of botocore on everybody else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from luminora.errors import StorageUnavailable
from luminora_dynamodb.errors import Refused, drawn
from luminora_dynamodb.settings import Settings

Item = dict[str, Any]
"""Attributes as DynamoDB's protocol has them: name to ``{type: value}``."""

_BATCH: Final = 100
"""Items that one BatchGetItem may ask for."""
_ROUNDS: Final = 8
_SINGLE: Final = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}
VERSION: Final = "_v"
"""The attribute with a row's version: random text, another with every write."""


class Client:
    """A connection to DynamoDB that opens when it is first used.

    Args:
        settings: Where, as whom, and how long.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(
            settings.max_connections, thread_name_prefix="luminora-dynamodb"
        )
        self._lock = Lock()
        self._raw: Any = None

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One request, such as ``call("get_item", TableName=…)``.

        Raises:
            Refused: A condition did not hold.
            LuminoraError: Anything else; see :mod:`luminora_dynamodb.errors`.
        """
        loop = asyncio.get_running_loop()
        try:
            answer = loop.run_in_executor(self._threads, self._call, operation, parameters)
        except RuntimeError as error:  # the threads were shut down
            raise StorageUnavailable(
                "the storage is not connected",
                where=self.settings.place,
                hint="await connect() first",
            ) from error
        return await answer

    async def close(self) -> None:
        """Let the threads and connections go; calling it twice is harmless."""
        raw, self._raw = self._raw, None
        self._threads.shutdown(wait=False)
        if raw is not None:
            await asyncio.to_thread(raw.close)

    async def pages(self, operation: str, **parameters: Any) -> AsyncIterator[list[Item]]:
        """The items of a Query or Scan, page by page."""
        start: dict[str, Any] = {}
        while True:
            answer = await self.call(operation, **parameters, **start)
            yield answer.get("Items", [])
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def get_many(
        self, table: str, keys: Iterable[Item], projection: dict[str, Any] | None = None
    ) -> list[Item]:
        """Items by their keys, consistently, in no particular order; absent ones are left out."""
        unique = {repr(sorted(key.items(), key=str)): key for key in keys}
        asked = list(unique.values())
        parts = [asked[start : start + _BATCH] for start in range(0, len(asked), _BATCH)]
        found = await asyncio.gather(*(self._get_part(table, part, projection) for part in parts))
        return [item for part in found for item in part]

    async def write(self, actions: Sequence[dict[str, dict[str, Any]]]) -> None:
        """All the actions or none: one request, which costs half when it is a single action.

        Raises:
            Refused: A condition did not hold, or another transaction was at work there.
        """
        if len(actions) > 1:
            # a request that is sent again because its answer was lost is done once: AWS keeps
            # the token for ten minutes
            token = uuid4().hex
            await self.call("transact_write_items", TransactItems=actions, ClientRequestToken=token)
            return
        for action in actions:
            ((verb, inner),) = action.items()
            try:
                await self.call(_SINGLE[verb], **inner)
            except Refused:
                if not await self._ours(inner):
                    raise

    async def _ours(self, inner: dict[str, Any]) -> bool:
        """Whether a single write that was refused had been done, its first answer being lost."""
        names = inner.get("ExpressionAttributeNames", {})
        if "Item" in inner:
            version = inner["Item"].get(VERSION)
            hashed = names.get("#h")
            key = {hashed: inner["Item"][hashed]} if hashed else None
        else:
            values = inner.get("ExpressionAttributeValues", {})
            aliases = [one for one, name in names.items() if name == VERSION and one != "#v"]
            version = values.get(f":{aliases[0][1:]}") if aliases else None
            key = inner["Key"]
        if version is None or key is None:
            return False
        found = await self.call(
            "get_item", TableName=inner["TableName"], Key=key, ConsistentRead=True
        )
        return bool(found.get("Item", {}).get(VERSION) == version)

    async def _get_part(
        self, table: str, keys: Sequence[Item], projection: dict[str, Any] | None
    ) -> list[Item]:
        rest: dict[str, Any] = {
            table: {"Keys": list(keys), "ConsistentRead": True, **(projection or {})}
        }
        found: list[Item] = []
        for attempt in range(_ROUNDS):
            answer = await self.call("batch_get_item", RequestItems=rest)
            found += answer.get("Responses", {}).get(table, [])
            before, rest = rest, answer.get("UnprocessedKeys") or {}
            if not rest:
                return found
            if len(rest[table]["Keys"]) == len(before[table]["Keys"]):
                await pause(attempt)
        raise StorageUnavailable(
            "DynamoDB keeps leaving items of a batch unread: it is too busy",
            where=f"{self.settings.place}, table {table}",
            hint="try again later",
        )

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(), operation)(**parameters)
        except Exception as error:
            name = "".join(part.capitalize() for part in operation.split("_"))
            raised = drawn(error, name, self.settings.place, parameters.get("TableName"))
            if raised is error:
                raise
            raise raised from error
        return answer

    def _client(self) -> Any:
        with self._lock:
            if self._raw is None:
                self._raw = self._open()
            return self._raw

    def _open(self) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]

        settings = self.settings
        access, secret, token = settings.credentials or (None, None, None)
        config = Config(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            max_pool_connections=settings.max_connections,
            retries={"mode": "standard", "total_max_attempts": settings.max_attempts},
            user_agent_extra="luminora-dynamodb",
        )
        with _opening:  # a session is not safe to share, the clients it makes are
            return _session(settings.profile).create_client(
                "dynamodb",
                region_name=settings.region,
                endpoint_url=settings.endpoint_url,
                aws_access_key_id=access,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=config,
            )


_opening = Lock()


@lru_cache(maxsize=8)
def _session(profile: str | None) -> Any:
    """One session per profile: it has read DynamoDB's description, which takes a fifth of a second.

    Raises:
        ProfileNotFound: As its client is made.
    """
    import botocore.session  # type: ignore[import-untyped]

    return botocore.session.Session(profile=profile)


async def pause(attempt: int) -> None:
    """Wait before the next attempt: longer each time, and never as long as the others."""
    await asyncio.sleep(random.uniform(0.5, 1.0) * 0.01 * 2 ** min(attempt, 7))  # noqa: S311
