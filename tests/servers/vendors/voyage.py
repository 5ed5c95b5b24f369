"""A double of Voyage AI's API: embeddings.

Proven by hand with the official SDK, voyageai 0.5, on 2026-11-21: it read vectors and token counts,
and raised its own classes for the refusals.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Mapping
from typing import Any, ClassVar

from luminora.testing.doubles.vendor import Asked, Reply, VendorDouble, vector_of


def refusal(status: int, detail: str) -> Reply:
    """An error in Voyage's words."""
    return Reply(status, {"detail": detail})


class VoyageDouble(VendorDouble):
    """Voyage AI.

    Attributes:
        natural: Length of each model's vectors; others have :attr:`dimension`.
    """

    title = "our double of Voyage AI's API"
    natural: ClassVar = {"voyage-4": 1024, "voyage-4-lite": 1024, "voyage-law-2": 1024}
    refusals: ClassVar = {
        "bad_key": refusal(401, "Provided API key is invalid. ({key})"),
        "forbidden": refusal(403, "The IP address you are using is not allowed."),
        "no_model": refusal(400, "Model voyage-9 is not supported. Supported models are [...]"),
        "invalid": refusal(400, "The batch size limit is 1000. Your batch size is 1001."),
        "rate_limit": refusal(429, "You have exceeded your rate limits of 2000 RPM."),
        "server_error": refusal(500, "An internal error occurred."),
        "overloaded": refusal(503, "The service is overloaded."),
    }

    def answer(self, asked: Asked) -> Reply:
        """A vector for each text."""
        if (asked.method, asked.path) != ("POST", "/v1/embeddings"):
            return refusal(404, "Not Found")
        wanted = asked.json
        texts = wanted["input"] if isinstance(wanted["input"], list) else [wanted["input"]]
        problem = _problem(wanted, texts)
        if problem:
            return refusal(400, problem)
        size = wanted.get("output_dimension") or self.natural.get(wanted["model"], self.dimension)
        data = [
            {"object": "embedding", "index": index, "embedding": _shown(wanted, text, size)}
            for index, text in enumerate(texts)
        ]
        usage = {"total_tokens": sum(len(text.split()) for text in texts)}
        return Reply(
            body={"object": "list", "data": data, "model": wanted["model"], "usage": usage}
        )


def _problem(wanted: Mapping[str, Any], texts: list[str]) -> str | None:
    if not 0 < len(texts) <= 1000:
        return f"The batch size limit is 1000. Your batch size is {len(texts)}."
    if wanted.get("input_type") not in {None, "query", "document"}:
        return "Invalid input_type."
    if wanted.get("encoding_format") not in {None, "base64"}:
        return "Value 'float' supplied for argument 'encoding_format' is not valid."
    return None


def _shown(wanted: Mapping[str, Any], text: str, size: int) -> Any:
    vector = vector_of(text, size)
    if wanted.get("encoding_format") == "base64":
        return base64.b64encode(array("f", vector).tobytes()).decode()
    return vector
