"""What a call costs over HTTP: our path beside bare clients and the SDKs, in one run.

The clients make the same calls to one stub, which has a process of its own; they take turns, round
after round, and ratios are those of a round. Bare clients and ours share a process, so that nobody
pays for another's imports. ``LUMINORA_BENCH_SDKS`` may name Pythons, as ``PATH`` names folders,
that have ``openai`` or ``litellm``: ``uv venv sdk && uv pip install --python sdk openai``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.http_stub import CHUNKS
from benchmarks.table import Figure, Unavailable

ROUNDS = 9
LOADS = {"one": ("chat", 300, 1), "fifty": ("chat", 600, 50), "stream": ("stream", 5, 1)}
"""What is asked in a round: kind, calls, calls at once."""
OURS, SDKS = ("luminora", "gateway"), ("openai", "litellm")
BARE = ("aiohttp", "httpx2", "httpx")
_HERE = Path(__file__).parent

Spent = dict[str, dict[str, list[dict[str, float]]]]
"""By client and load: seconds of wall clock and processor, a pair per round."""


class Worker:
    """Clients in a process.

    Attributes:
        missing: Why a client is not here.
    """

    def __init__(self, python: str, url: str, clients: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [python, "-P", str(_HERE / "http_worker.py"), url, *clients],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
        found: dict[str, str | None] = self._answer()
        self.clients = [name for name, problem in found.items() if problem is None]
        self.missing = {name: problem for name, problem in found.items() if problem is not None}

    def spend(self, client: str, load: tuple[str, int, int]) -> dict[str, float]:
        """Make the calls; seconds per call (of a stream: per chunk)."""
        kind, calls, concurrency = load
        print(client, kind, calls, concurrency, file=self._process.stdin, flush=True)
        found: dict[str, float] = self._answer()
        parts = calls * (CHUNKS if kind == "stream" else 1)
        return {what: seconds / parts for what, seconds in found.items()}

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise Unavailable("a client's process ended; what it said stands above")
        return json.loads(line)


def measure() -> list[Figure]:
    """The table; see ``docs/http.md``.

    Raises:
        Unavailable: A process ended.
    """
    spent: Spent = {}
    with ExitStack() as stack:
        url = stack.enter_context(_stub())
        workers = [Worker(sys.executable, url, (*OURS, *BARE))]
        stack.callback(workers[0].end)
        wanted = set(SDKS)
        for python in os.environ.get("LUMINORA_BENCH_SDKS", sys.executable).split(os.pathsep):
            workers.append(Worker(python, url, sorted(wanted)))
            stack.callback(workers[-1].end)
            wanted -= set(workers[-1].clients)
        for turn in range(ROUNDS + 1):
            for load, what in LOADS.items():
                for worker in workers:
                    for client in worker.clients:
                        seconds = worker.spend(client, what)
                        rounds = spent.setdefault(client, {name: [] for name in LOADS})
                        if turn:  # the first round warms everything up
                            rounds[load].append(seconds)
        why = {client: reason for worker in workers for client, reason in worker.missing.items()}
        missing = [client for client in why if client not in spent]
        figures = [Figure(f"skipped: {client}: {why[client]}", 0.0, "") for client in missing]
    return [*_compared(spent), *figures]


@contextmanager
def _stub() -> Iterator[str]:
    stub = subprocess.Popen(
        [sys.executable, "-P", str(_HERE / "http_stub.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        port = stub.stdout.readline() if stub.stdout else ""
        yield f"http://127.0.0.1:{int(port)}/v1"
    finally:
        stub.kill()
        stub.communicate()


def _compared(spent: Spent) -> Iterator[Figure]:
    """Absolute numbers of everybody, then the ratios with their targets."""
    cost = {name: {load: _median(by[load]) for load in LOADS} for name, by in spent.items()}
    for name, by in cost.items():
        yield Figure(f"{name}: CPU of a call", by["one"]["cpu"] * 1000, "ms", note="one at a time")
        yield Figure(f"{name}: CPU of a call", by["fifty"]["cpu"] * 1000, "ms", note="50 at once")
        yield Figure(f"{name}: calls", 1 / by["one"]["wall"], "/s", note="one at a time")
        yield Figure(f"{name}: calls", 1 / by["fifty"]["wall"], "/s", note="50 at once")
        yield Figure(f"{name}: CPU of a chunk", by["stream"]["cpu"] * 1e6, "µs")
    for name in OURS:
        if name in spent:
            yield from _ratios(name, spent)


def _ratios(name: str, spent: Spent) -> Iterator[Figure]:
    """Of each round, what a client spent beside another; the median of those."""
    for load, title, most in (
        ("one", "CPU of a call beside aiohttp's", 1.5),
        ("fifty", "CPU of a call beside aiohttp's, 50 at once", 1.5),
        ("stream", "CPU of a chunk beside aiohttp's", 2.0),
    ):
        yield Figure(f"{name}: {title}", _ratio(spent, name, "aiohttp", load, "cpu"), "x", most)
    if "openai" in spent:
        share = _ratio(spent, name, "openai", "fifty", "wall")
        note = f"{1 / share:.1f} times the calls a second"
        yield Figure(f"{name}: time beside the openai SDK's, 50 at once", share, "x", 0.33, note)


def _ratio(spent: Spent, name: str, other: str, load: str, what: str) -> float:
    pairs = zip(spent[name][load], spent[other][load], strict=True)
    return float(median(ours[what] / theirs[what] for ours, theirs in pairs))


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {what: median(each[what] for each in rounds) for what in ("wall", "cpu")}
