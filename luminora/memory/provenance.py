"""What a planted text may do to memory: nothing that an ordinary message would not.

A message that gives the companion orders is kept like any other, as quoted data with its source.
What is learned from it is bounded here, whoever analysed it: a model may have obeyed the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from luminora.memory.analysis import Analysis
from luminora.memory.earning import ORDINARY
from luminora.memory.fact_reader import FoundFact
from luminora.memory.suspicion import innocent, techniques
from luminora.personality import AffinityRules
from luminora.providers.lexical import words

SUSPICIOUS = "suspicious"
"""The category under which such a message is classified, and the key of its metadata."""

_OF_THE_MACHINE = frozenset(
    """
    instruction instructions rule rules directive directives prompt override obey obedience
    permission permissions privilege privileges admin root affinity jailbreak instruccion
    instrucciones regla reglas directiva obediencia permiso permisos afinidad
    """.split()  # noqa: SIM905 - a word list reads as prose
)
"""Words of a fact's key that no fact about a person has."""


def bounded(
    analysis: Analysis, text: str, rules: AffinityRules
) -> tuple[Analysis, Mapping[str, Any]]:
    """The analysis as far as the message may have it, and what to note with the message.

    Of a message that gives orders only the facts that its other sentences state are learned; it
    moves no mood, makes no episode, takes nothing back, and brings at most what an ordinary
    exchange does. A fact or an episode that reads as an order is never learned, whatever the
    message looks like.
    """
    found = techniques(text)
    trusted = set(words(innocent(text))) if found else None
    facts = [fact for fact in analysis.facts if _fit(fact, trusted)]
    episode = None if found or _ordering(analysis.episode) else analysis.episode
    left_out = len(analysis.facts) - len(facts) + (analysis.episode is not None and not episode)
    kept = replace(analysis, facts=facts, episode=episode)
    if left_out:
        kept = replace(kept, bill={**kept.bill, "quarantined": left_out})
    if not found:
        return kept, {}
    return _subdued(kept, rules), {SUSPICIOUS: list(found)}


def _subdued(analysis: Analysis, rules: AffinityRules) -> Analysis:
    event = analysis.event
    if event is not None and rules.points(event) > rules.points(ORDINARY):
        event = None
    given = analysis.classification or {"privacy": "private"}
    classification = {
        **given,
        "category": SUSPICIOUS,
        "importance": 0.0,
        "permanence": "short_term",
    }
    return replace(
        analysis,
        retractions=(),
        sentiment="neutral",
        mood=None,
        event=event,
        reason=analysis.reason if event else None,
        classification=classification,
    )


def _fit(fact: FoundFact, trusted: set[str] | None) -> bool:
    """Whether a fact tells of a person, in words that may be trusted if not all may."""
    if _OF_THE_MACHINE & set(fact.key.lower().replace(".", "_").split("_")):
        return False
    value = fact.value if isinstance(fact.value, str) else json.dumps(fact.value, default=str)
    if techniques(value) or techniques(f"{fact.key.replace('_', ' ')}: {value}"):
        return False
    return trusted is None or (bool(said := words(value)) and trusted.issuperset(said))


def _ordering(episode: Mapping[str, Any] | None) -> bool:
    texts: Sequence[str] = () if episode is None else (episode["title"], episode["summary"])
    return any(techniques(one) for one in texts)
