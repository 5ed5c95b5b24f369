"""The parts of a card that are written in a little language of their own: dialogues, lore."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from luminora.personality.fields import section, text
from luminora.personality.markup import spoken, told

MAX_KNOWLEDGE = 8000
"""Characters of lore that enter the prompt; entries beyond stay in the card alone."""

_START = re.compile(r"<start>", re.IGNORECASE)
_UNASKED = "…"


def samples(
    data: Mapping[str, Any], macros: Mapping[str, str], aloud: Mapping[str, str]
) -> list[dict[str, str]]:
    """The exchanges in ``mes_example``: what the user says, then what the character answers.

    Args:
        data: The card's ``data``.
        macros: ``char`` and ``user``, as descriptions name them.
        aloud: The same, as the character says them.
    """
    speakers = re.compile(
        rf"^[ \t]*(?:(?P<user>\{{\{{user\}}\}}|<user>|you)|(?P<char>\{{\{{char\}}\}}|<bot>|<char>|"
        rf"{re.escape(text(data, 'name'))}|{re.escape(macros['char'])}))[ \t]*:",
        re.IGNORECASE | re.MULTILINE,
    )
    found = []
    for scene in _START.split(text(data, "mes_example")):
        asked, turns = "", list(speakers.finditer(scene))
        for index, turn in enumerate(turns):
            end = turns[index + 1].start() if index + 1 < len(turns) else len(scene)
            said = spoken(scene[turn.end() : end], **(aloud if turn["char"] else macros))
            if turn["user"]:
                asked = said
            elif said:
                found.append({"input": asked or _UNASKED, "output": said})
                asked = ""
    return found


def dialogue(exchanges: Sequence[Mapping[str, Any]]) -> str:
    """Sample responses as ``mes_example``, a scene each."""
    return "\n".join(
        f"<START>\n{{{{user}}}}: {text(one, 'input')}\n{{{{char}}}}: {text(one, 'output')}"
        for one in exchanges
    )


def knowledge(data: Mapping[str, Any], macros: Mapping[str, str]) -> list[str]:
    """The scenario and the lorebook's constant, enabled entries, within ``MAX_KNOWLEDGE``."""
    entries = [
        entry
        for entry in section(data, "character_book").get("entries") or []
        if entry.get("constant") is True and entry.get("enabled", True) is True
    ]
    entries.sort(key=lambda entry: entry.get("insertion_order") or 0)
    lore = (_undecorated(text(entry, "content")) for entry in entries)
    found, room = [], MAX_KNOWLEDGE
    for passage in (text(data, "scenario"), *lore):
        plain = told(passage, **macros)
        if plain and len(plain) <= room:
            found.append(plain)
            room -= len(plain)
    return found


def _undecorated(content: str) -> str:
    """Lore without the ``@@`` lines that tell other applications where to put it."""
    lines = content.splitlines()
    while lines and (lines[0].startswith("@@") or not lines[0].strip()):
        lines.pop(0)
    return "\n".join(lines)
