"""Deleting one conversation, and with it what no other one told of."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from luminora.memory.models import Session
from luminora.memory.retention import belongings, deletions
from luminora.memory.semantic import SemanticIndex
from luminora.providers import Count, Delete, Row, StorageProvider

_PAGE = 200


class Eraser:
    """Deletes conversations.

    Args:
        storage: Where they are.
        index: Forgets the vectors of their messages.
    """

    def __init__(self, storage: StorageProvider, index: SemanticIndex) -> None:
        self._storage = storage
        self._index = index

    async def erase(self, session: Session, *, dry_run: bool = False) -> dict[str, int]:
        """Delete a conversation; rows by collection.

        The session itself goes last, so that an interrupted run can be repeated, and what was
        said meanwhile goes after it: once there is no session, no message can be added to it.
        """
        user_id, own = session.user_id, {"session_id": session.session_id}
        counts: Counter[str] = Counter()
        if not dry_run:
            counts["message_embeddings"] += await self._vectors(session)
        await self._messages(session, counts, dry_run=dry_run)
        rest = ("episodes", "session_moods", "sessions")
        if dry_run:
            found = await self._storage.read([Count(name, user_id, own) for name in rest])
        else:
            found = await self._storage.transaction([Delete(name, user_id, own) for name in rest])
            await self._messages(session, counts, dry_run=False)
            # an exchange under way may have indexed a message, or an answer that was never saved
            counts["message_embeddings"] += await self._vectors(session)
        counts.update(dict(zip(rest, found, strict=True)))
        return {name: count for name, count in counts.items() if count}

    async def _messages(self, session: Session, counts: Counter[str], *, dry_run: bool) -> None:
        user_id, done = session.user_id, set[str]()
        async for page in self._pages(session):
            found = await belongings(self._storage, user_id, page)
            gone = {
                name: [row for row in rows if _key(name, row) not in done]
                for name, rows in found.items()
                if name != "episodes"  # they carry their session's id
            }
            done.update(_key(name, row) for name, rows in gone.items() for row in rows)
            counts.update({name: len(rows) for name, rows in gone.items()})
            if not dry_run:
                await self._storage.transaction(deletions(user_id, gone))

    async def _vectors(self, session: Session) -> int:
        return await self._index.forget_session(session.user_id, session.session_id)

    async def _pages(self, session: Session) -> AsyncIterator[list[Row]]:
        own, last = {"session_id": session.session_id}, None
        while page := await self._storage.find(
            "messages", session.user_id, own, order=("seq",), limit=_PAGE, after=last
        ):
            yield page
            last = page[-1]


def _key(collection: str, row: Row) -> str:
    return f"{collection}/{row['message_id' if 'message_id' in row else 'id']}"
