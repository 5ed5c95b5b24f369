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
_SAID: Final = 300
"""Characters of a server's message that an error quotes."""

STANDALONE: Final = (
    "start it as a replica set of one: mongod --replSet rs0, then once mongosh --eval "
    "'rs.initiate()'; or docker run -d -p 27017:27017 mongodb/mongodb-atlas-local "
    "with direct_connection set to true; or set "
    "allow_standalone and accept that a crash can leave half of a write"
)


_CODES: Final[tuple[tuple[frozenset[int], type[LuminoraError], str, str], ...]] = (
    (
        frozenset({13, 31, 33}),
        PermissionRefused,
        "the user lacks a right",
        "grant it: db.grantRolesToUser(USER, [{role: 'dbOwner', db: DATABASE}])",
    ),
    (
        frozenset({2, 14, 121, 10334, 17280, 17419}),
        InputError,
        "the database refuses a value",
        "a document has at most 16 MiB, and what `luminora migrate` demands of it",
    ),
    (
        frozenset({NAMESPACE_NOT_FOUND}),
        SchemaPending,
        "a collection is missing",
        "luminora migrate",
    ),
    (
        frozenset({12501, 14031}),
        StorageFull,
        "no space is left",
        "free some space and try again; what was stored before is intact",
    ),
    (
        frozenset({278}),
        StorageReadOnly,
        "writes are blocked",
        "ask whoever runs the cluster: it was told to take none",
    ),
    (
        # Elections, lost races, shutdowns: what is over when one tries again.
        frozenset(
            {6, 7, 24, 89, 91, 112, 133, 134, 189, 246, 251, 262}
            | {9001, 10107, 11600, 11602, 13435, 13436}
        ),
        StorageUnavailable,
        "the server is busy or changes its primary",
        "try again",
    ),
)
_KINDS: Final[tuple[tuple[tuple[type[Exception], ...], type[LuminoraError], str, str], ...]] = (
    (
        (errors.DocumentTooLarge, BSONError),
        InputError,
        "the database refuses a value",
        "a document has at most 16 MiB",
    ),
    (
        (errors.ConfigurationError,),
        StorageError,
        "the driver refuses the connection",
        "check the settings in luminora.json, and that the server is MongoDB 4.4 or newer",
    ),
    (
        (errors.ServerSelectionTimeoutError,),
        StorageUnavailable,
        "no MongoDB server answers",
        (
            "check that it runs, that host, port and tls are right, and that a firewall or Atlas's "
            "IP access list lets this machine in"
        ),
    ),
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
    if _undecided(error):
        return StorageUnavailable(
            f"the connection was lost while a write was being committed: {_short(error)}",
            where=where,
            hint="read whether it is there before writing it again; with the same ids that is "
            "harmless",
        )
    if isinstance(error, errors.OperationFailure) and not error.timeout:
        return _refusal(error, where)
    said = _short(error)
    for kinds, ours, what, hint in _KINDS:
        if isinstance(error, kinds):
            return ours(f"{what}: {said}", where=where, hint=hint)
    if isinstance(error, errors.PyMongoError) and error.timeout:
        hint = "try again, or raise timeout_seconds"
        return StorageUnavailable(f"no answer within the deadline: {said}", where=where, hint=hint)
    if isinstance(error, errors.ConnectionFailure):
        lost = f"the connection was lost: {said}"
        return StorageUnavailable(lost, where=where, hint="try again")
    return StorageError(f"{type(error).__name__}: {said}", where=where)


def _refusal(error: errors.OperationFailure, where: str) -> LuminoraError:
    """The server answered, and said no."""
    code, said = _code(error), _short(error)
    if code == _ATLAS:
        code = 18 if "auth" in said.lower() else 14031 if "quota" in said else code
    if code in _REFUSED:
        return AuthenticationFailed(
            "the server refused the user name or the password",
            code=str(code),
            where=where,
            hint="check user, auth_source and the variable that password_env or url_env names",
        )
    if code in DUPLICATE:
        return Conflict(f"another row stands in the way: {_index(error)}", where=where)
    if "Transaction numbers are only allowed" in said:
        return StorageError("the server knows no transactions", where=where, hint=STANDALONE)
    for codes, ours, what, hint in _CODES:
        if code in codes:
            return ours(f"{what}: {said}{_place(error)}", where=where, hint=hint)
    if _transient(error):
        return StorageUnavailable(f"the server is busy: {said}", where=where, hint="try again")
    return StorageError(f"the server refused: {said} (code {code})", where=where)


def _undecided(error: BaseException | None) -> bool:
    """Whether a transaction may or may not have been committed."""
    while error is not None:
        if isinstance(error, errors.PyMongoError) and error.has_error_label(
            "UnknownTransactionCommitResult"
        ):
            return True
        error = error.__cause__
    return False


def _transient(error: errors.OperationFailure) -> bool:
    labels = (
        "TransientTransactionError",
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
    text = str(said or error).split(", Timeout: ")[0].split(" (configured timeouts")[0]
    text = " ".join(text.split())
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
