"""Where memories came from: to look at, and to take back.

The part of :class:`luminora.client.LuminoraCoreClient` for whoever suspects that something was
planted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from luminora.memory.models import Session
from luminora.memory.personas import Personas
from luminora.memory.revocation import Registry, Revocation, Source
from luminora.memory.semantic import SemanticIndex
from luminora.memory.validate import checked_id
from luminora.providers import StorageProvider


class Sources:
    """Sources of one stack's memories."""

    _storage: StorageProvider
    _index: SemanticIndex
    _personas: Personas

    @abstractmethod
    async def _ready(self, *, adapt: bool = False) -> None:
        """Open the stack if it is not open yet."""

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """The session of that id."""

    async def get_suspicious(self, user_id: str) -> list[Source]:
        """The user's messages that give the companion orders, with what was learned from each.

        Reads all messages of the user, imported ones included.
        """
        await self._ready()
        return await self._registry.suspicious(checked_id(user_id, "user_id"))

    async def get_source(self, session_id: str, message_id: str) -> Source:
        """A message of the session's user, and what was learned from it.

        Raises:
            InputError: The user has no such message.
        """
        session = await self.get_session(session_id)
        row = await self._registry.message(session, checked_id(message_id, "message_id"))
        return await self._registry.source(row)

    async def revoke(self, session_id: str, message_id: str) -> Revocation:
        """Take back a message of the session's user, its answer, and all that was learned from it.

        Facts get their earlier value or go, episode, classification and vectors go, and affinity
        is set right by an event of its own, in one transaction. The message and its answer stay as
        empty rows of the role ``revoked``. Doing it again changes nothing.

        Raises:
            InputError: The user has no such message.
            StorageError, ProviderError: At most the vectors were deleted; call it again.
        """
        session = await self.get_session(session_id)
        row = await self._registry.message(session, checked_id(message_id, "message_id"))
        told_in = await self.get_session(row["session_id"])
        _, tree = self._personas.of(told_in)
        return await self._registry.revoke(row, tree)

    async def reindex_messages(self, session_id: str, message_ids: Sequence[str]) -> int:
        """Put messages of the session's user into the index by meaning once more; how many.

        Raises:
            InputError: The user has no such message.
            ProviderError, StorageError: The provider or store is down; nothing changed.
        """
        session = await self.get_session(session_id)
        wanted = [checked_id(one, "message_ids") for one in dict.fromkeys(message_ids)]
        rows = [await self._registry.message(session, one) for one in wanted]
        if rows:
            await self._storage.transaction(await self._index.add(session.user_id, rows))
        return len(rows)

    @property
    def _registry(self) -> Registry:
        return Registry(self._storage, self._index)
