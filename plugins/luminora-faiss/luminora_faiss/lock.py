"""One process at a time: a locked file in the folder, with the holder's process id in it.

The system lets go of the lock when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from luminora.errors import StorageUnavailable
from luminora_faiss.errors import translated

_NAME: Final = "lock"
_PAUSE: Final = 0.05


class FolderLock:
    """The right to use a folder, held from construction until :meth:`release`. Blocks.

    Args:
        folder: It has to exist.
        wait: Seconds to wait for another process.

    Raises:
        StorageUnavailable: Another process has the folder open.
        StorageReadOnly: The folder cannot be written.
    """

    def __init__(self, folder: Path, wait: float) -> None:
        self._path = folder / _NAME
        with translated(self._path):
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with translated(self._path):
                self._acquire(wait)
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the folder up; twice is harmless.

        In a process that has forked this leaves the parent's lock alone.
        """
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _acquire(self, wait: float) -> None:
        deadline = monotonic() + wait
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() >= deadline:
                    raise self._refusal() from None
                sleep(_PAUSE)
            else:
                return

    def _refusal(self) -> StorageUnavailable:
        holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
        return StorageUnavailable(
            f"process {holder or 'unknown'} has these vectors open, and FAISS lives inside one "
            "process",
            where=str(self._path.parent),
            hint="stop that process; or use a vector store that several processes can share, such "
            "as sqlite-vec, pgvector or qdrant",
        )
