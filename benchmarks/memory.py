"""``python -m benchmarks.memory [--locomo FILE] [TABLE …]``: how good the memory is.

Tables: ``recall-es`` (our Spanish conversations), ``recall`` (a LoCoMo file, by its path),
``prompt`` (what memories cost in a prompt), ``extraction``, ``latency``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import extraction, latency, prompting, recall, table
from benchmarks.table import Figure, Unavailable

SPANISH = Path(__file__).parents[1] / "tests" / "data" / "recall_es.json"
MODELS = {"static": "embedded default", "minilm": "MiniLM"}


def _recall(path: Path, title: str, *, baselines: bool) -> int:
    given, malformed = recall.conversations(path)
    count = sum(len(one.questions) for one in given)
    skipped = f", {malformed} malformed evidence ids skipped" if malformed else ""
    below = 0
    for model, name in MODELS.items():
        try:
            scores = asyncio.run(recall.measure(path, model))
        except Unavailable as error:
            print(f"\n{title}, {name}\n    skipped: {error}")
            continue
        head = f"{title}, {name}: {len(given)} conversations, {count} questions{skipped}"
        below += recall.show(head, scores, baselines=baselines)
    return below


def _figures(title: str, figures: list[Figure]) -> int:
    table.show(title, figures)
    return sum(not figure.met for figure in figures)


def _prompt(path: Path) -> int:
    title = f"Memories in a prompt, {path.stem}"
    return _figures(title, asyncio.run(prompting.measure(path)))


def main() -> None:
    """Print the tables asked for, all of them if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file, for the table 'recall'")
    parser.add_argument(
        "--others", type=int, default=latency.OTHERS, help="messages of others, for 'latency'"
    )
    given = parser.parse_args()
    tables: dict[str, Callable[[], int]] = {
        "recall-es": lambda: _recall(SPANISH, "Recall, Spanish", baselines=False),
        "prompt": lambda: _prompt(given.locomo or SPANISH),
        "extraction": lambda: _figures("Facts in labelled messages", extraction.measure()),
        "latency": lambda: _figures("Latency", asyncio.run(latency.measure(given.others))),
    }
    if given.locomo:
        locomo: Path = given.locomo
        tables["recall"] = lambda: _recall(locomo, "Recall, LoCoMo", baselines=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LUMINORA_DATA_DIR": folder, "HF_HUB_OFFLINE": "1"}
        below = sum(tables[name]() for name in given.tables or tables)
    print(
        f"\n{below} figures below a baseline or target"
        if below
        else "\nevery baseline beaten, every target met"
    )


if __name__ == "__main__":
    main()
