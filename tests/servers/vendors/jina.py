"""A double of Jina AI's API: embeddings.

There is no official SDK to prove it with; it follows https://api.jina.ai/openapi.json and errors
that users of the API have published.
"""

from __future__ import annotations

from typing import ClassVar

from luminora.testing.doubles.vendor import Asked, Reply, VendorDouble, vector_of


def refusal(status: int, code: str | None, message: str) -> Reply:
    """An error in Jina's words; the older ones have no code."""
    body = {"detail": message} if code is None else {"code": code, "message": message}
    return Reply(status, body, code=code)


class JinaDouble(VendorDouble):
    """Jina AI.

    Attributes:
        natural: Length of each model's vectors; others have :attr:`dimension`.
    """

    title = "our double of Jina AI's API"
    natural: ClassVar = {
        "jina-embeddings-v3": 1024,
        "jina-embeddings-v4": 2048,
        "jina-embeddings-v2-base-es": 768,
    }
    refusals: ClassVar = {
        "bad_key": refusal(401, "AUTH_INVALID_API_KEY", "Invalid API key {key}"),
        "forbidden": refusal(403, None, "Forbidden"),
        "no_model": refusal(400, "INPUT_MODEL_NOT_FOUND", "Model 'jina-9' not found"),
        "invalid": refusal(400, None, "[RID: 06b5f7bd] Failed to encode text"),
        "rate_limit": refusal(429, "RATE_TOKEN_LIMIT_EXCEEDED", "Token rate limit exceeded"),
        "quota": refusal(403, "AUTHZ_INSUFFICIENT_BALANCE", "Insufficient account balance"),
        "server_error": refusal(500, None, "Internal server error"),
        "overloaded": refusal(503, "CONFLICT_RESOURCE_BUSY", "Busy"),
    }

    def answer(self, asked: Asked) -> Reply:
        """A vector for each text."""
        if (asked.method, asked.path) != ("POST", "/v1/embeddings"):
            return refusal(404, "RESOURCE_NOT_FOUND", f"'{asked.path}' not found")
        wanted = asked.json
        texts = wanted["input"]
        problem = {"loc": ["body", "input"], "msg": "Field required", "type": "missing"}
        if not texts:
            return Reply(422, {"detail": [problem]})
        size = wanted.get("dimensions") or self.natural.get(wanted["model"], self.dimension)
        data = [
            {"object": "embedding", "index": index, "embedding": vector_of(text, size)}
            for index, text in enumerate(texts)
        ]
        usage = {"total_tokens": sum(len(text.split()) for text in texts)}
        return Reply(
            body={"object": "list", "data": data, "model": wanted["model"], "usage": usage}
        )
