from __future__ import annotations

import inspect
import threading

import pytest

from luminora import client as asynchronous
from luminora.errors import SessionNotFound
from luminora.sync import LuminoraCoreClient, mirrored
from tools.sync_stub import TARGET, stub


def test_a_conversation_without_await():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("ana", "sakura")
        assert client.send_message(session, "Me llamo Ana").facts
        pieces = list(client.stream_message(session, "¿Cómo me llamo?"))
        assert "Ana" in pieces[-1].response.text
        assert client.import_messages(session, [{"role": "user", "content": "x"}]).imported == 1
        with pytest.raises(SessionNotFound):
            client.get_history("nope")


def test_it_serves_several_threads_and_closes_once():
    client = LuminoraCoreClient.from_config()
    sessions = [client.create_session(f"u{n}") for n in range(4)]
    threads = [
        threading.Thread(target=client.send_message, args=(session, "hola")) for session in sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(client.get_history(session)) == 2 for session in sessions)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.list_sessions("u0")


def test_leaving_a_stream_early_is_harmless():
    with LuminoraCoreClient.from_config() as client:
        session = client.create_session("ana")
        for _ in client.stream_message(session, "Hola, ¿qué tal estás hoy?"):
            break
        assert client.send_message(session, "¿y ahora?").text


def test_every_asynchronous_method_has_its_twin():
    expected = {
        name
        for name, value in inspect.getmembers(asynchronous.LuminoraCoreClient)
        if not name.startswith("_")
        and (inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value))
    } - {"open", "aclose"}
    assert expected == set(mirrored())
    assert all(hasattr(LuminoraCoreClient, name) for name in expected)


def test_the_type_stub_is_up_to_date():
    assert stub() == TARGET.read_text(encoding="utf-8"), "run python tools/sync_stub.py"
