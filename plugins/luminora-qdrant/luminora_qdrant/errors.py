"""What the client raises, as Luminora's errors.

Sources: Qdrant's documented statuses (https://api.qdrant.tech), its server's error texts, and the
client's own exceptions: ``UnexpectedResponse`` for every status but success,
``ResponseHandlingException`` around whatever the transport or the parser raised.
"""

from __future__ import annotations

import json
from http.client import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    REQUEST_ENTITY_TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
)
from typing import Any, Final

import grpc  # type: ignore[import-untyped]
import httpx
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from luminora.errors import (
    AuthenticationFailed,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    RateLimited,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

_NAME: Final = "qdrant"
_FULL: Final = ("no space left", "out of disk", "insufficient storage", "disk usage")
_SHOWN: Final = 300
_KEY_HINT: Final = "check the API key in the environment variable that api_key_env names"
_STATUS: Final[dict[Any, int]] = {
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.DATA_LOSS: 500,
}
"""The REST status of each gRPC code; all others mean that there was no answer."""


class Absent(Exception):
    """There is no such collection."""


class Exists(Exception):
    """There is such a collection already."""


def stale(error: Exception) -> bool:
    """Whether a kept connection had been closed meanwhile, so that a new one may work."""
    source = error.source if isinstance(error, ResponseHandlingException) else error
    return isinstance(source, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)


def translate(error: Exception, where: str) -> LuminoraError | Absent | Exists:
    """The error of ours that says what ``error`` means.

    Args:
        error: What the client raised.
        where: The server's address or the local folder.
    """
    if isinstance(error, ResourceExhaustedResponse):
        return _limited(str(error), where, float(error.retry_after_s))
    if isinstance(error, UnexpectedResponse):
        return _of_status(error.status_code or 0, _said(error), where)
    if isinstance(error, grpc.RpcError):
        return _of_grpc(error, where)
    if isinstance(error, ResponseHandlingException):
        return _of_transport(error.source, where)
    if isinstance(error, ValueError):  # the client parses some answers outside its own wrapper
        return _of_transport(error, where)
    return StorageError(f"{type(error).__name__}: {error}", where=where)


def unreachable(why: str, where: str) -> StorageUnavailable:
    """The error of a server that does not answer."""
    return StorageUnavailable(
        f"Qdrant cannot be reached: {why}",
        where=where,
        hint="check that the server runs, and url (or host and port) in luminora.json",
    )


def _of_transport(source: Exception, where: str) -> LuminoraError:
    if isinstance(source, httpx.TimeoutException):
        return unreachable("no answer in time (timeout_seconds)", where)
    if isinstance(source, httpx.HTTPError | httpx.InvalidURL | OSError):
        return unreachable(str(source) or type(source).__name__, where)
    return MalformedResponse(
        f"the answer is not Qdrant's: {type(source).__name__}",
        provider=_NAME,
        where=where,
        hint="check that url in luminora.json leads to Qdrant's REST port (usually 6333)",
    )


def _of_grpc(error: grpc.RpcError, where: str) -> LuminoraError | Absent | Exists:
    code = error.code() if hasattr(error, "code") else None
    said = str(error.details()) if hasattr(error, "details") else str(error)
    status = _STATUS.get(code)
    if status is None:
        return unreachable(f"{code.name if code is not None else 'gRPC'}: {said}", where)
    return _of_status(status, said, where)


def _of_status(status: int, said: str, where: str) -> LuminoraError | Absent | Exists:
    lower = said.lower()
    if status == NOT_FOUND and "collection" in lower:
        return Absent(said)
    if status in {BAD_REQUEST, CONFLICT} and "already exists" in lower:
        return Exists(said)
    if any(words in lower for words in _FULL):
        return StorageFull(
            f"Qdrant's disk is full: {said}",
            where=where,
            hint="free some space on the server; what was stored before is intact",
        )
    if status == TOO_MANY_REQUESTS:
        return _limited(said, where, None)
    if BAD_REQUEST <= status < INTERNAL_SERVER_ERROR or status == NOT_IMPLEMENTED:
        return _refused(status, said, where)
    return StorageUnavailable(
        f"Qdrant failed (status {status}): {said}", where=where, hint="look at the server's log"
    )


def _refused(status: int, said: str, where: str) -> LuminoraError:
    """A refusal that repeating would not change."""
    if status == UNAUTHORIZED or (status == FORBIDDEN and "key" in said.lower()):
        return AuthenticationFailed(
            f"Qdrant refuses the credentials: {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint=_KEY_HINT,
        )
    if status == FORBIDDEN:
        return PermissionRefused(
            f"the API key lacks a right: {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint="use a key that may read and write this collection (manage, the first time)",
        )
    if status in {NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED}:
        return MalformedResponse(
            f"this is no Qdrant of version 1.10 or newer (status {status}): {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint="check url in luminora.json, and the server's version",
        )
    if status == REQUEST_ENTITY_TOO_LARGE:
        return InputError(f"one request is too large for the server: {said}", where=where)
    return InvalidRequest(
        f"Qdrant refused the request: {said}", provider=_NAME, status=status, where=where
    )


def _limited(said: str, where: str, retry_after: float | None) -> RateLimited:
    return RateLimited(
        f"Qdrant asks to wait: {said}",
        provider=_NAME,
        status=429,
        retry_after=retry_after,
        where=where,
        hint="try again later, or raise the collection's limits (strict mode)",
    )


def _said(error: UnexpectedResponse) -> str:
    """The server's own words, without anything else it sent."""
    try:
        told = json.loads(error.content)["status"]["error"]
    except (ValueError, KeyError, TypeError):
        told = error.content.decode("utf-8", "replace")
    return (str(told).strip() or error.reason_phrase)[:_SHOWN]
