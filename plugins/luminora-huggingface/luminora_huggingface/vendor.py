"""Hugging Face's router for chat, and its own inference service for embeddings.

Source: the official client, huggingface_hub 2.4: ``inference/_providers/_common.py`` (the router
speaks OpenAI's format; a model is ``org/name``, or ``org/name:provider`` to choose who runs it) and
``inference/_providers/hf_inference.py`` (``/models/{model}/pipeline/feature-extraction`` with
``inputs`` and ``parameters``; the answer is a bare array).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from luminora_openai_compatible.chat import OpenAIChat

from luminora.errors import ConfigError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding

_SERVICE: Final = "/hf-inference"
_E5: Final = {"query": "query: ", "document": "passage: "}
"""What the cards of the E5 models ask to be put before a text."""


class RoutedLLM(OpenAIChat):
    """The Hub's language models, through the router."""


class HubVectors(HttpEmbedding):
    """The Hub's sentence models, on Hugging Face's own inference service.

    ``api_base`` may also be the router's, as beside a language model, or an inference endpoint of
    one's own: an address that does not belong to the router is asked as it is.
    """

    max_batch_size = 256

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        base = str(config["api_base"]).rstrip("/")
        if base.endswith("/v1"):
            base = base.removesuffix("/v1") + _SERVICE
        super().__init__(name, {**config, "api_base": base}, context, table)
        natural = table.facts(self.model).dimension
        if natural is not None and self.dimension != natural:
            raise ConfigError(
                f"vectors of '{self.model}' have {natural} numbers, not {self.dimension}",
                hint="leave dimension out",
            )
        family = _E5 if "/e5-" in self.model or "-e5-" in self.model else {}
        self._prefixes = {
            side: config.get(f"{side}_prefix", family.get(side, ""))
            for side in ("query", "document")
        }
        self.asymmetric = self._prefixes["query"] != self._prefixes["document"]

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as a bearer token, and the configured headers."""
        return {**super().headers(key), **self.config.get("headers", {})}

    def path_of(self, texts: Sequence[str]) -> str:  # noqa: ARG002 - the same for all
        """The model's pipeline, or nothing behind an endpoint of one's own."""
        if not self.http.base_url.endswith(_SERVICE):
            return ""
        return f"/models/{quote(self.model)}/pipeline/feature-extraction"

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call; texts beyond the model's length are cut rather than refused."""
        prefix = self._prefixes[purpose]
        parameters = {"normalize": True, "truncate": True, **self.config.get("options", {})}
        return {"inputs": [prefix + text for text in texts], "parameters": parameters}

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The bare array, in the order of the texts."""
        if not isinstance(document, list):
            raise TypeError("not an array")
        if document and isinstance(document[0], list) and isinstance(document[0][0], list):
            raise TypeError("a vector for each token: this is no sentence model")
        return document
