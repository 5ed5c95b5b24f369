"""A double of Cohere's API, version 2: chat, its stream of named events, embeddings, models.

``tests/plugins/cohere/test_sdk.py`` proves it with the official SDK, cohere, as it comes.
"""

from __future__ import annotations

import json
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


def refusal(status: int, message: str) -> Reply:
    """An error in Cohere's words; it has no codes."""
    return Reply(status, {"id": "f00d", "message": message})


class CohereDouble(VendorDouble):
    """Cohere.

    Attributes:
        dimensions: Length of each embedding model's vectors; others have :attr:`dimension`.
        longest: Characters of a text to embed, above which ``truncate: NONE`` refuses it.
    """

    title = "our double of Cohere's API"
    malformed = b'event: content-delta\ndata: {"type":"content-del\n\n'
    mid_stream = (
        b'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"ERROR",'
        b'"error":"internal server error"}}\n\n'
    )
    dimensions: ClassVar[Mapping[str, int]] = {
        "embed-v4.0": 1536,
        "embed-multilingual-v3.0": 1024,
    }
    longest = 2000
    refusals: ClassVar = {
        "bad_key": refusal(401, "invalid api token: {key}"),
        "forbidden": refusal(403, "your key may not use this endpoint"),
        "no_model": refusal(404, "model 'x' not found, make sure the correct model ID was used"),
        "invalid": refusal(400, "invalid request: temperature must be between 0 and 1"),
        "rate_limit": refusal(429, "Please wait and try again later"),
        "quota": refusal(402, "Please add or update your payment method"),
        "content_filter": refusal(498, "blocked input: the prompt was on the deny list"),
        "server_error": refusal(500, "internal server error"),
        "overloaded": refusal(503, "service unavailable"),
    }

    def answer(self, asked: Asked) -> Reply:
        """Chat, embeddings or models."""
        match asked.method, asked.path:
            case "GET", "/v1/models":
                return Reply(body={"models": [{"name": "command-a-03-2025"}]})
            case "POST", "/v2/chat":
                return self.chat(asked.json)
            case "POST", "/v2/embed":
                return self.embed(asked.json)
        return refusal(404, "not found")

    def chat(self, asked: Mapping[str, Any]) -> Reply:
        """An answer, whole or as events."""
        form = asked.get("response_format") or {}
        text = self.next_text() if self.texts or not form else None
        if text is None:
            text = json.dumps(example(form.get("json_schema", {"type": "object"})))
        prompt = sum(len(turn["content"].split()) for turn in asked["messages"])
        billed = {"input_tokens": float(prompt or 1), "output_tokens": float(len(text.split()) + 1)}
        tokens = {**billed, "input_tokens": billed["input_tokens"] + 60}
        usage = {"billed_units": billed, "tokens": tokens}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
            body = {"id": "c0ffee", "message": message, "finish_reason": "COMPLETE"}
            return Reply(body={**body, "usage": usage})
        start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
        events: list[dict[str, Any]] = [
            {"type": "message-start", "id": "c0ffee", "delta": {"message": start}},
            {
                "type": "content-start",
                "index": 0,
                "delta": {"message": {"content": {"type": "text", "text": ""}}},
            },
        ]
        events += [
            {
                "type": "content-delta",
                "index": 0,
                "delta": {"message": {"content": {"text": piece}}},
            }
            for piece in in_pieces(text)
        ]
        events.append({"type": "content-end", "index": 0})
        end = {"finish_reason": "COMPLETE", "usage": usage}
        events.append({"type": "message-end", "delta": end})
        lines = [
            f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n".encode()
            for one in events
        ]
        return Reply(body=lines, content_type="text/event-stream")

    def embed(self, asked: Mapping[str, Any]) -> Reply:
        """Vectors in the order of the texts; a query's is a little unlike a document's."""
        texts = asked["texts"]
        if not 0 < len(texts) <= 96:
            return refusal(400, "total number of texts must be at most 96")
        if asked.get("truncate") == "NONE" and any(len(text) > self.longest for text in texts):
            return refusal(400, "text is too long; set truncate to START or END")
        size = asked.get("output_dimension") or self.dimensions.get(asked["model"], self.dimension)
        vectors = [vector_of(text, size) for text in texts]
        meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": len(texts)}}
        body = {"id": "e0", "embeddings": {"float": vectors}, "texts": texts, "meta": meta}
        return Reply(body={**body, "response_type": "embeddings_by_type"})
