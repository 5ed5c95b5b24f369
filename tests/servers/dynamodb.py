"""The two emulators of DynamoDB, each for what it is right about, or a server that is given.

moto has transactions and most other calls, but keeps everything in memory, copies all of it for
each transaction, and loses conditional updates unless it serves one request at a time. dynalite has
no transactions; its conditions hold under concurrency, and with a path it survives ``kill -9``.
``LUMINORA_TEST_DYNAMODB_URL`` names another server, such as DynamoDB Local, to be used in the place
of moto.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest
from luminora_dynamodb.settings import Settings
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.testing import migrate
from luminora.testing.servers.base import RUNNING, Server, listening, missing

URL = os.environ.get("LUMINORA_TEST_DYNAMODB_URL")
DYNALITE = Path(sys.prefix) / "dynalite" / "node_modules" / "dynalite"
_MOTO = """
import logging, sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app),
           threaded=False)
"""


class Emulator(Server):
    """What the two have in common."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **changes) -> Settings:
        """How to reach it, under a prefix of the test's own unless one is given."""
        given = {
            "region": "eu-west-1",
            "credentials": ("local", "local", None),
            "endpoint_url": self.url,
            "table_prefix": f"t{uuid4().hex[:8]}_",
            "connect_timeout": 2.0,
            "read_timeout": 10.0,
        }
        return Settings(**{**given, **changes})

    async def storage(self, **changes) -> DynamoDBStorage:
        """A connected storage over migrated tables."""
        storage = DynamoDBStorage(self.settings(**changes))
        await migrate(storage)
        await storage.connect()
        return storage

    def ready(self) -> bool:
        return listening(self.port)


class MotoServer(Emulator):
    name = "moto"

    def prepare(self) -> None:
        if find_spec("moto") is None:
            missing("moto", "pip install 'moto[server]'")

    def command(self) -> list[str]:
        return [sys.executable, "-c", _MOTO, str(self.port)]

    def title(self) -> str:
        return f"moto {version('moto')}"

    def reset(self) -> None:
        """Forget everything: each transaction copies all that is there."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200
        connection.close()


class GivenServer(MotoServer):
    """A server that somebody else runs; nothing of it is reset or killed."""

    def __init__(self) -> None:
        self.process = None

    @property
    def url(self) -> str:
        return URL or ""

    def prepare(self) -> None:
        """Nothing."""

    def start(self) -> None:
        RUNNING[self.name] = f"the server at {self.url}"

    def reset(self) -> None:
        """Nothing: prefixes keep the tests apart."""

    def remove(self) -> None:
        """Nothing."""


class DynaliteServer(Emulator):
    name = "dynalite"

    def prepare(self) -> None:
        if shutil.which("node") is None or not DYNALITE.is_dir():
            missing("dynalite", "npm install --prefix .venv/dynalite dynalite@4.0.0")

    def command(self) -> list[str]:
        at_once = [f"--{what}TableMs=5" for what in ("create", "delete", "update")]
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--path", str(self.folder / "db")]
        return ["node", str(DYNALITE / "cli.js"), *place, *at_once]

    def title(self) -> str:
        return "dynalite 4.0.0"


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    server = GivenServer() if URL else MotoServer()
    with server.running():
        yield server


@pytest.fixture
def moto(moto_server: MotoServer) -> MotoServer:
    """An empty moto."""
    moto_server.reset()
    return moto_server


@pytest.fixture(scope="session")
def dynalite_server() -> Iterator[DynaliteServer]:
    with DynaliteServer().running() as server:
        yield server


@pytest.fixture
def dynalite(dynalite_server: DynaliteServer) -> DynaliteServer:
    return dynalite_server
