"""An event loop whose time passes only while everything waits, and then at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from luminora import _chain, gateway

T = TypeVar("T")


class _Impatient(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Does not wait: what would have been waited for has passed."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everything waits for something that never comes")
        self.passed += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock begins at 1000 s; a sleep of an hour takes no time."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return 1000.0 + self._impatient.passed


def virtual(monkeypatch: pytest.MonkeyPatch, work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, in virtual time; the gateway's clock is the loop's."""
    loop = VirtualLoop()
    for module in (gateway, _chain):
        monkeypatch.setattr(module, "monotonic", loop.time)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
