"""A first reply: greets, knows the name, and says that it is offline."""

from __future__ import annotations

from luminora.builtin.offline.language import detect
from luminora.providers import Grounding


def respond(grounding: Grounding, *, remembers: bool = True) -> str:
    """The reply to ``grounding.user_text``."""
    del remembers
    spanish = detect(grounding.user_text, grounding.language) == "es"
    return "Te escucho, aunque ahora respondo sin conexión." if spanish else "I'm listening, though I'm offline."
