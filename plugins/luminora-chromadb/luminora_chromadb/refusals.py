"""What a Chroma server's statuses mean, as Luminora's errors."""

from __future__ import annotations

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
from typing import Final

import orjson

from luminora.errors import (
    AuthenticationFailed,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    PermissionRefused,
    RateLimited,
    StorageUnavailable,
)
from luminora_chromadb.links import Absent, Exists, said_by_chroma

_NAME: Final = "chromadb"
_SHOWN: Final = 300


def refusal(status: int, content: bytes, where: str) -> LuminoraError | Absent | Exists:
    """The error that an unsuccessful answer means.

    Args:
        status: Its HTTP status.
        content: Its body: ``{"error": kind, "message": words}`` where Chroma made it.
        where: The server's address.
    """
    said = _said(content) or f"status {status}"
    lower = said.lower()
    if status == NOT_FOUND and "collection" in lower:
        return Absent(said)
    if status in {BAD_REQUEST, CONFLICT} and "already exists" in lower:
        return Exists(said)
    if BAD_REQUEST <= status < INTERNAL_SERVER_ERROR or status == NOT_IMPLEMENTED:
        return _refused(status, said, where)
    known = said_by_chroma(said, where)
    if status != INTERNAL_SERVER_ERROR or known.hint is None:
        return StorageUnavailable(
            f"Chroma failed (status {status}): {said}", where=where, hint="look at its log"
        )
    return known


def _locked_out(status: int, said: str, where: str) -> LuminoraError:
    if status == UNAUTHORIZED:
        return AuthenticationFailed(
            f"Chroma refuses the credentials: {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint="check the token in the environment variable that token_env names, and "
            "token_header",
        )
    return PermissionRefused(
        f"Chroma refuses access: {said}",
        provider=_NAME,
        status=status,
        where=where,
        hint="check the token's rights, and tenant and database in luminora.json",
    )


def _refused(status: int, said: str, where: str) -> LuminoraError:
    """A refusal that repeating would not change, unless one waits."""
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return _locked_out(status, said, where)
    if status == TOO_MANY_REQUESTS:
        return RateLimited(
            f"Chroma asks to wait: {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint="try again later",
        )
    if status in {NOT_FOUND, METHOD_NOT_ALLOWED, NOT_IMPLEMENTED}:
        return MalformedResponse(
            f"there is no such tenant or database, or no Chroma of version 1: {said}",
            provider=_NAME,
            status=status,
            where=where,
            hint="check host, port, tenant and database in luminora.json",
        )
    if status == REQUEST_ENTITY_TOO_LARGE:
        return InputError(f"one request is too large for the server: {said}", where=where)
    return InvalidRequest(
        f"Chroma refused the request: {said}", provider=_NAME, status=status, where=where
    )


def _said(content: bytes) -> str:
    """The server's own words."""
    try:
        told = orjson.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        told = content.decode("utf-8", "replace")
    return str(told).strip()[:_SHOWN]
