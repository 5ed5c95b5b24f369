"""Chroma in this process, on a folder: synchronous, so one thread does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import chromadb
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from luminora.errors import LuminoraError, StorageError
from luminora.providers.folders import FolderLock, lock_folder
from luminora_chromadb.links import (
    Absent,
    Exists,
    Handle,
    Link,
    Row,
    Vectors,
    Where,
    said_by_chroma,
)

T = TypeVar("T")


class Local(Link):
    """A folder. Other processes are kept out of it: Chroma would not notice what they write.

    Args:
        folder: Where the files are; made when it is first used.
        lock_seconds: How long to wait for another process that has it open.
    """

    kind = "local Chroma"

    def __init__(self, folder: Path | str, *, lock_seconds: float = 2.0) -> None:
        self.where = str(folder)
        self._folder = Path(folder)
        self._lock_seconds = lock_seconds
        self._lock: FolderLock | None = None
        self._client: Any = None
        self._thread: ThreadPoolExecutor | None = None

    async def version(self) -> str:
        """The package's version; opens the folder."""

        def version() -> str:
            self._opened()
            return chromadb.__version__

        return await self._run(version)

    async def find(self, name: str) -> Handle | None:
        """The collection of that name."""

        def find() -> Handle | None:
            try:
                found = self._opened().get_collection(name, embedding_function=None)
            except NotFoundError:
                return None
            return Handle(str(found.id), found.metadata or {}, found)

        return await self._run(find)

    async def create(self, name: str, metadata: Mapping[str, Any]) -> None:
        """Make a collection that compares by cosine, and embeds nothing itself."""
        await self._run(
            lambda: self._opened().create_collection(
                name,
                metadata=dict(metadata),
                configuration={"hnsw": {"space": "cosine"}},
                embedding_function=None,
            )
        )

    async def note(self, handle: Handle, metadata: Mapping[str, Any]) -> None:
        """Replace what is noted on a collection."""
        await self._run(lambda: handle.native.modify(metadata=dict(metadata)))

    async def drop(self, name: str) -> None:
        """Delete a collection; it may be absent."""
        try:
            await self._run(lambda: self._opened().delete_collection(name))
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
        await self._run(
            lambda: handle.native.upsert(
                ids=list(ids), embeddings=vectors, metadatas=list(metadatas)
            )
        )

    async def nearest(
        self, handle: Handle, vector: Vectors, most: int, where: Where
    ) -> list[tuple[str, float]]:
        """Ids and distances, nearest first."""
        found = await self._run(
            lambda: handle.native.query(
                query_embeddings=vector.reshape(1, -1),
                n_results=most,
                where=where,
                include=["distances"],
            )
        )
        return list(zip(found["ids"][0], found["distances"][0], strict=True))

    async def ids(
        self, handle: Handle, where: Where, among: Sequence[str] | None = None
    ) -> list[str]:
        """The ids of what matches."""
        some = None if among is None else list(among)
        found = await self._run(lambda: handle.native.get(ids=some, where=where, include=[]))
        return list(found["ids"])

    async def rows(self, handle: Handle, ids: Sequence[str]) -> list[Row]:
        """Those of the items that exist."""
        found = await self._run(
            lambda: handle.native.get(ids=list(ids), include=["embeddings", "metadatas"])
        )
        rows = zip(found["ids"], found["embeddings"], found["metadatas"], strict=True)
        return [Row(item, vector.tolist(), metadata) for item, vector, metadata in rows]

    async def delete(self, handle: Handle, ids: Sequence[str]) -> None:
        """Delete items."""
        await self._run(lambda: handle.native.delete(ids=list(ids)))

    async def count(self, handle: Handle) -> int:
        """Items in the collection."""
        return int(await self._run(handle.native.count))

    async def close(self) -> None:
        """Close the folder, so that another process may have it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._shut)
            thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="luminora-chroma")

        def run() -> T:
            try:
                return work()
            except (LuminoraError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # Chroma's core may panic, which is no Exception
                raise self._translated(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _opened(self) -> Any:
        if self._client is None:
            lock = lock_folder(
                self._folder,
                self._lock_seconds,
                setting="persist_directory",
                why="a local Chroma takes one process",
                instead="run a server (chroma run --path …) and set host instead of "
                "persist_directory",
                name="luminora.lock",
            )
            try:
                # Neither telemetry nor settings from a .env file that is meant for others.
                settings = Settings(anonymized_telemetry=False, _env_file=None)  # type: ignore[call-arg]
                self._client = chromadb.PersistentClient(str(self._folder), settings=settings)
            except BaseException:
                lock.release()
                raise
            self._lock = lock
        return self._client

    def _shut(self) -> None:
        client, self._client = self._client, None
        lock, self._lock = self._lock, None
        try:
            if client is not None:
                client.close()
        finally:
            if lock is not None:
                lock.release()

    def _translated(self, error: BaseException) -> Exception:
        said = str(error).strip() or type(error).__name__
        if isinstance(error, NotFoundError):
            return Absent(said)
        if isinstance(error, ChromaError) and "already exists" in said:
            return Exists(said)
        if isinstance(error, Exception):
            return said_by_chroma(said, self.where)
        return StorageError(f"Chroma panicked: {said}", where=self.where)
