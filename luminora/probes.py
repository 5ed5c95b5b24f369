"""Try every part of a stack in earnest: a request, an embedding, a query, a search, a round trip.

A provider's ``check()`` says how it is; a probe uses it the way a message would. Nothing stays
behind: no row is written, no database is made, and what the cache was given is taken out again.
Every step is told through a callback while it happens; nothing is printed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from luminora.checkup import PARTS
from luminora.errors import ConfigError, CredentialsMissing, LuminoraError, PluginError
from luminora.providers import Kind, Provider, Status, StorageProvider

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.plugins import Activation

_CLOSING_SECONDS = 5.0
_WORSE = (Status.OK, Status.WARNING, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Step:
    """Something a probe began, found or failed at.

    Attributes:
        part: One of :data:`~luminora.checkup.PARTS`.
        text: A line for people.
        status: How it went; None while it is only beginning.
        hint: What to do about it.
        ended: Whether it is the last step of its part.
    """

    part: str
    text: str
    status: Status | None = None
    hint: str | None = None
    ended: bool = False


Report = Callable[[Step], None]
"""Hears of every step at once; parts are under way together, so their steps come mixed."""


@dataclass(slots=True)
class Probed:
    """What trying one part came to.

    Attributes:
        provider: The provider's name in the configuration.
        status: The worst of its steps.
        detail: The line that says why, or the last one.
        hint: What to do, where something is to be done.
        latency_ms: Milliseconds of the one request that counts; None if it never came to that.
        exit_code: What a command returns for the failure: 0 where there is none.
        data: Facts for machines.
        steps: All that was found, in order.
    """

    provider: str
    status: Status = Status.OK
    detail: str = ""
    hint: str | None = None
    latency_ms: float | None = None
    exit_code: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


class Trial:
    """One part being tried: tells of every step and keeps what was found."""

    def __init__(self, part: str, provider: str, report: Report) -> None:
        self.part = part
        self.found = Probed(provider)
        self._report = report
        self._limit: asyncio.Timeout | None = None

    def begin(self, text: str) -> None:
        """Say what is about to be done."""
        self._report(Step(self.part, text))

    def good(self, text: str) -> None:
        """Say what works."""
        self._note(Step(self.part, text, Status.OK))

    def doubtful(self, text: str, hint: str | None = None) -> None:
        """Say what works only partly, or not yet."""
        self._note(Step(self.part, text, Status.WARNING, hint))

    def bad(self, text: str, hint: str | None = None, exit_code: int = 1) -> None:
        """Say what does not work; it is the end of this trial."""
        self.found.exit_code = self.found.exit_code or exit_code
        self._note(Step(self.part, text, Status.ERROR, hint))

    def end(self) -> None:
        """Say that nothing more comes."""
        self._report(Step(self.part, self.found.detail, self.found.status, ended=True))

    @asynccontextmanager
    async def limited(self, within: float) -> AsyncIterator[None]:
        """Give what follows so many seconds."""
        async with asyncio.timeout(within) as self._limit:
            yield

    async def storage(self, around: Surroundings) -> StorageProvider | None:
        """The storage, if it is open; the wait for it is not part of this trial's time."""
        if self._limit is not None:
            self._limit.reschedule(None)
        found = await around.storage
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + around.within)
        return found

    @asynccontextmanager
    async def timed(self) -> AsyncIterator[None]:
        """Measure the request that counts."""
        start = perf_counter()
        yield
        self.found.latency_ms = round((perf_counter() - start) * 1000, 1)

    def _note(self, step: Step) -> None:
        found = self.found
        found.steps.append(step)
        worse = step.status is not None and _WORSE.index(step.status) > _WORSE.index(found.status)
        if worse and step.status is not None:
            found.status, found.detail, found.hint = step.status, step.text, step.hint
        elif found.status is Status.OK:
            found.detail = step.text
        self._report(step)


@dataclass(slots=True)
class Surroundings:
    """What the probes share.

    Attributes:
        config: Names the parts.
        activation: The plugins of it.
        built: The providers that could be built, by part.
        within: Longest time of one probe, in seconds.
        storage: Done when it is known whether the storage is open: the vector store may share
            its connection, and it keeps the register of embedding models.
    """

    config: Config
    activation: Activation
    built: dict[str, Provider]
    within: float
    storage: asyncio.Future[StorageProvider | None]


