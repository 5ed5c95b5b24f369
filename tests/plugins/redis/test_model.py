from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from luminora_redis.storage import RedisStorage

from luminora.testing import migrate
from luminora.testing.servers.redis import URL, RedisPlace, RedisServer
from tests.plugins.redis.made import storage_at
from tests.providers.model import machine

pytestmark = [
    pytest.mark.backend("storage redis", against="redis"),
    pytest.mark.xdist_group("redis"),
    pytest.mark.usefixtures("reachable"),
]

_url: list[str] = []
_PREFIX = f"model-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def reachable(request: pytest.FixtureRequest) -> Iterator[None]:
    """The machine is no pytest test and asks for no fixtures: it finds the server here."""
    if not os.environ.get(URL):
        server: RedisServer = request.getfixturevalue("redis_server")
        if not server.ready():
            server.restart()
        _url.append(server.url)
    else:
        _url.append(os.environ[URL])
    yield
    everything = RedisPlace(_url.pop(), _PREFIX)
    for name in everything.names():
        everything.call("DEL", name.encode("latin-1"))


async def fresh(_: Path) -> RedisStorage:
    storage = storage_at(RedisPlace(_url[0], f"{_PREFIX}-{uuid4().hex[:8]}"))
    await migrate(storage)
    await storage.connect()
    return storage


TestModel = machine(fresh, examples=10, steps=15)
