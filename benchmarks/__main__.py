"""``python -m benchmarks [NAME …]``: measure and print; every table, or those named."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable

from benchmarks import (
    companion,
    discovery,
    embedding,
    extraction,
    http,
    pgvector,
    startup,
    storages,
)
from benchmarks.table import Figure, Unavailable, show

TABLES: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
    "startup": ("Opening the command (CPU time of whole processes)", startup.measure),
    "discovery": ("Discovery, in a fresh process", discovery.measure),
    "conversation": (
        "A conversation on the embedded default, every commit durable",
        lambda: asyncio.run(companion.conversation()),
    ),
    "search": (
        "Searching the memory of one user",
        lambda: asyncio.run(companion.search()),
    ),
    "storages": (
        "Storage verbs beside the bare driver running the same statements",
        lambda: asyncio.run(storages.measure()),
    ),
    "extraction": ("Facts found in labelled messages", extraction.measure),
    "http": ("A call over HTTP, in processes that take turns", http.measure),
    "pgvector": ("Vectors in PostgreSQL", lambda: asyncio.run(pgvector.measure())),
    "embedding": ("Embedding ten thousand short texts", embedding.measure),
    "crowd": ("A thousand messages at once", lambda: asyncio.run(companion.crowd())),
}


def main() -> None:
    """Print the tables. A missed target is marked, not a failure: machines are noisy."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LUMINORA_DATA_DIR"] = folder
        for name in sys.argv[1:] or TABLES:
            title, measure = TABLES[name]
            try:
                figures = measure()
            except Unavailable as error:
                print(f"\n{title}\n    skipped: {error}")
                continue
            show(title, figures)
            missed += sum(not figure.met for figure in figures)
    print(f"\n{missed} targets missed" if missed else "\nall targets met")


if __name__ == "__main__":
    main()
