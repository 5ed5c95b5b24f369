"""Tokens and cost, from what was recorded with each message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luminora.analytics.days import DayTally
from luminora.analytics.figures import ModelUse, Usage
from luminora.providers import Row

FREE = "offline"
"""The embedded responder: rules that run in this process and cost nothing."""


@dataclass(slots=True)
class _Use:
    calls: float = 0.0
    prompt: int = 0
    completion: int = 0
    cost: float | None = None
    unpriced: float = 0.0


class Spending:
    """Adds up model calls; a price that was not recorded is not made up."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, str, str], _Use] = {}
        self._unrecorded = 0

    def reply(self, row: Row, day: DayTally) -> None:
        """Count the call that made an assistant's message, if it was made here."""
        details = row["metadata"] or {}
        usage = details.get("usage")
        if isinstance(usage, Mapping):
            self._count({**details, **usage}, "reply", day)
        elif row["reply_to"] is not None:
            self._unrecorded += 1

    def analysis(self, row: Row, day: DayTally) -> None:
        """Count the call that analysed a user's message, or its share of one for several."""
        call = (row["metadata"] or {}).get("analysis")
        if isinstance(call, Mapping) and ("prompt_tokens" in call or "completion_tokens" in call):
            self._count(call, "analysis", day, 1 / max(_number(call, "batch"), 1))

    def _count(
        self, call: Mapping[str, Any], purpose: str, day: DayTally, calls: float = 1.0
    ) -> None:
        name = (str(call.get("provider") or "?"), str(call.get("model") or "?"), purpose)
        use = self._uses.setdefault(name, _Use())
        prompt, completion = _number(call, "prompt_tokens"), _number(call, "completion_tokens")
        cost = 0.0 if call.get("provider") == FREE else _amount(call.get("cost"))
        use.calls += calls
        use.prompt += prompt
        use.completion += completion
        day.tokens += prompt + completion
        if cost is None:
            use.unpriced += calls
        else:
            use.cost = (use.cost or 0.0) + cost
            day.cost = (day.cost or 0.0) + cost

    def usage(self) -> Usage:
        """What all came to."""
        uses = self._uses.values()
        costs = [use.cost for use in uses if use.cost is not None]
        models = [
            ModelUse(
                provider=provider,
                model=model,
                purpose=purpose,
                calls=round(use.calls),
                prompt_tokens=use.prompt,
                completion_tokens=use.completion,
                cost=use.cost,
                unpriced=round(use.unpriced),
            )
            for (provider, model, purpose), use in self._uses.items()
        ]
        return Usage(
            calls=round(sum(use.calls for use in uses)),
            prompt_tokens=sum(use.prompt for use in uses),
            completion_tokens=sum(use.completion for use in uses),
            cost=math.fsum(costs) if costs else None,
            unpriced=round(sum(use.unpriced for use in uses)),
            unrecorded=self._unrecorded,
            models=sorted(models, key=_weight),
        )


def _weight(use: ModelUse) -> tuple[int, str, str, str]:
    return -(use.prompt_tokens + use.completion_tokens), use.provider, use.model, use.purpose


def _number(call: Mapping[str, Any], name: str) -> int:
    number = call.get(name)
    return number if isinstance(number, int) and number > 0 else 0


def _amount(cost: Any) -> float | None:
    """The price, if it is one; anyone may have written into a message's metadata."""
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return float(cost) if math.isfinite(cost) and cost >= 0 else None
