"""What vendors' answers have in common: error bodies, waits, events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from luminora.errors import (
    AuthenticationFailed,
    ContentFiltered,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ResourceNotFound,
)
from luminora.providers.http import Response
from luminora.providers.wire import (
    Complaint,
    complaint,
    failure,
    interrupted,
    kind_of,
    parsed,
    retry_after,
    server_events,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def answered(status, body=b"", **headers):
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (401, AuthenticationFailed),
        (402, QuotaExceeded),
        (403, PermissionRefused),
        (404, ResourceNotFound),
        (408, ProviderTimeout),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, RateLimited),
        (451, InvalidRequest),
        (500, Overloaded),
        (502, Overloaded),
        (503, Overloaded),
        (504, ProviderTimeout),
        (529, Overloaded),
        (599, Overloaded),
    ],
)
def test_a_status_alone(status, error):
    assert kind_of(status, Complaint()) is error


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, "insufficient_quota", QuotaExceeded),
        (429, "RESOURCE_EXHAUSTED", RateLimited),
        (400, "invalid_api_key", AuthenticationFailed),
        (400, "content_filter", ContentFiltered),
        (400, "never_heard_of", InvalidRequest),
    ],
)
def test_a_code_says_more_than_the_status(status, code, error):
    assert kind_of(status, Complaint(codes=(code,))) is error


def test_a_vendors_own_codes_come_first():
    said = Complaint(codes=("insufficient_quota",))
    assert kind_of(429, said, {"insufficient_quota": Overloaded}) is Overloaded


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ('{"error": {"message": "m", "type": "t", "code": "c"}}', "m", "c"),
        ('{"error": {"message": "m", "type": "t", "code": null}}', "m", "t"),
        ('{"error": {"message": "m", "code": 400, "status": "S"}}', "m", "S"),
        ('[{"error": {"message": "m", "status": "S"}}]', "m", "S"),
        ('{"error": "m"}', "m", None),
        ('{"detail": "m"}', "m", None),
        ('{"detail": [{"msg": "ñ"}]}', '[{"msg": "ñ"}]', None),
        ('{"message": "m", "code": "c"}', "m", "c"),
        ('{"type": "error", "error": {"type": "t", "message": "m"}}', "m", "t"),
        ("[]", "", None),
        ("null", "", None),
        ("7", "", None),
        ("<html>", "", None),
        ("", "", None),
        ('{"error": null}', "", None),
        ('{"error": {"message": null}}', "", None),
        ('{"error": []}', "", None),
    ],
)
def test_what_an_error_body_says(body, message, code):
    said = complaint(body)
    assert (said.message, said.code) == (message, code)
    assert complaint(body.encode()) == said


def test_a_failure_carries_everything():
    body = b'{"error": {"message": "bad key sk-12345", "code": "invalid_api_key"}}'
    error = failure(
        answered(401, body, x_request_id="r", retry_after="3"),
        provider="p",
        model="m",
        secrets=["sk-12345"],
    )
    assert isinstance(error, AuthenticationFailed)
    assert (error.provider, error.model, error.status) == ("p", "m", 401)
    assert (error.code, error.request_id, error.retry_after) == ("invalid_api_key", "r", 3.0)
    assert "sk-12345" not in str(error)
    assert "[redacted]" in str(error)


def test_a_key_at_the_cut_of_a_long_message_is_not_shown_in_part():
    body = ('{"error": {"message": "' + "x" * 490 + 'sk-0123456789abcdef"}}').encode()
    error = failure(answered(401, body), provider="p", secrets=["sk-0123456789abcdef"])
    assert "sk-0" not in str(error)


def test_a_page_is_described_instead_of_quoted():
    error = failure(answered(503, b"<html>", content_type="text/html; charset=x"), provider="p")
    assert "6 bytes of text/html" in str(error)


@pytest.mark.parametrize(
    ("document", "error", "status"),
    [
        ({"error": {"message": "m", "code": 429}}, RateLimited, 429),
        ({"error": {"message": "m", "code": 7}}, Overloaded, None),
        ({"error": {"message": "m", "type": "overloaded_error"}}, Overloaded, None),
        ({"error": {"message": "m", "type": "authentication_error"}}, AuthenticationFailed, None),
        ({"error": "m"}, Overloaded, None),
        ({"error": {}}, Overloaded, None),
    ],
)
def test_an_error_inside_an_answer(document, error, status):
    found = interrupted(document, provider="p", model="m")
    assert type(found) is error
    assert found.status == status


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=30), usegmt=True)}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 -0000"}, 30.0),
        (
            {
                "retry-after": format_datetime(
                    (NOW + timedelta(seconds=30)).astimezone(timezone(timedelta(hours=2)))
                )
            },
            30.0,
        ),
        ({"retry-after": "Mon, 99 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        ([], []),
        (["data: a", ""], [("message", "a")]),
        (["data: a"], [("message", "a")]),
        (["data:a", "data: b", ""], [("message", "a\nb")]),
        (["data:  a", ""], [("message", " a")]),
        (["event: e", "data: a", "", "data: b", ""], [("e", "a"), ("message", "b")]),
        ([": keep-alive", "", "", "data: a", ": x", ""], [("message", "a")]),
        (["event: e", "", "data: a", ""], [("message", "a")]),
        (["id: 1", "retry: 5", "unknown", "data: a", ""], [("message", "a")]),
        (["data", ""], [("message", "")]),
        (["data: a\u2028b", ""], [("message", "a\u2028b")]),
        (["\ufeffdata: a", ""], [("message", "a")]),
    ],
)
async def test_events(lines, events):
    async def given():
        for line in lines:
            yield line

    found = [(event.name, event.data) async for event in server_events(given())]
    assert found == events


def test_json_that_is_none():
    with pytest.raises(MalformedResponse, match="no JSON") as caught:
        parsed(b"<html>" + b"x" * 1000, "p", "m")
    assert len(str(caught.value)) < 300
    assert (caught.value.provider, caught.value.model) == ("p", "m")
    assert parsed("\n\n {} ", "p") == {}


def test_json_nested_beyond_all_measure():
    with pytest.raises(MalformedResponse):
        parsed("[" * 200_000, "p")
