"""What is OpenAI's own in the format that others took over from it.

Which models refuse what stands in ``models.json``. Source: OpenAI's API reference, "Chat
Completions" (``max_tokens`` is deprecated for ``max_completion_tokens`` and refused by reasoning
models) and "Embeddings" (2,048 texts, 8,192 tokens a text, 300,000 a call); the list of models and
their ends is that of the official SDK, openai 3.54 (``types/shared/chat_model.py``).
"""

from __future__ import annotations

from luminora_openai_compatible.chat import OpenAIChat
from luminora_openai_compatible.embeddings import OpenAIEmbeddings


class OpenAILLM(OpenAIChat):
    """OpenAI's language models."""

    limit_name = "max_completion_tokens"


class OpenAIVectors(OpenAIEmbeddings):
    """OpenAI's embedding models."""

    encoding = "base64"
    max_batch_tokens = 300_000
