"""The embedding contract."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

from luminora.errors import MalformedResponse
from luminora.providers.base import Provider

Vector = list[float]
Purpose = Literal["document", "query"]


class EmbeddingProvider(Provider):
    """A model that turns texts into vectors.

    A plugin implements :meth:`create_embeddings_batch` for one batch of at most
    ``max_batch_size`` texts. Splitting, caching, order, retries and the refusal of bad vectors
    are the :class:`~luminora.memory.embedding.EmbeddingService`'s business.

    Attributes:
        model_id: Identifies the vectors' space: two providers with equal ``model_id`` and
            dimension yield comparable vectors.
        dimension: Length of a vector when it is known beforehand (manifest or config), else None.
        max_batch_size: Most texts one call may hold.
        max_batch_tokens: Most tokens one call may hold, where the vendor says so.
        max_text_tokens: Most tokens one text may have, where that is known.
        may_be_zero: Whether a text that means nothing to the model has a vector of zeros; from
            any other model such a vector is refused.
        asymmetric: Whether a text has one vector as a document and another as a query.
    """

    model_id: str
    dimension: int | None = None
    max_batch_size: int = 64
    max_batch_tokens: int | None = None
    max_text_tokens: int | None = None
    may_be_zero: bool = False
    asymmetric: bool = False

    @abstractmethod
    async def create_embeddings_batch(
        self, texts: Sequence[str], *, purpose: Purpose = "document"
    ) -> list[Vector]:
        """One vector per text, in order.

        Args:
            texts: At most ``max_batch_size`` texts, none of them empty.
            purpose: Whether the texts will be stored or searched with; models that make no
                difference ignore it.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it.
        """

    async def create_embedding(self, text: str, *, purpose: Purpose = "document") -> Vector:
        """The vector of one text."""
        return (await self.create_embeddings_batch([text], purpose=purpose))[0]

    async def get_dimension(self) -> int:
        """Length of this provider's vectors: declared if known, else probed once by a real call.

        Raises:
            MalformedResponse: The probe yields an empty vector.
        """
        if self.dimension is None:
            vector = await self.create_embedding("dimension probe")
            if not vector:
                raise MalformedResponse(
                    "the embedding provider answered a probe with an empty vector",
                    provider=self.name,
                    model=self.model_id,
                )
            self.dimension = len(vector)
        return self.dimension
