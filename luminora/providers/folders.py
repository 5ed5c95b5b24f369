"""Folders of a provider that lives inside one process: a lock, and what the disk's errors mean.

Unix only (``fcntl``): import it where such a provider is built, not before.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Final

from luminora.errors import StorageFull, StorageReadOnly, StorageUnavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_PAUSE: Final = 0.05

_held: dict[Path, FolderLock] = {}
_registry = Lock()


@contextmanager
def disk_errors(path: Path, setting: str) -> Iterator[None]:
    """Raise an :class:`OSError` from inside as what it means to a store.

    Args:
        path: What is being read or written; the error names it.
        setting: The setting in ``luminora.json`` that leads there.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, setting) from error


def disk_error(
    error: OSError, path: Path, setting: str
) -> StorageFull | StorageReadOnly | StorageUnavailable:
    """The error of ours that says what ``error`` means."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        return StorageFull(
            f"no space is left on the disk: {said}",
            where=str(path),
            hint="free some space and try again; what was stored before is intact",
        )
    if error.errno in _READ_ONLY:
        return StorageReadOnly(
            f"the folder cannot be written: {said}",
            where=str(path),
            hint=f"set {setting} in luminora.json to a place this user may write to",
        )
    return StorageUnavailable(
        f"the folder cannot be used: {said}",
        where=str(path),
        hint=f"check {setting} in luminora.json: it has to be a folder on a working disk",
    )


class FolderLock:
    """This process's right to use a folder; made by :func:`lock_folder`.

    The lock is a locked file with the holder's process id in it. The system lets go of it when
    the process ends, however it ends.

    Attributes:
        path: The file.
        uses: How many in this process rely on it.
        holder: The id of the process that was in the way when it was last asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uses = 0
        self.holder = "unknown"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, wait: float) -> bool:
        """Lock the file and write the process id into it; False if another process holds it."""
        deadline = monotonic() + wait
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() >= deadline:
                    said = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
                    self.holder = said or "unknown"
                    return False
                sleep(_PAUSE)
            else:
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
                return True

    def release(self) -> None:
        """Give up one use; the last one lets go of the folder."""
        with _registry:
            self.uses -= 1
            if self.uses == 0:
                _held.pop(self.path, None)
                self.close()

    def close(self) -> None:
        """Close the file; twice is harmless. In a child process the parent's lock stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_folder(
    folder: Path, wait: float, *, setting: str, why: str, instead: str, name: str = "lock"
) -> FolderLock:
    """Make the folder if it is absent, and keep other processes out of it. Blocks.

    Every call is paired with one :meth:`FolderLock.release`.

    Args:
        folder: The folder.
        wait: Seconds to wait for another process.
        setting: The setting in ``luminora.json`` that leads there.
        why: Why there is room for one only, as in "FAISS lives inside one process".
        instead: What to do to have several.
        name: The lock file's name.

    Raises:
        StorageUnavailable: Another process has the folder, or it cannot be made.
        StorageReadOnly: The folder cannot be written.
    """
    with _registry, disk_errors(folder, setting):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / name
        lock = _held.get(path)
        if lock is None:
            lock = FolderLock(path)
            if not _acquired(lock, wait):
                raise StorageUnavailable(
                    f"process {lock.holder} has this folder open, and {why}",
                    where=str(folder),
                    hint=f"stop that process; or {instead}",
                )
            _held[path] = lock
        lock.uses += 1
        return lock


def _acquired(lock: FolderLock, wait: float) -> bool:
    """Whether the lock is this process's now; a lock that is not is closed."""
    acquired = False
    try:
        acquired = lock.acquire(wait)
    finally:
        if not acquired:
            lock.close()
    return acquired


def _after_fork() -> None:
    global _registry  # noqa: PLW0603 - another thread of the parent may have held it
    _registry = Lock()
    for lock in _held.values():
        lock.close()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
