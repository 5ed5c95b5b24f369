"""What psycopg raises, as Luminora's errors: which server, what happened, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import psycopg

from luminora.errors import (
    AuthenticationFailed,
    Conflict,
    InputError,
    LuminoraError,
    PermissionRefused,
    SchemaPending,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora.providers.sqlstorage import Contended

PROVIDER: Final = "postgresql"

_AGAIN = "try again"
_PASSWORD = "check user and the variable that password_env or url_env names"  # noqa: S105 - a hint
_MIGRATE = "luminora migrate"
_BOUNCER = 'behind a pooler, set "pgbouncer" to true in the config of storage_provider'

_PREAMBLE: Final = re.compile(
    r"^connection failed: (?:connection to server at [^,]*, port \d+ failed: )?(?:FATAL: +)?"
)
"""What libpq says before the reason; the place stands in the error already."""

_Kind = tuple[type[LuminoraError], str | None]

_STATES: Final[Mapping[str, _Kind]] = {
    "23505": (Conflict, None),
    "23503": (Conflict, None),
    "23P01": (Conflict, None),
    "40001": (Contended, _AGAIN),
    "40P01": (Contended, _AGAIN),
    "55P03": (StorageUnavailable, _AGAIN),
    "57014": (StorageUnavailable, "try again, or raise statement_timeout_seconds"),
    "25006": (StorageReadOnly, "connect to the primary server, or to a role that may write"),
    "28P01": (AuthenticationFailed, _PASSWORD),
    "28000": (AuthenticationFailed, _PASSWORD),
    "42501": (PermissionRefused, "grant the role what is missing, or use the tables' owner"),
    "53100": (StorageFull, "free some space and try again; what was stored before is intact"),
    "53300": (StorageUnavailable, "try again, or lower max_connections"),
    "42P01": (SchemaPending, _MIGRATE),
    "42703": (SchemaPending, _MIGRATE),
    "42704": (SchemaPending, _MIGRATE),
    "42883": (SchemaPending, _MIGRATE),
    "3F000": (SchemaPending, _MIGRATE),
    "3D000": (StorageError, "createdb {database} (or name another database in luminora.json)"),
    "XX001": (StorageCorrupt, "restore the database from a backup"),
    "XX002": (StorageCorrupt, "REINDEX the index that is named, or restore a backup"),
    "26000": (Contended, _BOUNCER),
    "42P05": (StorageError, _BOUNCER),
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_CLASSES: Final[Mapping[str, _Kind]] = {
    "08": (StorageUnavailable, _AGAIN),
    "22": (InputError, None),
    "23": (InputError, None),
    "53": (StorageUnavailable, _AGAIN),
    "54": (InputError, "no single value may be that large"),
    "57": (StorageUnavailable, _AGAIN),
    "58": (StorageUnavailable, "look into the server's log"),
}
"""By the first two characters, for the states that stand in no table above."""

_SAID: Final[tuple[tuple[tuple[str, ...], _Kind], ...]] = (
    (
        ("password authentication failed", "no password supplied", "authentication failed"),
        (AuthenticationFailed, _PASSWORD),
    ),
    (("no pg_hba.conf entry", "is not permitted to log in"), (AuthenticationFailed, None)),
    (
        ("permission denied for database",),
        (PermissionRefused, "have its owner GRANT CONNECT ON DATABASE {database} to the user"),
    ),
    (
        ("certificate", "SSL", "sslmode", "root.crt"),
        (StorageError, "check sslmode and sslrootcert, or ask who runs the server"),
    ),
)
"""A refused login has no SQLSTATE in libpq: only its text tells. A server may speak another
language; then the text is passed on as an unreachable server's."""


def translate(error: psycopg.Error, where: str, *, connecting: bool = False) -> LuminoraError:
    """The error of ours that says what ``error`` means.

    Args:
        error: What psycopg raised.
        where: The server and database, without password.
        connecting: Whether it was raised while connecting.
    """
    said = _PREAMBLE.sub("", " ".join(str(error).split())).partition(" Is the server running")[0]
    said = said or type(error).__name__
    kind = _kind_of(error, said, connecting=connecting)
    if kind is None:
        return StorageError(f"{type(error).__name__}: {said}", where=where)
    ours, hint = kind
    if hint is not None:
        hint = hint.format(database=where.rpartition("/")[2])
    text = _meaning(ours, said)
    if issubclass(ours, AuthenticationFailed | PermissionRefused):
        return ours(text, provider=PROVIDER, code=error.sqlstate, where=where, hint=hint)
    return ours(text, where=where, hint=hint)


def _kind_of(error: psycopg.Error, said: str, *, connecting: bool) -> _Kind | None:
    state = error.sqlstate
    if state is not None:
        return _STATES.get(state) or _CLASSES.get(state[:2])
    if connecting:
        return _refusal(said)
    if isinstance(error, psycopg.OperationalError):
        return (StorageUnavailable, _AGAIN)
    return (InputError, None) if isinstance(error, psycopg.DataError) else None


def _refusal(said: str) -> _Kind:
    """What a failed connection means."""
    for words, kind in _SAID:
        if any(word in said for word in words):
            return kind
    if "does not exist" in said and 'database "' in said:
        return _STATES["3D000"]
    if "does not exist" in said and 'role "' in said:
        return _STATES["28000"]
    return (StorageUnavailable, "check that the server runs, and host and port")


def _meaning(ours: type[LuminoraError], said: str) -> str:
    if ours is SchemaPending:
        return f"the database lacks what this version needs: {said}"
    if ours is Conflict:
        return f"another row stands in the way: {said}"
    if ours is InputError:
        return f"the database refuses a value: {said}"
    return said
