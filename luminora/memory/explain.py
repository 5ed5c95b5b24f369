"""Why an answer would rely on what it does: the question as it was understood, and every memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from luminora.memory.query import Query
from luminora.memory.recall import Recall
from luminora.memory.selection import Memento, Selection, of_messages
from luminora.providers import ChatRequest
from luminora.providers.tokens import count_tokens

PRESENT: Final = "it stands among the recent turns already"
BEYOND: Final = "others answered better (memory.recall_limit)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a message would bring to mind.

    Attributes:
        text: The message.
        words: The words that were looked for.
        added: Words that were added, with the reason: ``{"max": "the fact pet_name"}``.
        speakers: Whose words count more, by name or as ``user`` or ``assistant``.
        chosen: Memories that enter the prompt, in its order.
        left_out: Those that do not, each with ``left_out`` saying why.
        budget: Most tokens that memories may take; ``tokens`` is what they do take.
        prompt_tokens: What the whole prompt takes: instructions, history, memories, message.
        history: How many recent turns are in the prompt.
        block: The memories as they stand in the prompt.
    """

    text: str
    words: Sequence[str]
    added: Mapping[str, str]
    speakers: Sequence[str]
    chosen: Sequence[Memento]
    left_out: Sequence[Memento]
    budget: int
    tokens: int
    prompt_tokens: int
    history: int
    affinity: int
    mood: str
    block: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def explained(request: ChatRequest, recall: Recall, selection: Selection) -> Explanation:
    """The explanation of one recall."""
    query = recall.query or Query.of("")
    present = [replace(one, left_out=PRESENT) for one in of_messages(recall.present)]
    beyond = [replace(one, left_out=BEYOND) for one in of_messages(recall.passed)]
    return Explanation(
        text=query.text,
        words=[word.text for word in query.words if not word.reason],
        added={word.text: word.reason for word in query.added},
        speakers=sorted(query.speakers) or ([query.role] if query.role else []),
        chosen=selection.chosen,
        left_out=[*present, *selection.passed, *beyond],
        budget=selection.budget,
        tokens=selection.tokens,
        prompt_tokens=sum(count_tokens(turn.content) for turn in request.messages),
        history=len(recall.history),
        affinity=recall.points,
        mood=recall.mood.name,
        block=selection.block,
    )
