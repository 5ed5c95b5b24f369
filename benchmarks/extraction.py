"""Precision and recall of facts, on the labelled messages of ``tests/data/extraction.jsonl``.

Two ways to facts are measured, each from the message to the facts as they would be written:

- the embedded rules;
- a model, played by a double that answers with ``extraction_answers.jsonl``. Those answers were
  composed, not bought: of the shapes that small models give (fenced, cut short, in Spanish or
  English keys, lists, numbers as text, facts of third persons and jokes taken seriously, one fact
  in twenty-five missed). They measure what the reading makes of such answers, and no model.

A fact is right if it is the labelled one: its key normalised, its value the same but for case,
accents, article and the language of an animal's name. ``named as the model did`` counts the same
answers with keys and values as they came, to show what normalising them is worth.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.table import Figure
from luminora.builtin.offline.analysis import analyse
from luminora.memory.analysis import ANALYSIS_SCHEMA, read_analysis
from luminora.memory.fact_keys import canonical, member
from luminora.memory.fact_slots import placed
from luminora.memory.facts import same_fact
from luminora.providers import Grounding
from luminora.providers.jsontext import parse_object, violations

DATA = Path(__file__).parents[1] / "tests" / "data"
SPLITS = ("dev", "held_out", "wild", "fresh", "later")
KINDS = ("fact", "correction", "negation", "third", "joke", "hypothetical", "past")

_KNOWING = Grounding(user_text="", moods=("happy",), events=("share_personal",))

Row = Mapping[str, Any]
Fact = tuple[str, Any]
Finder = Callable[[Row], Sequence[Fact]]


def measure() -> list[Figure]:
    """Precision and recall by split and kind, and what became of the model's answers."""
    rows = _lines("extraction.jsonl")
    answers = {line["text"]: line["answer"] for line in _lines("extraction_answers.jsonl")}
    found = {text: parse_object(answer) for text, answer in answers.items()}
    figures = _both("rules", rows, _by_rules)
    for split in SPLITS:
        chosen = [row for row in rows if row["split"] == split]
        figures += _both(f"rules, split {split}", chosen, _by_rules)
    for name, finder in (("rules", _by_rules), ("model", _by_model(found))):
        for kind in KINDS:
            chosen = [row for row in rows if row["kind"] == kind]
            figures += _by_kind(f"{name}, {kind}", chosen, finder)
    figures += _both("model", rows, _by_model(found))
    figures += _both("model, named as the model did", rows, _as_named(found))
    return [*figures, *_answers(found)]


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def _both(name: str, rows: Sequence[Row], find: Finder) -> list[Figure]:
    right, found, expected = _score(rows, find)
    note = f"{len(rows)} messages, {right} right of {found} found, {expected} expected"
    return [
        Figure(f"{name}: precision", 100 * right / found, "%", note=note),
        Figure(f"{name}: recall", 100 * right / expected, "%"),
    ]


def _by_kind(name: str, rows: Sequence[Row], find: Finder) -> list[Figure]:
    """Both figures, or where nothing is to be found, how many messages were taken wrongly."""
    right, found, expected = _score(rows, find)
    if expected >= 10 and found:
        return _both(name, rows, find)
    note = f"of {len(rows)} messages with {expected} facts, {right} of them found"
    return [Figure(f"{name}: wrong facts", float(found - right), "", note=note)]


def _score(rows: Sequence[Row], find: Finder) -> tuple[int, int, int]:
    """Facts that are right, that were found, and that are to be found."""
    right = found = expected = 0
    for row in rows:
        facts, wanted = find(row), _wanted(row)
        found, expected = found + len(facts), expected + len(wanted)
        for fact in facts:
            match = next((one for one in wanted if _same(one, fact)), None)
            if match is not None:
                wanted.remove(match)
                right += 1
    return right, found, expected


def _wanted(row: Row) -> list[Fact]:
    return [member(canonical("other", key)[1], value) for key, value in row["facts"]]


def _same(one: Fact, other: Fact) -> bool:
    return one[0] == other[0] and same_fact(one[0], one[1], other[1])


def _read(answer: Mapping[str, Any], text: str) -> list[Fact]:
    analysis = read_analysis(answer, Grounding(user_text=text))
    facts = {fact.key: fact.value for fact in placed(analysis.facts, [])}
    return list(facts.items())


def _by_rules(row: Row) -> Sequence[Fact]:
    return _read(analyse(Grounding(user_text=row["text"])), row["text"])


def _by_model(found: Mapping[str, Mapping[str, Any] | None]) -> Finder:
    return lambda row: _read(found[row["text"]] or {}, row["text"])


def _as_named(found: Mapping[str, Mapping[str, Any] | None]) -> Finder:
    def find(row: Row) -> Sequence[Fact]:
        items = (found[row["text"]] or {}).get("facts", [])
        named = [item for item in items if isinstance(item, Mapping)]
        return [(str(item.get("key")), item.get("value")) for item in named]

    return find


def _answers(found: Mapping[str, Mapping[str, Any] | None]) -> list[Figure]:
    schema = {"type": "object", "properties": ANALYSIS_SCHEMA["properties"]}
    parsed = [answer for answer in found.values() if answer is not None]
    fitting = sum(not violations(answer, schema) for answer in parsed)
    dropped = sum(read_analysis(answer, _KNOWING).dropped for answer in parsed)
    return [
        Figure("model's answers that are JSON", 100 * len(parsed) / len(found), "%"),
        Figure(
            "model's answers that fit the schema",
            100 * fitting / len(found),
            "%",
            note="of the others what is usable is used",
        ),
        Figure("pieces of them that were dropped and counted", float(dropped), ""),
    ]
