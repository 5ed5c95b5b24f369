"""Storage conformance: all or nothing, conflicts, and arithmetic under concurrency."""

# ruff: noqa: S101, PLR2004 - a test suite asserts, and its expected values are literal

from __future__ import annotations

import asyncio

import pytest

from luminora.errors import Conflict, InputError
from luminora.providers.operations import Delete, Insert, Is, Update, Upsert
from luminora.providers.storage import StorageProvider
from luminora.testing.data import affinity, fact, message, new_id, session
from luminora.testing.kit import Conformance, capability


class WriteTests(Conformance[StorageProvider]):
    """Transactions, upserts, updates."""

    @capability("transactions")
    async def test_a_transaction_happens_wholly_or_not_at_all(
        self, provider: StorageProvider
    ) -> None:
        """A conflict in the last operation undoes the first."""
        user = new_id("user")
        there = message(user, 1)
        await provider.insert("messages", user, there)
        with pytest.raises(Conflict):
            await provider.transaction(
                [
                    Insert("sessions", user, session(user)),
                    Insert("messages", user, message(user, 2)),
                    Update("messages", user, {"id": there["id"]}, set={"content": "changed"}),
                    Insert("messages", user, message(user, 3, id=there["id"])),
                ]
            )
        assert await provider.find("messages", user) == [there]
        assert await provider.count("sessions", user) == 0

    @capability("transactions")
    async def test_an_unusable_operation_stops_all_of_them(self, provider: StorageProvider) -> None:
        """Whatever stands before it."""
        user = new_id("user")
        with pytest.raises(InputError):
            await provider.transaction(
                [
                    Insert("messages", user, message(user, 1)),
                    Insert("messages", user, message(user, 2, content="NUL \0 inside")),
                ]
            )
        assert await provider.count("messages", user) == 0

    @capability("transactions")
    async def test_a_transaction_says_what_each_operation_touched(
        self, provider: StorageProvider
    ) -> None:
        """Rows inserted, overwritten, matched, deleted."""
        user = new_id("user")
        first, second = message(user, 1), message(user, 2)
        touched = await provider.transaction(
            [
                Insert("messages", user, first),
                Insert("messages", user, second),
                Insert("messages", user, first, ignore_conflict=True),
                Upsert("user_facts", user, fact(user)),
                Update("messages", user, {}, set={"speaker": "user"}),
                Update("messages", user, {"seq": 99}, set={"speaker": "user"}),
                Delete("messages", user, {"seq": Is("<=", 1)}),
            ]
        )
        assert touched == [1, 1, 0, 1, 2, 0, 1]
        assert await provider.transaction([]) == []

    @capability("transactions")
    async def test_operations_see_what_came_before_them(self, provider: StorageProvider) -> None:
        """Inside one transaction."""
        user = new_id("user")
        row = affinity(user)
        await provider.transaction(
            [
                Insert("user_affinity", user, row),
                Update("user_affinity", user, {"id": row["id"]}, increment={"revision": 2}),
                Update(
                    "user_affinity", user, {"revision": 2}, set={"current_level": "x"}, expect=1
                ),
            ]
        )
        found = await provider.get("user_affinity", user, id=row["id"])
        assert found == {**row, "revision": 2, "current_level": "x"}

    @capability("conflicts")
    async def test_keys_and_unique_fields_conflict(self, provider: StorageProvider) -> None:
        """Rows in which a unique field is None do not count."""
        user = new_id("user")
        row = message(user, 1, external_id="telegram-7")
        await provider.insert("messages", user, row)
        for changes in ({"id": row["id"]}, {"external_id": "telegram-7"}):
            with pytest.raises(Conflict):
                await provider.insert("messages", user, message(user, 2, **changes))
        await provider.insert("messages", user, message(user, 3))
        await provider.insert("messages", user, message(user, 4))
        assert await provider.count("messages", user) == 3

    @capability("conflicts")
    async def test_a_conflict_can_be_ignored(self, provider: StorageProvider) -> None:
        """The row there stays as it is; saving a message twice is therefore harmless."""
        user = new_id("user")
        row = message(user, 1, external_id="telegram-7")
        await provider.insert("sessions", user, session(user, session_id=row["session_id"]))
        assert await provider.save_message(user, row) is True
        assert await provider.save_message(user, {**row, "content": "again"}) is False
        twin = message(user, 2, external_id="telegram-7")
        assert await provider.save_message(user, twin) is False
        assert await provider.find("messages", user) == [row]

    @capability("conflicts")
    async def test_messages_of_a_session_that_is_gone_conflict(
        self, provider: StorageProvider
    ) -> None:
        """Nothing comes back after it was forgotten."""
        user = new_id("user")
        with pytest.raises(Conflict):
            await provider.save_message(user, message(user, 1))
        assert await provider.count("messages", user) == 0

    @capability("conflicts")
    async def test_upsert_overwrites_the_given_fields_only(self, provider: StorageProvider) -> None:
        """A row of that key has to be there if fields are missing."""
        user = new_id("user")
        row = fact(user)
        await provider.upsert("user_facts", user, row)
        await provider.upsert("user_facts", user, {"id": row["id"], "value": ["a", 1]})
        assert await provider.find("user_facts", user) == [{**row, "value": ["a", 1]}]
        await provider.upsert("user_facts", user, {**row, "confidence": 0.25})
        assert await provider.find("user_facts", user) == [{**row, "confidence": 0.25}]
        with pytest.raises(InputError):
            await provider.upsert("user_facts", user, {"id": new_id(), "value": 1})

    @capability("conflicts")
    async def test_expect_undoes_the_whole_transaction(self, provider: StorageProvider) -> None:
        """When another number of rows matches."""
        user = new_id("user")
        row = affinity(user)
        await provider.insert("user_affinity", user, row)
        for where, expect in (({"revision": 5}, 1), ({"revision": 0}, 2), ({"revision": 0}, 0)):
            with pytest.raises(Conflict):
                await provider.transaction(
                    [
                        Insert("messages", user, message(user, 1)),
                        Update("user_affinity", user, where, set={"revision": 9}, expect=expect),
                    ]
                )
        assert await provider.find("user_affinity", user) == [row]
        assert await provider.count("messages", user) == 0

    @capability("concurrency")
    async def test_one_of_many_wins_a_compare_and_set(self, provider: StorageProvider) -> None:
        """Twenty writers that all read revision 0."""
        user = new_id("user")
        await provider.insert("user_affinity", user, affinity(user))

        async def attempt(number: int) -> int:
            change = Update(
                "user_affinity",
                user,
                {"revision": 0},
                set={"affinity_points": number, "revision": 1},
                expect=1,
            )
            try:
                return (await provider.transaction([change]))[0]
            except Conflict:
                return 0

        assert sum(await asyncio.gather(*(attempt(number) for number in range(20)))) == 1

    @capability("concurrency")
    async def test_a_hundred_concurrent_increments_all_count(
        self, provider: StorageProvider
    ) -> None:
        """None is lost, none is counted twice."""
        user = new_id("user")
        await provider.insert("user_affinity", user, affinity(user, affinity_points=0))
        changes = [
            Update("user_affinity", user, {}, increment={"total_messages": 1, "revision": 3})
            for _ in range(100)
        ]
        await asyncio.gather(*(provider.update(change) for change in changes))
        (row,) = await provider.find("user_affinity", user)
        assert (row["total_messages"], row["revision"]) == (100, 300)

    @capability("concurrency")
    async def test_clamps_hold_under_concurrency(self, provider: StorageProvider) -> None:
        """The sum stays within bounds at every moment, so the order does not matter here."""
        user = new_id("user")
        await provider.insert("user_affinity", user, affinity(user, affinity_points=95))
        await asyncio.gather(*(provider.update_affinity(user, "sakura", 7) for _ in range(50)))
        (row,) = await provider.find("user_affinity", user)
        assert (row["affinity_points"], row["revision"]) == (100, 50)
        await asyncio.gather(*(provider.update_affinity(user, "sakura", -9) for _ in range(50)))
        (row,) = await provider.find("user_affinity", user)
        assert (row["affinity_points"], row["revision"]) == (0, 100)

    @capability("concurrency")
    async def test_concurrent_messages_are_all_there(self, provider: StorageProvider) -> None:
        """Two hundred at once, of four users."""
        users = [new_id("user") for _ in range(4)]
        writes = [
            provider.insert("messages", user, message(user, seq))
            for seq in range(50)
            for user in users
        ]
        await asyncio.gather(*writes)
        for user in users:
            rows = await provider.find("messages", user, order=("seq",))
            assert [row["seq"] for row in rows] == list(range(50))

    @capability("conflicts")
    async def test_what_is_not_declared_is_refused(self, provider: StorageProvider) -> None:
        """Collections, fields, arithmetic on text, changes of a key."""
        user = new_id("user")
        row = message(user, 1)
        await provider.insert("messages", user, row)
        with pytest.raises(InputError):
            await provider.find('messages"; --', user)
        with pytest.raises(InputError):
            await provider.insert("messages", user, {**message(user, 2), "no_field": 1})
        with pytest.raises(InputError):
            await provider.find("messages", user, {"1 = 1 or seq": 1})
        with pytest.raises(InputError):
            await provider.find("messages", user, order=("seq; drop",))
        for change in (
            Update("messages", user, {}, set={"id": "other"}),
            Update("messages", user, {}, increment={"content": 1}),
            Update("messages", user, {}, set={"seq": 1}, increment={"seq": 1}),
            Update("messages", user, {}, increment={"seq": 1}, clamp={"num": (0, 1)}),
            Update("messages", user, {}),
        ):
            with pytest.raises(InputError):
                await provider.update(change)
        assert await provider.find("messages", user) == [row]
