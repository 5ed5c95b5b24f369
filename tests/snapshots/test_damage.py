"""Cut at any byte or with any bit flipped, a snapshot is refused."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luminora.errors import InputError, SnapshotInvalid
from luminora.snapshots.age import Lock
from luminora.snapshots.examine import examine
from luminora.snapshots.files import Source
from tests.snapshots.helpers import PLAIN, client_at, everything

KEY = pyrage.x25519.Identity.generate()
UNLOCK = Lock(identities=[str(KEY)])
NAMES = ["s.jsonl", "s.jsonl.gz", "s.jsonl.age", "s.jsonl.gz.age"]


async def written(name: str) -> bytes:
    """A small snapshot's bytes."""
    async with client_at("a") as client:
        session = await client.create_session("diego", PLAIN)
        await client.import_messages(session, [{"role": "user", "content": "¿Qué tal? 😀"}])
        recipients = [str(KEY.to_public())] if name.endswith(".age") else []
        await client.export_snapshot_to(name, session_id=session, recipients=recipients)
    examine(Source(name, UNLOCK))
    return Path(name).read_bytes()


def refused(data: bytes) -> None:
    Path("bad").write_bytes(data)
    with pytest.raises(InputError):
        examine(Source("bad", UNLOCK))


@pytest.mark.parametrize("name", NAMES)
async def test_cut_at_any_byte_it_is_refused(name):
    whole = await written(name)
    for size in range(len(whole)):
        refused(whole[:size])
    refused(whole + b"\n")
    refused(whole + whole)


@pytest.mark.parametrize("name", NAMES)
async def test_with_a_bit_flipped_anywhere_it_is_refused(name):
    whole = await written(name)
    for place in range(len(whole)):
        for bit in range(8) if place < 24 or place > len(whole) - 160 else [place % 8]:
            data = bytearray(whole)
            data[place] ^= 1 << bit
            refused(bytes(data))


async def test_nothing_of_a_damaged_one_is_written():
    whole = await written("s.jsonl")
    async with client_at("b") as client:
        await client.create_session("eva")
        before = await everything(client)
        for size in range(0, len(whole), 97):
            for data in (whole[:size], whole[:size] + bytes([whole[size] ^ 4]) + whole[size + 1 :]):
                Path("bad").write_bytes(data)
                with pytest.raises(SnapshotInvalid):
                    await client.import_snapshot("bad", "eva")
        assert await everything(client) == before


@given(data=st.binary(max_size=300))
def test_what_is_no_snapshot_is_called_so(data):
    Path("bad").write_bytes(data)
    with pytest.raises(InputError):
        examine(Source("bad"))


def test_a_bomb_bursts_at_the_first_line():
    Path("bomb").write_bytes(gzip.compress(b'{"header":{}}\n' + b"0" * (64 << 20)))
    with pytest.raises(SnapshotInvalid, match="not a snapshot"):
        examine(Source("bomb"))
    long = io.BytesIO(b'{"header":"' + b"0" * (17 << 20) + b'"}\n')
    Path("long").write_bytes(long.getvalue())
    with pytest.raises(SnapshotInvalid):
        examine(Source("long"))


async def test_one_that_was_compressed_by_hand_is_told_apart():
    whole = await written("s.jsonl")
    Path("mine.gz").write_bytes(gzip.compress(whole))
    with pytest.raises(SnapshotInvalid, match=r"(?s)compressed yourself, decompress"):
        examine(Source("mine.gz"))


async def test_every_tool_reads_the_compressed_form():
    await written("s.jsonl.gz")
    lines = gzip.decompress(Path("s.jsonl.gz").read_bytes()).splitlines()
    assert set(json.loads(lines[0])) == {"header"}
    assert set(json.loads(lines[-1])) == {"footer"}
