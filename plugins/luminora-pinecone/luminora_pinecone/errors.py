"""The SDK's exceptions in Luminora's words."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from luminora.errors import (
    AuthenticationFailed,
    Conflict,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    ResourceNotFound,
    StorageUnavailable,
)

_CONSOLE: Final = "the console, https://app.pinecone.io"
_KINDS: Final[Mapping[int, tuple[type[ProviderError], str | None]]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationFailed,
        f"the key in {{variable}} is not valid here: make one at {_CONSOLE}, export {{variable}}=…",
    ),
    HTTPStatus.PAYMENT_REQUIRED: (QuotaExceeded, f"see the organisation's billing at {_CONSOLE}"),
    HTTPStatus.NOT_FOUND: (
        ResourceNotFound,
        "is it another project's index, or was it deleted?",
    ),
    HTTPStatus.REQUEST_TIMEOUT: (Overloaded, "try again later"),
    HTTPStatus.TOO_MANY_REQUESTS: (
        RateLimited,
        "the SDK has tried several times already: try again later",
    ),
}
_LATER: Final = "Nothing is lost: what was not stored is tried again later, or by luminora reindex"


def translated(error: Exception, *, where: str, key: str, variable: str) -> LuminoraError:
    """The error a caller gets for one that the SDK raised.

    Args:
        error: Any exception of the SDK, or a ``TimeoutError``.
        where: The host that was asked.
        key: The API key, which is cut out of whatever the message says.
        variable: The environment variable the key comes from.
    """
    from pinecone import errors

    if isinstance(error, errors.ApiError):
        return _refused(error, where, key, variable)
    text = _clean(str(error), key)
    if isinstance(error, TimeoutError | errors.PineconeTimeoutError):
        return StorageUnavailable(
            f"Pinecone gave no answer in time{f' ({text})' if text else ''}",
            where=where,
            hint=f"try again; timeout_seconds is how long it may take. {_LATER}",
        )
    if isinstance(error, errors.PineconeConnectionError):
        return StorageUnavailable(
            f"Pinecone cannot be reached: {text}",
            where=where,
            hint=f"check the network and the host in the configuration. {_LATER}",
        )
    if isinstance(error, errors.ResponseParsingError):
        return MalformedResponse(
            f"the answer is not one of Pinecone's: {text}",
            provider="pinecone",
            where=where,
            hint="does the address really lead to Pinecone?",
        )
    return ProviderError(
        f"the Pinecone SDK failed: {type(error).__name__}: {text}",
        provider="pinecone",
        where=where,
    )


def _refused(error: Any, where: str, key: str, variable: str) -> LuminoraError:
    """The error for an HTTP status; ``error`` is the SDK's ``ApiError``."""
    status: int = error.status_code
    text = _clean(error.message or f"HTTP {status}", key)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StorageUnavailable(
            f"Pinecone failed with HTTP {status}: {text}",
            where=where,
            hint=f"see https://status.pinecone.io. {_LATER}",
        )
    if status == HTTPStatus.CONFLICT:
        return Conflict(f"Pinecone: {text}", where=where)
    kind, hint = _KINDS.get(status, (InvalidRequest, None))
    if status == HTTPStatus.FORBIDDEN:
        kind, hint = _forbidden(error.error_code, text)
    return kind(
        f"Pinecone refused with HTTP {status}: {text}",
        provider="pinecone",
        status=status,
        code=error.error_code,
        request_id=error.request_id,
        retry_after=getattr(error, "retry_after", None),
        where=where,
        hint=hint.format(variable=variable) if hint else None,
    )


def _forbidden(code: str | None, text: str) -> tuple[type[ProviderError], str]:
    if code == "QUOTA_EXCEEDED" or "reached the max" in text:
        return QuotaExceeded, (
            "upgrade the plan; if it is the number of namespaces, that of users, "
            "namespace_per_user: false with another index_name needs only one"
        )
    if "eletion protection" in text:
        return PermissionRefused, f"turn the index's deletion protection off at {_CONSOLE}"
    return PermissionRefused, f"give the key in {{variable}} the role of an editor at {_CONSOLE}"


def _clean(text: str, key: str) -> str:
    return text.replace(key, "***")[:500]
