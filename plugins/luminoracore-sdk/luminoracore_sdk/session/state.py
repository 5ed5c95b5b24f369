"""Anything of an application's own that is kept with a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminoracore_sdk.session.storage import StorageProvider


class SessionState:
    """The state of one session.

    Args:
        storage: Where it is kept.
        session_id: Of which session.
    """

    def __init__(self, storage: StorageProvider, session_id: str) -> None:
        self._storage = storage
        self.session_id = session_id

    async def load(self) -> dict[str, Any]:
        """What was saved last; empty before."""
        return await self._storage.get_state(self.session_id)

    async def save(self, state: Mapping[str, Any]) -> None:
        """Keep this instead of what was saved before."""
        await self._storage.save_state(self.session_id, state)
