"""Storage conformance: conditions, order, pages, several reads, jobs."""

# ruff: noqa: S101, PLR2004 - a test suite asserts, and its expected values are literal

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from luminora.errors import Conflict, InputError
from luminora.providers.base import Status
from luminora.providers.operations import Count, Find, Is, Row, Update
from luminora.providers.storage import StorageProvider
from luminora.testing.data import START, fact, message, new_id, session
from luminora.testing.kit import Conformance, capability


class RowTests(Conformance[StorageProvider]):
    """Reading, and the leasing of jobs."""

    @capability("lifecycle")
    async def test_check_connect_and_close(self, provider: StorageProvider) -> None:
        """A usable storage says so; connecting and closing twice is harmless."""
        await provider.connect()
        assert (await provider.check()).status is Status.OK
        await provider.aclose()
        await provider.aclose()
        await provider.connect()
        assert await provider.count("messages", new_id("user")) == 0

    @capability("find")
    async def test_conditions(self, provider: StorageProvider) -> None:
        """Equality, None, lists and comparisons; all of them have to hold."""
        user = new_id("user")
        for seq in range(6):
            speaker = "user" if seq % 2 else "assistant"
            name = None if seq < 2 else f"n{seq}"
            row = message(user, seq, speaker=speaker, speaker_name=name)
            await provider.insert("messages", user, row)

        async def seqs(**where: Any) -> list[int]:
            rows = await provider.find("messages", user, where, order=("seq",))
            assert await provider.count("messages", user, where) == len(rows)
            return [row["seq"] for row in rows]

        assert await seqs() == [0, 1, 2, 3, 4, 5]
        assert await seqs(speaker="user") == [1, 3, 5]
        assert await seqs(speaker="user", seq=Is(">", 1)) == [3, 5]
        assert await seqs(seq=Is(">=", 4)) == [4, 5]
        assert await seqs(seq=Is("<", 2)) == [0, 1]
        assert await seqs(seq=Is("<=", 2)) == [0, 1, 2]
        assert await seqs(seq=Is("!=", 2)) == [0, 1, 3, 4, 5]
        assert await seqs(seq=Is("in", [5, 0, 7, 0])) == [0, 5]
        assert await seqs(seq=Is("in", [])) == []
        assert await seqs(speaker_name=None) == [0, 1]
        assert await seqs(speaker_name=Is("!=", None)) == [2, 3, 4, 5]
        assert await seqs(speaker_name=Is("!=", "n3")) == [0, 1, 2, 4, 5]
        assert await seqs(speaker_name=Is("in", ["n4", None])) == [0, 1, 4]
        assert await seqs(timestamp=Is(">", START + timedelta(seconds=3))) == [4, 5]
        assert await seqs(timestamp=START + timedelta(seconds=3)) == [3]

    @capability("find")
    async def test_conditions_that_mean_nothing_are_refused(
        self, provider: StorageProvider
    ) -> None:
        """Comparison with None, of documents, by an unknown sign."""
        user = new_id("user")
        for where in (
            {"seq": Is("<", None)},
            {"metadata": {"a": 1}},
            {"seq": Is("like", 1)},  # type: ignore[arg-type]
            {"seq": "one"},
        ):
            with pytest.raises(InputError):
                await provider.find("messages", user, where)

    @capability("find")
    async def test_order_and_limit(self, provider: StorageProvider) -> None:
        """Text goes by code point, None comes first, the key decides between equals."""
        user = new_id("user")
        names = ["b", None, "B", "é", "a", "a"]
        for seq, name in enumerate(names):
            await provider.insert("messages", user, message(user, seq, speaker_name=name))

        async def seqs(*order: str, limit: int | None = None) -> list[int]:
            rows = await provider.find("messages", user, order=order, limit=limit)
            return [row["seq"] for row in rows]

        assert await seqs("-seq") == [5, 4, 3, 2, 1, 0]
        assert await seqs("speaker_name", "seq") == [1, 2, 4, 5, 0, 3]
        assert await seqs("-speaker_name", "seq") == [3, 0, 4, 5, 2, 1]
        assert await seqs("speaker_name", "-seq") == [1, 2, 5, 4, 0, 3]
        assert await seqs("seq", limit=2) == [0, 1]
        assert await seqs("seq", limit=0) == []
        ids = [row["id"] for row in await provider.find("messages", user)]
        assert ids == sorted(ids)

    @capability("paging")
    async def test_pages_hold_every_row_once_and_in_order(self, provider: StorageProvider) -> None:
        """Whatever the order: with equals, with None, descending."""
        user = new_id("user")
        for seq in range(23):
            name = None if seq % 4 == 0 else f"n{seq % 3}"
            await provider.insert("messages", user, message(user, seq % 7, speaker_name=name))
        for order in (
            (),
            ("seq",),
            ("-seq",),
            ("speaker_name", "-seq"),
            ("-speaker_name", "seq"),
            ("-seq", "-id"),
        ):
            everything = await provider.find("messages", user, order=order)
            paged: list[Row] = []
            after: Row | None = None
            while page := await provider.find("messages", user, order=order, limit=5, after=after):
                paged += page
                after = page[-1]
            assert paged == everything, order
            assert len(paged) == 23

    @capability("paging")
    async def test_pages_iterates_by_key(self, provider: StorageProvider) -> None:
        """In portions of the given size."""
        user = new_id("user")
        for seq in range(7):
            await provider.insert("messages", user, message(user, seq))
        sizes, ids = [], []
        async for page in provider.pages("messages", user, size=3):
            sizes.append(len(page))
            ids += [row["id"] for row in page]
        assert sizes == [3, 3, 1]
        assert ids == sorted(ids)

    @capability("find")
    async def test_several_reads_at_once_answer_in_order(self, provider: StorageProvider) -> None:
        """As each alone would."""
        user = new_id("user")
        await provider.insert("messages", user, message(user, 1))
        await provider.insert("messages", user, message(user, 2))
        await provider.upsert("user_facts", user, fact(user))
        newest, number, facts = await provider.read(
            [
                Find("messages", user, order=("-seq",), limit=1),
                Count("messages", user),
                Find("user_facts", user),
            ]
        )
        assert [row["seq"] for row in newest] == [2]
        assert number == 2
        assert facts == await provider.find("user_facts", user)
        assert await provider.read([]) == []

    @capability("find")
    async def test_history_is_the_newest_oldest_first(self, provider: StorageProvider) -> None:
        """Of one session."""
        user = new_id("user")
        here = session(user)
        await provider.insert("sessions", user, here)
        for seq in range(5):
            row = message(user, seq, session_id=here["session_id"])
            await provider.save_message(user, row)
        await provider.insert("messages", user, message(user, 9))
        rows = await provider.get_history(user, here["session_id"], 3)
        assert [row["seq"] for row in rows] == [2, 3, 4]
        (stored,) = await provider.find("sessions", user)
        assert stored["last_activity"] == START + timedelta(seconds=4)

    @capability("jobs")
    async def test_a_job_is_leased_once(self, provider: StorageProvider) -> None:
        """However many workers ask at the same time."""
        user, kind = new_id("user"), new_id("kind")[:60]
        for _ in range(10):
            await provider.insert("jobs", user, provider.job_row(user, kind, {"n": 1}))
        taken: list[Row] = []
        for _ in range(10):
            rounds = await asyncio.gather(
                *(provider.lease_jobs(3, 60, kinds=[kind]) for _ in range(5))
            )
            taken += [job for jobs in rounds for job in jobs]
        assert len(taken) == 10
        assert len({job["id"] for job in taken}) == 10
        assert await provider.lease_jobs(3, 60, kinds=[kind]) == []

    @capability("jobs")
    async def test_an_expired_lease_is_taken_over(self, provider: StorageProvider) -> None:
        """And the first holder cannot finish the job any more."""
        user, kind = new_id("user"), new_id("kind")[:60]
        await provider.insert("jobs", user, provider.job_row(user, kind, {}))
        (slow,) = await provider.lease_jobs(1, -1, kinds=[kind])
        (quick,) = await provider.lease_jobs(1, 60, kinds=[kind])
        assert (slow["id"], quick["attempts"]) == (quick["id"], 2)
        assert slow["lease_token"] != quick["lease_token"]
        for job, allowed in ((slow, False), (quick, True)):
            done = Update(
                "jobs",
                user,
                {"id": job["id"], "lease_token": job["lease_token"]},
                set={"status": "done", "lease_token": None},
                expect=1,
            )
            if allowed:
                assert await provider.update(done) == 1
            else:
                with pytest.raises(Conflict):
                    await provider.update(done)

    @capability("jobs")
    async def test_a_job_waits_for_its_time(self, provider: StorageProvider) -> None:
        """And for a worker of its kind."""
        user, kind = new_id("user"), new_id("kind")[:60]
        job = provider.job_row(user, kind, {"deep": [1, {"a": None}]})
        later = {**job, "id": new_id("job"), "run_at": job["run_at"] + timedelta(hours=1)}
        await provider.insert("jobs", user, job)
        await provider.insert("jobs", user, later)
        assert await provider.lease_jobs(5, 60, kinds=[new_id("other")[:60]]) == []
        (leased,) = await provider.lease_jobs(5, 60, kinds=[kind])
        assert (leased["id"], leased["payload"]) == (job["id"], {"deep": [1, {"a": None}]})
        assert leased["status"] == "leased"
