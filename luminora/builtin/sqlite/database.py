"""One SQLite file, shared by everything in the process that uses it.

One thread writes. It commits what has queued up meanwhile in one transaction, so that many
concurrent writes share one fsync (``synchronous=FULL``: what was acknowledged survives a power
cut). Another thread reads, on a read-only connection and snapshot of its own (WAL), and waits for
no write; a second one would only contend with it for the interpreter's lock. Other processes may
open the same file; writers take turns through SQLite's own lock.

A process that forks must open its databases anew in the child: threads do not survive a fork, and
SQLite connections must not be used across one. A database inherited from the parent says so.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Final, TypeVar

import apsw

from luminora.builtin.sqlite.errors import translated
from luminora.builtin.sqlite.jobs import Inbox, Job, Outcome, deliver
from luminora.errors import LuminoraError, StorageReadOnly, StorageUnavailable

T = TypeVar("T")

_MAX_BATCH: Final = 512
"""Units per transaction: bounds how long the first of a batch waits for the last."""
_MAX_ANSWERS: Final = 16
_ANSWER_SECONDS: Final = 0.001
_MMAP_BYTES: Final = 256 << 20
_CACHE_KIB: Final = 16_384
_WAL_RETRY_SECONDS: Final = 0.01

_open: dict[Path, Database] = {}
_lock = Lock()
_inherited: list[Database] = []
"""Databases of the parent process, kept alive: closing them here would disturb the parent."""


def open_database(
    path: Path | str, *, busy_timeout: float = 30.0, durable: bool = True
) -> Database:
    """The database of that file, opened if this process has it not open yet.

    Blocks for the disk. Every call is paired with one :meth:`Database.close`.

    Args:
        path: The file; it and its folder are made if they are absent.
        busy_timeout: Seconds to wait for another process that is writing; the first opener's
            counts.
        durable: Whether a commit is on the disk before it is acknowledged; a cache need not wait
            for that. The first opener's counts.

    Raises:
        StorageError: The file cannot be opened, written, or is no database.
    """
    real = Path(path).expanduser().resolve()
    with _lock:
        database = _open.get(real)
        if database is None:
            database = _open[real] = Database(real, busy_timeout, durable=durable)
        database.users += 1
        return database


class Database:
    """A file, its writer thread and its reader thread; made by :func:`open_database`.

    Attributes:
        path: The file.
        users: How many have it open.
        commits: Transactions committed so far; fewer than the writes, as concurrent ones share.
    """

    def __init__(self, path: Path, busy_timeout: float, *, durable: bool = True) -> None:
        self.path = path
        self.users = 0
        self.commits = 0
        self.forked = False
        self._loaders: list[Callable[[apsw.Connection], None]] = []
        self._writes, self._reads = Inbox(), Inbox()
        self._writer = _connect_writer(path, busy_timeout, durable=durable)
        try:
            self._reader = _connect_reader(path, busy_timeout)
        except LuminoraError:
            self._writer.close()
            raise
        self._threads = [
            Thread(target=self._write_loop, name=f"luminora-write-{path.name}", daemon=True),
            Thread(target=self._read_loop, name=f"luminora-read-{path.name}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    async def write(self, unit: Callable[[apsw.Connection], T]) -> T:
        """Run ``unit`` in a transaction on the writer thread; durable when this returns.

        The unit shares its transaction with others but is undone alone if it raises. It may run
        twice, if the transaction it was part of fails. Cancelling the caller does not undo it.

        Raises:
            StorageError: Nothing of the unit was written.
        """
        return await self._submit(self._writes, unit)

    async def read(self, unit: Callable[[apsw.Connection], T]) -> T:
        """Run ``unit`` on the reader thread, on the newest committed snapshot.

        Raises:
            StorageError: The file cannot be read.
        """
        return await self._submit(self._reads, unit)

    def extend(self, loader: Callable[[apsw.Connection], None]) -> None:
        """Have every connection run ``loader`` once, before its next unit."""
        if loader not in self._loaders:
            self._loaders.append(loader)

    def close(self) -> None:
        """Give up one use; the last one waits for queued work and closes the file. Blocks."""
        with _lock:
            if self.users == 0:
                return
            self.users -= 1
            if self.users or self.forked:
                return
            self._stop()
            _open.pop(self.path, None)

    def _stop(self) -> None:
        self._reads.close(1)
        self._writes.close(1)
        for thread in self._threads:
            thread.join()
        # The writer goes last: the last connection to close empties the write-ahead log.
        self._reader.close()
        self._writer.close()

    async def _submit(self, inbox: Inbox, unit: Callable[[apsw.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        job = Job(unit, loop.create_future(), loop)
        if self.forked:
            raise StorageUnavailable(
                "the database was opened before this process forked",
                where=str(self.path),
                hint="open it in the child process",
            )
        if not inbox.put(job):
            raise StorageUnavailable("the database is closed", where=str(self.path))
        answer: T = await job.future
        return answer

    def _write_loop(self) -> None:
        connection, loaded = self._writer, 0
        while (job := self._writes.take()) is not None:
            jobs = [job]
            while len(jobs) < _MAX_BATCH and (job := self._writes.more()) is not None:
                jobs.append(job)
            jobs = [job for job in jobs if not job.abandoned]
            try:
                loaded = self._load(connection, loaded)
                outcomes = self._commit(connection, jobs) if jobs else []
            except Exception as error:  # noqa: BLE001 - the thread outlives whatever happened
                outcomes = [Outcome(job, error=error) for job in jobs]
            deliver(outcomes)

    def _read_loop(self) -> None:
        connection, loaded = self._reader, 0
        while (job := self._reads.take()) is not None:
            outcomes: list[Outcome] = []
            started = monotonic()
            while job is not None:
                try:
                    loaded = self._load(connection, loaded)
                    with translated(self.path, connection):
                        outcomes.append(Outcome(job, job.unit(connection)))
                except Exception as error:  # noqa: BLE001 - the waiting coroutine's to handle
                    outcomes.append(Outcome(job, error=error))
                # Answers travel together while more questions are at hand, but none waits long.
                patient = len(outcomes) < _MAX_ANSWERS and monotonic() - started < _ANSWER_SECONDS
                job = self._reads.more() if patient else None
            deliver(outcomes)

    def _load(self, connection: apsw.Connection, loaded: int) -> int:
        """Run the loaders this connection has not seen; how many it has seen now."""
        while loaded < len(self._loaders):
            with translated(self.path, connection):
                self._loaders[loaded](connection)
            loaded += 1
        return loaded

    def _commit(self, connection: apsw.Connection, jobs: Sequence[Job]) -> list[Outcome]:
        """Run the jobs in one transaction, or each in its own if that one fails as a whole."""
        try:
            with translated(self.path, connection):
                connection.execute("BEGIN IMMEDIATE")
        except LuminoraError as error:
            return [Outcome(job, error=error) for job in jobs]
        try:
            outcomes = [self._guarded(connection, job) for job in jobs]
            with translated(self.path, connection):
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, the jobs' callers get it
            _roll_back(connection)
            if len(jobs) == 1:
                return [Outcome(jobs[0], error=error)]
            return [outcome for job in jobs for outcome in self._commit(connection, [job])]
        self.commits += 1
        return outcomes

    def _guarded(self, connection: apsw.Connection, job: Job) -> Outcome:
        """Run one job of a transaction; a failure undoes that job alone.

        Raises:
            Exception: The failure took the whole transaction with it.
        """
        connection.execute("SAVEPOINT unit")
        try:
            with translated(self.path, connection):
                value = job.unit(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise  # SQLite undoes everything by itself when, say, the disk is full
            connection.execute("ROLLBACK TO unit")
            outcome = Outcome(job, error=error)
        else:
            outcome = Outcome(job, value)
        connection.execute("RELEASE unit")
        return outcome


def _roll_back(connection: apsw.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: apsw.Connection) -> Iterator[None]:
    """Several reads inside see one and the same state of the database."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        _roll_back(connection)