async def probe_stack(
    config: Config,
    parts: Collection[str] | None = None,
    *,
    within: float = 10.0,
    report: Report = lambda _step: None,
) -> dict[str, Probed]:
    """Try the parts, all at once; what is wrong with one is told in its place.

    Args:
        config: What names the parts; it need not be valid.
        parts: Only these of :data:`~luminora.checkup.PARTS`. The storage is opened for the
            vector store either way.
        within: Longest time of each, in seconds.
        report: Hears of every step.

    Returns:
        What was found by part, in the order of :data:`~luminora.checkup.PARTS`;
        ``configuration`` stands for what is wrong with the file outside of the parts.
    """
    from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

    wanted = PARTS if parts is None else tuple(part for part in PARTS if part in parts)
    refused = _refusals(config)
    around = Surroundings(
        config, activate(config), {}, within, asyncio.get_running_loop().create_future()
    )
    trials = {part: Trial(part, provider_of(config, part), report) for part in wanted}
    if "configuration" in refused and parts is None:
        trials["configuration"] = Trial("configuration", "", report)
    helper = Trial("storage", "", lambda _step: None)  # opened for others, nobody hears of it
    needs_storage = {"vector_store", "embedding"} & {*wanted}
    every = [*trials.values(), *([helper] if needs_storage and "storage" not in trials else [])]
    for trial in sorted(every, key=lambda one: one.part != "storage"):
        _build(trial, around, refused)
    try:
        await asyncio.gather(*(_run(trial, around) for trial in every))
    finally:
        await _close(around.built)
    return {part: trial.found for part, trial in trials.items()}


def provider_of(config: Config, part: str) -> str:
    """The name of the provider that the configuration gives to a part, if it gives one."""
    section = config.document.get(f"{part}_provider")
    return str(section.get("name", "")) if isinstance(section, Mapping) else ""


def _refusals(config: Config) -> dict[str, LuminoraError]:
    """Why parts cannot even be tried: the configuration's faults, then the secrets it lacks."""
    from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator

    found: dict[str, LuminoraError] = {}
    for kind, problems in (
        (ConfigError, schema.validate(config)),
        (CredentialsMissing, schema.credentials(config)),
    ):
        for problem in problems:
            section = problem.pointer.split("/")[1] if problem.pointer else ""
            part = section.removesuffix("_provider")
            error = kind(problem.message, where=problem.where, hint=problem.hint)
            found.setdefault(part if part in PARTS else "configuration", error)
    return found


def _build(trial: Trial, around: Surroundings, refused: Mapping[str, LuminoraError]) -> None:
    if error := refused.get(trial.part):
        _failed(trial, error)
        return
    storage = around.built.get("storage")
    try:
        around.built[trial.part] = around.activation.build(
            trial.part, storage=storage if isinstance(storage, StorageProvider) else None
        )
    except LuminoraError as problem:
        _failed(trial, problem)


async def _run(trial: Trial, around: Surroundings) -> None:
    from luminora.probing import PROBES  # noqa: PLC0415 - the probes know this module

    provider = around.built.get(trial.part)
    try:
        if provider is not None:
            async with trial.limited(around.within):
                await PROBES[Kind(trial.part)](trial, provider, around)
    except TimeoutError:
        trial.bad(
            f"no answer within {around.within:g} seconds",
            "is the address right, and does a firewall let it through? --timeout waits longer",
        )
    except LuminoraError as problem:
        _failed(trial, problem)
    except Exception as problem:  # noqa: BLE001 - a provider is anybody's code
        trial.bad(f"failed with {type(problem).__name__}: {problem}", "luminora plugins doctor")
    finally:
        if trial.part == "storage" and not around.storage.done():
            around.storage.set_result(None)
        trial.end()


def _failed(trial: Trial, problem: LuminoraError) -> None:
    where = f"{problem.where}: " if problem.where else ""
    code = problem.exit_code if isinstance(problem, ConfigError | PluginError) else 1
    if problem.exit_code == CredentialsMissing.exit_code:
        code = problem.exit_code
    trial.bad(f"{where}{problem.message}", problem.hint, code)


async def _close(built: Mapping[str, Provider]) -> None:
    """Close them, the storage last; one that does not end, or fails to, is let go."""

    async def close(provider: Provider) -> None:
        async with asyncio.timeout(_CLOSING_SECONDS):
            await provider.aclose()

    others = [provider for part, provider in built.items() if part != "storage"]
    await asyncio.gather(*map(close, others), return_exceptions=True)
    if storage := built.get("storage"):
        await asyncio.gather(close(storage), return_exceptions=True)


def as_dict(found: Probed) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "provider": found.provider,
        "status": found.status.value,
        "detail": found.detail,
        "hint": found.hint,
        "latency_ms": found.latency_ms,
        "data": found.data,
        "steps": [
            {"text": step.text, "status": step.status.value}
            for step in found.steps
            if step.status is not None
        ],
    }


def summary_code(found: Mapping[str, Probed]) -> int:
    """The exit code of it all: 3 for an invalid configuration, 4 for a missing secret, 1 else."""
    codes = {one.exit_code for one in found.values() if one.status is Status.ERROR}
    return next((code for code in (3, 4) if code in codes), 1 if codes else 0)
