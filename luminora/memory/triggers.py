"""The persona's trigger phrases, found in what a user writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from luminora.providers.lexical import fold, words

_DENIALS = frozenset(
    "no not nunca never ni sin without don doesn didn isn wasn aren t tampoco jamas".split()  # noqa: SIM905 - reads as prose
)
_LAUGHTER = re.compile(r"\b([hj][aeiou])\1+[hj]?\b")
_REACH = 2
"""Words before a phrase among which a denial takes it back."""


def triggered(text: str, triggers: Mapping[str, Sequence[str]]) -> str | None:
    """The mood of the longest phrase that stands in ``text`` undenied; None if none does.

    Phrases match whole words, whatever their case and accents. Of equally long ones the first
    in the persona's order counts.
    """
    said = words(_LAUGHTER.sub(r"\1\1", fold(text)))
    best, longest = None, 0
    for mood, phrases in triggers.items():
        for phrase in phrases:
            wanted = words(phrase)
            if len(wanted) > longest and _holds(said, wanted):
                best, longest = mood, len(wanted)
    return best


def _holds(said: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(
        said[start : start + size] == wanted
        and (wanted[0] in _DENIALS or not _DENIALS & set(said[max(start - _REACH, 0) : start]))
        for start in range(len(said) - size + 1)
    )
