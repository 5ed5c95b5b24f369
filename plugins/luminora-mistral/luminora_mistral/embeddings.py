"""Mistral's embeddings, through the official SDK.

``embeddings.create_async`` (mistralai 3.7.0, ``client/embeddings.py``) with ``model``, ``inputs``
and, for models whose vectors can have another length, ``output_dimension``; the answer's ``data``
hold an ``embedding`` and an ``index`` each. The API takes 256 texts a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luminora.errors import ConfigError, ProviderError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding, in_order
from luminora_mistral.sdk import OnMistral, based


class MistralEmbeddings(HttpEmbedding, OnMistral):
    """An embedding model of Mistral's."""

    max_batch_size = 256
    max_batch_tokens = 16_000

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        super().__init__(name, based(config), context, table)
        facts = table.facts(self.model)
        wanted = config.get("dimension")
        self._asked = wanted if wanted in facts.dimensions else None
        if facts.dimension and wanted not in {None, facts.dimension, *facts.dimensions}:
            known = ", ".join(map(str, sorted({facts.dimension, *facts.dimensions})))
            raise ConfigError(
                f"vectors of '{self.model}' have {known} numbers, not {wanted}",
                hint="leave dimension out, or choose another model",
            )

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:  # noqa: ARG002 - no such difference
        """The call as the SDK's keyword arguments."""
        body: dict[str, Any] = {"model": self.model, "inputs": list(texts)}
        if self._asked is not None:
            body["output_dimension"] = self._asked
        return self.sendable(body)

    async def document(self, texts: Sequence[str], purpose: Purpose) -> Any:
        """The SDK's answer."""
        body = self.body(texts, purpose)
        mistral = await self.sdk()
        with self.asking(self.model):
            return await mistral.embeddings.create_async(**body)

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts."""
        return in_order([{"index": one.index, "embedding": one.embedding} for one in document.data])

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return self.refusal(response, self.model)
