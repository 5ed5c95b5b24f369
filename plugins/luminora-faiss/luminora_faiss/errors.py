"""What the operating system says of a file, as Luminora's errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from luminora.errors import StorageCorrupt, StorageFull, StorageReadOnly, StorageUnavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise an :class:`OSError` from inside as what it means to a store.

    Args:
        path: What was being read or written; the error names it.
    """
    try:
        yield
    except OSError as error:
        raise translate(error, path) from error


def translate(error: OSError, path: Path) -> StorageFull | StorageReadOnly | StorageUnavailable:
    """The error of ours that says what ``error`` means."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        return StorageFull(
            f"no space is left for vectors: {said}",
            where=str(path),
            hint="free some space and try again; what was stored before is intact",
        )
    if error.errno in _READ_ONLY:
        return StorageReadOnly(
            f"the vectors' folder cannot be written: {said}",
            where=str(path),
            hint="set persist_directory in luminora.json to a place this user may write to",
        )
    return StorageUnavailable(
        f"the vectors' file cannot be used: {said}",
        where=str(path),
        hint="check persist_directory in luminora.json: it has to be a folder on a working disk",
    )


def damaged(path: Path, why: str) -> StorageCorrupt:
    """The error of a file whose middle cannot be read any more."""
    return StorageCorrupt(
        f"the vectors' file is damaged: {why}",
        where=str(path),
        hint="restore it from a backup; or move it away and run `luminora reembed`, which makes "
        "all vectors anew from the messages",
    )
