"""What Redis and its client say, as Luminora's errors: which server, what happened, what to do."""

from __future__ import annotations

import re
from typing import Final

from redis.exceptions import AuthenticationError, AuthorizationError, RedisError

from luminora.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    LuminoraError,
    Overloaded,
    PermissionRefused,
    ProviderError,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora_redis.settings import PROVIDER

_AGAIN: Final = "try again"
_RUNS: Final = "check that the server runs, and host and port"
_LOGIN: Final = "check user and the variable that password_env or url_env names"
_CLUSTER: Final = (
    "this plugin speaks to one server: connect to a standalone Redis, or to the cluster's node "
    "that holds the slot of {…} in key_prefix"
)

_Kind = tuple[type[LuminoraError], str | None]

_CODES: Final[dict[str, _Kind]] = {
    "NOAUTH": (AuthenticationFailed, _LOGIN),
    "WRONGPASS": (AuthenticationFailed, _LOGIN),
    "NOPERM": (
        PermissionRefused,
        "ACL SETUSER; the README of luminora-redis lists the commands it needs",
    ),
    "LOADING": (StorageUnavailable, "the server is reading its data from disk: try again"),
    "MASTERDOWN": (StorageUnavailable, _AGAIN),
    "BUSY": (StorageUnavailable, "somebody's script keeps the server busy: try again"),
    "NOREPLICAS": (StorageUnavailable, "min-replicas-to-write is not met: try again"),
    "TRYAGAIN": (StorageUnavailable, _AGAIN),
    "CLUSTERDOWN": (StorageUnavailable, _AGAIN),
    "READONLY": (StorageReadOnly, "this is a replica: connect to its primary"),
    "OOM": (
        StorageFull,
        "CONFIG SET maxmemory to more, or delete something; what was stored before is intact",
    ),
    "MOVED": (StorageError, _CLUSTER),
    "ASK": (StorageError, _CLUSTER),
    "CROSSSLOT": (StorageError, _CLUSTER),
    "WRONGTYPE": (
        StorageCorrupt,
        "a key with our prefix is somebody else's: choose another key_prefix",
    ),
}
"""By the word that an error reply begins with (https://redis.io/docs/latest/develop/reference/)."""

_TEXTS: Final[tuple[tuple[str, _Kind], ...]] = (
    ("invalid password", (AuthenticationFailed, _LOGIN)),
    ("without any password configured", (AuthenticationFailed, "the server wants no password")),
    ("invalid username-password", (AuthenticationFailed, _LOGIN)),
    ("DB index is out of range", (StorageError, "name a lower db, or raise 'databases' there")),
    ("SELECT is not allowed in cluster", (StorageError, "a cluster has database 0 only: db 0")),
    ("max number of clients", (StorageUnavailable, "raise maxclients, or lower max_connections")),
    ("unknown command", (StorageError, "Redis 6.2 or newer is needed, with no command renamed")),
    ("certificate", (StorageError, "check tls_ca_file, or ask who runs the server")),
    ("ssl", (StorageError, "check tls, or rediss:// in the URL: does the server speak TLS?")),
)
_INNER = re.compile(r"Transaction discarded because of: (.*)", re.DOTALL)


def translate(error: Exception, where: str) -> LuminoraError:
    """The error of ours that says what ``error`` means to a database.

    Args:
        error: What redis-py raised, or the error that Redis answered with.
        where: The server and database, without password.
    """
    said = _said(error)
    ours, hint = _kind(error, said)
    if issubclass(ours, ProviderError):
        return ours(said, provider=PROVIDER, where=where, hint=hint)
    return ours(said, where=where, hint=hint)


def for_cache(error: LuminoraError) -> ProviderError:
    """The same news from a cache, which fails as a provider and not as a database."""
    if isinstance(error, ProviderError):
        return error
    kind: type[ProviderError] = ProviderError
    if isinstance(error, StorageUnavailable):
        kind = ConnectionFailed
    elif isinstance(error, StorageFull):
        kind = Overloaded
    return kind(error.message, provider=PROVIDER, where=error.where, hint=error.hint)


def _said(error: Exception) -> str:
    """The reply with its code, which redis-py takes off the texts it knows."""
    text = " ".join(str(error).split()) or type(error).__name__
    code = getattr(error, "status_code", None)
    if code and code != "ERR" and not text.startswith(f"{code} "):
        text = f"{code} {text}"
    if inner := _INNER.search(text):
        text = inner[1]
    return text


def _kind(error: Exception, said: str) -> _Kind:
    code, _, rest = said.partition(" ")
    if code == "MISCONF":
        full = "no space" in rest.lower()
        ours = StorageFull if full else StorageReadOnly
        return ours, "Redis cannot write to its disk: make room there and look into its log"
    if code in _CODES:
        return _CODES[code]
    for words, kind in _TEXTS:
        if words.lower() in said.lower():
            return kind
    if isinstance(error, AuthenticationError | AuthorizationError):
        return AuthenticationFailed, _LOGIN
    if isinstance(error, OSError) or type(error).__name__ in {"ConnectionError", "TimeoutError"}:
        return StorageUnavailable, _RUNS
    return StorageError, None


__all__ = ["RedisError", "for_cache", "translate"]
