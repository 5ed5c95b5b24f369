"""What is Groq's own in OpenAI's format.

Source: the official SDK, groq 1.7 (``types/chat/completion_create_params.py``: ``max_tokens`` is
deprecated for ``max_completion_tokens``), and console.groq.com/docs, read 2026-11-21: "Errors"
(498 when the flex tier is full, 499 for a cancelled call), "Rate Limits" (``retry-after`` in
seconds, with a 429 only), "Structured Outputs" (schemas for some models, JSON objects for all).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from luminora_openai_compatible.chat import CODES, OpenAIChat

from luminora.errors import Overloaded, ProviderError, ResourceNotFound
from luminora.providers.http import Response
from luminora.providers.wire import failure

_CODES: Final[Mapping[str, type[ProviderError]]] = {
    **CODES,
    "capacity_exceeded": Overloaded,
    "model_decommissioned": ResourceNotFound,  # a 400 that says: there is no such model any more
}
_CAPACITY: Final = 498


class GroqLLM(OpenAIChat):
    """The models at Groq."""

    limit_name = "max_completion_tokens"

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        codes = _CODES
        if response.status_code == _CAPACITY:
            codes = {**_CODES, "invalid_request_error": Overloaded}
        return failure(response, provider=self.name, model=model, secrets=self.secrets, codes=codes)
