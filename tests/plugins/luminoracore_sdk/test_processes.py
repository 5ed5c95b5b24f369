"""Event loops, threads and processes that come and go, with one file between them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from luminoracore_sdk import LuminoraCoreClient, LuminoraCoreClientV11, sync
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11

from luminora.errors import SessionNotFound
from luminora.testing.doubles.vendor import KEY
from tests.servers.vendors.imitators import DeepSeekDouble

WRITER = """
from luminoracore_sdk import LuminoraCoreClientV11
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11
client = LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("shared.db"))
replies = [
    await client.send_message_with_memory("shared", f"Mensaje {who} {n}", "sakura")
    for n in range(10)
]
good = all(reply.success for reply in replies)
"""


def test_two_processes_share_one_file(run_blocks):
    with ThreadPoolExecutor(2) as both:
        told = [
            both.submit(run_blocks, [WRITER], show=["good"], before=f"who = '{who}'")
            for who in "ab"
        ]
        assert [one.result() for one in told] == [({"good": True}, "")] * 2
    client = LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("shared.db"))

    async def look():
        return await client.storage_v11.get_history("shared", None), await client.get_affinity(
            "shared"
        )

    history, affinity = asyncio.run(look())
    said = sorted(message.content for message in history if message.role == "user")
    assert said == sorted(f"Mensaje {who} {n}" for who in "ab" for n in range(10))
    assert affinity.total_messages == 20


@pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title)
def test_nothing_is_left_open_where_nobody_closes(run_blocks):
    block = """
from luminoracore_sdk import LuminoraCoreClientV11, ProviderConfig
client = LuminoraCoreClientV11()
config = ProviderConfig(name="deepseek", api_key=key, base_url=url)
reply = await client.send_message_with_memory("s", "Hola", "sakura", config)
degraded = reply.degraded
"""
    with DeepSeekDouble().running() as double:
        before = f"key, url = {KEY!r}, {double.url + '/v1'!r}"
        values, said = run_blocks([block], show=["degraded"], before=before)
        assert values == {"degraded": False}
        assert not said
        assert double.open == 0


def ours() -> set[threading.Thread]:
    """The threads of ours that are there; other tests may have left some."""
    return {one for one in threading.enumerate() if one.name.startswith("luminora")}


def test_one_client_serves_loops_that_come_and_go():
    before = ours()
    client = LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("loops.db"))
    for number in range(3):
        reply = asyncio.run(client.send_message_with_memory("s", f"Hola {number}", "sakura"))
        assert reply.success
    assert asyncio.run(client.get_affinity("s")).total_messages == 3
    assert not ours() - before


def test_the_loop_of_one_thread_may_end_while_another_goes_on():
    client = LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("loops.db"))

    async def lasting():
        await client.send_message_with_memory("long", "Hola", "sakura")
        short = client.send_message_with_memory("short", "Hola", "sakura")
        await asyncio.to_thread(asyncio.run, short)
        return await client.send_message_with_memory("long", "Hola otra vez")

    assert asyncio.run(lasting()).success


def test_code_that_does_not_await():
    before = ours()
    storage = SQLiteStorageV11("sync.db")
    with sync.LuminoraCoreClientV11(storage_v11=storage) as client:
        assert client.send_message_with_memory("s", "Me llamo Carlos", "sakura").success
        assert client.get_facts("s")[0].value == "Carlos"
        assert client.storage_v11 is storage
        with pytest.raises(AttributeError):
            client.send_telegram  # noqa: B018 - looking is the test
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get_facts("s")
    with sync.LuminoraCoreClient() as plain:
        session_id = plain.create_session("sakura")
        pieces = list(plain.stream_message(session_id, "Hola"))
        assert str(pieces[-1].reply) == "".join(piece.content for piece in pieces)
        with pytest.raises(SessionNotFound):
            plain.send_message("nobody", "Hola")
    assert not ours() - before


async def test_closing_is_harmless_at_any_time():
    client = LuminoraCoreClient()
    await client.cleanup()
    async with client:
        assert await client.create_session()
    await client.cleanup()
