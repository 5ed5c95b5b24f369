"""The client for code that does not await: scripts, notebooks, Django.

The same :class:`luminora.client.LuminoraCoreClient`, run on an event loop in a thread of its own::

    from luminora.sync import LuminoraCoreClient

    with LuminoraCoreClient.from_config() as client:
        session = client.create_session(user_id="diego")
        print(client.send_message(session, "Hola"))

There is no second implementation: each method below is made from the one of that name, and
``sync.pyi``, which ``tools/sync_stub.py`` writes, tells type checkers their signatures.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Self

from luminora import client as _async
from luminora._portal import Portal


class LuminoraCoreClient:
    """A companion that remembers; every method of the asynchronous client, waited for.

    May be used from several threads at once.
    """

    def __init__(self, client: _async.LuminoraCoreClient, portal: Portal) -> None:
        self._client = client
        self._portal = portal

    @classmethod
    def from_config(cls, *args: Any, **kwargs: Any) -> Self:
        """See :meth:`luminora.client.LuminoraCoreClient.from_config`."""
        portal = Portal()
        try:
            client = portal.run(_begin(*args, **kwargs))
        except BaseException:
            portal.close()
            raise
        return cls(client, portal)

    @property
    def config(self) -> Any:
        """The configuration in use."""
        return self._client.config

    @property
    def analytics(self) -> Any:
        """See :attr:`luminora.client.LuminoraCoreClient.analytics`; its methods wait too."""
        from luminora.analytics.twin import AnalyticsTwin  # noqa: PLC0415 - rarely asked

        return AnalyticsTwin(self._client.analytics, self._portal)

    def close(self) -> None:
        """Finish background work, close the stack and end the thread; twice is harmless."""
        if self._portal.closed:
            return
        try:
            self._portal.run(self._client.aclose())
        finally:
            self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


async def _begin(*args: Any, **kwargs: Any) -> _async.LuminoraCoreClient:
    """The client, built and opened on the loop it will live on."""
    return await _async.LuminoraCoreClient.from_config(*args, **kwargs)


def _waiting(method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: LuminoraCoreClient, *args: Any, **kwargs: Any) -> Any:
        return self._portal.run(method(self._client, *args, **kwargs))

    return call


def _iterating(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: LuminoraCoreClient, *args: Any, **kwargs: Any) -> Any:
        return self._portal.iterate(method(self._client, *args, **kwargs))

    return call


def mirrored() -> dict[str, Callable[..., Any]]:
    """The asynchronous methods that have a twin here, by name."""
    found = inspect.getmembers(_async.LuminoraCoreClient, inspect.isfunction)
    return {
        name: method
        for name, method in found
        if not name.startswith("_")
        and name not in {"open", "aclose"}
        and (inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method))
    }


for _name, _method in mirrored().items():
    _wrap = _iterating if inspect.isasyncgenfunction(_method) else _waiting
    setattr(LuminoraCoreClient, _name, _wrap(_method))
