"""Which proxy a request takes: the configured one, the environment's, or none."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager

import pytest

from luminora.providers.http import HttpClient

pytest.importorskip("aiohttp")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def listening():
    """A server that answers everything; yields its port and the heads that it was sent."""
    heads: list[str] = []

    async def answer(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            heads.append(head.decode())
            writer.write(ANSWER)

    async def serve(reader, writer):
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def asked(url, **settings):
    client = HttpClient(url, provider="parrot", headers={"authorization": "Bearer k"}, **settings)
    try:
        assert (await client.get("/v1/models")).status_code == 200
        assert (await client.get("/v1/models")).status_code == 200
    finally:
        await client.aclose()


async def test_the_environments_proxy_is_taken(monkeypatch):
    async with listening() as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", f"http://ana:secret@127.0.0.1:{port}")
        await asked("http://localhost:9")
    assert [head.split("\r\n")[0] for head in heads] == [
        "GET http://localhost:9/v1/models HTTP/1.1"
    ] * 2
    token = base64.b64encode(b"ana:secret").decode()
    assert f"Proxy-Authorization: Basic {token}" in heads[0]


async def test_no_proxy_is_respected(monkeypatch):
    async with listening() as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "localhost")
        await asked(f"http://localhost:{port}")
    assert heads[0].startswith("GET /v1/models ")


async def test_another_schemes_proxy_is_not_taken(monkeypatch):
    async with listening() as (port, heads):
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        await asked(f"http://127.0.0.1:{port}")
    assert len(heads) == 2


async def test_the_configured_proxy_wins(monkeypatch):
    async with listening() as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "localhost")
        await asked("http://localhost:9", proxy=f"http://127.0.0.1:{port}")
    assert heads[0].startswith("GET http://localhost:9/v1/models ")


async def test_the_environment_is_asked_once_and_no_thread_is(monkeypatch):
    monkeypatch.setattr(
        asyncio.BaseEventLoop, "run_in_executor", lambda *given: pytest.fail("a thread was asked")
    )
    lookups = []
    monkeypatch.setattr("urllib.request.getproxies", lambda: lookups.append(1) or {})
    async with listening() as (port, heads):
        await asked(f"http://127.0.0.1:{port}")
    assert len(heads) == 2
    assert lookups == [1]
