"""The client's exceptions in Luminora's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from luminora.errors import (
    AuthenticationFailed,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    ProviderError,
    RateLimited,
    ResourceNotFound,
    StorageReadOnly,
    StorageUnavailable,
)
from luminora_weaviate.settings import Settings

_LATER: Final = "Nothing is lost: what was not stored is tried again later, or by luminora reindex"
_RPC: Final[Mapping[str, int]] = {
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "CANCELLED": 503,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
}
"""The HTTP status that says the same as a gRPC code; the others say that the request is bad."""
_STATUS: Final[Mapping[str, int]] = {
    "AuthenticationFailedError": 401,
    "WeaviateInsertManyAllFailedError": 422,
    "WeaviateTimeoutError": 504,
    "ReadTimeout": 504,
}
"""The same for the client's exceptions that hold none."""
_UNREADABLE: Final = frozenset(
    {
        "AssertionError",
        "AttributeError",
        "JSONDecodeError",
        "KeyError",
        "ResponseCannotBeDecodedError",
        "TypeError",
        "UnicodeDecodeError",
        "ValueError",
    }
)
"""What the client raises when an answer has not the form it expects."""
_UNREACHABLE: Final = frozenset(
    {
        "WeaviateClosedClientError",
        "WeaviateConnectionError",
        "WeaviateGRPCUnavailableError",
        "WeaviateRetryError",
        "WeaviateStartUpError",
    }
)


def translated(error: Exception, settings: Settings) -> LuminoraError:
    """The error a caller gets for one that the client raised.

    The client hides what gRPC said behind its own exceptions; it is still in their chain.
    """
    for link in _chain(error):
        if type(link).__name__ == "AioRpcError":
            details = _cut(str(link.details()), settings)
            said = _RPC.get(link.code().name, int(HTTPStatus.BAD_REQUEST))
            return _refused(said, details, settings.grpc_address, settings)
    text, name = _clean(error, settings), type(error).__name__
    if name in _UNREADABLE:
        return MalformedResponse(
            f"the answer is not one of Weaviate's ({name}: {text})",
            provider="weaviate",
            where=settings.address,
            hint="does the address really lead to Weaviate's REST interface?",
        )
    status = _status(error)
    if status is not None:
        return _refused(status, text, settings.address, settings)
    if name == "WeaviateStartUpError" and error.__cause__ is None:
        return ProviderError(
            text, provider="weaviate", where=settings.address, hint="upgrade to 1.29 or newer"
        )
    if _unreachable(error):
        reason = next((str(link) for link in _chain(error) if isinstance(link, OSError)), "")
        return unavailable(f"Weaviate cannot be reached: {reason or text}", settings)
    return ProviderError(
        f"the Weaviate client failed: {name}: {text}", provider="weaviate", where=settings.address
    )


def _status(error: Exception) -> int | None:
    """The HTTP status the error stands for, if it has one."""
    if isinstance(error, TimeoutError):
        return int(HTTPStatus.GATEWAY_TIMEOUT)
    return _STATUS.get(type(error).__name__) or getattr(error, "status_code", None)


def unavailable(message: str, settings: Settings, where: str | None = None) -> StorageUnavailable:
    """The error of a server that does not answer."""
    return StorageUnavailable(
        message,
        where=where or settings.address,
        hint=f"is it running, and are host, port and grpc_port right? {_LATER}",
    )


def _refused(status: int, text: str, where: str, settings: Settings) -> LuminoraError:
    """The error for an HTTP status, or for a gRPC code that says the same."""
    if "read-only" in text or "readonly" in text.lower():
        return StorageReadOnly(
            f"Weaviate takes no writes: {text}",
            where=where,
            hint="its disk is nearly full, or somebody set the shard to READONLY: see its log",
        )
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return unavailable("Weaviate gave no answer in time", settings, where)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unavailable(f"Weaviate failed: {text}", settings, where)
    kind, hint = _KINDS.get(status, (InvalidRequest, None))
    variable = settings.key_variable
    if status == HTTPStatus.UNAUTHORIZED and variable is None:
        hint = "name the environment variable with the key in api_key_env"
    return kind(
        f"Weaviate refused: {text}",
        provider="weaviate",
        status=status,
        where=where,
        hint=hint.format(variable=variable or "api_key_env") if hint else None,
    )


_KINDS: Final[Mapping[int, tuple[type[ProviderError], str | None]]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationFailed,
        "the key in {variable} is not valid here: export {variable}=…",
    ),
    HTTPStatus.FORBIDDEN: (
        PermissionRefused,
        "give the key in {variable} a role that may create, read, write and delete the collection",
    ),
    HTTPStatus.NOT_FOUND: (ResourceNotFound, None),
    HTTPStatus.TOO_MANY_REQUESTS: (RateLimited, "it was tried several times: try again later"),
}


def _unreachable(error: Exception) -> bool:
    """Whether it says that there is no connection."""
    import httpx

    return type(error).__name__ in _UNREACHABLE or isinstance(error, httpx.TransportError | OSError)


def _chain(error: BaseException | None) -> Iterator[Any]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _clean(error: Exception, settings: Settings) -> str:
    return _cut(" ".join(str(getattr(error, "message", "") or error).split()), settings)


def _cut(text: str, settings: Settings) -> str:
    return (text.replace(settings.api_key, "***") if settings.api_key else text)[:500]