def _connect_writer(path: Path, busy_timeout: float, *, durable: bool) -> apsw.Connection:
    _prepare_folder(path)
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated(path):
        connection = apsw.Connection(str(path), flags=flags)
    try:
        with translated(path, connection):
            _configure(connection, busy_timeout)
            if connection.readonly("main"):
                raise StorageReadOnly(
                    "the database file can be read but not written",
                    where=str(path),
                    hint="check the permissions of the file and of its folder",
                )
            _use_wal(connection, busy_timeout)
            connection.pragma("synchronous", "full" if durable else "normal")
            connection.pragma("foreign_keys", 1)
    except LuminoraError:
        connection.close()
        raise
    return connection


def _use_wal(connection: apsw.Connection, busy_timeout: float) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait for others when it does that.

    Two processes that meet a new file together would otherwise fail at once.
    """
    end = monotonic() + busy_timeout
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if monotonic() >= end:
                raise
            sleep(_WAL_RETRY_SECONDS)
        else:
            return


def _connect_reader(path: Path, busy_timeout: float) -> apsw.Connection:
    with translated(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    with translated(path, connection):
        _configure(connection, busy_timeout)
        # For sorting. Never for the writer: a savepoint's journal in memory is a list that is
        # walked from its start by every statement, so that large units took quadratic time.
        connection.pragma("temp_store", "memory")
    return connection


def _configure(connection: apsw.Connection, busy_timeout: float) -> None:
    connection.set_busy_timeout(int(busy_timeout * 1000))
    connection.pragma("mmap_size", _MMAP_BYTES)
    connection.pragma("cache_size", -_CACHE_KIB)


def _prepare_folder(path: Path) -> None:
    if path.is_dir():
        raise StorageUnavailable(
            "this is a folder, not a database file",
            where=str(path),
            hint="set database_path in luminora.json to a file",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"the database's folder cannot be made: {error.strerror}",
            where=str(path.parent),
            hint="set database_path in luminora.json to a place this user may write to",
        ) from error


def _close_all() -> None:
    """Finish queued writes and empty the write-ahead logs of what nobody closed."""
    for database in list(_open.values()):
        database.users = 1
        database.close()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = Lock()
    for database in _open.values():
        database.forked = True
        _inherited.append(database)
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
