"""Jina AI's wire format for embeddings.

``POST {api_base}/embeddings`` with ``model``, ``input``, ``task``, ``dimensions`` and ``truncate``;
the answer's ``data`` holds an ``embedding`` and an ``index`` each, as OpenAI's does. Errors have a
``code`` such as ``AUTHZ_INSUFFICIENT_BALANCE`` beside their words, or nothing but a ``detail``.
There is no official SDK. Source: https://api.jina.ai/openapi.json, "Embeddings" and "Error codes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from luminora.errors import (
    AuthenticationFailed,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    ResourceNotFound,
)
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding, in_order
from luminora.providers.wire import failure

CODES: Final[Mapping[str, type[ProviderError]]] = {
    "input_model_not_found": ResourceNotFound,  # a 400
    "auth_missing_api_key": AuthenticationFailed,
    "auth_invalid_api_key": AuthenticationFailed,
    "auth_invalid_format": AuthenticationFailed,
    "authz_insufficient_balance": QuotaExceeded,  # a 403
    "authz_resource_limit_exceeded": QuotaExceeded,
    "conflict_resource_busy": Overloaded,
}
"""Error codes that say more than their status."""


class JinaEmbeddings(HttpEmbedding):
    """Jina AI's embeddings.

    Beside the common settings it reads ``tasks``, ``use_purpose``, ``truncate``, ``options`` and
    ``headers``.
    """

    path = "/embeddings"
    max_batch_size = 512  # no limit is documented; some that were seen to work are larger

    def __init__(self, name: str, config: Mapping[str, Any], context: ProviderContext) -> None:
        table = ModelTable.of("luminora_jina")
        super().__init__(name, config, context, table)
        facts = table.facts(self.model)
        self._asked = facts.length_to_ask(self.model, config.get("dimension"))
        known = {**facts.extra.get("tasks", {}), **config.get("tasks", {})}
        self._tasks: Mapping[str, str] = known if config["use_purpose"] else {}
        self.asymmetric = self._tasks.get("document") != self._tasks.get("query")

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as a bearer token, and the configured headers."""
        return {**super().headers(key), **self.config["headers"]}

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as Jina's JSON."""
        body: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if purpose in self._tasks:
            body["task"] = self._tasks[purpose]
        if self._asked is not None:
            body["dimensions"] = self._asked
        if self.config["truncate"]:
            body["truncate"] = True
        return {**body, **self.config["options"]}

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts."""
        return in_order(document["data"])

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(
            response, provider=self.name, model=self.model, secrets=self.secrets, codes=CODES
        )
