"""Episodes, classifications and retention on every stack."""

from __future__ import annotations

from datetime import timedelta

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.stack import Stack
from tests.memory.rows import NOW, row
from tests.stacks import StackFile, every_stack, stack

__all__ = ["stack"]

SAID = ("Tengo cáncer y tengo miedo", "Mi perro se llama Max", "Hoy llueve")


@pytest.mark.parametrize("stack", every_stack(), indirect=True)
async def test_what_is_told_again_summed_up_classified_and_expired(stack: StackFile):
    limits = {"retention": {"short_term_days": 30, "sensitive_days": 30}}
    config = load_config(stack.changed(memory=limits))
    async with await LuminoraCoreClient(Stack.build(config)) as client:
        session = await client.create_session("ana", "sakura")
        for number in range(3):
            old = row(number, timestamp=NOW - timedelta(days=100))
            await client.storage.insert("episodes", "ana", old)
        for text in ("Mi perro Max murió ayer", "Mi perro Max murió ayer por la noche"):
            await client.send_message(session, text)

        max_, *rest = await client.get_episodes(session, 0)
        assert (len(rest), max_.metadata["count"], len(max_.context_messages)) == (3, 2, 2)
        assert [job.kind for job in await client.get_jobs()] == ["consolidate"]
        assert (await client.work()).jobs == 1
        summary = (await client.get_episodes(session, 0))[1]
        assert summary.type == "summary"
        assert [one["id"] for one in summary.metadata["sources"]] == ["e0", "e1", "e2"]
        assert await client.storage.count("episodes", "ana") == 2

        old_ones = [
            {"role": "user", "content": text, "timestamp": NOW - timedelta(days=60)}
            for text in SAID
        ]
        await client.import_messages(session, old_ones)
        assert (await client.classify(session)).classified == 5  # with two answers
        left = {one.content for one in await client.get_history(session)} - {SAID[0], SAID[2]}
        counts = await client.expire("ana")
        assert (counts["messages"], counts["message_embeddings"]) == (2, 2)
        assert {one.content for one in await client.get_history(session)} == left
        assert await client.expire("ana") == {}
        await client.forget("ana")
        assert await client.storage.count("memory_classifications", "ana") == 0
