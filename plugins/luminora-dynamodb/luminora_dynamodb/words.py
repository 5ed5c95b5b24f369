"""Full-text search where the database has none: the words of the newest messages are read.

Every message keeps its stemmed words in one attribute, and a local index holds these and little
else, so that a megabyte of it covers thousands of messages.
"""

from __future__ import annotations

from typing import Any, Final

from luminora.errors import InputError
from luminora.providers import lexical
from luminora.providers.checks import check_text, confined_to, declared, own_where
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Row, SearchText
from luminora.providers.rows import matches, ranked
from luminora_dynamodb.items import Place, place_in
from luminora_dynamodb.paths import WORD_FIELDS, WORDS, Path
from luminora_dynamodb.reading import Reader

SEARCHED: Final = 20_000
"""How many of a user's newest messages a search looks at."""
_KNOWN: Final = frozenset(WORD_FIELDS) - {"_terms"}


async def search(reader: Reader, query: SearchText) -> list[tuple[Row, float]]:
    """The best messages that share words with the query and meet its conditions.

    Raises:
        InputError: The collection is not ``messages``, or the scope is not one user.
    """
    collection = declared(query.collection)
    if collection is not MESSAGES:
        raise InputError(f"'{collection.name}' has no full-text search, only 'messages' has")
    if query.limit < 0:
        raise InputError("limit has to be zero or more")
    user = confined_to(collection, query.user_id)
    if user is None:
        raise InputError("a text search is always among one user's messages")
    conditions = own_where(collection, user, query.where)
    words = lexical.query_words(check_text(query.text, "text"))
    if not words or query.limit == 0:
        return []
    known = {name: condition for name, condition in conditions.items() if name in _KNOWN}
    candidates, allowed, total = await _candidates(reader, user, words, known)
    best = [pair for pair in ranked(candidates, words, total) if pair[0] in allowed]
    found: list[tuple[Row, float]] = []
    step = max(query.limit, 10)
    for start in range(0, len(best), step):
        part = best[start : start + step]
        rows = await reader.rows_at(collection, [place for place, _ in part])
        found += [
            (rows[place], score)
            for place, score in part
            if place in rows and matches(rows[place], conditions)
        ]
        if len(found) >= query.limit:
            break
    return found[: query.limit]


async def _candidates(
    reader: Reader, user: str, words: list[tuple[str, ...]], known: dict[str, Any]
) -> tuple[list[tuple[Place, list[str]]], set[Place], int]:
    """Messages with one of the words, newest first; those the conditions allow; how many in all."""
    wanted = {term for stems in words for term in stems}
    path = Path(
        "query",
        {
            "IndexName": WORDS.name,
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "KeyConditionExpression": "#h = :h",
            "ExpressionAttributeValues": {":h": {"S": user}},
        },
        {"#h": "user_id"},
        held=WORDS.held,
    )
    candidates: list[tuple[Place, list[str]]] = []
    allowed: set[Place] = set()
    total = 0
    async for items in reader.items(MESSAGES, user, path):
        total += len(items)
        for item in items:
            shared = wanted.intersection(item["_terms"]["S"].split(" ")) if "_terms" in item else ()
            if shared:
                place = place_in(MESSAGES, item)
                candidates.append((place, list(shared)))
                row = {name: item[name]["S"] for name in known if name in item}
                if matches(row, known):
                    allowed.add(place)
        if total >= SEARCHED:
            break
    return candidates, allowed, total
