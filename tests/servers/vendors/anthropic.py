"""A double of Anthropic's Messages API: answers, streams, errors, structured outputs, models.

Proven by hand with the official SDK, anthropic 2.12, on 2026-11-21: it read answers, thoughts,
streams and a model's page, and raised its own classes, with code and request id, for the refusals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.testing.doubles.vendor import Asked, Reply, VendorDouble, example, in_pieces

_SAMPLING = ("temperature", "top_p", "top_k")


def refusal(status: int, kind: str, message: str, code: str | None = None) -> Reply:
    """An error in Anthropic's words; ``code`` below ``error.details``, as the newer ones have."""
    error: dict[str, Any] = {"type": kind, "message": message}
    if code:
        error["details"] = {"error_code": code}
    body = {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    return Reply(status, body, code=code or kind)


def event(document: Mapping[str, Any]) -> bytes:
    """A named server-sent event."""
    text = json.dumps(document, ensure_ascii=False)
    return f"event: {document['type']}\ndata: {text}\n\n".encode()


class AnthropicDouble(VendorDouble):
    """Anthropic.

    Attributes:
        stop_reason: Why the model stops.
        thoughts: Whether it begins with a block of thoughts.
        retired: Models it had once.
    """

    title = "our double of Anthropic's API"
    ending = 3
    keep_alive = event({"type": "ping"})
    mid_stream = event(
        {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"},
            "request_id": "req_mid",
        }
    )
    refusals: ClassVar = {
        "bad_key": refusal(401, "authentication_error", "invalid x-api-key {key}"),
        "forbidden": refusal(403, "permission_error", "Your API key may not do that"),
        "no_model": refusal(404, "not_found_error", "model: claude-x"),
        "invalid": refusal(400, "invalid_request_error", "messages: Field required"),
        "rate_limit": refusal(429, "rate_limit_error", "This request would exceed your limit"),
        "quota": refusal(
            429, "rate_limit_error", "Usage tier's cap reached", "enforced_spend_limit_reached"
        ),
        "server_error": refusal(500, "api_error", "Internal server error"),
        "overloaded": refusal(529, "overloaded_error", "Overloaded"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.stop_reason = "end_turn"
        self.thoughts = False
        self.retired: set[str] = set()

    def answer(self, asked: Asked) -> Reply:
        """A message or a model."""
        version = asked.headers.get("anthropic-version")
        if version is None:
            return refusal(400, "invalid_request_error", "anthropic-version: header is required")
        if asked.method == "GET" and asked.path.startswith("/v1/models/"):
            name = asked.path.removeprefix("/v1/models/")
            if name in self.retired:
                return refusal(404, "not_found_error", f"model: {name}")
            return Reply(body={"type": "model", "id": name, "display_name": name})
        if (asked.method, asked.path) != ("POST", "/v1/messages"):
            return refusal(404, "not_found_error", f"Not found: {asked.path}")
        problem = _problem(asked.json, version)
        if problem:
            return refusal(400, "invalid_request_error", problem)
        return self.message(asked.json)

    def message(self, asked: Mapping[str, Any]) -> Reply:
        """An answer, whole or in pieces."""
        text = self.said_to(asked)
        words = str(asked.get("system", "")) + " ".join(
            turn["content"] for turn in asked["messages"]
        )
        counts = {
            "input_tokens": len(words.split()) + 3,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 2,
        }
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**counts, "output_tokens": 1},
        }
        spoken = len(text.split()) + 1
        if asked.get("stream"):
            return self._streamed(message, text, spoken)
        content: list[dict[str, str]] = [{"type": "text", "text": text}]
        if self.thoughts:
            content.insert(0, {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"})
        message |= {"content": content, "stop_reason": self.stop_reason}
        message["usage"] = {**counts, "output_tokens": spoken}
        return Reply(body=message)

    def _streamed(self, message: Mapping[str, Any], text: str, spoken: int) -> Reply:
        events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
        index = 0
        if self.thoughts:
            block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
            events.append({"type": "content_block_start", "index": 0, "content_block": block})
            deltas = (
                {"type": "thinking_delta", "thinking": "Hm."},
                {"type": "signature_delta", "signature": "c2ln"},
            )
            events += [{"type": "content_block_delta", "index": 0, "delta": one} for one in deltas]
            events.append({"type": "content_block_stop", "index": 0})
            index = 1
        block = {"type": "text", "text": ""}
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "ping"})
        for piece in in_pieces(text):
            delta = {"type": "text_delta", "text": piece}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
        why = {"stop_reason": self.stop_reason, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": why, "usage": {"output_tokens": spoken}})
        events.append({"type": "message_stop"})
        return Reply(body=[event(one) for one in events], content_type="text/event-stream")

    def said_to(self, asked: Mapping[str, Any]) -> str:
        """What the model says: what it is told to, or an example of what it is asked for."""
        form = (asked.get("output_config") or {}).get("format")
        if self.texts or (form is None and "JSON Schema: " not in asked.get("system", "")):
            return self.next_text()
        if form is not None:
            return json.dumps(example(form["schema"]))
        return json.dumps(example(json.loads(asked["system"].partition("JSON Schema: ")[2])))


def _problem(asked: Any, version: str) -> str | None:
    """Why the API would refuse a request."""
    missing = [name for name in ("model", "max_tokens", "messages") if name not in asked]
    if missing:
        return f"{missing[0]}: Field required"
    sampling = [name for name in _SAMPLING if name in asked]
    if sampling and version >= "2026-10-21":
        return f"{sampling[0]}: Extra inputs are not permitted"
    form = (asked.get("output_config") or {}).get("format")
    if form is not None and form["schema"].get("additionalProperties") is not False:
        return "output_config.format.schema: 'additionalProperties' must be false"
    return _problem_of(asked["messages"])


def _problem_of(turns: list[Any]) -> str | None:
    if not turns or turns[0]["role"] != "user":
        return 'messages: first message must use the "user" role'
    for turn in turns:
        if turn["role"] not in {"user", "assistant"}:
            return f"messages: Unexpected role {turn['role']!r}"
        if not turn["content"].strip():
            return "messages: text content blocks must be non-empty"
    return None
