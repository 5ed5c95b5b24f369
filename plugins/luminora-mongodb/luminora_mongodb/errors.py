"""What PyMongo raises, as Luminora's errors: which server, what happened, what to do.

The numbers are those of MongoDB's ``error_codes.yml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bson.errors import BSONError
from pymongo import errors

from luminora.errors import (
    AuthenticationFailed,
    Conflict,
    InputError,
    LuminoraError,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)

DUPLICATE: Final = frozenset({11000, 11001, 12582})
NAMESPACE_EXISTS: Final = 48
NAMESPACE_NOT_FOUND: Final = 26
INDEX_NOT_FOUND: Final = 27
NO_SEARCH: Final = frozenset({59, 115, 31082, 40324, 6047401})
"""Search commands and stages on a server without search."""

_ATLAS: Final = 8000
_REFUSED: Final = frozenset({11, 18})
_FORBIDDEN: Final = frozenset({13, 31, 33})
_INVALID: Final = frozenset({2, 14, 121, 10334, 17280, 17419})
_FULL: Final = frozenset({12501, 14031})
_READ_ONLY: Final = frozenset({278})
_OLD: Final = "requires at least"
_SAID: Final = 300
"""Characters of a server's message that an error quotes."""

STANDALONE: Final = (
    "start it as a replica set of one: mongod --replSet rs0, then once mongosh --eval "
    "'rs.initiate()'; or docker run -d -p 27017:27017 mongodb/mongodb-atlas-local; or set "
    "allow_standalone and accept that a crash can leave half of a write"
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what PyMongo raises inside as one of :mod:`luminora.errors`.

    Args:
        where: Host, port and database, which the error names.
    """
    try:
        yield
    except (errors.PyMongoError, BSONError) as error:
        raise translate(error, where) from error


def translate(error: Exception, where: str) -> LuminoraError:
    """The error of ours that says what ``error`` means."""
    if isinstance(error, errors.DocumentTooLarge | BSONError):
        return InputError(f"the database refuses a value: {_short(error)}", where=where)
    if isinstance(error, errors.OperationFailure) and not isinstance(
        error, errors.ExecutionTimeout | errors.WTimeoutError
    ):
        return _refusal(error, where)
    if isinstance(error, errors.ConfigurationError):
        if _OLD in str(error):
            hint = "upgrade the server: Luminora needs MongoDB 4.4 or newer"
            return StorageError(f"the server is too old: {_short(error)}", where=where, hint=hint)
        hint = "check the connection's settings in luminora.json"
        return StorageError(f"it cannot be connected to: {_short(error)}", where=where, hint=hint)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return StorageUnavailable(
            f"no MongoDB server answers: {_short(error)}",
            where=where,
            hint="check that it runs, that host, port and tls are right and that a firewall or "
            "Atlas's IP access list lets this machine in",
        )
    if error_timeout(error):
        hint = "try again, or raise timeout_seconds"
        return StorageUnavailable(
            f"no answer within the deadline: {_short(error)}", where=where, hint=hint
        )
    if isinstance(error, errors.ConnectionFailure):
        return StorageUnavailable(
            f"the connection was lost: {_short(error)}", where=where, hint="try again"
        )
    return StorageError(f"{type(error).__name__}: {_short(error)}", where=where)


def error_timeout(error: Exception) -> bool:
    """Whether a deadline passed, the driver's or the server's."""
    return isinstance(error, errors.PyMongoError) and error.timeout


def _refusal(error: errors.OperationFailure, where: str) -> LuminoraError:
    """The server answered, and said no."""
    code, said = _code(error), _short(error)
    quota = code == _ATLAS and "quota" in said
    if code in _REFUSED or (code == _ATLAS and "auth" in said.lower()):
        return AuthenticationFailed(
            "the server refused the user name or the password",
            code=str(code),
            where=where,
            hint="check user, auth_source and the variable that password_env or url_env names",
        )
    if code in _FORBIDDEN:
        return PermissionRefused(
            f"the user lacks a right: {said}",
            code=str(code),
            where=where,
            hint="grant it: db.grantRolesToUser(USER, [{role: 'dbOwner', db: DATABASE}])",
        )
    if code in DUPLICATE:
        return Conflict(f"another row stands in the way: {_index(error)}", where=where)
    if code in _INVALID:
        return InputError(f"the database refuses a value: {said}{_place(error)}", where=where)
    if code == NAMESPACE_NOT_FOUND:
        return SchemaPending("a collection is missing", where=where, hint="luminora migrate")
    if code in _FULL or quota:
        hint = "free some space and try again; what was stored before is intact"
        return StorageFull(f"no space is left: {said}", where=where, hint=hint)
    if code in _READ_ONLY:
        return StorageReadOnly(f"writes are blocked: {said}", where=where)
    if "Transaction numbers are only allowed" in said:
        return StorageError("the server knows no transactions", where=where, hint=STANDALONE)
    if _transient(error):
        return StorageUnavailable(f"the server is busy: {said}", where=where, hint="try again")
    return StorageError(f"the server refused: {said} (code {code})", where=where)


def _transient(error: errors.OperationFailure) -> bool:
    labels = (
        "TransientTransactionError",
        "UnknownTransactionCommitResult",
        "RetryableWriteError",
        "RetryableError",
        "SystemOverloadedError",
    )
    return any(error.has_error_label(label) for label in labels)


def _code(error: errors.OperationFailure) -> int | None:
    """The code; of a bulk, that of its first failure."""
    if isinstance(error, errors.BulkWriteError):
        failures = error.details.get("writeErrors") or error.details.get("writeConcernErrors")
        return failures[0].get("code") if failures else None
    return error.code


def _short(error: Exception) -> str:
    details = getattr(error, "details", None)
    said = details.get("errmsg") if isinstance(details, dict) else None
    if isinstance(error, errors.BulkWriteError) and error.details.get("writeErrors"):
        said = error.details["writeErrors"][0].get("errmsg")
    text = " ".join(str(said or error).split(", Timeout: ")[0].split())
    return text if len(text) <= _SAID else f"{text[:_SAID]}…"


def _index(error: errors.OperationFailure) -> str:
    """The fields of the index in the way; their values are nobody's business."""
    details = error.details or {}
    if isinstance(error, errors.BulkWriteError) and details.get("writeErrors"):
        details = details["writeErrors"][0]
    fields = details.get("keyPattern") or {}
    return f"({', '.join(fields)}) is taken" if fields else "a key is taken"


def _place(error: errors.OperationFailure) -> str:
    """The property that a validator refused, where the server says."""
    details = error.details or {}
    if isinstance(error, errors.BulkWriteError) and details.get("writeErrors"):
        details = details["writeErrors"][0]
    found = (details.get("errInfo") or {}).get("details") or {}
    names = [
        rule["propertyName"]
        for group in found.get("schemaRulesNotSatisfied", ())
        for rule in group.get("propertiesNotSatisfied", ())
    ] or ([found["propertyPath"]] if "propertyPath" in found else [])
    return f" ({', '.join(names)})" if names else ""
