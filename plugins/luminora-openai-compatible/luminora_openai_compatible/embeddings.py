"""OpenAI's wire format for embeddings.

``POST {api_base}/embeddings`` with ``model``, ``input`` and, where they are supported,
``dimensions`` and ``encoding_format``; the answer's ``data`` holds an ``embedding`` and an
``index`` each. As base64 of float32 a vector is a third as long, which is what the official SDK
asks for (openai 3.54, ``resources/embeddings.py``). Limits: OpenAI's API reference, "Embeddings".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from luminora.errors import ConfigError, ProviderError
from luminora.providers.base import ProviderContext
from luminora.providers.embedding import Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.vectorizing import HttpEmbedding, in_order
from luminora.providers.wire import failure
from luminora_openai_compatible.chat import CODES


class OpenAIEmbeddings(HttpEmbedding):
    """An embedding model that speaks OpenAI's format.

    Beside the common settings it reads ``encoding``, ``options``, ``headers`` and
    ``send_dimensions``.

    Attributes:
        encoding: How vectors travel unless the configuration says otherwise.
    """

    path = "/embeddings"
    encoding: ClassVar[str] = "float"
    max_batch_size = 2048

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        super().__init__(name, config, context, table)
        facts = table.facts(self.model)
        wanted, natural = config.get("dimension"), facts.dimension
        self._asked = wanted if config.get("send_dimensions", False) else None
        if wanted is None or natural is None or wanted == natural:
            return
        if not facts.dimensions or wanted > natural:
            raise ConfigError(
                f"vectors of '{self.model}' have {natural} numbers, not {wanted}",
                hint="leave dimension out, or choose a model that can be asked for another length",
            )
        self._asked = wanted

    def headers(self, key: str | None) -> dict[str, str]:
        """The key as a bearer token, and the configured headers."""
        return {**super().headers(key), **self.config.get("headers", {})}

    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:  # noqa: ARG002 - not in this wire
        """The call as OpenAI's JSON."""
        body: dict[str, Any] = {"model": self.model, "input": list(texts)}
        body["encoding_format"] = self.config.get("encoding", self.encoding)
        if self._asked is not None:
            body["dimensions"] = self._asked
        return {**body, **self.config.get("options", {})}

    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts."""
        return in_order(document["data"])

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(
            response, provider=self.name, model=self.model, secrets=self.secrets, codes=CODES
        )
