"""Cohere's embeddings, through the official SDK's v2 client.

``embed`` with ``texts``, ``input_type`` (``search_document`` or ``search_query``),
``embedding_types`` ``float``, ``truncate`` ``NONE``, so that a text which is too long is refused
and not silently cut, and ``output_dimension`` where the model has several. 96 texts a call: the SDK
does not split them. Source: cohere 7.3.1 (``v2/raw_client.py``), https://docs.cohere.com.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from luminora.errors import ConfigError, ProviderError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding
from luminora_cohere.sdk import ONCE, OnCohere

_TYPES: Final[Mapping[Purpose, str]] = {"document": "search_document", "query": "search_query"}


class CohereEmbeddings(HttpEmbedding, OnCohere):
    """An embedding model of Cohere's; documents and queries have vectors of their own."""

    max_batch_size = 96
    asymmetric = True

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        super().__init__(name, config, context, table)
        facts = table.facts(self.model)
        wanted = config.get("dimension")
        self._asked = wanted if wanted in facts.dimensions else None
        if facts.dimension and wanted not in {None, facts.dimension, *facts.dimensions}:
            known = ", ".join(map(str, sorted({facts.dimension, *facts.dimensions})))
            raise ConfigError(
                f"vectors of '{self.model}' have {known} numbers, not {wanted}",
                hint="leave dimension out, or choose another model",
            )

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as the SDK's keyword arguments."""
        body: dict[str, Any] = {
            "model": self.model,
            "input_type": _TYPES[purpose],
            "texts": list(texts),
            "embedding_types": ["float"],
            "truncate": "NONE",
            "request_options": dict(ONCE),
        }
        if self._asked is not None:
            body["output_dimension"] = self._asked
        return self.sendable(body)

    async def document(self, texts: Sequence[str], purpose: Purpose) -> Any:
        """The SDK's answer."""
        body = self.body(texts, purpose)
        cohere = await self.sdk()
        with self.asking(self.model):
            return await cohere.embed(**body)

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors, which stand in the order of the texts."""
        found: Sequence[Vector] = document.embeddings.float_
        return found

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return self.refusal(response, self.model)
