"""The HTTP seam, against a server that splits, hangs, cuts and redirects as it is told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from luminora.errors import (
    ConfigError,
    ConnectionFailed,
    InvalidRequest,
    MalformedResponse,
    ProviderTimeout,
)
from luminora.providers import http
from luminora.providers.http import Deadlines, HttpClient, blotted, checked_url
from luminora.testing.doubles.vendor import KEY, Asked, Behaviour, Reply, VendorDouble

TEXT = "uno\ndos — \U0001f600\r\n\nañ\u2028o"


class Echo(VendorDouble):
    title = "our double of a web server"
    refusals = {"bad_key": Reply(401, {"error": "no"})}  # noqa: RUF012 - the base says ClassVar

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/lines":
            return Reply(body=[TEXT.encode()], content_type="text/plain")
        if asked.path == "/long":
            return Reply(body=b"x" * 5000, content_type="text/plain")
        return Reply(body={"path": asked.path, "sent": asked.json, "headers": dict(asked.headers)})


@pytest.fixture
def server():
    with Echo().running() as running:
        yield running


def client(server, **settings):
    headers = {"authorization": f"Bearer {KEY}"}
    return HttpClient(server.url, provider="echo", headers=headers, **settings)


async def lines(http_client, path="/lines"):
    async with http_client.stream(path, json={}) as response:
        return [line async for line in response.aiter_lines()]


async def test_a_question_and_its_answer(server):
    here = client(server)
    response = await here.post("/a", json={"text": "ñ\u2028\U0001f600"}, headers={"x-extra": "1"})
    assert response.is_success
    found = response.json()
    assert found["sent"] == {"text": "ñ\u2028\U0001f600"}
    assert found["headers"]["x-extra"] == "1"
    assert found["headers"]["content-type"] == "application/json"
    assert response.headers["content-type"] == "application/json"
    assert not (await here.get("/a", headers={"authorization": "Bearer other"})).is_success
    await here.aclose()


async def test_every_place_where_a_stream_can_be_split_in_two(server):
    here = client(server)
    whole = await lines(here)
    assert whole == ["uno", "dos — \U0001f600", "", "añ\u2028o"]
    for size in range(1, len(TEXT.encode())):
        server.will(Behaviour(split=size))
        assert await lines(here) == whole
    await here.aclose()


@pytest.mark.parametrize(
    ("how", "deadlines", "error"),
    [
        (Behaviour(hang=True), Deadlines(1, 0.2, 5), ProviderTimeout),
        (Behaviour(hang=True), Deadlines(1, 5, 0.2), ProviderTimeout),
        (Behaviour(split=1, pause=0.1), Deadlines(1, 5, 0.3), ProviderTimeout),
        (Behaviour(split=1, pause=5), Deadlines(1, 0.2, 9), ProviderTimeout),
        (Behaviour(cut=0), Deadlines(), ConnectionFailed),
        (Behaviour(cut=7), Deadlines(), ConnectionFailed),
    ],
)
async def test_what_goes_wrong_on_the_way(server, how, deadlines, error):
    here = client(server, deadlines=deadlines)
    for call in (lambda: lines(here), lambda: here.post("/a", json={})):
        server.will(how)
        started = time.monotonic()
        with pytest.raises(error) as caught:
            await call()
        assert time.monotonic() - started < 2
        assert caught.value.provider == "echo"
        assert caught.value.retryable
        assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert await lines(here), "the next call is served"
    await here.aclose()


async def test_nobody_listens(server):
    here = client(server)
    server.stop()
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        await here.get("/")
    await here.aclose()


async def test_a_host_that_does_not_exist():
    here = HttpClient("https://models.invalid", provider="echo", deadlines=Deadlines(2, 2, 2))
    with pytest.raises((ConnectionFailed, ProviderTimeout)):
        await here.get("/")
    await here.aclose()


async def test_tls_where_there_is_none():
    async def plain(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    here = HttpClient(f"https://127.0.0.1:{port}", provider="echo")
    with pytest.raises(ConnectionFailed, match="TLS failed"):
        await here.get("/")
    await here.aclose()
    listening.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(server, status):
    server.will(Reply(status, headers={"location": "https://elsewhere.example.com/a?key=1"}))
    here = client(server)
    with pytest.raises(MalformedResponse, match=r"elsewhere\.example\.com") as caught:
        await here.post("/a", json={})
    assert "key=1" not in str(caught.value)
    await here.aclose()


async def test_our_headers_do_not_go_to_another_host(server):
    with Echo().running() as other:
        here = client(server)
        assert (await here.get(f"{other.url}/x")).status_code == 401
        assert "authorization" not in other.requests[0].headers
        assert (await here.get(f"{server.url}/x")).is_success
        await here.aclose()


async def test_an_answer_beyond_all_measure(server, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY", 1000)
    here = client(server)
    with pytest.raises(MalformedResponse, match="longer than"):
        await here.get("/long")
    with pytest.raises(MalformedResponse, match="longer than"):
        await lines(here, "/long")
    await here.aclose()


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud83d"}])
async def test_what_cannot_be_written_is_not_sent(server, body):
    here = client(server)
    with pytest.raises(InvalidRequest):
        await here.post("/a", json=body)
    assert server.requests == []
    await here.aclose()


async def test_a_hundred_calls_use_one_connection_and_many_at_once_are_kept(server):
    here = client(server)
    for _ in range(50):
        await here.post("/a", json={})
        await lines(here)
    assert server.connections == 1
    await asyncio.gather(*(here.post("/a", json={}) for _ in range(20)))
    opened = server.connections
    await asyncio.gather(*(here.post("/a", json={}) for _ in range(20)))
    assert server.connections == opened
    await here.aclose()


def test_one_client_on_two_loops(server):
    here = client(server)

    async def once():
        assert (await here.get("/a")).is_success
        await here.aclose()
        await here.aclose()

    asyncio.run(once())
    asyncio.run(once())


def test_a_loop_that_ended_without_closing_does_not_break_the_next(server):
    code = (
        "import asyncio, sys; from luminora.providers.http import HttpClient\n"
        "here = HttpClient(sys.argv[1], provider='echo', headers={'x-api-key': sys.argv[2]})\n"
        "async def once(): assert (await here.get('/a')).is_success\n"
        "asyncio.run(once()); asyncio.run(once())"
    )
    subprocess.run([sys.executable, "-c", code, server.url, KEY], check=True, capture_output=True)
    assert len(server.requests) == 2


async def test_a_stream_left_early_hangs_up(server):
    server.will(Behaviour(split=1, pause=0.05))
    here = client(server)
    async with here.stream("/lines", json={}) as response:
        async for _ in response.aiter_lines():
            break
    for _ in range(200):
        if server.open == 0:
            break
        await asyncio.sleep(0.01)
    assert server.open == 0
    await here.aclose()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://localhost:11434", "http://localhost:11434"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://models.localhost", "http://models.localhost"),
    ],
)
def test_addresses_that_may_be_used(url, kept):
    assert checked_url(url, "echo") == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://192.168.1.7:11434",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "localhost:8080",
        "https://",
        "",
        "https://user:secret@api.example.com",
        "https://api.example.com:port",
        "https://[broken",
    ],
)
def test_addresses_that_may_not(url):
    with pytest.raises(ConfigError) as caught:
        checked_url(url, "echo")
    assert "secret" not in str(caught.value)


def test_plain_http_where_the_configuration_says_so():
    assert checked_url("http://192.168.1.7", "echo", allow_insecure=True)
    with pytest.raises(ConfigError):
        checked_url("ftp://192.168.1.7", "echo", allow_insecure=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-12345 is bad", "key [redacted] is bad"),
        ("provided: sk-12***********89.", "provided: [redacted]."),
        ("**bold** is no key", "**bold** is no key"),
        ("nothing", "nothing"),
    ],
)
def test_secrets_are_blotted_out(text, shown):
    assert blotted(text, ["sk-12345", "", "x"]) == shown


def test_blotting_a_very_long_text_takes_no_time():
    started = time.monotonic()
    blotted("x" * 2_000_000, ["secret"])
    assert time.monotonic() - started < 5
