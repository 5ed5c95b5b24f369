"""A snapshot made on SQLite comes into every storage, and the companion there knows the same."""

from __future__ import annotations

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import StorageUnavailable
from luminora.providers import EVERY_USER
from luminora.snapshots import writing
from tests.snapshots.helpers import client_at, everything, lived
from tests.snapshots.test_roundtrip import anonymous, assert_whole
from tests.stacks import StackFile, every_stack, stack

__all__ = ["stack"]

pytestmark = pytest.mark.parametrize(
    "stack", every_stack("postgresql", "mysql", "mongodb", "dynamodb", "redis"), indirect=True
)


async def test_the_companion_there_knows_the_same(stack: StackFile):
    async with client_at("origin") as one, LuminoraCoreClient.from_config(stack.path) as two:
        session = await lived(one)
        await one.export_snapshot_to("diego.jsonl.gz", user_id="diego")
        await lived(two, "ana")
        others = await everything(two, "ana")
        there = await two.import_snapshot("diego.jsonl.gz", "diego")
        rows = await everything(two, "diego")
        assert anonymous(rows) == anonymous(await everything(one, "diego"))
        assert_whole(rows)
        for query in ("perro", "¿Dónde vivo?", "anime"):
            found = [
                {hit.content for hit in await client.search_memories(place, query, 3)}
                for client, place in ((one, session), (two, there))
            ]
            assert found[0] == found[1] != set()
        assert "Diego" in (await two.send_message(there, "¿Cómo me llamo?")).text
        assert (await two.restore_snapshot("diego.jsonl.gz", "diego")).known
        assert await everything(two, "ana") == others
        # and back: what it has learned since comes along
        await two.export_snapshot_to("back.jsonl", user_id="diego")
        back = await one.import_snapshot("back.jsonl", "eva")
        assert "Diego" in (await one.send_message(back, "¿Cómo me llamo?")).text


async def test_one_that_breaks_off_leaves_nothing(stack: StackFile, monkeypatch):
    monkeypatch.setattr(writing, "PAGE", 5)
    async with client_at("origin") as one, LuminoraCoreClient.from_config(stack.path) as two:
        await lived(one)
        await one.export_snapshot_to("diego.jsonl", user_id="diego")
        await lived(two, "eva")
        before = await everything(two)
        real, made = two.storage.transaction, 0

        async def transaction(operations):
            nonlocal made
            made += 1
            if made == 8:
                raise StorageUnavailable("gone")
            return await real(operations)

        monkeypatch.setattr(two.storage, "transaction", transaction)
        with pytest.raises(StorageUnavailable):
            await two.import_snapshot("diego.jsonl", "eva")
        assert made > 8
        after = await everything(two)
        assert {name: len(rows) for name, rows in after.items()} == {
            name: len(rows) for name, rows in before.items()
        }
        assert await two.storage.count("jobs", EVERY_USER) == 0
