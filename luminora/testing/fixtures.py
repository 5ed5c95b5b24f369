"""Fixtures for authors of plugins; :mod:`luminora.testing.plugin` brings them to a test suite.

Nothing is started or imported before a test asks for it. Servers are shared by a session and found
running by every test, whatever the last one did to them; each test gets a database, a prefix or a
port of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from luminora.testing.servers.mariadb import mariadb_database, mariadb_server, private_mariadb
from luminora.testing.servers.memcached import memcached_place, memcached_server
from luminora.testing.servers.postgresql import (
    postgres_admin,
    postgres_admin_url,
    postgres_database,
    postgres_server,
)
from luminora.testing.servers.redis import redis_place, redis_server, redis_url

if TYPE_CHECKING:
    from luminora.testing.doubles.openai import OpenAIDouble
    from luminora.testing.servers.proxy import Proxy

__all__ = [
    "fault_proxy",
    "mariadb_database",
    "mariadb_server",
    "memcached_place",
    "memcached_server",
    "openai_double",
    "postgres_admin",
    "postgres_admin_url",
    "postgres_database",
    "postgres_server",
    "private_mariadb",
    "redis_place",
    "redis_server",
    "redis_url",
]


@pytest.fixture
def openai_double() -> Iterator[OpenAIDouble]:
    """A server that speaks OpenAI's API: chat, streams, embeddings, and errors on request."""
    from luminora.testing.doubles.openai import OpenAIDouble

    double = OpenAIDouble()
    with double.running():
        yield double


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[int], Proxy]]:
    """Puts a proxy before a port, which cuts, stalls and counts; any number of times."""
    from luminora.testing.servers.proxy import Proxy

    with ExitStack() as proxies:
        yield lambda port: proxies.enter_context(Proxy(port))
