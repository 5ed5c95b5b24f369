"""Anthropic's errors: ``{"type": "error", "error": {type, message, details}, "request_id"}``.

Newer ones have a code, ``error.details.error_code``, that says more than the type. Sources: the
official SDK, anthropic 2.12 (``types/shared/*_error.py``, ``_exceptions.py``), and
https://platform.claude.com/docs/en/api/errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from luminora.errors import ProviderError, ProviderTimeout, QuotaExceeded
from luminora.providers.http import Response
from luminora.providers.wire import failure, interrupted

CODES: Final[Mapping[str, type[ProviderError]]] = {
    "enforced_spend_limit_reached": QuotaExceeded,
    "contract_spend_limit_reached": QuotaExceeded,
    "linked_organization_spend_limit_reached": QuotaExceeded,
    "timeout_error": ProviderTimeout,
}
"""Types and codes that say more than their status."""

_SPENT: Final = re.compile(
    r"reached your specified (\w+ )?API usage limits|credit balance is too low", re.IGNORECASE
)
"""What a spend limit of one's own and an empty account say: nothing but their words tells them
from other invalid requests."""


def failed(
    response: Response, *, provider: str, model: str | None, secrets: Iterable[str]
) -> ProviderError:
    """The error that an unsuccessful answer means."""
    document = _promoted(response.content)
    if document:
        response = replace(response, content=json.dumps(document).encode())
    error = failure(
        response, provider=provider, model=model, secrets=secrets, codes=_codes(document)
    )
    error.request_id = error.request_id or document.get("request_id")
    return error


def broken_off(
    document: Mapping[str, Any], *, provider: str, model: str, secrets: Iterable[str]
) -> ProviderError:
    """The error that an event of a stream means."""
    document = _promoted(document)
    error = interrupted(
        document, provider=provider, model=model, secrets=secrets, codes=_codes(document)
    )
    error.request_id = document.get("request_id")
    return error


def _promoted(body: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """An error with its most specific code, ``error.details.error_code``, where codes stand."""
    found: Any = body
    if isinstance(body, bytes):
        try:
            found = json.loads(body)
        except ValueError:
            return {}
    error = found.get("error") if isinstance(found, Mapping) else None
    if not isinstance(error, Mapping):
        return {}
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    return {**found, "error": {**error, "code": code}} if isinstance(code, str) else found


def _codes(document: Mapping[str, Any]) -> Mapping[str, type[ProviderError]]:
    """What an error's codes mean: :data:`CODES`, and what its words say beside them."""
    error = document.get("error")
    if isinstance(error, Mapping) and _SPENT.search(str(error.get("message"))):
        return {**CODES, str(error.get("type")): QuotaExceeded}
    return CODES
