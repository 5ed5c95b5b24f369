"""Encrypted snapshots: for whoever knows the word or holds the key, and for nobody else."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyrage
import pytest

from luminora.errors import InputError
from luminora.snapshots.age import Lock
from luminora.snapshots.examine import examine
from luminora.snapshots.files import Source, written
from tests.snapshots.helpers import client_at, lived

KEY = pyrage.x25519.Identity.generate()


async def exported(name: str, **lock) -> bytes:
    async with client_at("a") as one:
        await lived(one)
        await one.export_snapshot_to(name, user_id="diego", **lock)
    return Path(name).read_bytes()


async def test_a_passphrase_opens_it_and_another_does_not():
    data = await exported("s.jsonl.age", passphrase="correcto caballo")
    assert b"Diego" not in data
    async with client_at("b") as two:
        await two.import_snapshot("s.jsonl.age", "eva", passphrase="correcto caballo")
        for wrong in ("otro", None):
            with pytest.raises(InputError, match="passphrase"):
                await two.import_snapshot("s.jsonl.age", "ana", passphrase=wrong)
        assert await two.storage.count("messages", "ana") == 0


async def test_a_key_opens_it_and_another_does_not():
    data = await exported("s.jsonl.gz.age", recipients=[str(KEY.to_public())])
    assert pyrage.decrypt(data, [KEY]).startswith(b"\x1f\x8b")
    file = f"# created: today\n# public key: {KEY.to_public()}\n{KEY}\n"
    async with client_at("b") as two:
        assert await two.import_snapshot("s.jsonl.gz.age", "eva", identities=[file])
        other = str(pyrage.x25519.Identity.generate())
        with pytest.raises(InputError, match="none of the keys"):
            await two.import_snapshot("s.jsonl.gz.age", "ana", identities=[other])
        with pytest.raises(InputError, match="--identity"):
            await two.import_snapshot("s.jsonl.gz.age", "ana", passphrase="x")
        with pytest.raises(InputError, match="not a private key") as caught:
            await two.import_snapshot("s.jsonl.gz.age", "ana", identities=["AGE-SECRET-KEY-1X"])
        assert "AGE-SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        ({"recipients": ["age1nobody"]}, "not a recipient"),
        ({"recipients": ["ssh-rsa nobody"]}, "not a recipient"),
        ({"passphrase": ""}, "empty"),
        ({"passphrase": "x", "recipients": [str(KEY.to_public())]}, "not both"),
    ],
)
async def test_a_lock_that_cannot_be_used_writes_nothing(lock, told):
    with pytest.raises(InputError, match=told):
        await exported("s.jsonl.age", **lock)
    assert not [path for path in Path.cwd().iterdir() if "s.jsonl" in path.name]


async def test_without_the_library_it_is_told_how_to_get_it(monkeypatch):
    await exported("s.jsonl.age", recipients=[str(KEY.to_public())])
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(InputError, match=r"(?s)pyrage.*luminora\[encryption\]"):
        examine(Source("s.jsonl.age", Lock(identities=[str(KEY)])))
    with pytest.raises(InputError, match=r"luminora\[encryption\]"):
        await exported("t.jsonl.age", passphrase="x")


def test_a_stream_goes_through_as_it_comes():
    """Far more than pipes and buffers hold, in both directions, and left half-way too."""
    lock = Lock(recipients=[str(KEY.to_public())], identities=[str(KEY)])
    with written(Path("big.age"), lock) as file:
        for number in range(3_000):
            file.write(f'{{"x":"{number:>2000}"}}\n'.encode())
    whole = pyrage.decrypt(Path("big.age").read_bytes(), [KEY])
    assert len(whole.splitlines()) == 3_000
    from luminora.snapshots import age

    data = Path("big.age").read_bytes()
    with age.unlocked(io.BytesIO(data), lock) as reader:
        assert reader.readline() == whole.splitlines(keepends=True)[0]
    with age.unlocked(io.BytesIO(data), lock) as reader:
        assert reader.read() == whole
    with (
        pytest.raises(InputError, match="damaged"),
        age.unlocked(io.BytesIO(data[:-40]), lock) as reader,
    ):
        reader.read()


def test_a_failure_while_writing_leaves_the_old_file():
    Path("s.age").write_text("old")
    lock = Lock(recipients=[str(KEY.to_public())])
    with pytest.raises(RuntimeError), written(Path("s.age"), lock) as file:
        file.write(b"half")
        raise RuntimeError
    assert Path("s.age").read_text() == "old"
    assert [path.name for path in Path.cwd().iterdir()] == ["s.age"]


def test_a_secret_is_not_in_a_repr():
    assert "geheim" not in repr(Lock("geheim", identities=["geheim"]))
