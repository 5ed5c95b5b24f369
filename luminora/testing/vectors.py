"""The conformance suite of vector stores."""

# ruff: noqa: S101, PLR2004, S311 - a test suite asserts, on values that need not be secret

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from luminora.errors import DimensionMismatch, InputError, LuminoraError
from luminora.providers.base import Status
from luminora.providers.vector_store import VectorItem, VectorStoreProvider
from luminora.testing.data import new_id
from luminora.testing.kit import Conformance, capability

DIMENSION = 8


def axis(number: int, *, length: float = 1.0) -> list[float]:
    """A vector along one axis."""
    return [length if place == number % DIMENSION else 0.0 for place in range(DIMENSION)]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors."""
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


class VectorStoreConformance(Conformance[VectorStoreProvider]):
    """What every vector store has to do; see :mod:`luminora.testing`.

    ``make_provider`` returns a store **without an index**: the tests call ``ensure`` themselves,
    with eight dimensions. Where writes take a while to be seen, override :meth:`settle`.

    Capabilities: ``index``, ``isolation``, ``query``, ``exact``, ``filters``, ``writes``,
    ``refusals``, ``lifecycle``.
    """

    async def settle(self, provider: VectorStoreProvider) -> None:
        """Wait until what was written can be found; at once, unless overridden."""

    async def stored(self, provider: VectorStoreProvider, items: Sequence[VectorItem]) -> None:
        """Ensure an index and store the items in it."""
        await provider.ensure(DIMENSION)
        await provider.upsert(items)
        await self.settle(provider)

    @capability("lifecycle")
    async def test_check_and_close(self, provider: VectorStoreProvider) -> None:
        """An index that exists is reported; closing twice is harmless."""
        await provider.ensure(DIMENSION)
        result = await provider.check()
        assert result.status is Status.OK, result.detail
        await provider.aclose()
        await provider.aclose()

    @capability("index")
    async def test_an_absent_index_is_described_as_such(
        self, provider: VectorStoreProvider
    ) -> None:
        """Without raising; and nothing is found in it."""
        index = await provider.describe()
        assert (index.dimension, index.count) == (None, 0)
        await provider.ensure(DIMENSION, model_id="test/one")
        await self.settle(provider)
        index = await provider.describe()
        assert (index.dimension, index.metric, index.count) == (DIMENSION, "cosine", 0)
        assert index.model_id == "test/one"

    @capability("index")
    async def test_ensure_does_nothing_to_an_index_that_fits(
        self, provider: VectorStoreProvider
    ) -> None:
        """However often it is called."""
        user = new_id("user")
        await provider.ensure(DIMENSION, model_id="test/one")
        await self.stored(provider, [VectorItem(id=new_id(), user_id=user, vector=axis(0))])
        await provider.ensure(DIMENSION, model_id="test/one")
        assert await provider.count({"user_id": user}) == 1

    @capability("index")
    async def test_another_dimension_is_refused(self, provider: VectorStoreProvider) -> None:
        """Naming both numbers, before anything is changed."""
        user = new_id("user")
        await self.stored(provider, [VectorItem(id=new_id(), user_id=user, vector=axis(0))])
        with pytest.raises(DimensionMismatch) as caught:
            await provider.ensure(12)
        assert (caught.value.expected, caught.value.found) == (DIMENSION, 12)
        assert "8" in str(caught.value)
        assert "12" in str(caught.value)
        with pytest.raises(DimensionMismatch):
            await provider.query([1.0] * 12, 3, {"user_id": user})
        item = VectorItem(id=new_id(), user_id=user, vector=axis(1))
        short = VectorItem(id=new_id(), user_id=user, vector=[1.0] * 7)
        with pytest.raises(DimensionMismatch):
            await provider.upsert([item, short])
        await self.settle(provider)
        assert await provider.count({"user_id": user}) == 1

    @capability("index")
    async def test_another_model_of_equal_dimension_is_refused(
        self, provider: VectorStoreProvider
    ) -> None:
        """Its vectors would not be comparable."""
        await provider.ensure(DIMENSION, model_id="test/one")
        with pytest.raises(DimensionMismatch):
            await provider.ensure(DIMENSION, model_id="test/two")
        assert (await provider.describe()).model_id == "test/one"

    @capability("index")
    async def test_drop_makes_room_for_another_dimension(
        self, provider: VectorStoreProvider
    ) -> None:
        """And takes every vector with it."""
        user = new_id("user")
        await self.stored(provider, [VectorItem(id=new_id(), user_id=user, vector=axis(0))])
        await provider.drop()
        await self.settle(provider)
        assert (await provider.describe()).dimension is None
        await provider.ensure(3)
        await provider.upsert([VectorItem(id="a", user_id=user, vector=[1.0, 2.0, 2.0])])
        await self.settle(provider)
        (hit,) = await provider.query([2.0, 4.0, 4.0], 5, {"user_id": user})
        assert hit.id == "a"
        assert hit.score == pytest.approx(1.0, abs=1e-5)
        await provider.drop()
        await provider.drop()

    @capability("index")
    async def test_indexes_stand_side_by_side(self, provider: VectorStoreProvider) -> None:
        """One is built, of another dimension, while the other answers; either can go."""
        user, shared = new_id("user"), new_id()
        await self.stored(provider, [VectorItem(id=shared, user_id=user, vector=axis(0))])
        other = provider.at("messages_2")
        assert (provider.index, other.index) == ("messages", "messages_2")
        assert (await other.describe()).dimension is None
        await other.ensure(3, model_id="test/two")
        await other.upsert([VectorItem(id=shared, user_id=user, vector=[0.0, 3.0, 4.0])])
        await self.settle(other)
        for store, query in ((other, [0.0, 3.0, 4.0]), (provider, axis(0))):
            (hit,) = await store.query(query, 5, {"user_id": user})
            assert hit.id == shared
            assert hit.score == pytest.approx(1.0, abs=1e-5)
        assert (await other.describe()).dimension == 3
        await other.aclose()
        await provider.drop()
        await self.settle(other)
        assert await provider.at("messages_2").count({"user_id": user}) == 1
        await other.drop()
        with pytest.raises(InputError):
            provider.at('messages"; DROP TABLE')

    @capability("query")
    async def test_items_can_be_fetched(self, provider: VectorStoreProvider) -> None:
        """With their filing and direction; absent ones and another user's are left out."""
        user, bob = new_id("user"), new_id("bob")
        mine = VectorItem(
            id=new_id(),
            user_id=user,
            vector=[0.0, 3.0, 0.0, -4.0, 0.0, 0.0, 0.0, 0.0],
            session_id="s1",
            personality_name="sakura",
            kind="episode",
        )
        other = VectorItem(id=new_id(), user_id=bob, vector=axis(1))
        assert await provider.fetch(user, [mine.id]) == []
        await self.stored(provider, [mine, other])
        (found,) = await provider.fetch(user, [mine.id, other.id, new_id("absent")])
        assert cosine(found.vector, mine.vector) == pytest.approx(1.0, abs=1e-4)
        filing = ("id", "user_id", "session_id", "personality_name", "kind")
        for name in filing:
            assert getattr(found, name) == getattr(mine, name), name
        assert await provider.fetch(user, []) == []

    @capability("query")
    async def test_the_nearest_come_first(self, provider: VectorStoreProvider) -> None:
        """Scored by cosine, whatever the vectors' lengths."""
        user = new_id("user")
        query = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        items = {
            "same": [5.0, *query[1:]],
            "near": [1.0, 0.2, *query[2:]],
            "far": [0.1, 1.0, *query[2:]],
            "across": axis(3, length=1e-3),
            "opposite": [-2.0, *query[1:]],
        }
        ids = {name: new_id(name) for name in items}
        await self.stored(
            provider,
            [VectorItem(id=ids[name], user_id=user, vector=v) for name, v in items.items()],
        )
        hits = await provider.query(query, 10, {"user_id": user})
        assert [hit.id for hit in hits] == [ids[name] for name in items]
        for hit, vector in zip(hits, items.values(), strict=True):
            assert hit.score == pytest.approx(cosine(query, vector), abs=1e-4)
            assert -1.0 <= hit.score <= 1.0
        longer = await provider.query([3 * x for x in query], 2, {"user_id": user})
        assert [hit.id for hit in longer] == [hit.id for hit in hits[:2]]
        assert [hit.score for hit in longer] == pytest.approx([hit.score for hit in hits[:2]])

    @capability("query")
    async def test_top_k_bounds_the_answer(self, provider: VectorStoreProvider) -> None:
        """From above; there may be fewer, or none."""
        user = new_id("user")
        items = [VectorItem(id=new_id(), user_id=user, vector=axis(n)) for n in range(4)]
        await self.stored(provider, items)
        for top_k, expected in ((0, 0), (1, 1), (3, 3), (100, 4)):
            hits = await provider.query(axis(1), top_k, {"user_id": user})
            assert len(hits) == expected
        assert await provider.query(axis(1), 5, {"user_id": new_id("nobody")}) == []

    @capability("exact")
    async def test_answers_equal_those_of_a_full_comparison(
        self, provider: VectorStoreProvider
    ) -> None:
        """For random vectors, with and without filters."""
        chance = random.Random(7)
        user = new_id("user")
        items = [
            VectorItem(
                id=new_id(),
                user_id=user,
                vector=[chance.gauss(0, 1) for _ in range(DIMENSION)],
                session_id=f"s{number % 5}",
                kind="episode" if number % 7 == 0 else "message",
            )
            for number in range(700)
        ]
        await self.stored(provider, items)
        filters: tuple[dict[str, str], ...] = (
            {},
            {"session_id": "s3"},
            {"session_id": "s1", "kind": "episode"},
        )
        for where in filters:
            query = [chance.gauss(0, 1) for _ in range(DIMENSION)]
            fitting = [
                item
                for item in items
                if all(getattr(item, name) == value for name, value in where.items())
            ]
            expected = sorted(fitting, key=lambda item: -cosine(query, item.vector))[:20]
            hits = await provider.query(query, 20, {"user_id": user, **where})
            assert [hit.id for hit in hits] == [item.id for item in expected]
            for hit, item in zip(hits, expected, strict=True):
                assert hit.score == pytest.approx(cosine(query, item.vector), abs=1e-4)

    @capability("isolation")
    async def test_one_user_never_meets_anothers_vectors(
        self, provider: VectorStoreProvider
    ) -> None:
        """In queries, counts and deletions."""
        ana, bob = new_id("ana"), new_id("bob")
        mine = [VectorItem(id=new_id("a"), user_id=ana, vector=axis(n)) for n in range(3)]
        other = [VectorItem(id=new_id("b"), user_id=bob, vector=axis(0)) for _ in range(5)]
        await self.stored(provider, [*mine, *other])
        hits = await provider.query(axis(0), 100, {"user_id": ana})
        assert {hit.id for hit in hits} == {item.id for item in mine}
        assert await provider.count({"user_id": ana}) == 3
        assert await provider.delete({"user_id": ana, "id": [item.id for item in other]}) == 0
        assert await provider.delete({"user_id": ana}) == 3
        await self.settle(provider)
        assert await provider.count({"user_id": ana}) == 0
        assert await provider.count({"user_id": bob}) == 5

    @capability("isolation")
    async def test_anothers_id_cannot_be_taken_over(self, provider: VectorStoreProvider) -> None:
        """Whether the attempt is refused or not, the first owner's vector stays."""
        ana, bob = new_id("ana"), new_id("bob")
        taken = new_id()
        await self.stored(provider, [VectorItem(id=taken, user_id=bob, vector=axis(0))])
        with suppress(LuminoraError):
            await provider.upsert([VectorItem(id=taken, user_id=ana, vector=axis(1))])
        twice = [VectorItem(id=taken, user_id=user, vector=axis(1)) for user in (bob, ana)]
        with pytest.raises(LuminoraError):
            await provider.upsert(twice)
        await self.settle(provider)
        (hit,) = await provider.query(axis(0), 5, {"user_id": bob})
        assert hit.id == taken
        assert hit.score == pytest.approx(1.0, abs=1e-5)

    @capability("refusals")
    async def test_every_call_names_a_user(self, provider: VectorStoreProvider) -> None:
        """An empty one is none."""
        await provider.ensure(DIMENSION)
        nobody: tuple[dict[str, str], ...] = ({}, {"session_id": "s"}, {"user_id": ""})
        for where in nobody:
            with pytest.raises(InputError):
                await provider.query(axis(0), 3, where)
            with pytest.raises(InputError):
                await provider.count(where)
            with pytest.raises(InputError):
                await provider.delete(where)

    @capability("refusals")
    async def test_vectors_without_direction_are_refused(
        self, provider: VectorStoreProvider
    ) -> None:
        """Zero, NaN, infinity: nothing of the batch is stored."""
        user = new_id("user")
        await provider.ensure(DIMENSION)
        for bad in (0.0, float("nan"), float("inf"), float("-inf")):
            vector = [0.0] * (DIMENSION - 1) + [bad]
            with pytest.raises(InputError):
                await provider.upsert(
                    [
                        VectorItem(id=new_id(), user_id=user, vector=axis(0)),
                        VectorItem(id=new_id(), user_id=user, vector=vector),
                    ]
                )
            with pytest.raises(InputError):
                await provider.query(vector, 3, {"user_id": user})
        await self.settle(provider)
        assert await provider.count({"user_id": user}) == 0

    @capability("refusals")
    async def test_unknown_filters_are_refused(self, provider: VectorStoreProvider) -> None:
        """A filter that is ignored would answer too much."""
        await provider.ensure(DIMENSION)
        with pytest.raises(InputError):
            await provider.query(axis(0), 3, {"user_id": new_id(), "colour": "red"})

    @capability("filters")
    async def test_filters_narrow_queries_counts_and_deletions(
        self, provider: VectorStoreProvider
    ) -> None:
        """All given fields have to match."""
        user = new_id("user")
        filed: dict[str, dict[str, Any]] = {
            new_id("a"): {"session_id": "s1", "personality_name": "sakura"},
            new_id("b"): {"session_id": "s1", "personality_name": "alicia", "kind": "episode"},
            new_id("c"): {"session_id": "s2", "personality_name": "sakura"},
            new_id("d"): {},
        }
        a, b, c, d = filed
        await self.stored(
            provider,
            [VectorItem(id=i, user_id=user, vector=axis(0), **where) for i, where in filed.items()],
        )
        cases: tuple[tuple[dict[str, str], set[str]], ...] = (
            ({}, {a, b, c, d}),
            ({"session_id": "s1"}, {a, b}),
            ({"personality_name": "sakura"}, {a, c}),
            ({"kind": "message"}, {a, c, d}),
            ({"session_id": "s1", "personality_name": "sakura"}, {a}),
            ({"session_id": "s2", "kind": "episode"}, set()),
            ({"session_id": "s1' OR '1'='1"}, set()),
        )
        for where, expected in cases:
            hits = await provider.query(axis(0), 10, {"user_id": user, **where})
            assert {hit.id for hit in hits} == expected, where
            assert await provider.count({"user_id": user, **where}) == len(expected)
        assert await provider.delete({"user_id": user, "session_id": "s1"}) == 2
        await self.settle(provider)
        hits = await provider.query(axis(0), 10, {"user_id": user})
        assert {hit.id for hit in hits} == {c, d}

    @capability("writes")
    async def test_upsert_replaces_vector_and_filing(self, provider: VectorStoreProvider) -> None:
        """Also twice in one batch: the later one counts."""
        user, item = new_id("user"), new_id()
        first = VectorItem(id=item, user_id=user, vector=axis(0), session_id="s1")
        await self.stored(provider, [first])
        second = VectorItem(id=item, user_id=user, vector=axis(1), session_id="s2")
        third = VectorItem(id=item, user_id=user, vector=axis(2), session_id="s3")
        await provider.upsert([second, third])
        await self.settle(provider)
        assert await provider.count({"user_id": user}) == 1
        (hit,) = await provider.query(axis(2), 5, {"user_id": user, "session_id": "s3"})
        assert hit.id == item
        assert hit.score == pytest.approx(1.0, abs=1e-5)
        assert await provider.query(axis(2), 5, {"user_id": user, "session_id": "s1"}) == []

    @capability("writes")
    async def test_deletion_by_id(self, provider: VectorStoreProvider) -> None:
        """One id or several; those that are absent do not count."""
        user = new_id("user")
        ids = [new_id() for _ in range(5)]
        items = [VectorItem(id=i, user_id=user, vector=axis(n)) for n, i in enumerate(ids)]
        await self.stored(provider, items)
        assert await provider.delete({"user_id": user, "id": ids[0]}) == 1
        await self.settle(provider)
        assert await provider.delete({"user_id": user, "id": [ids[0], ids[1], ids[2]]}) == 2
        await self.settle(provider)
        assert await provider.delete({"user_id": user, "id": []}) == 0
        hits = await provider.query(axis(3), 10, {"user_id": user})
        assert {hit.id for hit in hits} == set(ids[3:])

    @capability("writes")
    async def test_batches_of_every_size(self, provider: VectorStoreProvider) -> None:
        """None, and more than one request of most servers takes."""
        user = new_id("user")
        await provider.ensure(DIMENSION)
        await provider.upsert([])
        chance = random.Random(3)
        items = [
            VectorItem(
                id=new_id(), user_id=user, vector=[chance.gauss(0, 1) for _ in range(DIMENSION)]
            )
            for _ in range(1200)
        ]
        await provider.upsert(items)
        await self.settle(provider)
        assert await provider.count({"user_id": user}) == 1200
        for item in items[::300]:
            hits = await provider.query(item.vector, 1, {"user_id": user})
            assert hits[0].id == item.id

    @capability("writes")
    async def test_concurrent_writes_are_all_there(self, provider: VectorStoreProvider) -> None:
        """Of several users, while queries run."""
        users = [new_id("user") for _ in range(4)]
        await provider.ensure(DIMENSION)
        writes = [
            provider.upsert([VectorItem(id=new_id(), user_id=user, vector=axis(n))])
            for n in range(20)
            for user in users
        ]
        queries = [provider.query(axis(0), 5, {"user_id": user}) for user in users]
        await asyncio.gather(*writes, *queries)
        await self.settle(provider)
        assert [await provider.count({"user_id": user}) for user in users] == [20] * 4
