"""What was true before: when a question asks for it, and which earlier values answer.

Reading it costs a question about the past two more reads in the round trip that it makes anyway,
and every other message nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from luminora.memory.analysis import CORRECTED, RETRACTED
from luminora.memory.selection import Memento
from luminora.providers import Find, Read, Row
from luminora.providers.lexical import fold

MAX_PAST = 30
_LOOKED_AT = 600
_READ = 200

_ASKED = re.compile(
    r"\b(?:antes|anterior(?:es|mente)?|antigu[oa]s?|previ[oa]s?|solia|solias|hace anos"
    r"|en el pasado|viv(?:i|ia)|trabaj(?:e|aba)|estudi(?:e|aba)|me llamaba|hacia yo"
    r"|before|previous(?:ly)?|former(?:ly)?|earlier|used to|in the past|old (?:job|address|city"
    r"|name|phone|number|email|company|home)|back then|last (?:job|address|city|company|home)"
    r"|did i (?:live|work|study|do|like)|was my|were my|era mi|eran mis)\b"
)
_ASKS = re.compile(
    r"[?¿]|^\W*(?:donde|cual|que|quien|como|dime|recuerdas|sabes|where|what|which|who|how|tell me"
    r"|do you (?:know|remember))\b"
)


def asks_for_past(text: str) -> bool:
    """Whether a message asks what was: "¿dónde vivía antes?", "what was my old job?"."""
    folded = fold(text[:_LOOKED_AT]).strip()
    return bool(_ASKS.search(folded)) and bool(_ASKED.search(folded))


def past_reads(user_id: str, visible: dict[str, Any]) -> list[Read]:
    """The reads of earlier values, latest first, and of the facts they may be told of."""
    reads: list[Read] = [Find("fact_history", user_id, order=("-valid_to",), limit=_READ)]
    if visible:  # the history does not say which personality heard it; the fact does
        reads.append(Find("user_facts", user_id, visible))
    return reads


def of_past(rows: Sequence[Row]) -> list[Memento]:
    """Earlier values as memories that may enter the prompt; the latest is worth most."""
    found = []
    for place, row in enumerate(rows):
        since, until = (f"{row[name]:%Y-%m-%d}" for name in ("valid_from", "valid_to"))
        record = {"earlier": row["key"], "value": row["value"], "from": since, "until": until}
        reasons = ("the message asks for what was", row["reason"])
        found.append(Memento("fact", row["id"], record, 0.9 * 0.98**place, reasons))
    return found


def tellable(history: Sequence[Row], facts: Sequence[Row] | None = None) -> list[Row]:
    """The earlier values that may be told as what was true, latest first.

    A value that was corrected was never true. What the user wanted forgotten is not brought up
    again, nor what the fact had held before that.

    Args:
        history: Rows of ``fact_history``, latest first.
        facts: If given, only values of these facts.
    """
    allowed = None if facts is None else {row["id"] for row in facts}
    forgotten: set[str] = set()
    told: list[Row] = []
    for row in history:
        if row["reason"] == RETRACTED:
            forgotten.add(row["fact_id"])
        hidden = row["fact_id"] in forgotten or row["reason"] == CORRECTED
        if not hidden and (allowed is None or row["fact_id"] in allowed):
            told.append(row)
    return told[:MAX_PAST]
