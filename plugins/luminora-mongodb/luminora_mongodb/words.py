"""Full-text search over messages, by the words that stand in each document.

A document's ``terms`` are the stems of :mod:`luminora.providers.lexical`, indexed after the user,
so that a search touches one user's postings only. The server answers with each candidate's shared
terms; :func:`luminora.providers.rows.ranked` scores them as every storage does, and only the best
are fetched whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from luminora.errors import InputError
from luminora.providers.checks import check_text, confined_to, declared, own_where
from luminora.providers.collections import MESSAGES
from luminora.providers.lexical import query_words
from luminora.providers.operations import Row, Scope, Where
from luminora.providers.rows import ranked
from luminora_mongodb.documents import TERMS, query_of, row_of

CANDIDATES: Final = 20_000
"""The newest messages with one of the words that a search looks at."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search, checked: whose, for what, under which conditions, and how many."""

    user: str
    words: list[tuple[str, ...]]
    query: dict[str, Any]
    limit: int


def prepared(collection: str, user_id: Scope, text: str, where: Where, limit: int) -> Search | None:
    """The search, or None if nothing can come of it.

    Raises:
        InputError: It can never be answered.
    """
    found = declared(collection)
    if found is not MESSAGES:
        raise InputError(f"'{found.name}' has no full-text index, only 'messages' has")
    if limit < 0:
        raise InputError("limit has to be zero or more")
    user = confined_to(found, user_id)
    if user is None:
        raise InputError("a text search is always among one user's messages")
    words = query_words(check_text(text, "text"))
    query = query_of(found, own_where(found, user, where))
    return Search(user, words, query, limit) if words and limit else None


async def found(
    messages: AsyncCollection[dict[str, Any]], search: Search
) -> list[tuple[Row, float]]:
    """The best messages with their scores: two questions at once, then the rows."""
    wanted = sorted({term for word in search.words for term in word})
    stages: list[dict[str, Any]] = [
        {"$match": {**search.query, TERMS: {"$in": wanted}}},
        {"$sort": {"seq": -1, "_id": -1}},
        {"$limit": CANDIDATES},
        {"$project": {TERMS: {"$setIntersection": [f"${TERMS}", {"$literal": wanted}]}}},
    ]

    async def candidates() -> list[dict[str, Any]]:
        cursor = await messages.aggregate(stages, allowDiskUse=True, batchSize=CANDIDATES)
        return await cursor.to_list()

    held, total = await asyncio.gather(
        candidates(), messages.count_documents({"user_id": search.user})
    )
    best = ranked(((one["_id"], one[TERMS]) for one in held), search.words, total)[: search.limit]
    if not best:
        return []
    condition = {"_id": {"$in": [one for one, _ in best]}, "user_id": search.user}
    rows = {
        one["_id"]: row_of(MESSAGES, one)
        for one in await messages.find(condition, {TERMS: 0}, batch_size=len(best) + 1).to_list()
    }
    return [(rows[one], score) for one, score in best if one in rows]
