"""A language model made of language models: what fails is a slower answer, not an outage.

A chain of providers is asked in order. One that fails for a moment is asked again after a pause, or
after the pause it asks for; one that fails for good, is open at its breaker, or would make us wait
too long, is passed over. One total deadline stands over all of it, and while others follow, an
attempt has half of what is left of it. Every attempt is recorded on the result. A provider is built
when the chain first reaches it, so that a local model is not loaded as long as the ones before it
answer.

A streamed answer falls back until its first piece; an answer that breaks off later ends with an
error that carries what had come.

:func:`get_gateway` is the same for code that does not await.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from luminora import _chain
from luminora._chain import Link, Run, Trial
from luminora._circuits import Breaker, Budget, Limiter, Permit
from luminora.errors import ConfigError, InputError, LuminoraError
from luminora.providers import (
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    LLMProvider,
    Status,
    Usage,
)

if TYPE_CHECKING:
    from luminora._sync_gateway import SyncGateway

Build = Callable[[Mapping[str, Any]], LLMProvider]
"""Builds the provider of a section of a configuration."""

_ROLES: Final = frozenset({"system", "user", "assistant"})
_CHECK_SECONDS: Final = 20.0
_Answer = tuple[dict[str, Any], ChatResult]
_Ask = Callable[[LLMProvider, ChatRequest], Awaitable[_Answer]]


def get_gateway() -> SyncGateway:
    """The one gateway of this process for code that does not await.

    It serves the configured language model, with the fallback behind it; where nothing is
    configured, every installed one whose key is in the environment, and ``offline`` at the end.

    Raises:
        ConfigError, PluginError: The configuration cannot be used.
    """
    from luminora import _sync_gateway  # noqa: PLC0415 - loads configuration and plugins

    return _sync_gateway.get_gateway()


class Gateway(LLMProvider):
    """The chain.

    Args:
        config: ``chain`` (sections or names), ``total_seconds``, ``attempt_seconds``,
            ``wait_seconds``, ``retries``, ``breaker``, ``limits`` by provider, ``budget``.
        build: Builds a provider of the chain.

    Raises:
        ConfigError: ``limits`` names a provider that is not in the chain.
    """

    name = "gateway"

    def __init__(self, config: Mapping[str, Any], build: Build) -> None:
        self._build = build
        self._total = float(config.get("total_seconds", 90.0))
        self._attempt: float | None = config.get("attempt_seconds")
        self._wait = float(config.get("wait_seconds", 10.0))
        self._retries = int(config.get("retries", 2))
        self.budget = Budget(**config.get("budget", {}))
        self.links = _links(config)

    async def chat(self, request: ChatRequest) -> ChatResult:
        """The first answer that the chain gives.

        Raises:
            ProviderError: None of them answered; its ``attempts`` say why, one by one.
            InputError: A message has a role that no model knows.
        """

        async def ask(provider: LLMProvider, fitting: ChatRequest) -> _Answer:
            return {}, await provider.chat(fitting)

        return (await self._first(request, ask))[1]

    async def chat_json(self, request: ChatRequest) -> tuple[dict[str, Any], ChatResult]:
        """The first answer that is the JSON it was asked for; see :meth:`LLMProvider.chat_json`.

        Raises:
            ProviderError: As :meth:`chat`; a model that does not keep to JSON is passed over.
            InputError: As :meth:`chat`.
        """

        async def ask(provider: LLMProvider, fitting: ChatRequest) -> _Answer:
            return await provider.chat_json(fitting)

        return await self._first(request, ask, json=True)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The first answer whose first piece comes; the last piece is empty and has the attempts.

        Raises:
            ProviderError: None came, or the answer broke off: then ``partial_text`` holds what
                had come.
            InputError: As :meth:`chat`.
        """
        run = self._begin(request)
        async for trial in self._trials(request, run):
            async with aclosing(self._pieces(trial)) as deltas:
                async for delta in deltas:
                    yield delta
        if not run.answered:
            raise _chain.exhausted(run, self.links, self.budget, self.name)

    # one request

    def _begin(self, request: ChatRequest, *, json: bool = False) -> Run:
        for turn in request.messages:
            if turn.role not in _ROLES or not isinstance(turn.content, str):
                raise InputError(
                    f"a message has the role {turn.role!r} and a {type(turn.content).__name__} as "
                    "its content; a model knows system, user and assistant, and text"
                )
        return Run(monotonic() + self._total, json)

    async def _first(self, request: ChatRequest, ask: _Ask, *, json: bool = False) -> _Answer:
        """The first answer of the chain."""
        run = self._begin(request, json=json)
        answer: _Answer | None = None
        async for trial in self._trials(request, run):
            try:
                provider, fitting = self._ready(trial)
                async with asyncio.timeout(trial.wait()), trial.link.limiter.place():
                    with trial.ask(provider, fitting).current():
                        found, result = await ask(provider, fitting)
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
                self._failed(trial, error)
            else:
                trial.worked(result)
                self.budget.spend(result.usage)
                answer = found, replace(result, attempts=tuple(run.attempts))
        if answer is None:  # not returned above: a loop that is left costs a task to clean up
            raise _chain.exhausted(run, self.links, self.budget, self.name)
        return answer

    async def _pieces(self, trial: Trial) -> AsyncGenerator[ChatDelta]:
        """The pieces of one attempt and a last, empty one; none if it fails before the first."""
        said: list[str] = []
        end = ChatDelta()
        try:
            async with AsyncExitStack() as held:
                provider, fitting = self._ready(trial)
                async with asyncio.timeout(trial.wait()):
                    await held.enter_async_context(trial.link.limiter.place())
                trial.ask(provider, fitting)
                deltas = provider.stream(fitting)
                held.push_async_callback(_close, deltas)
                while True:
                    async with asyncio.timeout(trial.run.left if said else trial.left):
                        delta = await anext(deltas, None)
                    if delta is None:
                        break
                    end = _later(end, delta)
                    if delta.text:
                        said.append(delta.text)
                        yield ChatDelta(text=delta.text, model=end.model)
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
            self._failed(trial, error, "".join(said))
            return
        usage = end.usage or Usage()
        reason = end.finish_reason or "stop"
        model = end.model or trial.link.label
        trial.worked(ChatResult(text="".join(said), model=model, usage=usage, finish_reason=reason))
        self.budget.spend(usage)
        yield replace(end, model=model, finish_reason=reason, attempts=tuple(trial.run.attempts))

    async def _trials(self, request: ChatRequest, run: Run) -> AsyncIterator[Trial]:
        """An attempt for whoever's turn it is, until one of them ends with an answer."""
        for link in self.links:
            for run.repeats in range(self._retries + 1):
                permit = await self._admitted(link, run)
                if permit is None:
                    break
                share = run.share(link, self._attempt)
                yield Trial(link, run, permit, share, request, monotonic())
                if run.answered:
                    return
                if run.pause is None:
                    break
                await asyncio.sleep(run.pause)

    async def _admitted(self, link: Link, run: Run) -> Permit | None:
        """Leave to ask the link, once its rate allows it; None if it is passed over."""
        now = monotonic()
        share = run.share(link, self._attempt)
        wait = link.limiter.wait_for(now)
        permit = None
        if share <= 0:
            outcome = _chain.DEADLINE
        elif wait >= share:
            outcome = _chain.RATE
        elif self._too_dear(link):
            outcome = _chain.BUDGET
        else:
            outcome, permit = _chain.OPEN, link.breaker.admit(now)
        if permit is None:
            run.note(link, outcome, now)
            return None
        link.limiter.book(now + wait)
        if wait:
            try:
                await asyncio.sleep(wait)
            except BaseException:
                link.limiter.unbook(now + wait)
                permit.abandoned()
                raise
        return permit

    def _failed(self, trial: Trial, error: BaseException, said: str = "") -> None:
        """Take note of a failure; raise it if it is not one to fall back from."""
        if isinstance(error, TimeoutError) and not isinstance(error, LuminoraError):
            late = trial.late(self._total if said else trial.share)
            late.__cause__ = error
            error = late
        trial.failed(error, self._wait, begun=bool(said))
        if not isinstance(error, Exception) or isinstance(error, InputError):
            raise error
        if said:
            raise _chain.broken_off(error, said, trial.run) from error

    def _too_dear(self, link: Link) -> bool:
        """Whether the budget is used up and the link's answers cost something."""
        if self.budget.exceeded() is None:
            return False
        try:
            return self._provider(link).metered
        except Exception:  # noqa: BLE001 - a plugin may raise anything; asking it tells what
            return False

    def _ready(self, trial: Trial) -> tuple[LLMProvider, ChatRequest]:
        """The provider of an attempt, built if this is the first, and its request."""
        provider = self._provider(trial.link)
        return provider, trial.link.fitting(provider, trial.request)

    def _provider(self, link: Link) -> LLMProvider:
        if link.provider is None:
            link.provider = self._build(link.section)
        return link.provider

    # the chain as a whole

    def accepts(self, parameter: str, request: ChatRequest) -> bool:
        """Whether the first of the chain accepts a parameter; the others are asked without."""
        try:
            return self._provider(self.links[0]).accepts(parameter, request)
        except Exception:  # noqa: BLE001 - a plugin may raise anything; asking it tells what
            return True

    def get_status(self) -> dict[str, Any]:
        """The chain as it stands.

        Returns:
            ``available_providers`` (those that may be asked now), ``providers`` (by label:
            ``breaker``, ``ready_in`` seconds, ``built``, ``calls``, ``failures``,
            ``last_error``) and ``spent`` today (``usd``, ``tokens``).
        """
        now = monotonic()
        states = {link.label: link.breaker.state(now) for link in self.links}
        return {
            "available_providers": [label for label, state in states.items() if state != "open"],
            "providers": {
                link.label: {
                    "breaker": states[link.label],
                    "ready_in": round(link.ready_in(now), 3),
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
                async with asyncio.timeout(_CHECK_SECONDS):
                    return await self._provider(link).check()
            except TimeoutError:
                return CheckResult(Status.ERROR, f"no answer within {_CHECK_SECONDS:g} s")
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                return CheckResult(Status.ERROR, f"{error}")

        results = await asyncio.gather(*(checked(link) for link in self.links))
        return {link.label: result for link, result in zip(self.links, results, strict=True)}

    async def check(self) -> CheckResult:
        """Usable if one of the chain is; with a reservation if not all are."""
        results = await self.health()
        working = [label for label, one in results.items() if one.status is not Status.ERROR]
        detail = "; ".join(f"{label}: {one.detail}" for label, one in results.items())
        data = self.get_status()
        if not working:
            return CheckResult(Status.ERROR, detail, data=data)
        whole = all(one.status is Status.OK for one in results.values())
        return CheckResult(Status.OK if whole else Status.WARNING, detail, data=data)

    async def aclose(self) -> None:
        """Close those that were built; the first failure is raised after all were tried."""
        built = [link.provider for link in self.links if link.provider is not None]
        closing = (provider.aclose() for provider in built)
        for outcome in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome


def _links(config: Mapping[str, Any]) -> list[Link]:
    """The chain's links; the second of one name is called ``name#2``."""
    breaker, limits = config.get("breaker", {}), config.get("limits", {})
    sections = [{"name": one} if isinstance(one, str) else one for one in config["chain"]]
    names = [section["name"] for section in sections]
    labels = [
        name if name not in names[:place] else f"{name}#{names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    ]
    if strange := sorted(set(limits) - {*names, *labels}):
        raise ConfigError(
            f"the gateway limits '{strange[0]}', which is not in its chain: {', '.join(labels)}",
            where="limits",
        )
    return [
        Link(
            section=section,
            label=label,
            breaker=Breaker(**breaker),
            limiter=Limiter(**limits.get(label, limits.get(section["name"], {}))),
            stand_in=place > 0,
            last=place == len(sections) - 1,
        )
        for place, (section, label) in enumerate(zip(sections, labels, strict=True))
    ]


def _later(end: ChatDelta, delta: ChatDelta) -> ChatDelta:
    """What the end of a stream says, as far as its pieces have said it."""
    if delta.usage is None and delta.finish_reason is None and delta.model in {None, end.model}:
        return end
    return ChatDelta(
        model=delta.model or end.model,
        usage=delta.usage or end.usage,
        finish_reason=delta.finish_reason or end.finish_reason,
    )


async def _close(deltas: AsyncIterator[ChatDelta]) -> None:
    """Close a stream, and with it the connection."""
    close = getattr(deltas, "aclose", None)
    if close is not None:
        await close()
