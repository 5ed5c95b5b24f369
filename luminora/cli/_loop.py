"""Run coroutines so that Ctrl-C is noticed at any moment."""

from __future__ import annotations

import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T], runner: asyncio.Runner | None = None) -> _T:
    """The result of ``work``, on ``runner``'s event loop or on one of its own.

    An :class:`asyncio.Runner` by itself misses an interrupt that arrives just before its loop
    begins to wait; a signal handler of the loop's own wakes it.

    Raises:
        KeyboardInterrupt: Ctrl-C; ``work`` was cancelled and has ended. Pressed again meanwhile,
            it is not waited for.
    """
    import asyncio

    if runner is None:
        with asyncio.Runner() as own:
            return run(work, own)
    interrupted = False

    async def watched() -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            nonlocal interrupted
            if interrupted or task is None:
                raise KeyboardInterrupt
            interrupted = True
            task.cancel()

        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or another thread
            return await work
        try:
            return await work
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    try:
        return runner.run(watched())
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise
