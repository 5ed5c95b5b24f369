"""A language model's stand-in made of rules: extraction, analysis and replies, offline."""

from luminora.builtin.offline.provider import MODEL, OfflineLLM

__all__ = ["MODEL", "OfflineLLM"]
