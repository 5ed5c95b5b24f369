"""A double of OpenAI's API, and of those who imitate it: chat, streams, embeddings, models.

Proven by hand with the official SDK, openai 3.54, on 2026-11-21: it read answers, streams with
usage, base64 and float embeddings, the list of models, and raised its own classes for the refusals.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.testing.doubles.vendor import (
    Asked,
    Reply,
    VendorDouble,
    example,
    in_pieces,
    vector_of,
)

_NATURAL = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "deepseek-jina-embeddings-v3": 1024,
}


def refusal(status: int, message: str, kind: str, code: str | None, **headers: str) -> Reply:
    """An error in OpenAI's words."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return Reply(status, {"error": error}, code=code or kind).having(**headers)


class OpenAIDouble(VendorDouble):
    """OpenAI; with another :attr:`prefix` it is one of those who speak like it.

    Attributes:
        prefix: Where the API begins.
        dimensions: Length of each embedding model's vectors; others have :attr:`dimension`.
        embeds: Whether it has embeddings at all.
        reads_base64: Whether it can send vectors as base64.
    """

    title = "our double of OpenAI's API"
    prefix: ClassVar[str] = "/v1"
    embeds: ClassVar[bool] = True
    reads_base64: ClassVar[bool] = True
    dimensions: ClassVar[Mapping[str, int]] = _NATURAL
    ending = 3
    mid_stream = b'data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n'
    refusals: ClassVar = {
        "bad_key": refusal(
            401, "Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key"
        ),
        "forbidden": refusal(403, "Country not supported", "request_forbidden", "unsupported"),
        "no_model": refusal(
            404, "The model `x` does not exist", "invalid_request_error", "model_not_found"
        ),
        "invalid": refusal(
            400, "'temperature' is not supported", "invalid_request_error", "unsupported_parameter"
        ),
        "rate_limit": refusal(429, "Rate limit reached", "requests", "rate_limit_exceeded"),
        "quota": refusal(
            429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"
        ),
        "content_filter": refusal(
            400, "Your request was rejected", "invalid_request_error", "content_policy_violation"
        ),
        "server_error": refusal(500, "The server had an error", "server_error", None),
        "overloaded": refusal(503, "The engine is overloaded", "server_error", None),
    }

    def answer(self, asked: Asked) -> Reply:
        """Chat, embeddings or models."""
        path = asked.path.removeprefix(self.prefix)
        if path == asked.path and self.prefix:
            return refusal(404, f"Invalid URL ({asked.path})", "invalid_request_error", None)
        match asked.method, path:
            case "GET", "/models":
                data = [{"id": "gpt-5.4-mini", "object": "model", "created": 1, "owned_by": "us"}]
                return Reply(body={"object": "list", "data": data})
            case "POST", "/chat/completions":
                return self.chat(asked.json)
            case "POST", "/embeddings" if self.embeds:
                return self.embeddings(asked.json)
        return refusal(404, f"Invalid URL ({asked.path})", "invalid_request_error", None)

    def chat(self, asked: Mapping[str, Any]) -> Reply:
        """An answer, whole or in pieces."""
        text = self.said_to(asked)
        head = {"id": "chatcmpl-1", "created": 1700000000, "model": asked["model"]}
        words = [len(str(turn["content"]).split()) for turn in asked["messages"]]
        usage = {
            "prompt_tokens": sum(words) + 3 * len(words),
            "completion_tokens": len(text.split()) + 1,
        }
        usage["total_tokens"] = sum(usage.values())
        if not asked.get("stream"):
            message = {"role": "assistant", "content": text, "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            body = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            return Reply(body=body)
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in ({"role": "assistant", "content": ""}, *_deltas(text))
        ]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if (asked.get("stream_options") or {}).get("include_usage"):
            chunks = [{**chunk, "usage": None} for chunk in chunks]
            chunks.append({"choices": [], "usage": usage})
        head["object"] = "chat.completion.chunk"
        lines = [
            f"data: {json.dumps({**head, **chunk}, ensure_ascii=False)}\n\n".encode()
            for chunk in chunks
        ]
        return Reply(body=[*lines, b"data: [DONE]\n\n"], content_type="text/event-stream")

    def said_to(self, asked: Mapping[str, Any]) -> str:
        """What the model says: what it is told to, or an example of the schema it is held to."""
        form = asked.get("response_format") or {}
        if self.texts or form.get("type") in {None, "text"}:
            return self.next_text()
        schema = form.get("json_schema", {}).get("schema") or _schema_in(asked["messages"])
        return json.dumps(example(schema))

    def embeddings(self, asked: Mapping[str, Any]) -> Reply:
        """A vector for each text."""
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        if not 0 < len(texts) <= 2048 or not all(texts):
            return refusal(400, "'$.input' is invalid", "invalid_request_error", None)
        natural = self.dimensions.get(asked["model"], self.dimension)
        packed = self.reads_base64 and asked.get("encoding_format") == "base64"
        data = []
        for index, text in enumerate(texts):
            vector = vector_of(text, asked.get("dimensions", natural))
            shown = base64.b64encode(array("f", vector).tobytes()).decode() if packed else vector
            data.append({"object": "embedding", "index": index, "embedding": shown})
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        body = {"object": "list", "data": data, "model": asked["model"], "usage": usage}
        return Reply(body=body)


def _schema_in(messages: list[dict[str, str]]) -> Any:
    """The schema that the prompt itself holds, as a model would read it."""
    for turn in messages:
        _, found, rest = turn["content"].partition("JSON Schema: ")
        if found:
            return json.JSONDecoder().raw_decode(rest)[0]
    return {}


def _deltas(text: str) -> list[dict[str, str]]:
    return [{"content": piece} for piece in in_pieces(text)]
