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

from benchmarks import recall
from benchmarks.table import Unavailable

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


def main() -> None:
    """Print the tables asked for, all of them if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    parser.add_argument("--locomo", type=Path, help="a LoCoMo file, for the table 'recall'")
    given = parser.parse_args()
    tables: dict[str, Callable[[], int]] = {
        "recall-es": lambda: _recall(SPANISH, "Recall, Spanish", baselines=False),
    }
    if given.locomo:
        locomo: Path = given.locomo
        tables["recall"] = lambda: _recall(locomo, "Recall, LoCoMo", baselines=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LUMINORA_DATA_DIR": folder, "HF_HUB_OFFLINE": "1"}
        below = sum(tables[name]() for name in given.tables or tables)
    print(f"\n{below} figures below a baseline" if below else "\nno figure below a baseline")


if __name__ == "__main__":
    main()
