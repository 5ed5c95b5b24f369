"""The parts of a gateway's chain: its links, one request on its way, and what failures mean."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

from luminora._circuits import Breaker, Budget, Limiter, Permit
from luminora._telemetry import Operation
from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ContentFiltered,
    CredentialsMissing,
    InputError,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    Overloaded,
    PermissionRefused,
    PluginError,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    ResourceNotFound,
    retold,
)
from luminora.providers import Attempt, ChatRequest, ChatResult, LLMProvider

_BACKOFF_SECONDS: Final = 0.5
_LONGEST_BACKOFF: Final = 20.0
_REQUESTS_FAULT: Final = (InvalidRequest, ContentFiltered, ResourceNotFound)
"""Failures that say nothing about whether the provider is up."""
_HOPELESS: Final = (AuthenticationFailed, QuotaExceeded, ConfigError, PluginError)
"""Failures that the next request would meet as well."""
_FINAL: Final = (*_HOPELESS, PermissionRefused)
"""Failures that are not repeated, whatever the provider says of them."""
_LINE: Final = 300

OK: Final = "ok"
FAILED: Final = "failed"
DEADLINE: Final = "deadline"
RATE: Final = "rate limited here"
BUSY: Final = "busy here"
OPEN: Final = "breaker open"
BUDGET: Final = "budget used up"
"""The outcomes of an attempt; all but the first two mean that the provider was not asked."""


@dataclass(slots=True)
class Link:
    """One provider of the chain.

    Attributes:
        section: Its part of the configuration: ``name``, ``config``, ``package``.
        label: What it is called in results and status.
        stand_in: Whether others come before it.
        last: Whether none comes after it.
    """

    section: Mapping[str, Any]
    label: str
    breaker: Breaker
    limiter: Limiter
    stand_in: bool
    last: bool
    provider: LLMProvider | None = None
    calls: int = 0
    failures: int = 0
    last_error: str | None = None

    def ready_in(self, now: float) -> float:
        """Seconds until it may be asked, as far as its breaker and its rate go."""
        return max(self.breaker.ready_in(now), self.limiter.wait_for(now))

    def fitting(self, provider: LLMProvider, request: ChatRequest) -> ChatRequest:
        """The request as a stand-in gets it: without what is meant for the first alone.

        That is a model's name, which is another vendor's, and parameters that the model which
        stands in does not accept.
        """
        if not self.stand_in:
            return request
        changes: dict[str, Any] = {"model": None} if request.model else {}
        fitting = replace(request, **changes) if changes else request
        for name in ("temperature", "max_tokens"):
            if getattr(request, name) is not None and not provider.accepts(name, fitting):
                changes[name] = None
        options = {
            name: v for name, v in request.options.items() if provider.accepts(name, fitting)
        }
        if len(options) < len(request.options):
            changes["options"] = options
        return replace(request, **changes) if changes else request


@dataclass(slots=True)
class Run:
    """One request on its way along the chain.

    Attributes:
        until: When its time is up, in monotonic seconds.
        json: Whether the answer has to be JSON: a model that does not keep to it is not down.
        attempts: What was tried, and what was passed over.
        errors: What went wrong.
        repeats: How often the link was asked again.
        pause: Seconds until it is asked once more; None to ask the next one.
        answered: Whether there is an answer.
    """

    until: float
    json: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    repeats: int = 0
    pause: float | None = None
    answered: bool = False

    @property
    def left(self) -> float:
        """Seconds until its time is up."""
        return self.until - monotonic()

    def share(self, link: Link, most: float | None = None) -> float:
        """Seconds that an attempt may take: while others follow, half of what is left."""
        left = max(self.left, 0.0)
        if link.last:
            return left
        return min(left / 2, left if most is None else most)

    def note(
        self, link: Link, outcome: str, started: float, error: Exception | None = None
    ) -> None:
        """Record an attempt."""
        told = None if error is None else f"{type(error).__name__}: {_message(error)}"[:_LINE]
        seconds = monotonic() - started
        self.attempts.append(
            Attempt(provider=link.label, outcome=outcome, seconds=seconds, error=told)
        )
        if error is not None:
            self.errors.append(error)
            link.failures += 1
            link.last_error = told

    def pause_after(self, link: Link, error: Exception, longest: float) -> float | None:
        """Seconds until the link is asked again; None to ask the next one at once.

        Args:
            link: Who failed.
            error: How.
            longest: Pause that is made at a provider's request while others follow.
        """
        if not getattr(error, "retryable", False) or isinstance(error, _FINAL):
            return None
        if isinstance(error, ProviderTimeout) and not link.last:
            return None  # time is what a request has least of
        asked = getattr(error, "retry_after", None)
        if asked is None:
            pause = _backoff(self.repeats)
        elif asked > longest and not link.last:
            return None
        else:
            pause = asked * random.uniform(1.0, 1.1)  # noqa: S311 - jitter, never too early
        return pause if pause < self.left else None

    def blames_itself(self, error: Exception) -> bool:
        """Whether a failure says nothing about the provider."""
        return isinstance(error, _REQUESTS_FAULT) or (
            self.json and isinstance(error, MalformedResponse)
        )


class Overtaken(Exception):
    """While an attempt waited for its place, others found out that there is no use."""


@dataclass(slots=True)
class Trial:
    """One attempt under way.

    Attributes:
        permit: The breaker's.
        share: Seconds it may take.
        request: What is asked.
        started: Monotonic seconds.
        waiting: Whether it waits for a place; if that takes too long, it says nothing about the
            provider.
        operation: What telemetry hears of it, once the provider is asked.
    """

    link: Link
    run: Run
    permit: Permit
    share: float
    request: ChatRequest
    started: float
    waiting: bool = False
    operation: Operation | None = None

    @property
    def left(self) -> float:
        """Seconds of its share that are left."""
        return max(0.0, self.share - (monotonic() - self.started))

    def wait(self) -> float:
        """It waits for a place from now on; the seconds it has for that and for the answer.

        Building the provider is over: what an import takes, once, is not the provider's time.
        """
        self.waiting, self.started = True, monotonic()
        self.share = min(self.share, max(self.run.left, 0.0))
        return self.share

    def ask(self, provider: LLMProvider, fitting: ChatRequest) -> Operation:
        """There is a place: the provider is asked now.

        Raises:
            Overtaken: Its breaker opened meanwhile.
        """
        if not self.permit.holds:
            raise Overtaken
        self.waiting = False
        self.link.calls += 1
        self.operation = Operation.begun(self.link.label, provider, fitting)
        return self.operation

    def worked(self, result: ChatResult) -> None:
        """It ended with an answer."""
        self.permit.succeeded()
        self.run.note(self.link, OK, self.started)
        self.run.answered = True
        if self.operation is not None:
            self.operation.answered(result)

    def failed(self, error: BaseException, longest: float, *, begun: bool = False) -> None:
        """It ended with an error: note it, and decide whether the link is asked again.

        Args:
            error: What happened.
            longest: Pause that is made at a provider's request while others follow.
            begun: Whether a part of the answer was handed out, so that nobody is asked again.
        """
        run, link = self.run, self.link
        run.pause = None
        if not isinstance(error, Exception) or isinstance(error, InputError):
            self.permit.abandoned()  # cancelled, or the caller's mistake
        elif self.waiting:
            run.note(link, BUSY if self.permit.holds else OPEN, self.started)
            self.permit.abandoned()
        else:
            run.note(link, FAILED, self.started, error)
            if not begun:
                run.pause = run.pause_after(link, error, longest)
            if run.blames_itself(error):
                self.permit.abandoned()
            else:
                rest = None if run.pause is not None else getattr(error, "retry_after", None)
                hopeless = isinstance(error, _HOPELESS)
                self.permit.failed(monotonic(), rest=rest, at_once=hopeless)
        if self.operation is not None:
            self.operation.failed(error)

    def late(self, seconds: float) -> ProviderTimeout:
        """The error of an attempt that took longer than the seconds it had."""
        return ProviderTimeout(
            f"{self.link.label} did not answer within the {seconds:.3g} s that it had",
            provider=self.link.label,
        )


def exhausted(run: Run, links: Sequence[Link], budget: Budget, name: str) -> ProviderError:
    """The error of a chain that gave no answer; ``retry_after`` is when one of it may."""
    outcomes = (f"{one.provider}: {one.error or one.outcome}" for one in run.attempts)
    told = "; ".join(dict.fromkeys(outcomes))
    used_up = budget.exceeded()
    now = monotonic()
    soonest = budget.renewed_in() if used_up else min(link.ready_in(now) for link in links)
    if not soonest:
        waits = (getattr(error, "retry_after", None) for error in run.errors)
        soonest = min((wait for wait in waits if wait), default=0.0)
    wait = f"; ready again in {soonest:.0f} s at the earliest" if soonest >= 1 else ""
    error = _kind(run, used_up)(
        f"no provider of the chain answered: {told}{wait}",
        provider=name,
        retry_after=soonest or None,
        hint="luminora health",
    )
    error.attempts = tuple(run.attempts)
    return error


def broken_off(error: Exception, text: str, run: Run) -> ProviderError:
    """The error of an answer that ended too early, with what had come of it."""
    message = f"the answer broke off after {len(text)} characters: {_message(error)}"
    broken = retold(error, message)
    broken.partial_text = text
    broken.attempts = tuple(run.attempts)
    return broken


def _kind(run: Run, used_up: str | None) -> type[ProviderError]:
    """The class that says most: of what may pass, else of the first, else why none was asked."""
    if used_up and not run.errors:
        return QuotaExceeded
    for error in run.errors:
        if getattr(error, "retryable", False):
            return _own_class(error)
    if run.errors:
        return _own_class(run.errors[0])
    late = any(one.outcome == DEADLINE for one in run.attempts)
    return ProviderTimeout if late else Overloaded


def _own_class(error: Exception) -> type[ProviderError]:
    """The error's class in our tree."""
    if isinstance(error, CredentialsMissing):
        return AuthenticationFailed
    return type(retold(error, ""))


def _message(error: Exception) -> str:
    return error.message if isinstance(error, LuminoraError) else str(error)


def _backoff(attempt: int) -> float:
    pause: float = min(_LONGEST_BACKOFF, _BACKOFF_SECONDS * 2**attempt)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
