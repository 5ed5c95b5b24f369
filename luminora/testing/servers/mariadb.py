"""A private MariaDB, or the MySQL or MariaDB that ``LUMINORA_TEST_MYSQL_URL`` names.

The URL is ``mysql://user:password@host:port``; that user has to be allowed to create databases and
users. Tests that stop or kill the server are skipped there.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from luminora.testing.servers.base import RUNNING, Server, listening, missing, program

_SBIN = "/usr/sbin"


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where one database is and how to get in; ``config`` is what luminora.json would say."""

    host: str
    port: int
    user: str
    password: str
    name: str

    def config(self, **changes: Any) -> dict[str, Any]:
        given = {"host": self.host, "port": self.port, "user": self.user, "database": self.name}
        return {**given, **changes}

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements on a connection of their own; the rows of the last one."""
        rows: list[tuple[Any, ...]] = in_thread(self._run(statements))
        return rows

    async def _run(self, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
        import asyncmy

        connection = await asyncmy.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password.encode(),
            database=self.name or None,
            autocommit=True,
        )
        rows: list[tuple[Any, ...]] = []
        try:
            async with connection.cursor() as cursor:
                for statement in statements:
                    await cursor.execute(statement)
                    rows = list(await cursor.fetchall()) if cursor.description else []
        finally:
            await connection.ensure_closed()
        return rows


def in_thread(coroutine: Any) -> Any:
    """What the coroutine answers; it runs on a loop of its own, so that any test may ask."""
    answer: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return answer[0]


class MariaServer(Server):
    """A private MariaDB whose ``root`` has no password."""

    name = "mariadb"
    private = True

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options

    @property
    def root(self) -> Database:
        """The server as its administrator, in no database."""
        return Database(host="127.0.0.1", port=self.port, user="root", password="", name="")

    def prepare(self) -> None:
        install = program("mariadb-install-db", _SBIN)
        if install is None or program("mariadbd", _SBIN) is None:
            missing("MariaDB", "apt-get install mariadb-server")
        command = [
            str(install),
            *("--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", *self._as_root),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self.launch)
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}\n{done.stderr}")

    def command(self) -> list[str]:
        return [
            str(program("mariadbd", _SBIN)),
            *("--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.folder}/socket"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
            *("--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M"),
            # What a killed process wrote is in the system's cache: no test cuts the power.
            *("--innodb-flush-log-at-trx-commit=2", "--skip-innodb-doublewrite"),
            *("--innodb-flush-method=nosync", "--innodb-file-per-table=0"),
            *("--max-connections=400", *self._as_root, *self.options),
        ]

    @property
    def _as_root(self) -> tuple[str, ...]:
        return ("--user=root",) if os.geteuid() == 0 else ()

    def ready(self) -> bool:
        if not listening(self.port):
            return False
        try:
            self.root.run("SELECT 1")
        except Exception:  # noqa: BLE001 - not yet
            return False
        return True

    def title(self) -> str:
        return version_of(self.root)


class RealServer:
    """The server behind ``LUMINORA_TEST_MYSQL_URL``, which nobody here may stop."""

    private = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.root = Database(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            name="",
        )
        self.port = self.root.port
        RUNNING["mariadb"] = version_of(self.root)


def version_of(database: Database) -> str:
    """``MariaDB 10.11.19`` or ``MySQL 8.4.2``."""
    ((version,),) = database.run("SELECT VERSION()")
    product = "MariaDB" if "MariaDB" in version else "MySQL"
    return f"{product} {version.split('-')[0]}"


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaServer | RealServer]:
    """One server for the session."""
    url = os.environ.get("LUMINORA_TEST_MYSQL_URL")
    if url:
        yield RealServer(url)
        return
    server = MariaServer()
    with server.running():
        yield server


@pytest.fixture
def private_mariadb(mariadb_server: MariaServer | RealServer) -> MariaServer:
    """The session's server, for a test that stops or kills it and starts it again."""
    if not isinstance(mariadb_server, MariaServer):
        pytest.skip("the server of LUMINORA_TEST_MYSQL_URL is not ours to stop")
    return mariadb_server


@pytest.fixture
def mariadb_database(mariadb_server: MariaServer | RealServer) -> Iterator[Database]:
    """A new and empty database, and a user who may do everything in it."""
    yield from new_database(mariadb_server)


@pytest.fixture(scope="session")
def mariadb_shared(mariadb_server: MariaServer | RealServer) -> Iterator[Database]:
    """A database that tests share which do not mind what others leave behind."""
    yield from new_database(mariadb_server)


def new_database(server: MariaServer | RealServer) -> Iterator[Database]:
    """Create a database and its user; drop both at the end."""
    name, password = f"luminora_{uuid4().hex[:12]}", f"p'\"\\%-ñ{uuid4().hex}Aa1"
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    server.root.run(
        f"CREATE DATABASE `{name}`",
        f"CREATE USER '{name}'@'%' IDENTIFIED BY '{quoted}'",
        f"GRANT ALL ON `{name}`.* TO '{name}'@'%'",
    )
    yield Database(host=server.root.host, port=server.port, user=name, password=password, name=name)
    server.root.run(f"DROP DATABASE IF EXISTS `{name}`", f"DROP USER IF EXISTS '{name}'@'%'")
