"""A double of Google's Gemini API: generateContent, its streams, batchEmbedContents, models.

Proven by hand with the official SDK, google-genai 3.4, on 2026-11-21: it read answers, streams,
embeddings and a model's page, and raised its own classes for the refusals.
"""

from __future__ import annotations

import json
import re
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

_PATH = re.compile(r"/(v1|v1beta)/models/([\w.-]+)(?::(\w+))?")
_TYPE = "type.googleapis.com/google.rpc."


def refusal(
    status: int, name: str, message: str, *details: Mapping[str, Any], code: str | None = None
) -> Reply:
    """An error in Google's words; ``details`` by their short type names."""
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if details:
        error["details"] = [{**one, "@type": _TYPE + one["@type"]} for one in details]
    return Reply(status, {"error": error}, code=code or name)


def error_info(reason: str) -> dict[str, Any]:
    """The detail that names a reason."""
    return {"@type": "ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def used_up(quota: str, value: str = "250") -> dict[str, Any]:
    """The detail that names a quota."""
    return {"@type": "QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": value}]}


def event(document: Mapping[str, Any]) -> bytes:
    """A server-sent event, with the line ends that Google uses."""
    return f"data: {json.dumps(document, ensure_ascii=False)}\r\n\r\n".encode()


class GoogleDouble(VendorDouble):
    """Google.

    Attributes:
        finish_reason: Why the model stops.
        thoughts: Whether it begins with thoughts.
        natural: Length of each embedding model's vectors; others have :attr:`dimension`.
    """

    title = "our double of Google's Gemini API"
    mid_stream = event(
        {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    )
    natural: ClassVar = {"gemini-embedding-2": 3072, "gemini-embedding-001": 3072}
    refusals: ClassVar = {
        "bad_key": refusal(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key. ({key})",
            error_info("API_KEY_INVALID"),
            code="API_KEY_INVALID",
        ),
        "forbidden": refusal(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
        "no_model": refusal(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
        "invalid": refusal(400, "INVALID_ARGUMENT", "Invalid value at 'contents'"),
        "rate_limit": refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"),
        "quota": refusal(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota",
            used_up("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        ),
        "server_error": refusal(500, "INTERNAL", "An internal error has occurred."),
        "overloaded": refusal(503, "UNAVAILABLE", "The model is overloaded."),
    }

    def __init__(self) -> None:
        super().__init__()
        self.finish_reason = "STOP"
        self.thoughts = False

    def answer(self, asked: Asked) -> Reply:
        """An answer, vectors or a model."""
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return refusal(404, "NOT_FOUND", f"Not found: {asked.path}")
        model, method = found[2], found[3]
        if asked.method == "GET" and method is None:
            return Reply(body={"name": f"models/{model}", "displayName": model})
        match method:
            case "batchEmbedContents":
                return self.vectors(asked.json, model)
            case "generateContent":
                return self.spoken(asked.json, model)
            case "streamGenerateContent" if asked.query == "alt=sse":
                return self.streamed(asked.json, model)
        return refusal(404, "NOT_FOUND", f"Not found: {asked.path}")

    def spoken(self, asked: Mapping[str, Any], model: str) -> Reply:
        """An answer, whole."""
        if problem := _problem(asked):
            return refusal(400, "INVALID_ARGUMENT", problem)
        text = self.said_to(asked)
        parts = [{"text": "Hm.", "thought": True}] if self.thoughts else []
        document = self._document(model, [*parts, {"text": text}], self.finish_reason)
        return Reply(body={**document, "usageMetadata": self._counts(asked, text)})

    def streamed(self, asked: Mapping[str, Any], model: str) -> Reply:
        """An answer in pieces."""
        if problem := _problem(asked):
            return refusal(400, "INVALID_ARGUMENT", problem)
        text = self.said_to(asked)
        counts = self._counts(asked, text)
        some = {"promptTokenCount": counts["promptTokenCount"], "candidatesTokenCount": 1}
        pieces = [[{"text": piece}] for piece in in_pieces(text)]
        if self.thoughts:
            pieces.insert(0, [{"text": "Hm.", "thought": True}])  # type: ignore[dict-item]
        chunks = [{**self._document(model, parts), "usageMetadata": some} for parts in pieces]
        end = self._document(model, [{"text": ""}], self.finish_reason)
        chunks.append({**end, "usageMetadata": counts})
        return Reply(body=[event(chunk) for chunk in chunks], content_type="text/event-stream")

    def vectors(self, asked: Mapping[str, Any], model: str) -> Reply:
        """A vector for each request; two parts of one content make one vector."""
        requests = asked["requests"]
        if not 0 < len(requests) <= 100:
            return refusal(400, "INVALID_ARGUMENT", "at most 100 requests can be in one batch")
        found = []
        for one in requests:
            if one["model"] != f"models/{model}":
                return refusal(400, "INVALID_ARGUMENT", "the models differ")
            if "taskType" in one and model.startswith("gemini-embedding-2"):
                return refusal(400, "INVALID_ARGUMENT", "taskType is not supported")
            text = " ".join(part["text"] for part in one["content"]["parts"])
            natural = self.natural.get(model, self.dimension)
            vector = vector_of(text, one.get("outputDimensionality", natural))
            if one.get("outputDimensionality") and model == "gemini-embedding-001":
                vector = [number * 0.5 for number in vector]  # cut short, and no longer of length 1
            found.append({"values": vector})
        return Reply(body={"embeddings": found, "usageMetadata": {"promptTokenCount": 1}})

    def _document(self, model: str, parts: list[Any], reason: str | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        return {"candidates": [candidate], "modelVersion": model, "responseId": "r1"}

    def _counts(self, asked: Mapping[str, Any], text: str) -> dict[str, int]:
        counts = {
            "promptTokenCount": len(json.dumps(asked["contents"]).split()) + 3,
            "candidatesTokenCount": len(text.split()) + 1,
        }
        if self.thoughts:
            counts["thoughtsTokenCount"] = 40
        return {**counts, "totalTokenCount": sum(counts.values())}

    def said_to(self, asked: Mapping[str, Any]) -> str:
        """What the model says: what it is told to, or an example of what it is asked for."""
        form = asked.get("generationConfig", {}).get("responseJsonSchema")
        words = str(asked.get("systemInstruction", {}).get("parts", [{}])[0].get("text"))
        _, told, schema = words.partition("JSON Schema: ")
        if self.texts or not (form or told):
            return self.next_text()
        return json.dumps(example(form or json.loads(schema)))


def _problem(asked: Any) -> str | None:
    """Why the API would refuse a request."""
    if not asked.get("contents"):
        return "* GenerateContentRequest.contents: contents is not specified"
    for turn in asked["contents"]:
        if turn["role"] not in {"user", "model"}:
            return "Please use a valid role: user, model."
        if not all(part["text"] for part in turn["parts"]):
            return "required oneof field 'data' must have one initialized field"
    return None
