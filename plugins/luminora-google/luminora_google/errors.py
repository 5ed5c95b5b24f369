"""Google's errors: ``{"error": {code, message, status, details[]}}``.

What tells them apart stands in ``details``: an ``ErrorInfo`` with a reason, a ``RetryInfo`` with a
wait, a ``QuotaFailure`` with the quota that is used up. Sources: ``google/rpc/error_details.proto``
(https://cloud.google.com/apis/design/errors), https://ai.google.dev/gemini-api/docs/troubleshooting
and the official SDK, google-genai 3.4 (``errors.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from luminora.errors import AuthenticationFailed, PermissionRefused, ProviderError, QuotaExceeded
from luminora.providers.http import Response
from luminora.providers.wire import failure, interrupted

_CODES: Final[Mapping[str, type[ProviderError]]] = {
    "api_key_invalid": AuthenticationFailed,  # a bad key is a 400
    "unauthenticated": AuthenticationFailed,
    "failed_precondition": PermissionRefused,  # no free tier there: billing has to be enabled
}
_BAD_KEY: Final = re.compile(r"API key (not valid|not found|expired)", re.IGNORECASE)
"""Said with nothing but INVALID_ARGUMENT by some who stand in between."""
_SPENT: Final = re.compile(r"spend(ing)? (cap|limit)|credits? (are|is) depleted", re.IGNORECASE)
_WAIT: Final = re.compile(r"(\d+(?:\.\d+)?)s")


def failed(
    response: Response, *, provider: str, model: str | None, secrets: Iterable[str]
) -> ProviderError:
    """The error that an unsuccessful answer means."""
    document = _read(response.content)
    if document:
        response = replace(response, content=json.dumps(document).encode())
    error = failure(
        response, provider=provider, model=model, secrets=secrets, codes=_codes(document)
    )
    if error.retry_after is None and error.retryable:
        error.retry_after = _wait(document)
    return error


def broken_off(
    document: Mapping[str, Any], *, provider: str, model: str, secrets: Iterable[str]
) -> ProviderError:
    """The error that an event of a stream means."""
    document = _promoted(document)
    error = interrupted(
        document, provider=provider, model=model, secrets=secrets, codes=_codes(document)
    )
    error.retry_after = _wait(document) if error.retryable else None
    return error


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    if isinstance(found, list) and found:  # so are errors of streams wrapped
        found = found[0]
    return _promoted(found) if isinstance(found, Mapping) else {}


def _promoted(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error with the reason of its ``ErrorInfo`` where its most specific word stands."""
    reason = next((one.get("reason") for one in _details(document, "ErrorInfo")), None)
    if not isinstance(reason, str):
        return document
    error = document["error"]
    return {**document, "error": {**error, "status": reason, "type": error.get("status")}}


def _details(document: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    error = document.get("error")
    details = error.get("details") if isinstance(error, Mapping) else None
    for one in details if isinstance(details, list) else ():
        if isinstance(one, Mapping) and str(one.get("@type", "")).endswith(f".{kind}"):
            yield one


def _codes(document: Mapping[str, Any]) -> Mapping[str, type[ProviderError]]:
    """What an error's codes mean: :data:`_CODES`, and what its details and words say beside."""
    error = document.get("error")
    words = str(error.get("message")) if isinstance(error, Mapping) else ""
    if _BAD_KEY.search(words):
        return {**_CODES, "invalid_argument": AuthenticationFailed}
    if _SPENT.search(words) or any(_of_the_day(one) for one in _details(document, "QuotaFailure")):
        return {**_CODES, "resource_exhausted": QuotaExceeded}
    return _CODES


def _of_the_day(failure_: Mapping[str, Any]) -> bool:
    """Whether a quota is one of the day, or of zero: waiting a minute does not help."""
    return any(
        "PerDay" in str(one.get("quotaId")) or str(one.get("quotaValue")) == "0"
        for one in failure_.get("violations") or ()
        if isinstance(one, Mapping)
    )


def _wait(document: Mapping[str, Any]) -> float | None:
    """Seconds to wait, as ``RetryInfo`` says: ``"retryDelay": "34.5s"``."""
    for one in _details(document, "RetryInfo"):
        found = _WAIT.fullmatch(str(one.get("retryDelay")))
        if found:
            return float(found[1])
    return None
