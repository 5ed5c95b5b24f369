"""How the same words are answered at several points of a relationship and in two moods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import printable, quoted
from luminora.cli.output import run_async, say

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.personality import CompiledPersonality, PersonalityTree

POINTS = (0, 50, 90)
MOODS = ("happy", "sad")


def show(personality: str, probe: str, turns: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Print the offline model's answers to ``probe``, as they change with affinity and mood.

    Nothing is stored: the personality is compiled for each moment and asked directly.

    Args:
        personality: Name of a built-in persona.
        probe: What is said to it.
        turns: What ``luminora chat --json`` printed: what was said and learned before.
        folder: Data folder for the embedded default.
    """
    from luminora.config import load_config
    from luminora.personality import PersonalityLibrary, PersonalityTree

    config = load_config({}, env={"LUMINORA_DATA_DIR": str(folder)}, cwd=folder)
    tree = PersonalityTree(PersonalityLibrary().load(personality))
    say(click.style(f"── the same words to {personality} at other times: “{probe}”", bold=True))
    for moment, answer in run_async(_answers(config, tree, probe, turns)):
        if moment.mood == MOODS[0]:
            say(f"\n  {moment.level.replace('_', ' ')}, {moment.affinity:g} of 100 points")
            say(click.style(f"      {_character(tree, moment)}", dim=True))
        say(f"    {moment.mood:<6} {printable(answer)}")
    say()


def _character(tree: PersonalityTree, moment: CompiledPersonality) -> str:
    """What the level makes of the persona: a parameter, the tones and the first rule it adds."""
    level = tree.level_for(moment.affinity).modifier
    formality = tree.parameters(moment.affinity).get("formality")
    number = "" if formality is None else f"formality {formality:.2f}"
    rule = quoted(level.behavioral_adjustments[0], 90) if level.behavioral_adjustments else ""
    return "; ".join(part for part in (number, ", ".join(level.tone_additions), rule) if part)


async def _answers(
    config: Config, tree: PersonalityTree, probe: str, turns: Sequence[Mapping[str, Any]]
) -> list[tuple[CompiledPersonality, str]]:
    from luminora.memory.prompt import conversation_request, ground, memories
    from luminora.memory.recall import Recall
    from luminora.plugins import activate
    from luminora.providers import ChatMessage, Kind

    facts = [fact for turn in turns for fact in turn["facts"]]
    history = [
        ChatMessage(role, turn[said])  # type: ignore[arg-type]
        for turn in turns
        for role, said in (("user", "message"), ("assistant", "reply"))
    ]
    model = activate(config).build(Kind.LLM)
    answers = []
    try:
        for points, mood in product(POINTS, MOODS):
            compiled = tree.compile(points, mood)
            recall = Recall(affinity={"affinity_points": points})
            bare = ground(probe, recall, tree.personality, compiled)
            grounding = replace(bare, facts=facts, history=history)
            result = await model.chat(conversation_request(compiled, grounding, memories(recall)))
            answers.append((compiled, result.text))
    finally:
        await model.aclose()
    return answers
