"""The double of MongoDB as a private server, or a real one behind ``LUMINORA_TEST_MONGODB_URL``.

A real server has to be a replica set, and the user may create and drop databases on it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from luminora.testing.servers.base import Server, listening

URL = "LUMINORA_TEST_MONGODB_URL"
ROOT = Path(__file__).parents[2]


def on_a_real_server() -> bool:
    """Whether the tests run against MongoDB itself."""
    return bool(os.environ.get(URL))


class MongoServer(Server):
    """The double in a process of its own; what it acknowledged survives :meth:`kill`.

    Args:
        standalone: Claim to be no replica set.
        search: Have ``$vectorSearch``, as Atlas has.
        wire_version: 21 is MongoDB 7.0, 9 is 4.4, 8 is 4.2.
        users: Name to password and role (``readWrite`` or ``read``); empty asks for no password.
        lifetime: Seconds that a transaction may take.
    """

    name = "mongodb"

    def __init__(
        self,
        *,
        standalone: bool = False,
        search: bool = False,
        wire_version: int = 21,
        users: Mapping[str, Mapping[str, str]] | None = None,
        lifetime: float = 60,
    ) -> None:
        super().__init__()
        self.options = ["--wire-version", str(wire_version), "--lifetime", str(lifetime)]
        self.options += ["--standalone"] if standalone else []
        self.options += ["--search"] if search else []
        self.options += ["--users", json.dumps(users)] if users else []

    @property
    def launch(self) -> Mapping[str, Any]:
        """The repository's root is where the double is found."""
        return {**super().launch, "cwd": ROOT}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mongodb://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Our own module."""
        place = ["--port", str(self.port), "--folder", str(self.folder)]
        return [sys.executable, "-m", "tests.servers.mongo", *place, *self.options]

    def ready(self) -> bool:
        """Whether it accepts connections."""
        return listening(self.port)

    def title(self) -> str:
        """What the closing table shows."""
        return "our wire-level double of MongoDB 7.0 (no real server)"


@dataclass(frozen=True)
class MongoDatabase:
    """A database of one test's own."""

    url: str
    name: str

    @property
    def config(self) -> dict[str, Any]:
        """The provider's ``config``; the URL is in the environment variable MONGODB_URL."""
        return {"url_env": "MONGODB_URL", "database": self.name, "timeout_seconds": 20}

    @property
    def env(self) -> dict[str, str]:
        """What the provider's context needs in its environment."""
        return {"MONGODB_URL": self.url}

    @cached_property
    def client(self) -> MongoClient[dict[str, Any]]:
        """The official client, for looking at what a provider did."""
        return MongoClient(self.url, serverSelectionTimeoutMS=5_000)

    def fail(self, *commands: str, times: int = 1, **data: Any) -> None:
        """Make the next such commands fail, as ``failCommand`` documents it."""
        self.client.admin.command(
            {
                "configureFailPoint": "failCommand",
                "mode": {"times": times} if times else "off",
                "data": {"failCommands": list(commands), **data},
            }
        )


@contextmanager
def database_on(url: str) -> Iterator[MongoDatabase]:
    """An empty database, dropped at the end."""
    database = MongoDatabase(url, f"luminora_{uuid4().hex[:16]}")
    try:
        yield database
        with suppress(Exception):  # the test may have left the server dead; the next restarts it
            database.client.drop_database(database.name)
    finally:
        database.client.close()


def _running(server: MongoServer) -> MongoServer:
    server.signal(signal.SIGCONT)
    if not server.ready():
        server.restart()
    return server


@pytest.fixture(scope="session")
def _mongo_server() -> Iterator[MongoServer]:
    with MongoServer(search=True).running() as server:
        assert isinstance(server, MongoServer)
        yield server


@pytest.fixture
def mongo_server(request: pytest.FixtureRequest) -> MongoServer:
    """The private server, running; a test may kill or stop it."""
    if os.environ.get(URL):
        pytest.skip(f"{URL} is set: that server is not ours to kill")
    return _running(request.getfixturevalue("_mongo_server"))


@pytest.fixture
def mongo_url(request: pytest.FixtureRequest) -> str:
    """The server to test against, which is running."""
    if url := os.environ.get(URL):
        return url
    return _running(request.getfixturevalue("_mongo_server")).url


@pytest.fixture
def mongo_database(mongo_url: str) -> Iterator[MongoDatabase]:
    """An empty database."""
    with database_on(mongo_url) as database:
        yield database
