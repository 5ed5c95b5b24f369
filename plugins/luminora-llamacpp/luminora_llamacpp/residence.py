"""A model's stay in memory: loaded by the first that needs it, kept while used, then let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Timer

from luminora_llamacpp.engine import Engine


class Residence:
    """Holds one engine, or none. All methods block; call them from worker threads.

    Args:
        load: Loads the engine.
        idle_seconds: Unload after so long without use; 0 for never.
    """

    def __init__(self, load: Callable[[], Engine], idle_seconds: float = 0.0) -> None:
        self._load = load
        self._idle = idle_seconds
        self._engine: Engine | None = None
        self._changing = False
        self._users = 0
        self._quiet = Condition()
        self._timer: Timer | None = None

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._engine is not None

    @contextmanager
    def use(self) -> Iterator[Engine]:
        """The engine, loaded if need be; it stays as long as the block runs."""
        engine = self._enter()
        try:
            yield engine
        finally:
            self._leave()

    def unload(self) -> bool:
        """Give the memory back once nobody uses it; whether there was something to give."""
        with self._quiet:
            self._stop_timer()
            self._quiet.wait_for(lambda: not self._users and not self._changing)
            return self._drop()

    def _enter(self) -> Engine:
        with self._quiet:
            self._stop_timer()
            self._quiet.wait_for(lambda: not self._changing)
            if self._engine is not None:
                self._users += 1
                return self._engine
            self._changing = True
        engine = None
        try:
            engine = self._load()
        finally:
            with self._quiet:
                self._changing = False
                self._engine = engine
                self._users += engine is not None
                self._quiet.notify_all()
        return engine

    def _leave(self) -> None:
        with self._quiet:
            self._users -= 1
            self._quiet.notify_all()
            if not self._users and self._idle:
                self._timer = Timer(self._idle, self._unused)
                self._timer.daemon = True
                self._timer.start()

    def _unused(self) -> None:
        with self._quiet:
            if not self._users and not self._changing:
                self._drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> bool:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        return engine is not None
