"""What memories cost in a prompt, beside pasting the turns that a plain search finds.

The plain way takes the first k turns of a full-text search and pastes them; k is the smallest one
that brings as much of the evidence into the prompt as Luminora's block does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import fmean
from typing import Final

from benchmarks.recall import Conversation, Question, conversations
from benchmarks.table import Figure
from luminora.client import LuminoraCoreClient
from luminora.providers.tokens import count_tokens

DEEPEST: Final = 100


async def measure(path: Path) -> list[Figure]:
    """Tokens of memories per reply at the same evidence recall."""
    given, _ = conversations(path)
    ours: list[tuple[float, int]] = []
    plain: list[list[tuple[float, int]]] = []
    with tempfile.TemporaryDirectory() as folder:
        overrides = {
            "storage_provider.config.database_path": str(Path(folder) / "prompt.db"),
            "memory.history_limit": 0,
        }
        async with LuminoraCoreClient.from_config(overrides=overrides) as client:
            for one in given:
                session = await client.create_session(one.name)
                await client.import_messages(session, one.items)
                for question in one.questions:
                    ours.append(await _ours(client, session, question))
                    plain.append(await _pasted(client, one, question))
    recall = fmean(share for share, _ in ours)
    depth = next(
        (k for k in range(DEEPEST) if fmean(row[k][0] for row in plain) >= recall), DEEPEST - 1
    )
    cost, pasted = (fmean(cost for _, cost in ours), fmean(row[depth][1] for row in plain))
    return [
        Figure("evidence in the prompt", 100 * recall, "%", note="both ways"),
        Figure("turns pasted for as much", depth + 1, ""),
        Figure("tokens, pasted", pasted, ""),
        Figure("tokens, Luminora", cost, "", pasted, "never more than memory.prompt_budget"),
        Figure("Luminora beside pasted", cost / pasted, "x", 1.0),
    ]


async def _ours(client: LuminoraCoreClient, session: str, question: Question) -> tuple[float, int]:
    found = await client.explain(session, question.text)
    ids = {memento.id for memento in found.chosen if memento.kind == "message"}
    return len(question.evidence & ids) / len(question.evidence), found.tokens


async def _pasted(
    client: LuminoraCoreClient, one: Conversation, question: Question
) -> list[tuple[float, int]]:
    """Recall and tokens after pasting 1, 2, 3 … turns."""
    hits = await client.storage.search_text("messages", one.name, question.text, limit=DEEPEST)
    held, tokens, steps = set(), 0, []
    for place in range(DEEPEST):
        if place < len(hits):
            row = hits[place][0]
            held.add(row["external_id"])
            tokens += count_tokens(f"{row['speaker_name']}: {row['content']}\n")
        steps.append((len(question.evidence & held) / len(question.evidence), tokens))
    return steps
