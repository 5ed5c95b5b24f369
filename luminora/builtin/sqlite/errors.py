"""What apsw raises, as Luminora's errors: which file, what happened, what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from luminora.errors import (
    Conflict,
    InputError,
    LuminoraError,
    SchemaPending,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_VALUE = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_CHECK,
        apsw.SQLITE_CONSTRAINT_NOTNULL,
        apsw.SQLITE_CONSTRAINT_DATATYPE,
    }
)
_SCHEMA = ("no such table", "no such column", "no such module")

_KINDS: tuple[tuple[tuple[type[Exception], ...], type[LuminoraError], str], ...] = (
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        StorageUnavailable,
        "another process is writing: try again, or raise busy_timeout_seconds",
    ),
    (
        (apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError),
        StorageUnavailable,
        "check that the folder exists and that this user may read and write it",
    ),
    (
        (apsw.ReadOnlyError,),
        StorageReadOnly,
        "check the permissions of the file and of its folder",
    ),
    (
        (apsw.FullError,),
        StorageFull,
        "free some space and try again; what was stored before is intact",
    ),
    (
        (apsw.NotADBError, apsw.CorruptError, apsw.FormatError),
        StorageCorrupt,
        "restore the file from a backup, or name another file in luminora.json",
    ),
    ((apsw.InterruptError,), StorageUnavailable, "try again"),
    ((apsw.TooBigError,), InputError, "no single value may be larger than a gigabyte"),
)


@contextmanager
def translated(path: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """Raise what apsw raises inside as a :class:`~luminora.errors.StorageError` and its kin.

    Args:
        path: The database file, which the error names.
        connection: The connection in use, which knows the operating system's reason.
    """
    try:
        yield
    except apsw.Error as error:
        raise translate(error, path, connection) from error


def translate(
    error: apsw.Error, path: Path, connection: apsw.Connection | None = None
) -> LuminoraError:
    """The error of ours that says what ``error`` means."""
    where, said = str(path), str(error)
    if isinstance(error, apsw.ConstraintError):
        if getattr(error, "extendedresult", 0) in _NO_VALUE:
            return InputError(f"the database refuses a value: {said}", where=where)
        return Conflict(f"another row stands in the way: {said}", where=where)
    if isinstance(error, apsw.SQLError) and said.startswith(_SCHEMA):
        lacking = f"the database lacks what this version needs: {said}"
        return SchemaPending(lacking, where=where, hint="luminora migrate")
    if isinstance(error, apsw.IOError) and _out_of_space(connection):
        error = apsw.FullError(f"no space is left: {said}")
    for kinds, ours, hint in _KINDS:
        if isinstance(error, kinds):
            return ours(str(error), where=where, hint=hint)
    return StorageError(f"{type(error).__name__}: {said}", where=where)


def _out_of_space(connection: apsw.Connection | None) -> bool:
    try:
        return connection is not None and connection.system_errno in _NO_SPACE
    except apsw.Error:  # the connection is closed: nobody knows any more
        return False
