"""A Chroma server, by its REST API v2 (https://docs.trychroma.com, ``/docs`` of every server).

Spoken directly rather than through the package's client, which has no deadline, never says which
status an answer had, and, where it is asynchronous, does not verify certificates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import quote

import httpx
import orjson

from luminora.errors import MalformedResponse, StorageUnavailable
from luminora_chromadb.links import Absent, Handle, Link, Row, Vectors, Where
from luminora_chromadb.refusals import refusal

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CONNECTIONS: Final = 10
_NAME: Final = "chromadb"
_SENT: Final = {"Authorization": "Bearer {}", "X-Chroma-Token": "{}"}


class Remote(Link):
    """A server. Connections belong to an event loop: another loop gets its own.

    Args:
        host: Its name or address.
        port: Its port.
        ssl: Whether it speaks TLS; None to let the token decide, which should not be sent in clear
            to another machine.
        token: The token, if it wants one.
        token_header: ``"Authorization"`` (as a bearer token) or ``"X-Chroma-Token"``.
        tenant: Its tenant.
        database: Its database.
        timeout: Seconds one request may take.
    """

    kind = "Chroma"

    def __init__(
        self,
        host: str,
        port: int = 8000,
        *,
        ssl: bool | None = None,
        token: str | None = None,
        token_header: str = "Authorization",  # noqa: S107 - a header's name
        tenant: str = "default_tenant",
        database: str = "default_database",
        timeout: float = 10.0,
    ) -> None:
        local = host in _LOOPBACK
        secure = ssl if ssl is not None else token is not None and not local
        named = f"[{host}]" if ":" in host else host
        self.where = f"{'https' if secure else 'http'}://{named}:{port}"
        self.in_clear = token is not None and not secure and not local
        self.timeout = timeout
        self._collections = (
            f"/tenants/{quote(tenant, safe='')}/databases/{quote(database, safe='')}/collections"
        )
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers[token_header] = _SENT[token_header].format(token)
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def version(self) -> str:
        """The server's version."""
        return str(await self._ask("GET", "/version"))

    async def find(self, name: str) -> Handle | None:
        """The collection of that name."""
        try:
            found = await self._ask("GET", f"{self._collections}/{quote(name, safe='')}")
        except Absent:
            return None
        try:
            return Handle(str(found["id"]), found["metadata"] or {})
        except (KeyError, TypeError) as error:
            raise self._strange(error) from error

    async def create(self, name: str, metadata: Mapping[str, Any]) -> None:
        """Make a collection that compares by cosine."""
        body = {
            "name": name,
            "metadata": dict(metadata),
            "configuration": {"hnsw": {"space": "cosine"}},
            "get_or_create": False,
        }
        await self._ask("POST", self._collections, body)

    async def note(self, handle: Handle, metadata: Mapping[str, Any]) -> None:
        """Replace what is noted on a collection."""
        body = {"new_metadata": dict(metadata)}
        await self._ask("PUT", f"{self._collections}/{handle.id}", body)

    async def drop(self, name: str) -> None:
        """Delete a collection; it may be absent."""
        try:
            await self._ask("DELETE", f"{self._collections}/{quote(name, safe='')}")
        except Absent:
            return

    async def upsert(
        self,
        handle: Handle,
        ids: Sequence[str],
        vectors: Vectors,
        metadatas: Sequence[Mapping[str, Any]],
    ) -> None:
        """Store items, one row of ``vectors`` each."""
        body = {"ids": list(ids), "embeddings": vectors, "metadatas": list(metadatas)}
        await self._to(handle, "upsert", body)

    async def nearest(
        self, handle: Handle, vector: Vectors, most: int, where: Where
    ) -> list[tuple[str, float]]:
        """Ids and distances, nearest first."""
        body = {
            "query_embeddings": vector.reshape(1, -1),
            "n_results": most,
            "where": where,
            "include": ["distances"],
        }
        found = await self._to(handle, "query", body)
        try:
            return list(zip(found["ids"][0], found["distances"][0], strict=True))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._strange(error) from error

    async def ids(
        self, handle: Handle, where: Where, among: Sequence[str] | None = None
    ) -> list[str]:
        """The ids of what matches."""
        body: dict[str, Any] = {"where": where, "include": []}
        if among is not None:
            body["ids"] = list(among)
        found = await self._to(handle, "get", body)
        try:
            return cast("list[str]", found["ids"])
        except (KeyError, TypeError) as error:
            raise self._strange(error) from error

    async def rows(self, handle: Handle, ids: Sequence[str]) -> list[Row]:
        """Those of the items that exist."""
        body = {"ids": list(ids), "include": ["embeddings", "metadatas"]}
        found = await self._to(handle, "get", body)
        try:
            rows = zip(found["ids"], found["embeddings"], found["metadatas"], strict=True)
            return [Row(item, vector, metadata) for item, vector, metadata in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise self._strange(error) from error

    async def delete(self, handle: Handle, ids: Sequence[str]) -> None:
        """Delete items."""
        await self._to(handle, "delete", {"ids": list(ids)})

    async def count(self, handle: Handle) -> int:
        """Items in the collection."""
        found = await self._ask("GET", f"{self._collections}/{handle.id}/count")
        try:
            return int(found)
        except (TypeError, ValueError) as error:
            raise self._strange(error) from error

    async def close(self) -> None:
        """Close the connections of the running loop."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    async def _to(self, handle: Handle, what: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("POST", f"{self._collections}/{handle.id}/{what}", body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server, once more if a kept connection turns out to be closed.

        Every request may be repeated: it states an outcome, not a change.
        """
        data = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        try:
            try:
                response = await self._once(method, path, data)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                response = await self._once(method, path, data)
        except (TimeoutError, httpx.TimeoutException) as error:
            late = f"no answer within {self.timeout:g} seconds (timeout_seconds)"
            raise self._unreachable(late) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        if not response.is_success:
            raise refusal(response.status_code, response.content, self.where)
        try:
            return orjson.loads(response.content)
        except ValueError as error:
            raise self._strange(error) from error

    async def _once(self, method: str, path: str, data: bytes | None) -> httpx.Response:
        async with asyncio.timeout(self.timeout):
            return await self._connected().request(method, f"/api/v2{path}", content=data)

    def _connected(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx.AsyncClient(
                base_url=self.where,
                headers=self._headers,
                timeout=self.timeout,
                limits=httpx.Limits(max_keepalive_connections=_CONNECTIONS),
            )
            self._loop = loop
        return self._client

    def _unreachable(self, why: str) -> StorageUnavailable:
        return StorageUnavailable(
            f"Chroma cannot be reached: {why}",
            where=self.where,
            hint="check that the server runs (chroma run), and host and port in luminora.json",
        )

    def _strange(self, error: Exception) -> MalformedResponse:
        return MalformedResponse(
            f"the answer is not Chroma's: {type(error).__name__}",
            provider=_NAME,
            where=self.where,
            hint="check that host and port in luminora.json lead to a Chroma server of version 1",
        )
