"""A language model made of language models: what fails is a slower answer, not an outage.

A chain of providers is asked in order. One that fails for a moment is asked again after a pause, or
after the pause it asks for; one that fails for good, is open at its breaker, or would make us wait
beyond the deadline, is passed over. One total deadline stands over all of it. Every attempt is
recorded on the result. A provider is built when the chain first reaches it, so that a local model
is not loaded as long as the ones before it answer.

A streamed answer falls back until its first piece; an answer that breaks off later ends with an
error that carries what had come.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

from luminora._circuits import Breaker, Budget, Limiter
from luminora.errors import (
    AuthenticationFailed,
    ContentFiltered,
    InvalidRequest,
    LuminoraError,
    PermissionRefused,
    ProviderError,
    ProviderTimeout,
    ResourceNotFound,
)
from luminora.providers import (
    Attempt,
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    LLMProvider,
    Status,
)

Build = Callable[[Mapping[str, Any]], LLMProvider]
"""Builds the provider of a section of a configuration."""

_BACKOFF_SECONDS: Final = 0.5
_LONGEST_BACKOFF: Final = 20.0
_REQUESTS_FAULT: Final = (InvalidRequest, ContentFiltered, ResourceNotFound)
"""Failures that say nothing about whether the provider is up."""


@dataclass(slots=True)
class Link:
    """One provider of the chain.

    Attributes:
        section: Its part of the configuration: ``name``, ``config``, ``package``.
        label: What it is called in results and status.
    """

    section: Mapping[str, Any]
    label: str
    breaker: Breaker
    limiter: Limiter
    provider: LLMProvider | None = None
    calls: int = 0
    failures: int = 0
    last_error: str | None = None


@dataclass(slots=True)
class _Run:
    """One request on its way along the chain."""

    until: float
    attempts: list[Attempt] = field(default_factory=list)
    error: LuminoraError | None = None

    @property
    def left(self) -> float:
        return self.until - monotonic()

    def note(
        self, link: Link, started: float, outcome: str, error: Exception | None = None
    ) -> None:
        said = error.message if isinstance(error, LuminoraError) else str(error or "")
        self.attempts.append(
            Attempt(
                provider=link.label,
                outcome=outcome,
                seconds=monotonic() - started,
                error=f"{type(error).__name__}: {said}" if error else None,
            )
        )
        if isinstance(error, LuminoraError):
            self.error = error


class Gateway(LLMProvider):
    """The chain.

    Args:
        config: ``chain`` (sections or names), ``total_seconds``, ``retries``, ``breaker``,
            ``limits`` by provider, ``budget``.
        build: Builds a provider of the chain.
    """

    name = "gateway"

    def __init__(self, config: Mapping[str, Any], build: Build) -> None:
        self._build = build
        self._total = float(config.get("total_seconds", 120.0))
        self._retries = int(config.get("retries", 2))
        breaker, limits = config.get("breaker", {}), config.get("limits", {})
        self.budget = Budget(**config.get("budget", {}))
        self.links: list[Link] = []
        for part in config["chain"]:
            section = {"name": part} if isinstance(part, str) else part
            name = section["name"]
            twins = sum(link.section["name"] == name for link in self.links)
            self.links.append(
                Link(
                    section,
                    f"{name}#{twins + 1}" if twins else name,
                    Breaker(**breaker),
                    Limiter(**limits.get(name, {})),
                )
            )

    async def chat(self, request: ChatRequest) -> ChatResult:
        """The first answer that the chain gives.

        Raises:
            ProviderError: None of them answered; its ``attempts`` say why, one by one.
        """
        self.budget.check()
        run = _Run(monotonic() + self._total)
        for link in self.links:
            result = await self._ask(link, request, run)
            if result is not None:
                self.budget.spend(result.usage)
                return replace(result, attempts=tuple(run.attempts))
        raise self._exhausted(run)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The first answer whose first piece comes.

        Raises:
            ProviderError: None came, or the answer broke off: then ``partial_text`` holds what
                had come.
        """
        self.budget.check()
        run = _Run(monotonic() + self._total)
        for link in self.links:
            pieces: list[str] = []
            try:
                async with aclosing(self._pieces(link, request, run, pieces)) as deltas:
                    async for delta in deltas:
                        yield delta
            except LuminoraError as error:
                if pieces:
                    raise _broken_off(error, "".join(pieces), run.attempts) from error
                continue
            if run.attempts and run.attempts[-1].outcome == "ok":
                return
        raise self._exhausted(run)

    async def _ask(self, link: Link, request: ChatRequest, run: _Run) -> ChatResult | None:
        """The link's answer, after retries; None to go on with the next."""
        for attempt in range(self._retries + 1):
            if not await self._may_begin(link, run):
                return None
            started = monotonic()
            try:
                async with self._place(link, run):
                    result = await self._provider(link).chat(request)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                pause = self._after(link, run, started, error, attempt)
                if pause is None:
                    return None
                await asyncio.sleep(pause)
            else:
                self._worked(link, run, started)
                return result
        return None

    async def _pieces(
        self, link: Link, request: ChatRequest, run: _Run, pieces: list[str]
    ) -> AsyncGenerator[ChatDelta]:
        """The link's pieces; nothing at all to go on with the next."""
        for attempt in range(self._retries + 1):
            if not await self._may_begin(link, run):
                return
            started = monotonic()
            try:
                async with (
                    self._place(link, run),
                    aclosing(_generator(self._provider(link).stream(request))) as deltas,
                ):
                    async for delta in deltas:
                        pieces.append(delta.text)
                        if delta.usage is not None:
                            self.budget.spend(delta.usage)
                        yield delta
            except GeneratorExit:
                link.breaker.abandoned()
                raise
            except Exception as error:
                pause = self._after(link, run, started, error, attempt)
                if any(pieces):
                    raise
                if pause is None:
                    return
                await asyncio.sleep(pause)
            else:
                self._worked(link, run, started)
                return

    async def _may_begin(self, link: Link, run: _Run) -> bool:
        """Whether the link may be asked now; waits for its rate limit if there is time."""
        now = monotonic()
        if run.left <= 0:
            run.note(link, now, "deadline")
            return False
        wait = link.limiter.wait_for(now)
        if wait >= run.left:
            run.note(link, now, "rate limited here")
            return False
        if not link.breaker.admits(now):
            run.note(link, now, "breaker open")
            return False
        if wait:
            await asyncio.sleep(wait)
        return True

    @asynccontextmanager
    async def _place(self, link: Link, run: _Run) -> AsyncIterator[None]:
        """A place among the requests under way, within the deadline."""
        try:
            async with asyncio.timeout(max(run.left, 0.0)):
                await link.limiter.enter(monotonic())
                link.calls += 1
                try:
                    yield
                finally:
                    link.limiter.leave()
        except TimeoutError as error:
            raise ProviderTimeout(
                f"{link.label} did not answer within the {self._total:g} s that all attempts have",
                provider=link.label,
            ) from error

    def _provider(self, link: Link) -> LLMProvider:
        if link.provider is None:
            link.provider = self._build(link.section)
        return link.provider

    def _worked(self, link: Link, run: _Run, started: float) -> None:
        link.breaker.succeeded()
        run.note(link, started, "ok")

    def _after(
        self, link: Link, run: _Run, started: float, error: Exception, attempt: int
    ) -> float | None:
        """Take note of a failure; the seconds to wait before asking again, None not to."""
        run.note(link, started, "failed", error)
        link.failures += 1
        link.last_error = run.attempts[-1].error
        if isinstance(error, _REQUESTS_FAULT):
            link.breaker.abandoned()
            return None
        link.breaker.failed(monotonic())
        retryable = isinstance(error, LuminoraError) and error.retryable
        if not retryable or attempt == self._retries or isinstance(error, _HOPELESS):
            return None
        asked = getattr(error, "retry_after", None)
        pause = asked if asked is not None else _backoff(attempt)
        return float(pause) if pause < run.left else None

    def _exhausted(self, run: _Run) -> ProviderError:
        """The error of a chain that gave no answer."""
        told = "; ".join(f"{one.provider}: {one.error or one.outcome}" for one in run.attempts)
        now = monotonic()
        soonest = min((link.breaker.ready_in(now) for link in self.links), default=0.0)
        kind = type(run.error) if isinstance(run.error, ProviderError) else ProviderTimeout
        error = kind(
            f"no provider of the chain answered: {told}",
            provider=self.name,
            retry_after=soonest or getattr(run.error, "retry_after", None),
            hint="luminora health; a chain that ends with 'offline' always answers",
        )
        error.attempts = tuple(run.attempts)
        return error

    def accepts(self, parameter: str, request: ChatRequest) -> bool:
        """Whether those of the chain that are in use accept a parameter."""
        built = [link.provider for link in self.links if link.provider is not None]
        first = built or [self._provider(self.links[0])]
        return all(provider.accepts(parameter, request) for provider in first)

    def get_status(self) -> dict[str, Any]:
        """The chain as it stands: available providers, breakers, calls, what was spent."""
        now = monotonic()
        states = {link.label: link.breaker.state(now) for link in self.links}
        return {
            "available_providers": [label for label, state in states.items() if state != "open"],
            "providers": {
                link.label: {
                    "breaker": states[link.label],
                    "ready_in": round(link.breaker.ready_in(now), 3),
                    "built": link.provider is not None,
                    "calls": link.calls,
                    "failures": link.failures,
                    "last_error": link.last_error,
                }
                for link in self.links
            },
            "spent": {"usd": self.budget.spent_usd, "tokens": self.budget.spent_tokens},
        }

    async def health(self) -> dict[str, CheckResult]:
        """What each provider says of itself; those that were not needed yet are built for it."""

        async def checked(link: Link) -> CheckResult:
            try:
                return await self._provider(link).check()
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                return CheckResult(Status.ERROR, f"{error}")

        results = await asyncio.gather(*(checked(link) for link in self.links))
        return {link.label: result for link, result in zip(self.links, results, strict=True)}

    async def check(self) -> CheckResult:
        """Usable if one of the chain is; with a reservation if not all are."""
        results = await self.health()
        working = [label for label, one in results.items() if one.status is not Status.ERROR]
        detail = ", ".join(f"{label}: {one.detail}" for label, one in results.items())
        if not working:
            return CheckResult(Status.ERROR, detail, data=self.get_status())
        status = Status.OK if len(working) == len(results) else Status.WARNING
        return CheckResult(status, detail, data=self.get_status())

    async def aclose(self) -> None:
        """Close those that were built."""
        built = [link.provider for link in self.links if link.provider is not None]
        await asyncio.gather(*(provider.aclose() for provider in built))


_HOPELESS: Final = (AuthenticationFailed, PermissionRefused)


async def _generator(deltas: AsyncIterator[ChatDelta]) -> AsyncGenerator[ChatDelta]:
    """The same deltas; closing this closes them, and with them the connection."""
    try:
        async for delta in deltas:
            yield delta
    finally:
        close = getattr(deltas, "aclose", None)
        if close is not None:
            await close()


def _backoff(attempt: int) -> float:
    pause: float = min(_LONGEST_BACKOFF, _BACKOFF_SECONDS * 2**attempt)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _broken_off(error: LuminoraError, text: str, attempts: Sequence[Attempt]) -> ProviderError:
    """The error of an answer that ended too early, with what had come of it."""
    kind = type(error) if isinstance(error, ProviderError) else ProviderError
    broken = kind(
        f"the answer broke off after {len(text)} characters: {error.message}",
        provider=getattr(error, "provider", None),
        model=getattr(error, "model", None),
    )
    broken.partial_text = text
    broken.attempts = tuple(attempts)
    return broken
