"""How fast a stack is, end to end: a throw-away user talks, every step is timed, nothing stays.

What was measured is kept with its samples, so that a later run can be told from noise: see
:func:`compared`.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter
from typing import Any, Self
from uuid import uuid4

from luminora._steps import observed
from luminora.client import LuminoraCoreClient
from luminora.errors import InputError, LuminoraError

log = logging.getLogger(__name__)

STEPS = (
    "message",
    "save",
    "recall",
    "embed",
    "search",
    "compile",
    "generate",
    "save reply",
    "analyse",
    "index",
    "embed messages",
    "learn",
    "search memories",
)
"""In the order in which they happen; ``message`` is the whole of one, and the last stands alone."""
WITHIN = {"embed": "recall", "search": "recall", "embed messages": "index"}
"""Steps that are part of another."""

_SEARCHES = 50
_SAMPLES = 2_000
"""Samples kept of each step."""
_NOISE_Z = 3.0
_NOISE_SHARE = 0.05
_STRETCHES = 5
_USER = "benchmark-"

_TOPICS = (
    ("mountains", "the river", "my sister Marta"),
    ("photography", "an old camera", "my friend Luis"),
    ("cooking", "a paella", "my grandmother"),
    ("running", "the half marathon", "my neighbour Ana"),
    ("la guitarra", "una canción", "mi hermano Pablo"),
    ("el mar", "un velero", "mi amiga Elena"),
    ("el jardín", "los tomates", "mi padre"),
)
_SENTENCES = (
    "Yesterday I spent the evening with {2} and we talked about {0} for hours.",
    "I have started with {0} again; {1} makes me happy.",
    "Do you remember what I told you about {1}?",
    "Work was hard today, but {2} called me and that helped. Number {3} on my list is {0}.",
    "Me encanta {0}, y la semana que viene quiero probar {1} con {2}.",
    "¿Qué te parece {1}? {2} dice que no es buena idea.",
    "Thank you for listening, talking about {0} does me good.",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """One step: what its samples, in milliseconds, add up to."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """From at least one sample."""
        cuts = quantiles(samples, n=100, method="inclusive") if len(samples) > 1 else None
        p50, p95, p99 = (cuts[49], cuts[94], cuts[98]) if cuts else (samples[0],) * 3
        figures = (sum(samples) / len(samples), p50, p95, p99, max(samples))
        return cls(len(samples), *(round(one, 3) for one in figures))


@dataclass(slots=True)
class Measured:
    """What a run found.

    Attributes:
        messages: Messages that were timed.
        seconds: How long they took together, one after another.
        warm_up_ms: The first message, which is not counted: it opens connections and loads models.
        degraded: Replies that the embedded responder gave because the model failed.
        reason: What the first of these failures was.
        samples: Milliseconds by step.
    """

    messages: int = 0
    seconds: float = 0.0
    warm_up_ms: float = 0.0
    degraded: int = 0
    reason: str | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Messages answered in a second."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def timings(self) -> dict[str, Timing]:
        """The steps that there were, in their order."""
        return {name: Timing.of(self.samples[name]) for name in STEPS if self.samples.get(name)}


@dataclass(frozen=True, slots=True)
class Change:
    """A step then and now.

    Attributes:
        percent: How much slower (or, below zero, faster) the median has become.
        noise: Whether chance may explain it. It may not where all of this holds: the medians
            differ by at least 5 %; the ranks of the samples by three standard errors (Mann and
            Whitney's U); and cut into five stretches of time, the medians of all stretches of one
            run lie above those of the other, so that no busy minute of the machine decides.
    """

    before_ms: float
    now_ms: float
    percent: float
    noise: bool


async def measure(
    client: LuminoraCoreClient,
    messages: int,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Measured:
    """Talk as a user that exists for this alone, and time every step.

    Args:
        client: An open client on the stack to measure.
        messages: How many messages are timed, one after another.
        on_progress: Called with the messages answered and those there will be.

    Raises:
        LuminoraError: A message could not be saved, say. The user is removed all the same.
    """
    found = Measured()
    async with _visitor(client) as session_id:
        texts = _texts(messages + 1)
        found.warm_up_ms = await _timed(client.send_message(session_id, next(texts)))
        begun = perf_counter()
        with observed(lambda step, seconds: _note(found, step, seconds)):
            for done, text in enumerate(texts, 1):
                started = perf_counter()
                response = await client.send_message(session_id, text)
                _note(found, "message", perf_counter() - started)
                found.messages = done
                found.seconds = perf_counter() - begun
                if response.degraded:
                    found.degraded += 1
                    found.reason = found.reason or response.degraded_reason
                on_progress(done, messages)
        for text in _texts(min(messages, _SEARCHES)):
            spent = await _timed(client.search_memories(session_id, text))
            _note(found, "search memories", spent / 1000)
    return found


def compared(
    before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]
) -> dict[str, Change]:
    """How the steps that both runs have have changed.

    Args:
        before: Milliseconds by step of the earlier run.
        now: The same of this one.
    """
    return {
        name: _change(before[name], now[name])
        for name in STEPS
        if before.get(name) and now.get(name)
    }


def kept(samples: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The samples as they are saved: at most 2,000 of each step, evenly taken."""
    return {
        name: [
            round(values[place * len(values) // min(len(values), _SAMPLES)], 4)
            for place in range(min(len(values), _SAMPLES))
        ]
        for name, values in samples.items()
    }


def read_samples(document: Any, where: str) -> dict[str, list[float]]:
    """The samples of a saved run.

    Raises:
        InputError: It is not one.
    """
    samples = document.get("samples") if isinstance(document, Mapping) else None
    good = isinstance(samples, Mapping) and all(
        isinstance(values, list)
        and all(type(one) in {int, float} and math.isfinite(one) and one >= 0 for one in values)
        for values in samples.values()
    )
    if not good or not isinstance(samples, Mapping):
        raise InputError(
            "this is no saved benchmark", where=where, hint="luminora benchmark --save FILE"
        )
    return {str(name): values for name, values in samples.items()}


@asynccontextmanager
async def _visitor(client: LuminoraCoreClient) -> AsyncIterator[str]:
    """The session of a new user, who is forgotten at the end, however that comes."""
    user_id = f"{_USER}{uuid4().hex}"
    try:
        yield await client.create_session(user_id)
    finally:
        try:
            await client.forget(user_id)
        except LuminoraError as error:
            log.warning("the user %s could not be removed: %s", user_id, error)
            raise InputError(
                f"the user that was made for the benchmark could not be removed: {error.message}",
                hint=f"luminora forget {user_id} --yes",
            ) from error


async def _timed(work: Any) -> float:
    """Milliseconds that something took."""
    started = perf_counter()
    await work
    return (perf_counter() - started) * 1000


def _note(found: Measured, step: str, seconds: float) -> None:
    found.samples.setdefault(step, []).append(seconds * 1000)


def _texts(count: int) -> Iterator[str]:
    """Things that people say, the same in every run."""
    chance = random.Random(7)  # noqa: S311 - the same messages every time
    for number in range(count):
        yield chance.choice(_SENTENCES).format(*chance.choice(_TOPICS), number)


def _change(before: Sequence[float], now: Sequence[float]) -> Change:
    old, new = median(before), median(now)
    share = (new - old) / old if old else math.inf if new else 0.0
    noise = (
        abs(share) < _NOISE_SHARE
        or abs(_rank_z(before, now)) < _NOISE_Z
        or _overlap(_stretches(before), _stretches(now))
    )
    return Change(round(old, 3), round(new, 3), round(share * 100, 1), noise)


def _stretches(samples: Sequence[float]) -> list[float]:
    """The medians of stretches of a run, in which a machine may have been busy or not."""
    size = math.ceil(len(samples) / _STRETCHES)
    return [median(samples[place : place + size]) for place in range(0, len(samples), size)]


def _overlap(first: Sequence[float], second: Sequence[float]) -> bool:
    return min(first) <= max(second) and min(second) <= max(first)


def _rank_z(first: Sequence[float], second: Sequence[float]) -> float:
    """Mann and Whitney's U in standard errors, ties at their mean rank; 0 for too few samples."""
    n, m = len(first), len(second)
    values = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    ranks, ties, place = 0.0, 0.0, 0
    while place < len(values):
        end = place
        while end < len(values) and values[end][0] == values[place][0]:
            end += 1
        ranks += sum(1 - side for _, side in values[place:end]) * (place + end + 1) / 2
        ties += (end - place) ** 3 - (end - place)
        place = end
    total = n + m
    spread = n * m / 12 * (total + 1 - ties / (total * (total - 1))) if total > 1 else 0.0
    if spread <= 0:
        return 0.0
    return (ranks - n * (n + 1) / 2 - n * m / 2) / math.sqrt(spread)
