"""What is remembered of the user of a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.client import LuminoraCoreClient
from luminoracore_sdk.features import Features
from luminoracore_sdk.records import Record, affinity_record, episode_record, record
from luminoracore_sdk.session.storage import StorageProvider


class MemoryManager:
    """Reads memories by session.

    Args:
        storage: Where they are kept.
        features: Which there are; a client asked for the others refuses. By default all.
    """

    def __init__(self, storage: StorageProvider, features: Features | None = None) -> None:
        self._storage = storage
        self._features = features or Features()

    async def _core(self, feature: str | None = None) -> LuminoraCoreClient:
        if feature is not None:
            self._features.require(feature)
        return await self._storage.engine(self._features).core()

    async def search_memories(self, session_id: str, query: str, top_k: int = 10) -> list[Record]:
        """The user's messages that answer best to ``query``, by words and by meaning."""
        core = await self._core("search")
        return [record(found) for found in await core.search_memories(session_id, query, top_k)]

    async def get_episodes(self, session_id: str, min_importance: float = 5.0) -> list[Record]:
        """Memorable moments of at least this importance (0 to 10), the weightiest first."""
        core = await self._core("episodes")
        return [episode_record(one) for one in await core.get_episodes(session_id, min_importance)]

    async def get_facts(self, session_id: str, category: str | None = None) -> list[Record]:
        """What is known of the user, latest first."""
        core = await self._core("facts")
        return [record(fact) for fact in await core.get_facts(session_id, category)]

    async def get_affinity(self, session_id: str) -> Record:
        """How close the user and the session's personality are."""
        core = await self._core("levels")
        return affinity_record(await core.get_affinity(session_id))

    async def export_snapshot(
        self, session_id: str, include_options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Everything about the session's user, to be kept or taken elsewhere."""
        return await (await self._core()).export_snapshot(session_id, include_options)

    async def import_snapshot(self, snapshot_file: str, user_id: str) -> str:
        """Take in a snapshot for a user; the id of the session to go on in."""
        return await (await self._core()).import_snapshot(snapshot_file, user_id)
