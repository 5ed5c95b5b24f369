"""How much analysis a day may cost, counted from what is stored, so that processes share it.

Every analysed message keeps its bill in ``metadata["analysis"]``; the sum over a day's messages is
what was spent. A message belongs to the UTC day on which it was said, whenever it is analysed, so
at midnight everybody starts anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from luminora.memory.clock import microseconds, now
from luminora.providers import (
    EVERY_USER,
    CheckResult,
    Is,
    Row,
    Scope,
    Status,
    StorageProvider,
    Usage,
)

_DAY = 86_400_000_000  # microseconds, the unit of ``messages.seq``
_FRESH_SECONDS = 30.0
_FREE = "offline"


@dataclass(slots=True)
class _Call:
    """A call of this process's, for one message."""

    user_id: str
    day: int
    calls: float = 0.0
    tokens: int = 0
    in_total: bool = False


class DailyBudget:
    """Admits calls until the day's limits are reached.

    One user's spending is read anew for every call; that of all users at most every 30 seconds,
    so other processes may overrun the overall limit by what they spend in that time. Calls of
    this process count from the moment they are admitted.

    Args:
        storage: Where the messages are.
        limits: ``calls`` and ``tokens`` of all users, ``user_calls`` and ``user_tokens`` of each;
            0 or absent is unlimited.
    """

    def __init__(self, storage: StorageProvider, limits: Mapping[str, int]) -> None:
        self._storage = storage
        self._limits = {name: limit for name, limit in limits.items() if limit}
        self._mine: dict[str, _Call] = {}
        self._total: tuple[int, float, float, int] | None = None
        self._lock = asyncio.Lock()

    async def admit(self, message: Row) -> str | None:
        """Why no call may be made for the message; None if one may, and counts from now on."""
        if not self._limits:
            return None
        async with self._lock:
            day = message["seq"] // _DAY
            if reason := await self._exceeded(message["user_id"], day):
                return reason
            self._call(message).calls += 1
        return None

    def spend(self, message: Row, usage: Usage) -> None:
        """Note what an admitted call cost, until it is stored with its message."""
        if self._limits:
            self._call(message).tokens += usage.total_tokens

    def share(self, message: Row, calls: float) -> None:
        """Note that a message took part in another's call, which is its share of one."""
        if self._limits:
            self._call(message).calls = calls

    async def check(self) -> CheckResult | None:
        """Whether the budget of all users is used up today; None if there is none."""
        if not {"calls", "tokens"} & self._limits.keys():
            return None
        async with self._lock:
            calls, tokens = await self._spent(EVERY_USER, microseconds(now()) // _DAY)
        reason = self._over("", calls, tokens)
        data = {"calls": round(calls), "tokens": tokens}
        status = Status.WARNING if reason else Status.OK
        detail = f"{round(calls):,} analysis calls and {tokens:,} tokens today"
        return CheckResult(status, reason or detail, data=data)

    def _call(self, message: Row) -> _Call:
        day = message["seq"] // _DAY
        return self._mine.setdefault(message["id"], _Call(message["user_id"], day))

    async def _exceeded(self, user_id: str, day: int) -> str | None:
        scopes: tuple[tuple[str, Scope], ...] = (("user_", user_id), ("", EVERY_USER))
        for prefix, scope in scopes:
            if self._limits.keys() & {f"{prefix}calls", f"{prefix}tokens"}:
                spent = await self._spent(scope, day)
                if reason := self._over(prefix, *spent):
                    return reason
        return None

    def _over(self, prefix: str, calls: float, tokens: int) -> str | None:
        # shares of one call add up to it but for rounding
        for name, spent in ((f"{prefix}calls", round(calls, 3)), (f"{prefix}tokens", tokens)):
            limit = self._limits.get(name, 0)
            if limit and spent >= limit:
                return f"memory.daily_budget.{name}: {limit:,} are used up until midnight UTC"
        return None

    async def _spent(self, scope: Scope, day: int) -> tuple[float, int]:
        if isinstance(scope, str):
            calls, tokens, stored = await self._read(scope, day)
            mine = [
                call
                for name, call in self._mine.items()
                if call.user_id == scope and call.day == day and name not in stored
            ]
        else:
            calls, tokens = await self._all(day)
            mine = [call for call in self._mine.values() if call.day == day and not call.in_total]
        return calls + sum(one.calls for one in mine), tokens + sum(one.tokens for one in mine)

    async def _all(self, day: int) -> tuple[float, int]:
        """What all users have spent, as it was read lately."""
        if self._total is None or self._total[0] != day or monotonic() > self._total[1]:
            calls, tokens, stored = await self._read(EVERY_USER, day)
            self._total = (day, monotonic() + _FRESH_SECONDS, calls, tokens)
            self._mine = {name: call for name, call in self._mine.items() if call.day >= day - 1}
            for name in stored & self._mine.keys():
                self._mine[name].in_total = True
        return self._total[2], self._total[3]

    async def _read(self, scope: Scope, day: int) -> tuple[float, int, set[str]]:
        calls, tokens, stored = 0.0, 0, set()
        where = {"speaker": "user", "seq": Is(">=", day * _DAY)}
        async for rows in self._storage.pages("messages", scope, where):
            for row in rows:
                bill = (row["metadata"] or {}).get("analysis")
                if row["seq"] // _DAY == day and isinstance(bill, Mapping):
                    stored.add(row["id"])
                    calls += _calls(bill)
                    tokens += bill.get("prompt_tokens", 0) + bill.get("completion_tokens", 0)
        return calls, tokens, stored


def _calls(bill: Mapping[str, Any]) -> float:
    """The share of a call that a message's bill stands for."""
    if "skipped" in bill or bill.get("provider") == _FREE:
        return 0.0
    return 1.0 / int(bill.get("batch", 1))
