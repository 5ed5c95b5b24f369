"""What chat and embeddings have in common: how an Ollama that fails is explained.

Ollama says what is wrong as ``{"error": "…"}``, without codes: 400 for a request, 404 for a model
that was never pulled, 429 and 502 for models in its cloud, 500 for a runner that fell over, 503
while its queue is full. Source: https://docs.ollama.com/api/errors and the official client, ollama
0.6.3 (``_client.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from luminora.errors import ConnectionFailed, ProviderError, ResourceNotFound
from luminora.providers.http import Response
from luminora.providers.wire import failure


@contextmanager
def started(model: str) -> Iterator[None]:
    """Say what to type where nobody listens.

    Raises:
        ConnectionFailed: As it came, with a hint.
    """
    try:
        yield
    except ConnectionFailed as error:
        error.model = error.model or model
        error.hint = error.hint or "is it running? start it with: ollama serve (or set api_base)"
        raise


def refusal(
    response: Response, provider: str, model: str | None, secrets: tuple[str, ...]
) -> ProviderError:
    """The error that an unsuccessful answer means."""
    error = failure(response, provider=provider, model=model, secrets=secrets)
    if isinstance(error, ResourceNotFound) and model:
        error.hint = pull(model)
    return error


def pull(model: str) -> str:
    """The command that fetches a model."""
    return f"fetch the model with: ollama pull {model}"
