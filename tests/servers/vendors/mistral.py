"""A double of Mistral's API: OpenAI's format, with Mistral's errors, names and ids.

``tests/plugins/mistral/test_sdk.py`` proves it with the official SDK, mistralai, as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import Asked, Reply, in_pieces


def refusal(status: int, message: str, kind: str, code: str) -> Reply:
    """An error in Mistral's words."""
    error = {"object": "error", "message": message, "type": kind, "param": None, "code": code}
    return Reply(status, error, code=code)


class MistralDouble(OpenAIDouble):
    """Mistral, which knows ``output_dimension`` and counts tokens in every stream."""

    title = "our double of Mistral's API"
    reads_base64 = False
    ending = 2
    dimensions: ClassVar[Mapping[str, int]] = {"mistral-embed": 1024, "codestral-embed": 1536}
    mid_stream = (
        b'data: {"object":"error","message":"Service unavailable","type":"unreachable_backend",'
        b'"code":"1100"}\n\n'
    )
    refusals: ClassVar = {
        "bad_key": Reply(401, {"detail": "Unauthorized: {key}"}),
        "forbidden": refusal(403, "This model is not enabled", "forbidden", "1800"),
        "no_model": refusal(400, "Invalid model: x", "invalid_model", "1500"),
        "invalid": Reply(
            422,
            {"detail": [{"type": "less_than", "loc": ["body", "top_p"], "msg": "too large"}]},
        ),
        "rate_limit": refusal(429, "Requests rate limit exceeded", "rate_limited", "1300"),
        "quota": refusal(402, "Payment required", "payment_required", "1900"),
        "server_error": refusal(500, "Service unavailable", "unreachable_backend", "1100"),
        "overloaded": refusal(
            429, "Service tier capacity exceeded", "service_tier_capacity_exceeded", "3505"
        ),
    }

    def answer(self, asked: Asked) -> Reply:
        """As OpenAI, but for what is unlike."""
        if asked.path == "/v1/models":
            model = {
                "id": "mistral-small-latest",
                "object": "model",
                "type": "base",
                "capabilities": {"completion_chat": True},
            }
            return Reply(body={"object": "list", "data": [model]})
        reply = super().answer(asked)
        if asked.path == "/v1/embeddings" and reply.status == 200:
            reply.body["id"] = "embd-1"
        return reply

    def chat(self, asked: Mapping[str, Any]) -> Reply:
        """An answer, whole or in pieces; the last of them counts the tokens."""
        text = self.said_to(asked)
        counts = [
            sum(len(turn["content"].split()) for turn in asked["messages"]),
            len(text.split()),
        ]
        usage = {
            "prompt_tokens": counts[0],
            "completion_tokens": counts[1] + 1,
            "total_tokens": sum(counts) + 1,
        }
        head = {"id": "c0ffee", "created": 1700000000, "model": asked["model"]}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": text, "tool_calls": None}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            head["object"] = "chat.completion"
            return Reply(body={**head, "choices": [choice], "usage": usage})
        head["object"] = "chat.completion.chunk"
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in in_pieces(text)]
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
        ]
        last = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
        chunks.append({"choices": [last], "usage": usage})
        lines = [
            f"data: {json.dumps({**head, **chunk}, ensure_ascii=False)}\n\n".encode()
            for chunk in chunks
        ]
        return Reply(body=[*lines, b"data: [DONE]\n\n"], content_type="text/event-stream")

    def embeddings(self, asked: Mapping[str, Any]) -> Reply:
        """Another name for the dimension, and fewer texts."""
        if len(asked["input"]) > 256:
            return refusal(400, "Too many inputs in request", "invalid_request_error", "3210")
        renamed = {key: value for key, value in asked.items() if key != "output_dimension"}
        if asked.get("output_dimension"):
            renamed["dimensions"] = asked["output_dimension"]
        return super().embeddings(renamed)
