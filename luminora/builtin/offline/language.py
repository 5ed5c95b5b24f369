"""Spanish or English, by the small words and the signs only one of them has."""

from __future__ import annotations

import re

_SPANISH = frozenset(
    "el la los las un una unos de del que y en por para con como pero porque no si es son soy eres esta"
    " estoy estas tengo tienes me te se mi mis tu tus su lo le nos muy mas ya hoy ayer hola gracias bien"
    " cuando donde quien cual quiero puedo voy hay todo nada algo tambien siempre nunca adios buenas"
    " buenos llamo llamas vivo trabajo gusta encanta sabes al aqui ahora vale".split()  # noqa: SIM905
)
_ENGLISH = frozenset(
    "the a an of and to in for with that this is are am was were i you he she it we they my your his her"
    " our me him them not do does did don't have has had what where when who why how can could would will"
    " hello hi hey thanks thank good yes be been on at from but so just like love live work name i'm it's"
    " about there here now today know think going want".split()  # noqa: SIM905
)
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_LOOKED_AT = 2_000


def detect(text: str, default: str = "en") -> str:
    """``"es"`` or ``"en"``; ``default`` where the text does not say, or the default is neither.

    Args:
        text: What the user wrote; its first 2,000 characters decide.
        default: The language to answer in when in doubt.
    """
    default = default[:2].lower()
    sample = text[:_LOOKED_AT].lower().replace("’", "'")  # noqa: RUF001
    words = _WORD.findall(sample)
    spanish = sum(word in _SPANISH for word in words)
    english = sum(word in _ENGLISH for word in words)
    spanish += 2 * sum(sign in sample for sign in "¿¡ñ") + any(sign in sample for sign in "áéíóú")
    if spanish == english:
        return default if default in {"es", "en"} else "en"
    return "es" if spanish > english else "en"
