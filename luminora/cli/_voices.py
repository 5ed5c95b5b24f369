"""How the same words are answered at several points of a relationship and in two moods."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from luminora.cli._companion import printable
from luminora.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from luminora.config import Config
    from luminora.personality import CompiledPersonality, PersonalityTree

POINTS = (0, 50, 90)
MOODS = ("happy", "sad")


def show(personality: str, probe: str, folder: Path) -> None:
    """Print the offline model's answers to ``probe``, as they change with affinity and mood.

    Nothing is stored: the personality is compiled for each moment and asked directly.

    Args:
        personality: Name of a built-in persona.
        probe: What is said to it.
        folder: Data folder for the embedded default.
    """
    from luminora.config import load_config

    config = load_config({}, env={"LUMINORA_DATA_DIR": str(folder)}, cwd=folder)
    say(click.style(f"── {personality}'s voice: the same words, “{probe}”", bold=True))
    say(click.style("Compiled for each moment; nobody's real affinity is changed.\n", dim=True))
    for moment, answer in asyncio.run(_answers(config, personality, probe)):
        head = f"{moment.affinity:g}/100, {moment.level.replace('_', ' ')}, {moment.mood}"
        say(f"  {head:<28} {printable(answer)}")
        say(click.style(f"  {'':<28} {_felt(moment)}", dim=True))
    say()


def _felt(moment: CompiledPersonality) -> str:
    """The parameters that the moment moves most visibly, and the tones it has."""
    names = [name for name in ("empathy", "playfulness", "formality") if name in moment.parameters]
    numbers = ", ".join(f"{name} {moment.parameters[name]:.2f}" for name in names)
    return f"{numbers}; {', '.join(moment.tone[-3:])}"


async def _answers(
    config: Config, personality: str, probe: str
) -> list[tuple[CompiledPersonality, str]]:
    from luminora.memory.prompt import conversation_request, ground
    from luminora.memory.recall import Recall
    from luminora.personality import PersonalityLibrary, PersonalityTree
    from luminora.plugins import activate
    from luminora.providers import Kind

    one = PersonalityLibrary().load(personality)
    model = activate(config).build(Kind.LLM)
    answers = []
    try:
        for compiled in _moments(PersonalityTree(one)):
            recall = Recall(affinity={"affinity_points": int(compiled.affinity)})
            grounding = ground(probe, recall, one, compiled)
            result = await model.chat(conversation_request(compiled, grounding, recall))
            answers.append((compiled, result.text))
    finally:
        await model.aclose()
    return answers


def _moments(tree: PersonalityTree) -> Iterator[CompiledPersonality]:
    for points in POINTS:
        for mood in MOODS:
            yield tree.compile(points, mood)
