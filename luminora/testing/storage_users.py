"""Storage conformance: one user never sees, changes or hides another's rows."""

# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import pytest

from luminora.errors import Conflict, InputError
from luminora.providers.operations import Insert, Update
from luminora.providers.storage import StorageProvider
from luminora.testing.data import fact, message, new_id, session
from luminora.testing.kit import Conformance, capability


class UserTests(Conformance[StorageProvider]):
    """The confinement to one user."""

    @capability("isolation")
    async def test_reads_find_only_the_users_own_rows(self, provider: StorageProvider) -> None:
        """Find, count and get."""
        ana, bob = new_id("ana"), new_id("bob")
        mine, foreign = message(ana, 1), message(bob, 2)
        await provider.insert("messages", ana, mine)
        await provider.insert("messages", bob, foreign)
        assert [row["id"] for row in await provider.find("messages", ana)] == [mine["id"]]
        assert await provider.count("messages", ana) == 1
        assert await provider.get("messages", ana, id=foreign["id"]) is None
        assert await provider.find("messages", ana, {"session_id": foreign["session_id"]}) == []
        assert await provider.find("messages", new_id("nobody")) == []

    @capability("isolation")
    async def test_update_leaves_other_users_rows_alone(self, provider: StorageProvider) -> None:
        """Even when the condition names the row."""
        ana, bob = new_id("ana"), new_id("bob")
        foreign = message(bob, 1)
        await provider.insert("messages", bob, foreign)
        change = Update("messages", ana, {"id": foreign["id"]}, set={"content": "stolen"})
        assert await provider.update(change) == 0
        assert await provider.get("messages", bob, id=foreign["id"]) == foreign

    @capability("isolation")
    async def test_delete_leaves_other_users_rows_alone(self, provider: StorageProvider) -> None:
        """Even when the condition names the row, or nothing at all."""
        ana, bob = new_id("ana"), new_id("bob")
        foreign = message(bob, 1)
        await provider.insert("messages", bob, foreign)
        assert await provider.delete("messages", ana, {"id": foreign["id"]}) == 0
        assert await provider.delete("messages", ana) == 0
        assert await provider.get("messages", bob, id=foreign["id"]) == foreign

    @capability("isolation")
    async def test_insert_over_anothers_key_conflicts(self, provider: StorageProvider) -> None:
        """Also when conflicts are ignored: the row would seem stored and be nowhere."""
        ana, bob = new_id("ana"), new_id("bob")
        foreign = message(bob, 1)
        await provider.insert("messages", bob, foreign)
        mine = message(ana, 2, id=foreign["id"])
        for ignore in (False, True):
            with pytest.raises(Conflict):
                await provider.transaction([Insert("messages", ana, mine, ignore_conflict=ignore)])
        assert await provider.get("messages", bob, id=foreign["id"]) == foreign
        assert await provider.count("messages", ana) == 0

    @capability("isolation")
    async def test_upsert_over_anothers_key_conflicts(self, provider: StorageProvider) -> None:
        """And leaves the other's row as it was."""
        ana, bob = new_id("ana"), new_id("bob")
        foreign = fact(bob)
        await provider.upsert("user_facts", bob, foreign)
        with pytest.raises(Conflict):
            await provider.upsert("user_facts", ana, fact(ana, id=foreign["id"], value="Eve"))
        assert await provider.get("user_facts", bob, id=foreign["id"]) == foreign
        assert await provider.count("user_facts", ana) == 0

    @capability("isolation")
    async def test_rows_and_conditions_name_no_other_user(self, provider: StorageProvider) -> None:
        """Whoever passes two different users has made a mistake."""
        ana, bob = new_id("ana"), new_id("bob")
        with pytest.raises(InputError):
            await provider.insert("messages", ana, message(bob, 1))
        with pytest.raises(InputError):
            await provider.upsert("user_facts", ana, fact(bob))
        with pytest.raises(InputError):
            await provider.find("messages", ana, {"user_id": bob})
        with pytest.raises(InputError):
            await provider.update(Update("messages", ana, {}, set={"user_id": bob}))
        assert await provider.count("messages", bob) == 0

    @capability("isolation")
    async def test_a_row_need_not_repeat_the_user(self, provider: StorageProvider) -> None:
        """The operation's user is the row's."""
        ana = new_id("ana")
        row = session(ana)
        await provider.insert("sessions", ana, {k: v for k, v in row.items() if k != "user_id"})
        assert await provider.get("sessions", ana, session_id=row["session_id"]) == row

    @capability("isolation")
    async def test_nobody_is_refused(self, provider: StorageProvider) -> None:
        """An empty user id, or none, is no user."""
        for nobody in ("", None):
            with pytest.raises(InputError):
                await provider.find("messages", nobody)  # type: ignore[arg-type]
            with pytest.raises(InputError):
                await provider.delete("messages", nobody)  # type: ignore[arg-type]

    @capability("isolation")
    async def test_forget_user_forgets_that_user_only(self, provider: StorageProvider) -> None:
        """Every collection, and nobody else's rows."""
        ana, bob = new_id("ana"), new_id("bob")
        for user in (ana, bob):
            await provider.insert("sessions", user, session(user))
            await provider.insert("messages", user, message(user, 1))
            await provider.insert("messages", user, message(user, 2))
            await provider.upsert("user_facts", user, fact(user))
            await provider.insert("jobs", user, provider.job_row(user, "kit", {}))
        counts = await provider.forget_user(ana)
        assert {name: count for name, count in counts.items() if count} == {
            "sessions": 1,
            "messages": 2,
            "user_facts": 1,
            "jobs": 1,
        }
        for name in counts:
            assert await provider.count(name, ana) == 0
        assert await provider.count("messages", bob) == 2  # noqa: PLR2004 - both of them
        assert await provider.forget_user(ana) == dict.fromkeys(counts, 0)
