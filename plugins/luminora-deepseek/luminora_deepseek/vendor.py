"""What is DeepSeek's own in OpenAI's format.

Source: api-docs.deepseek.com, read 2026-11-21: "Thinking Mode" (``thinking`` is enabled unless the
call says otherwise), "JSON Output" (``json_object`` only; a message has to contain the word json;
content may be blank), "Rate Limit" (empty lines or ``: keep-alive`` comments while a call waits;
one that has not begun after ten minutes is dropped), "Error Codes" (402 for an empty balance).
"""

from __future__ import annotations

from typing import Any, Final

from luminora_openai_compatible.chat import OpenAIChat
from luminora_openai_compatible.embeddings import OpenAIEmbeddings

from luminora.errors import ProviderError, ResourceNotFound
from luminora.providers.chat import Call
from luminora.providers.http import Response

_NO_SUCH_PATH: Final = {404, 405, 418}
"""What the public API has answered to ``/embeddings``."""


_BAD_REQUEST: Final = 400


class DeepSeekLLM(OpenAIChat):
    """DeepSeek's language models."""

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error; an unknown model is a 400 whose text alone says so."""
        error = super().failed(response, model)
        return _unknown_model(error) if _no_model(response, error) else error

    def body(self, call: Call) -> dict[str, Any]:
        """The call; whether to think is decided here unless it is left to the vendor."""
        body = super().body(call)
        thinking = self.config.get("thinking", "disabled")
        if thinking != "vendor":
            body.setdefault("thinking", {"type": thinking})
        return body


class DeepSeekVectors(OpenAIEmbeddings):
    """The embeddings of a base URL that serves them; DeepSeek's public API serves none today."""

    def failed(self, response: Response) -> ProviderError:
        """The error; where there is no such endpoint, with the two ways out."""
        said = super().failed(response)
        if response.status_code not in _NO_SUCH_PATH:
            return _unknown_model(said) if _no_model(response, said) else said
        return ResourceNotFound(
            f"{self.http.where} serves no embeddings (it answered {response.status_code}); "
            "DeepSeek's public API has no such endpoint today",
            provider=self.name,
            model=self.model,
            status=response.status_code,
            code=said.code,
            request_id=said.request_id,
            retry_after=said.retry_after,
            hint='use Jina\'s own API with the same model: "embedding_provider": {"name": "jina"} '
            '(pip install luminora-jina), or a local model: "static" (256 dimensions), '
            '"sentence-transformers" or "ollama"; or set api_base to a server that has them',
        )


def _no_model(response: Response, error: ProviderError) -> bool:
    return response.status_code == _BAD_REQUEST and "model not exist" in error.message.lower()


def _unknown_model(error: ProviderError) -> ResourceNotFound:
    return ResourceNotFound(
        error.message,
        provider=error.provider,
        model=error.model,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        retry_after=error.retry_after,
        hint="DeepSeek's models are deepseek-flash and deepseek-v4-pro; deepseek-chat and "
        "deepseek-reasoner ended in July 2026",
    )
