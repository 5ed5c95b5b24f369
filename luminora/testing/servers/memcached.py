"""A private memcached, or the one that LUMINORA_TEST_MEMCACHED names as ``host:port``."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from luminora.testing.servers.base import RUNNING, Server, missing, program

PLACE = "LUMINORA_TEST_MEMCACHED"


class MemcachedServer(Server):
    """memcached on the loopback interface; what it held is gone after a kill."""

    name = "memcached"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options

    def prepare(self) -> None:
        if program("memcached") is None:
            missing("memcached", "apt-get install memcached")

    def command(self) -> list[str]:
        as_root = ("-u", "nobody") if os.geteuid() == 0 else ()
        return [
            str(program("memcached")),
            *("-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-m", "64", *as_root),
            *self.options,
        ]

    def ready(self) -> bool:
        with suppress(OSError):
            return say("127.0.0.1", self.port, b"version\r\n").startswith(b"VERSION")
        return False

    def title(self) -> str:
        answer = say("127.0.0.1", self.port, b"version\r\n").decode()
        return f"memcached {answer.removeprefix('VERSION ').strip()}"


def say(host: str, port: int, request: bytes, end: bytes = b"\r\n") -> bytes:
    """Send a request on a connection of its own; what comes back until ``end``."""
    with socket.create_connection((host, port), 2) as connection:
        connection.sendall(request)
        answer = b""
        while not answer.endswith(end):
            portion = connection.recv(65_536)
            if not portion:
                raise ConnectionError("hung up")
            answer += portion
    return answer


@dataclass(frozen=True)
class MemcachedPlace:
    """Where one test keeps its values.

    Attributes:
        prefix: What its keys begin with.
    """

    host: str
    port: int
    prefix: str

    @property
    def config(self) -> dict[str, Any]:
        """The provider's ``config``."""
        return {"host": self.host, "port": self.port, "key_prefix": self.prefix}

    def say(self, request: bytes, end: bytes = b"\r\n") -> bytes:
        """One request, past the provider."""
        return say(self.host, self.port, request, end)


@pytest.fixture(scope="session")
def memcached_server() -> Iterator[MemcachedServer]:
    """A private server; a test may kill or stop it, the next one finds it running."""
    if os.environ.get(PLACE):
        pytest.skip(f"{PLACE} is set: that server is not ours to kill")
    with MemcachedServer().running() as server:
        assert isinstance(server, MemcachedServer)
        yield server


@pytest.fixture
def memcached_place(request: pytest.FixtureRequest) -> MemcachedPlace:
    """A running server and a prefix of the test's own."""
    prefix = f"test-{uuid4().hex[:12]}"
    if place := os.environ.get(PLACE):
        RUNNING["memcached"] = f"the memcached of {PLACE}"
        host, _, port = place.rpartition(":")
        return MemcachedPlace(host or "127.0.0.1", int(port), prefix)
    server: MemcachedServer = request.getfixturevalue("memcached_server")
    server.signal(signal.SIGCONT)
    if not server.ready():
        server.restart()
    return MemcachedPlace("127.0.0.1", server.port, prefix)
