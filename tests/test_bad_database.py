"""Databases that are missing, unreadable, damaged, full or locked: one clear error each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luminora.client import LuminoraCoreClient
from luminora.errors import LuminoraError, StorageCorrupt, StorageError, StorageUnavailable

BYTES = 96 * 1024


async def opened(path: Path) -> LuminoraCoreClient:
    return await LuminoraCoreClient.from_config(
        overrides={"storage_provider.config.database_path": str(path)}
    )


async def test_a_missing_file_and_folder_are_made(tmp_path):
    async with await opened(tmp_path / "new" / "folder" / "l.db") as client:
        session = await client.create_session("u")
        assert (await client.send_message(session, "hola")).text


async def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(StorageUnavailable, match="folder"):
        await opened(tmp_path)


async def test_something_else_is_no_database_and_stays_as_it_is(tmp_path):
    file = tmp_path / "letters.db"
    file.write_bytes(b"Dear diary, " * 500)

    with pytest.raises(StorageCorrupt) as caught:
        await opened(file)

    assert str(file) in str(caught.value)
    assert file.read_bytes() == b"Dear diary, " * 500


async def test_a_damaged_database_says_so(tmp_path):
    file = tmp_path / "l.db"
    async with await opened(file) as client:
        session = await client.create_session("u")
        turns = [{"role": "user", "content": f"message {n} " * 20} for n in range(500)]
        await client.import_messages(session, turns)
    data = bytearray(file.read_bytes())
    for start in range(8192, len(data) - 4096, 8192):
        data[start : start + 4096] = b"\xff" * 4096
    file.write_bytes(data)

    with pytest.raises(LuminoraError) as caught:
        async with await opened(file) as client:
            await client.get_history(session, limit=None)
            await client.search_memories(session, "message")
    assert "Traceback" not in str(caught.value)


async def test_a_truncated_database_says_so(tmp_path):
    file = tmp_path / "l.db"
    async with await opened(file) as client:
        await client.create_session("u")
    file.write_bytes(file.read_bytes()[:20_000])

    with pytest.raises(StorageError):
        async with await opened(file) as client:
            await client.list_sessions("u")


FULL_DISK = f"""
import asyncio, json, resource, signal, sys
from luminora import LuminoraCoreClient, LuminoraError

async def main(path):
    kept = []
    overrides = {{"storage_provider.config.database_path": path}}
    client = await LuminoraCoreClient.from_config(overrides=overrides)
    session = await client.create_session("u", session_id="s")
    await client.send_message(session, "the first message")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = client._stack.storage.path.stat().st_size + {BYTES} * 8
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    kept, error = [], None
    for number in range(2000):
        try:
            await client.send_message(session, f"message {{number}} " + "x" * 4000)
            kept.append(number)
        except LuminoraError as problem:
            error = f"{{type(problem).__name__}}: {{problem}}"
            break
    print(json.dumps({{"kept": kept, "error": error}}), flush=True)
    import os
    os._exit(0)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_full_disk_is_a_clear_error_and_what_was_accepted_is_readable(tmp_path):
    file = tmp_path / "l.db"
    outcome = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert outcome.stdout, outcome.stderr
    report = json.loads(outcome.stdout)

    assert report["error"], "the disk never filled up"
    assert report["error"].startswith("StorageFull"), report["error"]
    async with await opened(file) as client:
        said = [one.content for one in await client.get_history("s", None) if one.role == "user"]
    accepted = ["the first message"] + [f"message {n} " + "x" * 4000 for n in report["kept"]]
    assert said[: len(accepted)] == accepted


def test_the_command_ends_with_one_line_and_no_traceback(tmp_path):
    (tmp_path / "letters.db").write_text("Dear diary, " * 500)
    outcome = subprocess.run(
        [str(Path(sys.executable).with_name("luminora")), "chat", "--user", "u"],
        input="hola\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            **os.environ,
            "LUMINORA_STORAGE_PROVIDER__CONFIG__DATABASE_PATH": str(tmp_path / "letters.db"),
        },
    )
    assert outcome.returncode == 1
    assert "letters.db" in outcome.stderr
    assert "→" in outcome.stderr
    assert "Traceback" not in outcome.stderr
