"""The official SDK, cohere 7, over Luminora's HTTP client.

Errors are ``{"message": "…"}`` with a status. 498 is a text that Cohere's deny list blocks; a trial
key that has used up its month gets a 429 that only its words tell from a rate limit. Source:
https://docs.cohere.com/reference/errors and cohere 7.3.1 (``errors``, ``v2/raw_client.py``).
"""

from __future__ import annotations

from typing import Any, Final

from luminora.errors import ContentFiltered, ProviderError, QuotaExceeded, RateLimited
from luminora.providers.carried import Carried, client
from luminora.providers.http import Response

BLOCKED: Final = 498
"""Cohere's status for a text that it will not handle."""
ONCE: Final = {"max_retries": 0}
"""Whoever calls a provider retries; the SDK does not."""


class OnCohere(Carried):
    """What chat and embeddings have in common."""

    _key: str | None

    def connected(self) -> Any:
        """The SDK's client; it retries nothing and opens nothing itself."""
        import httpx
        from cohere import AsyncClientV2

        return AsyncClientV2(
            api_key=self._key,
            base_url=self.http.base_url,
            httpx_client=client(self.http, httpx, self.trouble),
            max_retries=0,
            log_warning_experimental_features=False,
        )

    def refusal(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        error = super().refusal(response, model)
        kind: type[ProviderError] | None = None
        if response.status_code == BLOCKED:
            kind = ContentFiltered
        elif isinstance(error, RateLimited) and "month" in error.message:
            kind = QuotaExceeded
        if kind is None:
            return error
        return kind(
            error.message,
            provider=error.provider,
            model=error.model,
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            hint="use a production key: https://dashboard.cohere.com/api-keys"
            if kind is QuotaExceeded
            else None,
        )
