"""Gemini's wire format for embeddings: ``batchEmbedContents``.

``POST {api_base}/{api_version}/models/{model}:batchEmbedContents`` with one request per text, each
with one content of one part: several parts of one content would make one vector. The answer's
``embeddings[].values`` stand in the order of the requests. Sources:
https://ai.google.dev/api/embeddings, https://ai.google.dev/gemini-api/docs/embeddings and the
official SDK, google-genai 3.4 (``models.py``, ``_transformers.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot
from typing import Any, Final

from luminora.errors import ProviderError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding
from luminora_google.endpoint import based, headers_of, path_of, resource
from luminora_google.errors import failed

_TASKS: Final[Mapping[Purpose, str]] = {
    "document": "RETRIEVAL_DOCUMENT",
    "query": "RETRIEVAL_QUERY",
}
_WORDS: Final[Mapping[Purpose, str]] = {
    "document": "title: none | text: ",
    "query": "task: search result | query: ",
}
"""What gemini-embedding-2, which takes no ``taskType``, is told in front of a text instead."""


class GeminiEmbeddings(HttpEmbedding):
    """Gemini's embeddings.

    Beside the common settings it reads ``api_version``, ``use_purpose`` and ``headers``.
    """

    max_batch_size = 100

    def __init__(self, name: str, config: Mapping[str, Any], context: ProviderContext) -> None:
        table = ModelTable.of("luminora_google")
        super().__init__(name, based(config), context, table)
        facts = table.facts(self.model)
        self._how = facts.extra.get("purpose", "taskType") if config["use_purpose"] else None
        self.asymmetric = self._how is not None
        self._asked = facts.length_to_ask(self.model, config.get("dimension"))

    def headers(self, key: str | None) -> dict[str, str]:
        """The key, in a header of Google's own, and the configured headers."""
        return headers_of(self.config, key)

    def path_of(self, texts: Sequence[str]) -> str:  # noqa: ARG002 - the same for all
        """The method of the model."""
        return path_of(self.config, self.model, ":batchEmbedContents")

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as Google's JSON."""
        shared: dict[str, Any] = {"model": resource(self.model)}
        if self._how == "taskType":
            shared["taskType"] = _TASKS[purpose]
        if self._asked is not None:
            shared["outputDimensionality"] = self._asked
        word = _WORDS[purpose] if self._how == "words" else ""
        return {
            "requests": [{**shared, "content": {"parts": [{"text": word + one}]}} for one in texts]
        }

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts; shortened ones are brought back to length one.

        gemini-embedding-001 cuts a vector short without doing so.
        """
        found = [one["values"] for one in document["embeddings"]]
        return [_unit(vector) for vector in found] if self._asked is not None else found

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failed(response, provider=self.name, model=self.model, secrets=self.secrets)


def _unit(vector: Vector) -> Vector:
    length = hypot(*vector)
    return [number / length for number in vector] if length else vector
