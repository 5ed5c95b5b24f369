"""A private Redis that keeps every write on disk, or the one that LUMINORA_TEST_REDIS_URL names.

The URL is ``redis://[user:password@]host:port/db``. Tests use keys of their own making there, and
those that stop the server or change its settings are skipped or start one of their own. It needs
``appendonly yes``, else the storage's check rightly has a warning.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from luminora.testing.servers.base import RUNNING, Server, missing, program

URL = "LUMINORA_TEST_REDIS_URL"


class RedisServer(Server):
    """Redis on the loopback interface, without a password; appendonly yes, appendfsync always.

    Args:
        options: Further arguments of ``redis-server``; the last of two that disagree counts.
    """

    name = "redis"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        if program("redis-server") is None:
            missing("Redis", "apt-get install redis-server")

    def command(self) -> list[str]:
        return [
            str(program("redis-server")),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
            *self.options,
        ]

    def ready(self) -> bool:
        # With a password even the refusal says that it answers; while loading it does not.
        with suppress(OSError), ask(self.port) as client:
            answer = client.call("PING")
            return answer == "PONG" or str(answer).startswith("NOAUTH")
        return False

    def title(self) -> str:
        with ask(self.port) as client:
            facts = str(client.call("INFO", "server"))
        found = [line for line in facts.splitlines() if line.startswith("redis_version:")]
        return f"Redis {found[0].partition(':')[2]}" if found else "Redis"

    def run(self, *command: Any) -> Any:
        """One command on a connection of its own."""
        with ask(self.port) as client:
            return client.call(*command)


class ask:  # noqa: N801 - reads as a verb
    """A blocking connection of a few lines, so that tests look with other eyes than the plugin."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), 2)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def call(self, *command: Any) -> Any:
        """The answer; an error is answered as its text."""
        parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
        packed = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(b"*%d\r\n%s" % (len(parts), packed))
        return self._answer()

    def _answer(self) -> Any:
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2].decode("latin-1")
        if kind == b"*":
            return None if rest == b"-1" else [self._answer() for _ in range(int(rest))]
        return rest.decode()


@dataclass(frozen=True)
class RedisPlace:
    """Where one test keeps its keys.

    Attributes:
        url: The server and database.
        prefix: What its keys begin with.
    """

    url: str
    prefix: str

    @property
    def env(self) -> dict[str, str]:
        """What the provider's context needs in its environment."""
        return {"REDIS_URL": self.url}

    @property
    def config(self) -> dict[str, Any]:
        """The provider's ``config``."""
        return {"url_env": "REDIS_URL", "key_prefix": self.prefix}

    def call(self, *command: Any) -> Any:
        """One command, past the provider."""
        parts = urlsplit(self.url)
        with ask(parts.port or 6379, parts.hostname or "127.0.0.1") as client:
            if parts.password:
                client.call("AUTH", unquote(parts.username or "default"), unquote(parts.password))
            client.call("SELECT", parts.path.strip("/") or "0")
            return client.call(*command)

    def names(self) -> list[str]:
        """All keys under the prefix."""
        return sorted(self.call("KEYS", f"*{self.prefix}*"))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A private server; a test may kill or stop it, the next one finds it running."""
    if os.environ.get(URL):
        pytest.skip(f"{URL} is set: that server is not ours to kill")
    with RedisServer().running() as server:
        assert isinstance(server, RedisServer)
        yield server


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of the server to test against, which is running."""
    if url := os.environ.get(URL):
        RUNNING["redis"] = f"the Redis of {URL}"
        return url
    server: RedisServer = request.getfixturevalue("redis_server")
    server.signal(signal.SIGCONT)
    if not server.ready():
        server.restart()
    return server.url


@pytest.fixture
def redis_place(redis_url: str) -> Iterator[RedisPlace]:
    """A prefix of the test's own, emptied afterwards."""
    place = RedisPlace(redis_url, f"test-{uuid4().hex[:12]}")
    yield place
    with suppress(OSError):  # the test may have left the server dead; the next one restarts it
        for key in place.names():
            place.call("DEL", key.encode("latin-1"))
