"""The clients for code that does not await: scripts, notebooks, Django.

::

    from luminoracore_sdk.sync import LuminoraCoreClientV11

    with LuminoraCoreClientV11(storage_v11=SQLiteStorageV11("companion.db")) as client:
        print(client.send_message_with_memory("diego", "Hola, soy Diego"))

The same clients, built from the same arguments, on an event loop in a thread of its own; every
method is the asynchronous one, waited for.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, ClassVar, Self

from luminora._portal import Portal
from luminoracore_sdk import client, client_v1_1


class _Waiting:
    """Waits for the methods of another client; may be used from several threads at once."""

    _of: ClassVar[type[Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._client = self._of(*args, **kwargs)
        self._portal = Portal()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._client, name)
        if inspect.isasyncgenfunction(found):
            return lambda *args, **kwargs: self._portal.iterate(found(*args, **kwargs))
        if not inspect.iscoroutinefunction(found):
            return found

        @functools.wraps(found)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._portal.run(found(*args, **kwargs))

        return call

    def close(self) -> None:
        """Let go of the database and end the thread; twice is harmless."""
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


class LuminoraCoreClient(_Waiting):
    """See :class:`luminoracore_sdk.LuminoraCoreClient`."""

    _of = client.LuminoraCoreClient


class LuminoraCoreClientV11(_Waiting):
    """See :class:`luminoracore_sdk.LuminoraCoreClientV11`."""

    _of = client_v1_1.LuminoraCoreClientV11
