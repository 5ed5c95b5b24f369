"""Luminora: AI companions that remember, on whatever stack you already have.

Importing this package loads no third-party module; each name below is loaded when it is used::

    from luminora import LuminoraCoreClient

    async with LuminoraCoreClient.from_config() as client:
        session = await client.create_session(user_id="diego", personality="sakura")
        print((await client.send_message(session, "Hola, soy Diego")).text)
"""

from __future__ import annotations

from luminora._version import API_VERSION, __version__

TYPE_CHECKING = False  # what `typing` calls it, without the cost of importing that
if TYPE_CHECKING:
    from luminora.client import LuminoraCoreClient
    from luminora.config import Config, load_config
    from luminora.errors import LuminoraError
    from luminora.gateway import get_gateway
    from luminora.hookspecs import hookimpl
    from luminora.memory.models import (
        AffinityInfo,
        Episode,
        Fact,
        MemorySearchResult,
        Message,
        MoodInfo,
        Response,
    )

_HOME = {
    "AffinityInfo": "luminora.memory.models",
    "Config": "luminora.config",
    "Episode": "luminora.memory.models",
    "Fact": "luminora.memory.models",
    "LuminoraCoreClient": "luminora.client",
    "LuminoraError": "luminora.errors",
    "MemorySearchResult": "luminora.memory.models",
    "Message": "luminora.memory.models",
    "MoodInfo": "luminora.memory.models",
    "Response": "luminora.memory.models",
    "get_gateway": "luminora.gateway",
    "hookimpl": "luminora.hookspecs",
    "load_config": "luminora.config",
}

__all__ = [
    "API_VERSION",
    "AffinityInfo",
    "Config",
    "Episode",
    "Fact",
    "LuminoraCoreClient",
    "LuminoraError",
    "MemorySearchResult",
    "Message",
    "MoodInfo",
    "Response",
    "__version__",
    "get_gateway",
    "hookimpl",
    "load_config",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'luminora' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - part of being lazy

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
