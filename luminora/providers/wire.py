"""What vendors' HTTP answers have in common: failures, waits, and streams of events.

A failure is classified by its status first, then by the vendor's structured code; the text comes
last and only where a vendor leaves nothing else. Sources: RFC 9110 (Retry-After), the WHATWG HTML
standard (server-sent events), and each vendor's documentation as cited in its plugin.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from luminora.errors import (
    AuthenticationFailed,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ResourceNotFound,
)
from luminora.providers.http import Response, blotted

_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: QuotaExceeded,
    403: PermissionRefused,
    404: ResourceNotFound,
    405: InvalidRequest,
    408: ProviderTimeout,
    409: Overloaded,
    410: ResourceNotFound,
    413: InvalidRequest,
    418: ResourceNotFound,
    422: InvalidRequest,
    425: Overloaded,
    429: RateLimited,
    504: ProviderTimeout,
    529: Overloaded,
}
_BY_CODE: Final[Mapping[str, type[ProviderError]]] = {
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "billing_error": QuotaExceeded,
    "authz_insufficient_balance": QuotaExceeded,
    "invalid_api_key": AuthenticationFailed,
    "authentication_error": AuthenticationFailed,
    "permission_error": PermissionRefused,
    "permission_denied": PermissionRefused,
    "not_found_error": ResourceNotFound,
    "model_not_found": ResourceNotFound,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "resource_exhausted": RateLimited,
    "overloaded_error": Overloaded,
    "unavailable": Overloaded,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "deadline_exceeded": ProviderTimeout,
}
_WORDS: Final = 500
"""Characters of a vendor's own words that an error quotes."""
_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a vendor's error body says, in whichever shape it says it.

    Attributes:
        message: For people.
        code: The vendor's own code or type; the most specific one.
        codes: All codes and types found.
    """

    message: str = ""
    code: str | None = None
    codes: tuple[str, ...] = ()


def complaint(body: bytes | str | Mapping[str, Any]) -> Complaint:
    """What an error body says: ``{"error": {…}}``, ``{"error": "…"}`` or ``{"detail": …}``."""
    found: Any = body
    if not isinstance(body, Mapping):
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return Complaint()  # a page of a proxy, for people
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, Mapping):
        return Complaint()
    inner = found.get("error", found)
    if isinstance(inner, str):
        return Complaint(inner, _text(found.get("code")), _codes(found))
    if not isinstance(inner, Mapping):
        inner = found
    message = inner.get("message") or inner.get("detail") or found.get("message") or ""
    if not isinstance(message, str):
        message = json.dumps(message, ensure_ascii=False)
    codes = _codes(inner)
    return Complaint(message, codes[0] if codes else None, codes)


def _codes(body: Mapping[str, Any]) -> tuple[str, ...]:
    found = (_text(body.get(name)) for name in ("code", "status", "type", "reason"))
    return tuple(code for code in found if code)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def failure(
    response: Response,
    *,
    provider: str,
    model: str | None = None,
    secrets: Iterable[str] = (),
    codes: Mapping[str, type[ProviderError]] | None = None,
    hint: str | None = None,
) -> ProviderError:
    """The error that an unsuccessful answer means.

    Args:
        response: The answer.
        provider: As the configuration spells it.
        model: In use.
        secrets: Values that must not be quoted.
        codes: The vendor's own codes, in lower case, over the common ones.
        hint: What to do, where the vendor's plugin knows better.
    """
    said = complaint(response.content)
    kind = kind_of(response.status_code, said, codes)
    words = _quoted(said.message or _page(response), secrets)
    return kind(
        f"{provider} answered {response.status_code}: {words}",
        provider=provider,
        model=model,
        status=response.status_code,
        code=said.code,
        request_id=next((response.headers[n] for n in _REQUEST_IDS if n in response.headers), None),
        retry_after=retry_after(response.headers),
        hint=hint or _hint(kind, provider),
    )


def interrupted(
    document: Mapping[str, Any],
    *,
    provider: str,
    model: str | None = None,
    secrets: Iterable[str] = (),
    codes: Mapping[str, type[ProviderError]] | None = None,
) -> ProviderError:
    """The error that a vendor reports inside an answer whose status was a success.

    Without a code that is known, or a number that is a status, the vendor itself is at fault:
    :class:`Overloaded`.
    """
    said = complaint(document)
    inner = document.get("error")
    number = inner.get("code") if isinstance(inner, Mapping) else None
    status = number if isinstance(number, int) and 400 <= number < 600 else None  # noqa: PLR2004 - HTTP's own numbers
    kind = kind_of(status or 500, said, codes)
    words = _quoted(said.message, secrets) or "no reason given"
    return kind(
        f"{provider} broke off: {words}",
        provider=provider,
        model=model,
        status=status,
        code=said.code,
        hint=_hint(kind, provider),
    )


def kind_of(
    status: int, said: Complaint, codes: Mapping[str, type[ProviderError]] | None = None
) -> type[ProviderError]:
    """The class of a failure, by its code where that says more than the status, else by that."""
    for code in said.codes:
        known = (codes or {}).get(code.lower()) or _BY_CODE.get(code.lower())
        if known is not None:
            return known
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Overloaded if status >= 500 else InvalidRequest  # noqa: PLR2004 - HTTP's own number


def _quoted(words: str, secrets: Iterable[str]) -> str:
    """The beginning of a vendor's words; looked through a little further, for a key at the cut."""
    return blotted(words[: 4 * _WORDS], secrets)[:_WORDS]


def _page(response: Response) -> str:
    kind = response.headers.get("content-type", "nothing that can be read").partition(";")[0]
    return f"({len(response.content)} bytes of {kind})"


def _hint(kind: type[ProviderError], provider: str) -> str | None:
    hints: Mapping[type[ProviderError], str] = {
        AuthenticationFailed: f"check the key that provider '{provider}' is configured with",
        QuotaExceeded: f"add credit at {provider}, or configure a fallback",
        ResourceNotFound: "check the model's name and the base URL",
    }
    return hints.get(kind)


def retry_after(headers: Mapping[str, str], at: datetime | None = None) -> float | None:
    """Seconds to wait, as ``Retry-After-Ms``, or ``Retry-After`` in seconds or as a date, says."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (at or datetime.now(UTC))).total_seconds())


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A server-sent event: its name, ``message`` unless it says otherwise, and its data."""

    name: str
    data: str


async def server_events(lines: AsyncIterable[str]) -> AsyncIterator[ServerEvent]:
    """Server-sent events out of lines; comments (keep-alives) are passed over.

    An event that the end of the stream cuts short is handed out too: vendors leave out the last
    empty line.
    """
    name, data = "message", list[str]()
    first = True
    async for line in lines:
        if first:
            line, first = line.removeprefix("\ufeff"), False  # noqa: PLW2901 - a byte order mark
        if not line:
            if data:
                yield ServerEvent(name, "\n".join(data))
            name, data = "message", []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    if data:
        yield ServerEvent(name, "\n".join(data))


def parsed(text: str | bytes, provider: str, model: str | None = None) -> Any:
    """``text`` as JSON.

    Raises:
        MalformedResponse: It is not.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # nested beyond all measure
        raise MalformedResponse(
            f"{provider} sent something that is no JSON: {_excerpt(text)}",
            provider=provider,
            model=model,
        ) from error


def _excerpt(text: str | bytes) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{' '.join(shown.split())[:80]!r} ({len(shown)} characters)"
