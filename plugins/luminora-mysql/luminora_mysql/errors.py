"""What the server and the driver report, as Luminora's errors: where, what happened, what to do."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final

import asyncmy

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
from luminora_mysql.settings import PROVIDER

DUPLICATE: Final = 1062
"""A key exists."""
ABSENT: Final = 1146
"""There is no such table."""

_AGAIN = "try again"
_PASSWORD = "check user and the variable that password_env or url_env names"  # noqa: S105 - a hint
_ENCRYPT = 'set "ssl_mode": "required" in the config of storage_provider'
_SPACE = "free some space and try again; what was stored before is intact"
_BACKUP = "look into the server's log, and restore a backup"
_PRIMARY = "connect to the primary server, or to one that may be written to"
_REACH = "check that the server runs, and host and port"

_Kind = tuple[type[LuminoraError], str | None]

_NUMBERS: Final[tuple[tuple[type[LuminoraError], str | None, str], ...]] = (
    (Conflict, None, "1062 1022 1169 1586"),
    (Contended, _AGAIN, "1213 1205 1020 1615 3572"),
    (StorageUnavailable, _AGAIN, "1040 1053 1077 1079 1152 1158 1159 1160 1161 1184 1203 1226"),
    (StorageUnavailable, _AGAIN, "1243 1317 1927 2006 2013 2014 2055 3168 3169 4031"),
    (StorageUnavailable, "try again, or raise statement_timeout_seconds", "1969 3024"),
    (AuthenticationFailed, _PASSWORD, "1045 1129 1130 1131 1251 1275 1524 1698 1820 1862"),
    (AuthenticationFailed, _PASSWORD, "2059 2061 3118 4151"),
    (AuthenticationFailed, _ENCRYPT, "3159"),
    (PermissionRefused, "grant the user what is missing", "1142 1143 1227 1370 1410 1419"),
    (PermissionRefused, "check database, or GRANT ALL ON … TO the user", "1044"),
    (StorageReadOnly, _PRIMARY, "1223 1290 1792 1836 3101"),
    (StorageFull, _SPACE, "1021 1041 1114 3019"),
    (StorageCorrupt, _BACKUP, "1033 1034 1035 1194 1195 1712 1877 1932"),
    (SchemaPending, "luminora migrate", "1051 1054 1072 1146 1176 1191"),
    (InputError, None, "1048 1264 1265 1292 1301 1364 1366 1367 1390 1406 1411 1690"),
    (InputError, None, "3140 3141 3144 3157 3819 4025"),
    (InputError, "raise max_allowed_packet on the server", "1153"),
    (StorageError, "CREATE DATABASE … on the server, or name another in luminora.json", "1049"),
    (StorageError, "set binlog_format to ROW or MIXED on the server", "1665"),
)
"""By the server's number of the error, which MySQL and MariaDB share where they both have it
(https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference)."""

_KINDS: Final[Mapping[int, _Kind]] = {
    int(number): (kind, hint) for kind, hint, numbers in _NUMBERS for number in numbers.split()
}

_LOST: Final = frozenset({2006, 2013, 2055, 1053, 1927, 3169, 4031})


def number_of(error: asyncmy.MySQLError) -> int:
    """The number of the error; 0 where the driver gave none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def lost(error: asyncmy.MySQLError) -> bool:
    """Whether the connection is gone, so that nobody knows what became of the last statement."""
    return number_of(error) in _LOST or isinstance(error, asyncmy.InterfaceError)


def translate(error: asyncmy.MySQLError, where: str, *, connecting: bool = False) -> LuminoraError:
    """The error of ours that says what ``error`` means.

    Args:
        error: What the driver raised.
        where: The server and database, without password.
        connecting: Whether it was raised while connecting.
    """
    said = " ".join(str(error.args[-1] if error.args else error).split())
    kind, hint = _kind_of(error, connecting=connecting)
    text = _meaning(kind, said)
    number = number_of(error)
    if issubclass(kind, AuthenticationFailed | PermissionRefused):
        return kind(text, provider=PROVIDER, code=str(number), where=where, hint=hint)
    if kind is StorageError and number:
        text = f"{text} (error {number})"
    return kind(text, where=where, hint=hint)


def _kind_of(error: asyncmy.MySQLError, *, connecting: bool) -> _Kind:
    if isinstance(error.__cause__, ssl.SSLError):
        return StorageError, "check ssl_mode and ssl_ca, or ask who runs the server"
    number = number_of(error)
    if connecting and number in {2003, 2006, 2013}:
        return StorageUnavailable, _REACH
    if number in _KINDS:
        return _KINDS[number]
    if lost(error):
        return StorageUnavailable, _AGAIN
    if isinstance(error, asyncmy.DataError):
        return InputError, None
    return StorageError, None


def _meaning(kind: type[LuminoraError], said: str) -> str:
    if kind is SchemaPending:
        return f"the database lacks what this version needs: {said}"
    if kind is Conflict:
        return f"another row stands in the way: {said}"
    if kind is InputError:
        return f"the database refuses a value: {said}"
    if kind is Contended:
        return f"two transactions stood in each other's way: {said}"
    return said
