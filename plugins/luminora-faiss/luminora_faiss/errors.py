"""What goes wrong with files, as Luminora's errors."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from luminora.errors import LuminoraError, StorageCorrupt
from luminora.providers.folders import disk_error, disk_errors

SETTING: Final = "persist_directory"


def translated(path: Path) -> AbstractContextManager[None]:
    """Raise an :class:`OSError` from inside as what it means to a store.

    Args:
        path: What is being read or written; the error names it.
    """
    return disk_errors(path, SETTING)


def translate(error: OSError, path: Path) -> LuminoraError:
    """The error of ours that says what ``error`` means."""
    return disk_error(error, path, SETTING)


def damaged(path: Path, why: str) -> StorageCorrupt:
    """The error of a file whose middle cannot be read any more."""
    return StorageCorrupt(
        f"the vectors' file is damaged: {why}",
        where=str(path),
        hint="restore it from a backup; or move it away and run `luminora reembed`, which makes "
        "all vectors anew from the messages",
    )
