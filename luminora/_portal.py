"""An event loop in a thread, for code that does not await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """An event loop in a thread, until closed.

    Args:
        what: What runs on it, for the error of using it afterwards.
    """

    def __init__(self, what: str = "this client") -> None:
        self._what = what
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.name = "luminora-sync"
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether the loop has ended."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; interrupting the wait cancels it."""
        if self.closed:
            work.close()
            raise RuntimeError(f"{self._what} is closed")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """The items as they come; leaving the loop early ends their source."""
        done = object()

        async def following() -> Any:
            return await anext(items, done)

        try:
            while (item := self.run(following())) is not done:
                yield item
        finally:
            close = getattr(items, "aclose", None)
            if close is not None and not self.closed:
                self.run(close())

    def close(self) -> None:
        """Stop the loop and the thread; twice is harmless."""
        if not self.closed:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
