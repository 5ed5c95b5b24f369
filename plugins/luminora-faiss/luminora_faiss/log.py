"""One index's file: appended to by every commit, made anew when too much of it is obsolete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from logging import getLogger
from pathlib import Path

from luminora.errors import InputError, StorageUnavailable
from luminora_faiss.disk import flush, flush_folder, replace, write_all
from luminora_faiss.errors import translate, translated
from luminora_faiss.frames import FIRST_LINE, MAX_PAYLOAD, framed, read_frames
from luminora_faiss.records import Record, Seal, records_of

_logger = getLogger(__name__)


class Log:
    """An open file of frames. Only the writer thread uses it.

    Attributes:
        path: The file.
        size: Bytes up to the end of the last commit.
        dropped: Bytes of an unfinished write that opening it took away.
        suspect: Whether a failed write may have left something behind that could not be taken
            back; then the file has to be rewritten before it is appended to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.dropped = 0
        self.suspect = False
        self._sealed = True
        with translated(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @classmethod
    def create(cls, path: Path, record: Record) -> Log:
        """A new file that holds one record, in place of any that was there."""
        with translated(path):
            size = replace(path, (FIRST_LINE, framed(record.encoded())))
        log = cls(path)
        log.size = size
        return log

    def records(self) -> Iterator[Record]:
        """Everything in the file, in order; at the end an unfinished commit is cut off.

        To be exhausted once, before anything is appended.

        Raises:
            StorageCorrupt: The file is damaged elsewhere than at its end.
        """
        self.size = len(FIRST_LINE)
        with (
            translated(self.path),
            os.fdopen(os.dup(self._descriptor), "rb", buffering=1 << 20) as file,
        ):
            whole = os.fstat(self._descriptor).st_size
            for payload, end in read_frames(file, whole, self.path):
                yield from records_of(payload, self.path)
                self.size = end
            if self.size < whole:
                self.dropped = whole - self.size
                os.ftruncate(self._descriptor, self.size)
                flush(self._descriptor)
                _logger.warning(
                    "%s: the last write was not finished; its %s bytes were dropped",
                    self.path,
                    self.dropped,
                )

    def append(self, payload: bytes) -> None:
        """Add a commit; it is on the disk when this returns, or not in the file.

        Raises:
            StorageError: It could not be written.
            InputError: It is larger than a commit may be.
        """
        if len(payload) > MAX_PAYLOAD:
            raise InputError(
                f"{len(payload)} bytes are more than one call may store ({MAX_PAYLOAD})",
                where=str(self.path),
                hint="store the items in several calls",
            )
        self._still_there()
        frame = framed(payload)
        try:
            write_all(self._descriptor, frame, self.size)
            self.suspect = True  # should flushing fail, nobody knows what the disk holds
            flush(self._descriptor)
        except OSError as error:
            self._take_back()
            raise translate(error, self.path) from error
        self.suspect = self._sealed = False
        self.size += len(frame)

    def rewrite(self, payloads: Iterable[bytes]) -> None:
        """Make the file anew from these commits.

        Raises:
            StorageError: It could not be; the old file stays.
        """
        self._still_there()
        with translated(self.path):
            self.suspect = True  # until the new name is known to be on the disk
            size = replace(self.path, chain((FIRST_LINE,), map(framed, payloads)))
            fresh = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        os.close(self._descriptor)
        self._descriptor, self.size, self.suspect, self._sealed = fresh, size, False, False

    def close(self) -> None:
        """Seal the file, if anything was written, and let go of it; twice is harmless."""
        if self._descriptor < 0:
            return
        try:
            if not self._sealed and not self.suspect:
                self.append(Seal().encoded())
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._sealed = True
        self.close()

    def remove(self) -> None:
        """Close the file and delete it."""
        self.abandon()
        with translated(self.path):
            self.path.unlink(missing_ok=True)
            flush_folder(self.path.parent)

    def _take_back(self) -> None:
        """Cut off what a failed write left."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.suspect = True

    def _still_there(self) -> None:
        """Refuse to write to a file that nobody will find again.

        Raises:
            StorageUnavailable: The file was deleted or another one has taken its name.
        """
        try:
            there = self.path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            there = False
        except OSError as error:
            raise translate(error, self.path) from error
        if not there:
            raise StorageUnavailable(
                "the vectors' file was deleted or replaced while it was in use",
                where=str(self.path),
                hint="start this process again, so that it reads what is there now",
            )
