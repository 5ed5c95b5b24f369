"""An embedding model behind an HTTP API: all that is not one vendor's wire format."""

from __future__ import annotations

import base64
from abc import abstractmethod
from array import array
from collections.abc import Mapping, Sequence
from math import isfinite
from sys import byteorder
from time import perf_counter
from typing import Any, ClassVar

from luminora.errors import ConfigError, LuminoraError, MalformedResponse, ProviderError
from luminora.providers.base import CheckResult, ProviderContext, Status
from luminora.providers.chat import http_client, secret_of, with_key
from luminora.providers.embedding import EmbeddingProvider, Purpose, Vector
from luminora.providers.http import Response
from luminora.providers.models import ModelTable
from luminora.providers.wire import failure, parsed


class HttpEmbedding(EmbeddingProvider):
    """An embedding model behind an HTTP API.

    Args:
        name: As the configuration spells it.
        config: Its settings, validated and with defaults: those of
            :data:`luminora.providers.chat.SETTINGS`, ``model`` and ``dimension``.
        context: The kernel's.
        table: What is known of the vendor's models.

    Attributes:
        path: Of a call, behind the base URL; or override :meth:`path_of`.
        keyless: Whether the vendor may be asked without a key.
        max_batch_tokens: Tokens one call may hold, if the vendor says so.
    """

    path: ClassVar[str] = ""
    keyless: ClassVar[bool] = False
    max_batch_tokens: int | None = None

    def __init__(
        self, name: str, config: Mapping[str, Any], context: ProviderContext, table: ModelTable
    ) -> None:
        self.name = name
        self.config = config
        self.table = table
        model = config.get("model") or config.get("models", {}).get("embeddings")
        if not model:
            raise ConfigError(
                f"embedding provider '{name}' is told no model",
                hint='set "model": "…" in its config',
            )
        self.model = str(model)
        self.model_id = self.model
        facts = table.facts(self.model)
        self.dimension = config.get("dimension") or facts.dimension
        self.max_text_tokens = facts.max_input
        self._key = secret_of(config, context, name, optional=self.keyless)
        self.http = http_client(name, config, self.headers(self._key))

    # what a vendor's adapter says

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers of every request; the key as a bearer token unless overridden."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def path_of(self, texts: Sequence[str]) -> str:  # noqa: ARG002 - for those that have two
        """Where the call goes."""
        return self.path

    @abstractmethod
    def body(self, texts: Sequence[str], purpose: Purpose) -> dict[str, Any]:
        """The call as the vendor's JSON."""

    @abstractmethod
    def vectors(self, document: Any) -> Sequence[Vector]:
        """The vectors in the order of the texts; a KeyError or TypeError means a strange answer."""

    def failed(self, response: Response) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(response, provider=self.name, model=self.model, secrets=self.secrets)

    # what is the same for all

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no error may quote."""
        return (self._key,) if self._key else ()

    async def create_embeddings_batch(
        self, texts: Sequence[str], *, purpose: Purpose = "document"
    ) -> list[Vector]:
        """One vector per text, in order.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it; a MalformedResponse also
                where vectors are missing, of unequal length, zero or not finite.
        """
        if not texts:
            return []
        document = await self.document(texts, purpose)
        try:
            return _sound(self.vectors(document), len(texts))
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise MalformedResponse(
                f"{self.name} answered in a form it does not document: "
                f"{type(error).__name__}: {error}",
                provider=self.name,
                model=self.model,
            ) from error

    async def document(self, texts: Sequence[str], purpose: Purpose) -> Any:
        """The vendor's answer, parsed; who speaks through an SDK asks that instead."""
        response = await self.http.post(self.path_of(texts), json=self.body(texts, purpose))
        if not response.is_success:
            raise with_key(self.failed(response), self.config)
        return parsed(response.content, self.name, self.model)

    async def check(self) -> CheckResult:
        """Embed one word."""
        started = perf_counter()
        data: dict[str, Any] = {"model": self.model, "base_url": self.http.base_url}
        try:
            vector = await self.create_embedding("hello")
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        latency = (perf_counter() - started) * 1000
        data["dimension"] = len(vector)
        if self.dimension not in {None, len(vector)}:
            detail = f"{self.model} yields {len(vector)} numbers, {self.dimension} were expected"
            return CheckResult(Status.ERROR, detail, latency, data)
        return CheckResult(Status.OK, f"{self.model}, {len(vector)} dimensions", latency, data)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def _sound(vectors: Sequence[Vector], count: int) -> list[Vector]:
    """The vectors as floats.

    Raises:
        TypeError, ValueError: One is no vector, or there are not ``count`` of one length.
    """
    if len(vectors) != count:
        raise ValueError(f"{len(vectors)} vectors for {count} texts")
    found = [array("d", vector).tolist() for vector in vectors]
    for place, vector in enumerate(found):
        if len(vector) != len(found[0]):
            raise ValueError(f"vector {place} has {len(vector)} numbers, others {len(found[0])}")
        if not any(vector) or not isfinite(sum(vector)):
            raise ValueError(f"vector {place} is zero, or holds a number that is not finite")
    return found


def in_order(items: Sequence[Mapping[str, Any]]) -> list[Vector]:
    """The vectors of OpenAI's ``data``: by ``index``, as numbers or as base64 of float32.

    Raises:
        ValueError: An index is no number, doubled or beyond the end.
    """
    placed: list[Vector | None] = [None] * len(items)
    for place, item in enumerate(items):
        index = item.get("index", place)
        if not isinstance(index, int) or not 0 <= index < len(items) or placed[index] is not None:
            raise ValueError(f"vector {place} has the index {index!r}")
        found = item["embedding"]
        placed[index] = unpacked(found) if isinstance(found, str) else found
    return [vector for vector in placed if vector is not None]


def unpacked(text: str) -> Vector:
    """A vector out of base64 of little-endian float32, the form official clients ask for."""
    numbers = array("f")
    numbers.frombytes(base64.b64decode(text, validate=True))
    if byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
