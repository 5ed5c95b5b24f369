"""Messages in which there is nothing to learn, so that no model need be asked about them."""

from __future__ import annotations

import re

from luminora.providers import Grounding
from luminora.providers.lexical import words

_MAX_WORDS = 3
_LAUGHTER = re.compile(
    r"(?:j[aeiou]){2,}j?|(?:h[aeiou]){2,}h?|l+o+l+|x+d+|j{2,}|e{2,}h*|m{2,}|h+m+"
)
_FILLERS = frozenset(
    """
    ok okay okey oki vale va bien bueno claro ya si no nop nope yes yeah yep yup sure fine right
    cool great nice genial perfecto guay dale listo exacto eso ah oh uh eh ey uy wow vaya hala anda
    hm entiendo entendido see aha aja k kk np gracias thanks thx ty de acuerdo por supuesto
    jeje hehe got it i
    """.split()  # noqa: SIM905 - a word list reads as prose
)


def trivial(grounding: Grounding) -> bool:
    """Whether a message is mere acknowledgement, laughter or emoji: "ok", "jaja", "👍".

    After a question of the companion's nothing is trivial: there "sí" may tell a fact.
    """
    said = words(grounding.user_text)
    if len(said) > _MAX_WORDS:
        return False
    last = grounding.history[-1] if grounding.history else None
    if said and last is not None and last.role == "assistant" and "?" in last.content:
        return False
    return all(word in _FILLERS or _LAUGHTER.fullmatch(word) for word in said)
