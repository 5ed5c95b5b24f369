"""Ollama's wire format for embeddings.

``POST {api_base}/api/embed`` with ``model``, ``input``, ``truncate`` and, for models whose vectors
may be shortened, ``dimensions``; the answer's ``embeddings`` stand in the order of the texts and
have the length one. ``truncate`` is sent as false, so that a text which is too long is refused, not
silently cut. Source: ollama/ollama ``docs/api.md``, official client ollama 0.6.3 (``_types.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luminora.errors import ConfigError, ProviderError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding
from luminora_ollama.server import refusal, started


class OllamaEmbeddings(HttpEmbedding):
    """An embedding model that Ollama runs.

    Beside the common settings it reads ``options``, ``keep_alive``, ``document_prefix`` and
    ``query_prefix``; where the two differ, a text has one vector as a document and another as a
    query.
    """

    path = "/api/embed"
    max_batch_size = 512

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        super().__init__(name, config, context, table)
        self._prefixes: Mapping[Purpose, str] = {
            "document": config.get("document_prefix", ""),
            "query": config.get("query_prefix", ""),
        }
        self.asymmetric = self._prefixes["document"] != self._prefixes["query"]
        wanted, natural = config.get("dimension"), table.facts(self.model).dimension
        self._shortened = wanted if natural and wanted and wanted < natural else None
        if wanted and natural and wanted > natural:
            raise ConfigError(
                f"vectors of '{self.model}' have {natural} numbers, not {wanted}",
                hint="leave dimension out, or choose another model",
            )

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as Ollama's JSON."""
        prefix = self._prefixes[purpose]
        body: dict[str, Any] = {
            "model": self.model,
            "input": [prefix + text for text in texts],
            "truncate": False,
        }
        if self._shortened:
            body["dimensions"] = self._shortened
        if (keep := self.config.get("keep_alive")) is not None:
            body["keep_alive"] = keep
        if options := self.config.get("options"):
            body["options"] = options
        return body

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors, which stand in the order of the texts."""
        found: Sequence[Vector] = document["embeddings"]
        return found

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return refusal(response, self.name, self.model, self.secrets)

    async def create_embeddings_batch(
        self, texts: Sequence[str], *, purpose: Purpose = "document"
    ) -> list[Vector]:
        """One vector per text, in order; see :class:`HttpEmbedding`."""
        with started(self.model):
            return await super().create_embeddings_batch(texts, purpose=purpose)
