"""The vendors' language models, each over the Luminora plugin of its name."""

from __future__ import annotations

from luminoracore_sdk.providers.anthropic import AnthropicProvider
from luminoracore_sdk.providers.base import Provider
from luminoracore_sdk.providers.cohere import CohereProvider
from luminoracore_sdk.providers.deepseek import DeepSeekProvider
from luminoracore_sdk.providers.google import GoogleProvider
from luminoracore_sdk.providers.groq import GroqProvider
from luminoracore_sdk.providers.huggingface import HuggingFaceProvider
from luminoracore_sdk.providers.mistral import MistralProvider
from luminoracore_sdk.providers.ollama import OllamaProvider
from luminoracore_sdk.providers.openai import OpenAIProvider
from luminoracore_sdk.providers.replicate import ReplicateProvider

__all__ = [
    "AnthropicProvider",
    "CohereProvider",
    "DeepSeekProvider",
    "GoogleProvider",
    "GroqProvider",
    "HuggingFaceProvider",
    "MistralProvider",
    "OllamaProvider",
    "OpenAIProvider",
    "Provider",
    "ReplicateProvider",
]
