"""The official SDK, mistralai 3, over Luminora's HTTP client.

What Mistral's errors mean: ``{"object": "error", "message", "type", "code"}`` for most,
``{"detail": […]}`` for requests that do not validate. An unknown model is a 400 of type
``invalid_model``; a full service tier, 429 of type ``service_tier_capacity_exceeded``. Source:
mistralai 3.7.0 (``client/errors``) and issues of mistralai/client-python.
"""

from __future__ import annotations

from typing import Any, ClassVar

from luminora.errors import Overloaded, ResourceNotFound
from luminora.providers.carried import Carried, client


class OnMistral(Carried):
    """What chat and embeddings have in common."""

    _key: str | None
    codes: ClassVar = {
        "invalid_model": ResourceNotFound,
        "service_tier_capacity_exceeded": Overloaded,
    }

    def connected(self) -> Any:
        """The SDK's client; it retries nothing and opens nothing itself."""
        import httpx2
        from mistralai.client import Mistral

        return Mistral(
            api_key=self._key,
            server_url=self.http.base_url,
            client=httpx2.Client(transport=httpx2.BaseTransport()),  # else it makes a real one
            async_client=client(self.http, httpx2, self.trouble),
            retry_config=None,
        )


def based(config: Any) -> dict[str, Any]:
    """The settings with the base URL as the SDK wants it, without the ``/v1`` of other clients."""
    base = str(config.get("api_base") or "").rstrip("/").removesuffix("/v1")
    return {**config, "api_base": base}
