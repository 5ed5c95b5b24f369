"""Who says what a message means: the model, or the rules where it is not worth a call or fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from luminora.errors import ContentFiltered, InvalidRequest, MalformedResponse
from luminora.memory.analysis import (
    Analysis,
    analysis_request,
    batch_request,
    read_analysis,
    read_batch,
)
from luminora.memory.budget import DailyBudget
from luminora.memory.trivial import trivial
from luminora.memory.voice import Found, Voice, stood_in
from luminora.providers import Grounding, Row, Usage

log = logging.getLogger(__name__)

Case = tuple[Row, Grounding]
"""A message's row and what is known around it."""

_ABOUT_A_TEXT = (ContentFiltered, InvalidRequest, MalformedResponse)
_MAX_REASON = 200


class Analyst:
    """Analyses messages, one or several in a call.

    Args:
        voice: The model and the rules.
        budget: What a day's calls may cost.
        skip_trivial: Leave messages like "ok" to the rules.
    """

    def __init__(self, voice: Voice, budget: DailyBudget, *, skip_trivial: bool = True) -> None:
        self._voice = voice
        self._budget = budget
        self._skip_trivial = skip_trivial

    async def analyse(self, case: Case) -> Analysis:
        """What one message means.

        Raises:
            LuminoraError: The model failed and no rules stand in.
        """
        done = await self._without_a_call(case)
        return done or await self._asked(case)

    async def analyse_all(self, cases: Sequence[Case]) -> dict[str, Analysis]:
        """What messages of one session mean, by their ids; those left out come alone next time.

        Raises:
            LuminoraError: As :meth:`analyse`.
        """
        if self._voice.rules_only:  # a call costs nothing, and rules read one message at a time
            return {case[0]["id"]: await self._asked(case) for case in cases}
        found: dict[str, Analysis] = {}
        open_cases: list[Case] = []
        for case in cases:
            done = await self._spared(case)
            if done is None:
                open_cases.append(case)
            else:
                found[case[0]["id"]] = done
        if len(open_cases) == 1:
            return found | {open_cases[0][0]["id"]: await self.analyse(open_cases[0])}
        return found | (await self._asked_together(open_cases) if open_cases else {})

    async def _without_a_call(self, case: Case) -> Analysis | None:
        return await self._spared(case) or await self._unaffordable(case)

    async def _spared(self, case: Case) -> Analysis | None:
        """The rules' analysis of a message that is not worth a call."""
        worthless = self._skip_trivial and self._voice.has_rules and trivial(case[1])
        return await self._by_rules(case, skipped="trivial") if worthless else None

    async def _unaffordable(self, case: Case) -> Analysis | None:
        """The rules' analysis once the day's budget is used up."""
        reason = await self._budget.admit(case[0]) if self._voice.metered else None
        return await self._by_rules(case, degraded=reason) if reason else None

    async def _asked(self, case: Case) -> Analysis:
        message, grounding = case
        try:
            found = await self._voice.extract(analysis_request(grounding))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            return await self._by_rules(case, degraded=self._voice.failure(error))
        self._budget.spend(message, found.result.usage)
        return _billed(read_analysis(found.answer, grounding), found, found.result.usage)

    async def _asked_together(self, cases: Sequence[Case]) -> dict[str, Analysis]:
        first = cases[0][0]
        if await self._unaffordable(cases[0]):
            return {case[0]["id"]: await self.analyse(case) for case in cases}
        named = {f"m{place}": case for place, case in enumerate(cases, 1)}
        groundings = {name: grounding for name, (_, grounding) in named.items()}
        try:
            found = await self._voice.extract(batch_request(groundings))
        except _ABOUT_A_TEXT as error:
            log.info("%d messages will be analysed one by one: %s", len(cases), error)
            return {}
        except Exception as error:  # noqa: BLE001 - see above
            reason = self._voice.failure(error)
            return {case[0]["id"]: await self._by_rules(case, degraded=reason) for case in cases}
        read, dropped = read_batch(found.answer, groundings)
        if dropped:
            log.info("%d items of a batch's analysis were skipped", dropped)
        self._budget.spend(first, found.result.usage)
        for name in read:
            self._budget.share(named[name][0], 1 / len(read))
        shares = _shares(found.result.usage, len(read))
        return {
            named[name][0]["id"]: _billed(analysis, found, usage, batch=len(read))
            for (name, analysis), usage in zip(read.items(), shares, strict=True)
        }

    async def _by_rules(self, case: Case, **why: str) -> Analysis:
        """The rules' analysis, with the reason why the model's was not asked for or not had."""
        bill = {name: reason[:_MAX_REASON] for name, reason in why.items()}
        degraded = "degraded" in why
        if not self._voice.has_rules:  # nothing can be learned, but nothing is spent either
            return Analysis(degraded=degraded, bill=bill)
        found = await self._voice.by_rules(analysis_request(case[1]))
        analysis = _billed(read_analysis(found.answer, case[1]), found, Usage(), **bill)
        return replace(analysis, degraded=degraded)


def _billed(analysis: Analysis, found: Found, usage: Usage, **more: Any) -> Analysis:
    bill: dict[str, Any] = {
        "provider": found.provider,
        "model": found.result.model,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        **more,
    }
    if usage.cost is not None:
        bill["cost"] = usage.cost
    reason = stood_in(found.result.attempts)
    if reason is not None:
        bill["degraded"] = reason[:_MAX_REASON]
    if analysis.dropped:
        bill["dropped"] = analysis.dropped
    return replace(analysis, bill=bill, degraded=reason is not None)


def _shares(usage: Usage, count: int) -> list[Usage]:
    """A call's usage in ``count`` parts that add up to it."""
    if not count:
        return []
    cost = None if usage.cost is None else usage.cost / count

    def part(whole: int, place: int) -> int:
        return whole * (place + 1) // count - whole * place // count

    return [
        Usage(part(usage.prompt_tokens, place), part(usage.completion_tokens, place), cost)
        for place in range(count)
    ]
