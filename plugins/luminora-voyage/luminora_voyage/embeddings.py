"""Voyage AI's wire format for embeddings.

``POST {api_base}/embeddings`` with ``model``, ``input``, ``input_type``, ``truncation``,
``output_dimension`` and ``encoding_format``; the answer's ``data`` holds an ``embedding`` and an
``index`` each, as OpenAI's does, and errors are ``{"detail": "…"}``. Keys that MongoDB gave out
(``al-…``) are good at MongoDB's own address only. Sources: the official SDK, voyageai 0.5
(``api_resources/embedding.py``, ``util.py``, ``api_requestor.py``), and
https://docs.voyageai.com/reference/embeddings-api.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from luminora.errors import InvalidRequest, ProviderError, ResourceNotFound
from luminora.providers.base import ProviderContext
from luminora.providers.chat import secret_of
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding, in_order
from luminora.providers.wire import complaint, failure

VOYAGE: Final = "https://api.voyageai.com/v1"
MONGODB: Final = "https://ai.mongodb.com/v1"
_OF_MONGODB: Final = "al-"
"""What keys begin with that MongoDB gave out."""
_NO_MODEL: Final = re.compile(r"^Model \S+ is not supported", re.IGNORECASE)
"""Nothing but words tells an unknown model from other invalid requests."""


class VoyageEmbeddings(HttpEmbedding):
    """Voyage AI's embeddings.

    Beside the common settings it reads ``truncation``, ``encoding``, ``use_purpose``, ``options``
    and ``headers``.
    """

    path = "/embeddings"
    max_batch_size = 1000

    def __init__(self, name: str, config: Mapping[str, Any], context: ProviderContext) -> None:
        key = secret_of(config, context, name) or ""
        base = config.get("api_base") or (MONGODB if key.startswith(_OF_MONGODB) else VOYAGE)
        table = ModelTable.of("luminora_voyage")
        super().__init__(name, {**config, "api_base": base}, context, table)
        facts = table.facts(self.model)
        self.asymmetric = config["use_purpose"]
        self.max_batch_tokens = facts.extra.get("call_tokens")
        self._asked = facts.length_to_ask(self.model, config.get("dimension"), only=True)

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as a bearer token, and the configured headers."""
        return {**super().headers(key), **self.config["headers"]}

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as Voyage's JSON."""
        body: dict[str, Any] = {
            "model": self.model,
            "input": list(texts),
            "truncation": self.config["truncation"],
        }
        if self.config["encoding"] == "base64":
            body["encoding_format"] = "base64"
        if self.asymmetric:
            body["input_type"] = purpose
        if self._asked is not None:
            body["output_dimension"] = self._asked
        return {**body, **self.config["options"]}

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts."""
        return in_order(document["data"])

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        error = failure(response, provider=self.name, model=self.model, secrets=self.secrets)
        said = complaint(response.content).message
        if isinstance(error, InvalidRequest) and _NO_MODEL.match(said):
            return ResourceNotFound(
                error.message,
                provider=self.name,
                model=self.model,
                status=error.status,
                request_id=error.request_id,
                retry_after=error.retry_after,
                hint="check the model's name",
            )
        return error
