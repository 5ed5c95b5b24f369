"""Files that are on the disk when a call returns: flushing, and replacing a file in one step."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".tmp"
"""What the name of a file that is being made ends with."""


def flush(descriptor: int) -> None:
    """Wait until what was written is on the disk itself, not in its cache."""
    if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync stops at the drive's cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, position: int) -> None:
    """Write all of ``data`` at that position; the system may take it in pieces."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written


def replace(path: Path, pieces: Iterable[bytes]) -> int:
    """Make the file anew beside the old one and put it in its place; how long it is.

    Whenever the power fails, the name leads to the old file or to the whole new one.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    size = 0
    try:
        try:
            for piece in pieces:
                write_all(descriptor, piece, size)
                size += len(piece)
            flush(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
    return size
