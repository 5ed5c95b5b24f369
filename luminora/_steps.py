"""How long each step of a message takes, for whoever wants to know; else it costs one look-up.

An observer sees the steps of everything that is awaited where it was set, tasks included, and
nothing of what others do at the same time::

    with observed(lambda step, seconds: print(step, seconds)):
        await client.send_message(session, "Hola")

Steps: ``save``, ``recall`` (within it ``embed`` and ``search``), ``compile``, ``generate``,
``save reply``, then side by side ``index`` (within it ``embed messages``) and ``analyse``, and
``learn``. A streamed answer is not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from types import TracebackType

Observe = Callable[[str, float], None]
"""Takes a step's name and the seconds it took."""

_observer: ContextVar[Observe | None] = ContextVar("luminora_observer", default=None)


@contextmanager
def observed(observe: Observe) -> Iterator[None]:
    """Tell ``observe`` of every step that is finished in here."""
    token = _observer.set(observe)
    try:
        yield
    finally:
        _observer.reset(token)


class step:  # noqa: N801 - reads as what it is: with step("save")
    """One step; it is told of when it ends, unless it fails."""

    __slots__ = ("_begun", "_name", "_observe")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._observe = _observer.get()
        self._begun = perf_counter() if self._observe else 0.0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._observe is not None and kind is None:
            self._observe(self._name, perf_counter() - self._begun)
