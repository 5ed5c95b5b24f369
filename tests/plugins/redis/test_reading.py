from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from luminora_redis.storage import RedisStorage

from luminora.providers import COLLECTIONS, EVERY_USER, Insert, Is, Row, StorageProvider
from luminora.providers.checks import order_of, own_where
from luminora.providers.rows import arranged, matches
from luminora.testing.data import START, message
from luminora.testing.servers.redis import RedisPlace
from tests.plugins.redis.made import storage_at

pytestmark = [
    pytest.mark.backend("storage redis", against="redis"),
    pytest.mark.xdist_group("redis"),
]

USERS = ("ana", "Ana", "ana ", "bö{b}", "c:d")
STATES = ("pending", "indexed", "indexed:b")


@pytest.fixture
async def storage(redis_place: RedisPlace) -> Any:
    made = storage_at(redis_place)
    yield made
    await made.aclose()


def said(chance: random.Random) -> list[Row]:
    return [
        message(
            chance.choice(USERS),
            id=f"{chance.choice('aAé')}-{number:02}",
            timestamp=START + timedelta(microseconds=chance.choice([-1, 0, 1, 10**13, -(10**15)])),
            session_id=chance.choice(["s", "s1", "s\x01", "ß"]),
            speaker_name=chance.choice([None, "", "a", "a\x01", "b", "é"]),
            embedding_state=chance.choice(STATES),
        )
        | {"seq": chance.choice([*range(6), -(2**63), 2**63 - 1, 2**53 + 1, -7])}
        for number in range(60)
    ]


def asked(chance: random.Random, rows: list[Row]) -> dict[str, Any]:
    where: dict[str, Any] = {}
    one = chance.choice(rows)
    names = ("id", "session_id", "seq", "embedding_state", "speaker_name", "timestamp", "user_id")
    for name in chance.sample(names, chance.randint(0, 3)):
        other = chance.choice(rows)[name]
        match chance.randint(0, 3):
            case 0:
                where[name] = one[name]
            case 1:
                where[name] = Is("in", [one[name], other])
            case 2:
                where[name] = Is("!=", other)
            case 3 if other is not None:
                where[name] = Is(chance.choice(["<", "<=", ">", ">="]), other)
    return where


@pytest.mark.parametrize("seed", range(4))
async def test_any_read_is_what_plain_python_makes_of_the_rows(
    storage: RedisStorage, seed: int
) -> None:
    chance = random.Random(seed)
    rows = said(chance)
    await storage.transaction([Insert("messages", row["user_id"], row) for row in rows])
    orders = ["seq", "-seq", "timestamp", "-timestamp", "speaker_name", "-id", "id", "-session_id"]
    collection = COLLECTIONS["messages"]
    for _ in range(150):
        user = chance.choice([*USERS, EVERY_USER])
        where = asked(chance, rows)
        if isinstance(user, str):
            where.pop("user_id", None)
        order = tuple(chance.sample(orders, chance.randint(0, 2)))
        after = chance.choice([None, chance.choice(rows)])
        limit = chance.choice([None, 0, 1, 2, 3, 7, 100])
        whose = None if user is EVERY_USER else str(user)
        met = [row for row in rows if matches(row, own_where(collection, whose, where))]
        sort = order_of(collection, order)
        expected = arranged(met, sort, limit=limit, after=after)
        found = await storage.find("messages", user, where, order=order, limit=limit, after=after)
        assert found == expected, (user, where, order, limit, after)
        assert await storage.count("messages", user, where) == len(met), (user, where)


async def test_pages_of_all_users_and_of_one_hold_every_row_once(storage: StorageProvider) -> None:
    rows = said(random.Random(9))
    await storage.transaction([Insert("messages", row["user_id"], row) for row in rows])
    for user in (EVERY_USER, "ana"):
        pages = [page async for page in storage.pages("messages", user, size=4)]
        ids = [row["id"] for page in pages for row in page]
        mine = [row["id"] for row in rows if user in (EVERY_USER, row["user_id"])]
        assert ids == sorted(mine)
        assert max(map(len, pages)) == 4
