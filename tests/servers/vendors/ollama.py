"""A double of Ollama: chat as NDJSON, embeddings, the list of models.

Proven by hand with the official client, ollama 0.6.3, on 2026-11-21: it read answers, streams,
embeddings and the list of models, and raised its ``ResponseError`` for the refusals and for the
error in the middle of a stream.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from luminora.testing.doubles.vendor import (
    Asked,
    Reply,
    VendorDouble,
    example,
    in_pieces,
    vector_of,
)

_WHEN = "2026-11-21T10:00:00.000000Z"


def refusal(status: int, message: str) -> Reply:
    """An error in Ollama's words; it has no codes."""
    return Reply(status, {"error": message})


class OllamaDouble(VendorDouble):
    """Ollama, to which a key may be sent but need not be.

    Attributes:
        models: What was pulled; None for whatever is asked for.
        longest: Characters of a text to embed, above which ``truncate: false`` refuses it.
    """

    title = "our double of Ollama"
    malformed = b'{"model":"llama3.1","mess\n'
    mid_stream = b'{"error":"an error was encountered while running the model: unexpected EOF"}\n'
    keep_alive = b"\n"
    longest = 2000
    refusals: ClassVar = {
        "bad_key": refusal(401, "unauthorized: {key}"),
        "forbidden": refusal(403, "forbidden"),
        "no_model": refusal(404, "model 'llama3.1' not found"),
        "invalid": refusal(400, "invalid options: temperature"),
        "rate_limit": refusal(429, "too many concurrent requests"),
        "server_error": refusal(500, "llama runner process has terminated: exit status 2"),
        "overloaded": refusal(
            503, "server busy, please try again. maximum pending requests exceeded"
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self.models: set[str] | None = None

    def admits(self, asked: Asked) -> bool:
        """Without a key, or with the right one."""
        return asked.key in {None, self.key}

    def answer(self, asked: Asked) -> Reply:
        """Chat, embeddings or models."""
        if asked.path == "/api/tags":
            names = sorted(self.models) if self.models is not None else _configured
            return Reply(body={"models": [{"name": name, "model": name} for name in names]})
        sent = asked.json or {}
        if asked.path not in {"/api/chat", "/api/embed"}:
            return Reply(404, "404 page not found", content_type="text/plain")
        if not sent.get("model"):
            return refusal(400, "model is required")
        if self.models is not None and _tagged(sent["model"]) not in self.models:
            return refusal(404, f"model '{sent['model']}' not found")
        return self.embed(sent) if asked.path == "/api/embed" else self.chat(sent)

    def chat(self, sent: Any) -> Reply:
        """One document, or one a line."""
        text = self.next_text()
        if (form := sent.get("format")) and text == self.text:
            text = json.dumps(example(form if isinstance(form, dict) else {"type": "object"}))
        prompt = sum(len(turn["content"].split()) for turn in sent["messages"])
        end = {
            "done": True,
            "done_reason": "stop",
            "total_duration": 5191566416,
            "prompt_eval_count": prompt or 1,
            "eval_count": len(text.split()) or 1,
        }
        head = {"model": sent["model"], "created_at": _WHEN}
        if sent.get("stream") is False:
            return Reply(body={**head, "message": _said(text), **end})
        documents = [{**head, "message": _said(piece), "done": False} for piece in in_pieces(text)]
        documents.append({**head, "message": _said(""), **end})
        lines = [f"{_as_go_does(one)}\n".encode() for one in documents]
        return Reply(body=lines, content_type="application/x-ndjson")

    def embed(self, sent: Any) -> Reply:
        """Vectors in the order of the texts, of length one."""
        texts = [sent["input"]] if isinstance(sent["input"], str) else sent["input"]
        if sent.get("truncate") is False and any(len(text) > self.longest for text in texts):
            return refusal(400, "the input length exceeds the context length")
        size = sent.get("dimensions") or self.dimension
        vectors = [vector_of(text, size) for text in texts]
        return Reply(
            body={"model": sent["model"], "embeddings": vectors, "prompt_eval_count": len(texts)}
        )


_configured = ["llama3.1:latest", "nomic-embed-text:latest"]


def _as_go_does(document: Any) -> str:
    """As JSON in UTF-8, but for U+2028, which Go's encoder escapes and clients take for a line."""
    return json.dumps(document, ensure_ascii=False).replace("\u2028", "\\u2028")


def _said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _tagged(model: str) -> str:
    return model if ":" in model else f"{model}:latest"
