"""Snapshots on a disk: plain lines, compressed, encrypted, or a mapping that JSON was made of.

A compressed snapshot is a gzip file of two members, which every tool takes for one: the lines, and
an empty member whose comment is the checksum of all bytes before it. Without it, a bit in gzip's
own header or in its padding could change unnoticed.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from luminora._state import replacing
from luminora.errors import InputError, SnapshotInvalid
from luminora.snapshots import age
from luminora.snapshots.age import Lock
from luminora.snapshots.lines import HEADER, MAX_LINE, lines_of

MAX_DOCUMENT: Final = 256 << 20
"""Bytes of the largest snapshot in one piece that is read from a file."""

_GZIP: Final = b"\x1f\x8b"
_EMPTY: Final = b"\x03\x00" + bytes(8)
_BLOCK: Final = 1 << 16
_ANOTHER: Final = "get another copy; one that you compressed yourself, decompress first"


@contextmanager
def written(path: Path, lock: Lock) -> Iterator[BinaryIO]:
    """A file to write lines to; it appears at ``path``, whole, when that ends well.

    Compressed if the name ends in ``.gz`` or ``.gz.age``; readable by its owner alone.

    Raises:
        InputError: It cannot be written there, or not be locked.
    """
    try:
        with ExitStack() as stack:
            file = stack.enter_context(replacing(path))
            if lock.locks:
                file = stack.enter_context(age.locked(file, lock))
            if path.name.removesuffix(".age").endswith(".gz"):
                file = stack.enter_context(_compressed(file))
            yield file
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", where=str(path)) from None


@asynccontextmanager
async def written_aside(path: Path, lock: Lock) -> AsyncIterator[BinaryIO]:
    """The same where an event loop runs: what takes long at the end is done in a thread."""
    context = written(path, lock)
    file = await asyncio.to_thread(context.__enter__)
    try:
        yield file
    except BaseException as error:
        await asyncio.to_thread(context.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(context.__exit__, None, None, None)


@contextmanager
def _compressed(target: BinaryIO) -> Iterator[BinaryIO]:
    hashed = _Hashed(target)
    with gzip.GzipFile("", "wb", 6, cast("BinaryIO", hashed), mtime=0) as file:
        yield cast("BinaryIO", file)
    target.write(_seal(hashed.sum.hexdigest()))


def _seal(checksum: str) -> bytes:
    """The empty gzip member with that comment."""
    header = _GZIP + b"\x08\x10" + bytes(4) + b"\x00\xff"
    return header + f"sha256:{checksum}".encode() + b"\0" + _EMPTY


_SEAL_SIZE: Final = len(_seal("0" * 64))


class _Hashed(io.RawIOBase):
    """Passes on what is written to it, and sums it up."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.sum = sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sum.update(data)
        self._target.write(data)
        return len(data)


class _Unsealed(io.RawIOBase):
    """A compressed file without its seal, which is compared when the rest has been read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._sum = sha256()
        self._held = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._held) <= _SEAL_SIZE and not self._ended:
            more = self._source.read(_BLOCK)
            self._ended = not more
            self._held += more
        count = max(0, min(len(buffer), len(self._held) - _SEAL_SIZE))
        piece, self._held = self._held[:count], self._held[count:]
        self._sum.update(piece)
        buffer[:count] = piece
        return count

    def finish(self) -> None:
        """Raises unless everything was read and the seal is right."""
        if self.read(1) or self._held != _seal(self._sum.hexdigest()):
            raise SnapshotInvalid(
                "the compressed snapshot is damaged, or was not written by Luminora",
                hint=_ANOTHER,
            )


class Source:
    """A snapshot to read, as often as needed.

    Args:
        given: A path, or a snapshot as a mapping.
        lock: What may unlock it.
    """

    def __init__(self, given: str | Path | Mapping[str, Any], lock: Lock | None = None) -> None:
        self._given = given
        self._lock = lock or Lock()
        self._unlocked = b"", b""
        self.name = "the snapshot" if isinstance(given, Mapping) else str(given)

    @contextmanager
    def lines(self, *, whole: bool = True) -> Iterator[Iterator[bytes]]:
        """Its lines, each with its end.

        Args:
            whole: Whether they are read to the last one, as a seal at the end can be checked then.

        Raises:
            InputError: It cannot be read or unlocked.
            SnapshotInvalid: It is damaged; this may be noticed at the end only.
        """
        if isinstance(self._given, Mapping):
            yield self._mapped(self._given)
            return
        try:
            with ExitStack() as stack:
                content, unsealed = self._content(stack.enter_context(self._opened()), stack)
                yield self._lines(content)
                if whole and unsealed is not None:
                    unsealed.finish()
        except InputError as error:
            error.where = error.where or self.name
            raise
        except (EOFError, zlib.error, OSError) as error:
            raise SnapshotInvalid(
                f"the snapshot cannot be read to its end: {error}",
                where=self.name,
                hint=_ANOTHER,
            ) from None

    def _opened(self) -> BinaryIO:
        try:
            return Path(cast("str | Path", self._given)).open("rb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot be read: {reason}", where=self.name) from None

    def _content(self, file: BinaryIO, stack: ExitStack) -> tuple[BinaryIO, _Unsealed | None]:
        head = file.read(128)
        file.seek(0)
        if head.startswith(age.MAGIC):
            if age.wants_passphrase(head):
                file = io.BytesIO(self._once(file))
            else:
                file = stack.enter_context(age.unlocked(file, self._lock))
            buffered = io.BufferedReader(cast("io.RawIOBase", file), _BLOCK)
            file, head = cast("BinaryIO", buffered), buffered.peek(2)
        if not head.startswith(_GZIP):
            return file, None
        unsealed = _Unsealed(file)
        inner = io.BufferedReader(unsealed, _BLOCK)
        return cast("BinaryIO", gzip.GzipFile("", "rb", fileobj=inner)), unsealed

    def _once(self, file: BinaryIO) -> bytes:
        """What the passphrase unlocks; trying one takes a second on purpose."""
        data = file.read()
        checksum = sha256(data).digest()
        if self._unlocked[0] != checksum:
            self._unlocked = checksum, age.opened(data, self._lock)
        return self._unlocked[1]

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        first = file.readline(MAX_LINE + 1)
        if not first.startswith(b'{"' + HEADER.encode() + b'":') or not _alone(first):
            yield from self._mapped(self._document(first, file))
            return
        while first:
            yield first
            first = file.readline(MAX_LINE + 1)

    def _document(self, first: bytes, file: BinaryIO) -> Mapping[str, Any]:
        """A snapshot in one piece that somebody wrote as JSON."""
        text = first + file.read(MAX_DOCUMENT)
        if len(text) > MAX_DOCUMENT:
            raise SnapshotInvalid("this is not a snapshot, or too large for one in one piece")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, Mapping) or HEADER not in found:
            raise SnapshotInvalid(
                "this is not a snapshot of Luminora, or its beginning is missing",
                hint="luminora snapshot export --user NAME makes one",
            )
        return found

    def _mapped(self, document: Mapping[str, Any]) -> Iterator[bytes]:
        try:
            yield from lines_of(document)
        except (TypeError, ValueError, RecursionError) as error:
            raise SnapshotInvalid(f"the snapshot holds what JSON does not know: {error}") from None


def _alone(first: bytes) -> bool:
    """Whether the header has a line of its own."""
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and set(found) == {HEADER}
