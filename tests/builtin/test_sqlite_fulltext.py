from __future__ import annotations

import asyncio
import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.builtin.sqlite import fulltext
from luminora.builtin.sqlite.fulltext import score
from luminora.providers import Delete, Insert, lexical
from luminora.testing.data import message
from tests.providers.sqlite_files import migrated

postings = st.lists(st.sets(st.integers(1, 60), min_size=1), min_size=1, max_size=6)


def naive(found: list[list[int]], total: int) -> dict[int, float]:
    points: dict[int, float] = {}
    for posting in found:
        for num in posting:
            points[num] = points.get(num, 0.0) + log(1 + total / len(posting))
    return points


def scored(*args) -> dict[int, float]:
    numbers, points = score(*args)
    return dict(zip(numbers.tolist(), points.tolist(), strict=True))


@given(postings)
def test_points_add_up(found):
    found = sorted((sorted(posting) for posting in found), key=len)
    assert scored(found, 60, None) == pytest.approx(naive(found, 60))


@given(postings, st.sets(st.integers(1, 60)))
def test_only_what_is_allowed_counts(found, allowed):
    found = sorted((sorted(posting) for posting in found), key=len)
    expected = {num: points for num, points in naive(found, 60).items() if num in allowed}
    assert scored(found, 60, None, allowed) == pytest.approx(expected)


@given(postings, st.integers(1, 10))
def test_leaving_out_what_cannot_win_changes_no_winner(found, limit):
    found = sorted((sorted(posting) for posting in found), key=len)
    full, pruned = naive(found, 60), scored(found, 60, limit)
    best = sorted(full.values(), reverse=True)[:limit]
    assert sorted(pruned.values(), reverse=True)[:limit] == pytest.approx(best)
    assert all(points == pytest.approx(full[num]) for num, points in pruned.items())


async def test_search_agrees_with_reading_everything(tmp_path):
    chance = random.Random(11)
    vocabulary = [f"word{number}" for number in range(40)]
    storage = await migrated(tmp_path / "luminora.db")
    said: dict[str, set[str]] = {}
    for user in ("ana", "bob"):
        rows = [
            message(user, seq, content=" ".join(chance.choices(vocabulary, k=6)))
            for seq in range(150)
        ]
        await storage.transaction([Insert("messages", user, row) for row in rows])
        if user == "ana":
            said = {row["id"]: set(lexical.terms(row["content"])) for row in rows}
    for _ in range(20):
        query = " ".join(chance.choices(vocabulary, k=4))
        words = lexical.query_words(query)
        found = {stems: [i for i, terms in said.items() if terms & set(stems)] for stems in words}
        expected: dict[str, float] = {}
        for holders in found.values():
            for holder in holders:
                weight = log(1 + len(said) / len(holders))
                expected[holder] = expected.get(holder, 0.0) + weight
        hits = await storage.search_text("messages", "ana", query, limit=10)
        assert [points for _, points in hits] == pytest.approx(
            sorted(expected.values(), reverse=True)[:10]
        )
        assert all(points == pytest.approx(expected[row["id"]]) for row, points in hits)
    await storage.aclose()


async def test_the_newer_of_two_equals_comes_first(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    for seq in range(20):
        await storage.insert("messages", "ana", message("ana", seq, content="the same words"))
    hits = await storage.search_text("messages", "ana", "same words", limit=5)
    assert [row["seq"] for row, _ in hits] == [19, 18, 17, 16, 15]
    await storage.aclose()


async def test_no_more_rows_are_read_than_asked_for(tmp_path, monkeypatch):
    storage = await migrated(tmp_path / "luminora.db")
    rows = [message("ana", seq, content=f"word {seq}") for seq in range(300)]
    await storage.transaction([Insert("messages", "ana", row) for row in rows])
    read: list[int] = []
    real = storage._statements.rows

    def counting(name, raw):
        found = real(name, raw)
        read.append(len(found))
        return found

    monkeypatch.setattr(storage._statements, "rows", counting)
    assert len(await storage.search_text("messages", "ana", "word", limit=7)) == 7
    assert sum(read) == 7
    await storage.aclose()


async def test_a_word_in_every_message_counts_for_the_newest(tmp_path, monkeypatch):
    monkeypatch.setattr(fulltext, "_COUNTED", 50)
    storage = await migrated(tmp_path / "luminora.db")
    rows = [message("ana", seq, content=f"word {seq}") for seq in range(200)]
    await storage.transaction([Insert("messages", "ana", row) for row in rows])
    hits = await storage.search_text("messages", "ana", "word 3", limit=60)
    assert hits[0][0]["seq"] == 3
    assert {row["seq"] for row, _ in hits[1:]} <= set(range(150, 200)) | {3}
    await storage.aclose()


async def test_conditions_that_few_meet_are_met(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    rows = [
        message(
            "ana",
            seq,
            content="word",
            session_id=f"s{seq % 100}",
            personality_name="rare" if seq in {5, 900} else "sakura",
        )
        for seq in range(1000)
    ]
    await storage.transaction([Insert("messages", "ana", row) for row in rows])
    for where, expected in (
        ({"personality_name": "rare"}, [900, 5]),
        ({"session_id": "s5", "personality_name": "rare"}, [5]),
        ({"session_id": "s0", "seq": 500}, [500]),
        ({"personality_name": "none"}, []),
    ):
        hits = await storage.search_text("messages", "ana", "word", where=where, limit=5)
        assert [row["seq"] for row, _ in hits] == expected
    await storage.aclose()


async def test_words_of_every_script_are_kept_whole(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")
    texts = [
        "привет мир",
        "مرحبا بالعالم",
        "こんにちは",
        "\U0001e900\U0001e901\U0001e902",
        "x²y",
        "naïve",
    ]
    for seq, text in enumerate(texts):
        await storage.insert("messages", "ana", message("ana", seq, content=text))
    for seq, text in enumerate(texts):
        hits = await storage.search_text("messages", "ana", text)
        assert [row["seq"] for row, _ in hits] == [seq], text
    await storage.aclose()


async def test_the_index_keeps_step_with_the_rows(tmp_path):
    storage = await migrated(tmp_path / "luminora.db")

    def indexed(connection) -> int:
        return next(connection.execute("SELECT count(*) FROM messages_fts"))[0]

    rows = [message("ana", seq, content=f"one two {seq}") for seq in range(30)]
    await asyncio.gather(*(storage.insert("messages", "ana", row) for row in rows))
    await storage.transaction(
        [Insert("messages", "ana", row, ignore_conflict=True) for row in rows[:5]]
    )
    assert await storage.database.read(indexed) == 30
    with pytest.raises(Exception, match="another"):
        await storage.transaction(
            [
                Delete("messages", "ana"),
                Insert("messages", "ana", rows[0]),
                Insert("messages", "ana", rows[0]),
            ]
        )
    assert await storage.database.read(indexed) == 30
    assert len(await storage.search_text("messages", "ana", "two", limit=99)) == 30
    await storage.forget_user("ana")
    assert await storage.database.read(indexed) == 0
    await storage.insert("messages", "bob", message("bob", 1, content="three"))
    assert await storage.search_text("messages", "bob", "one two") == []
    await storage.aclose()
