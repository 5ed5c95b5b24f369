"""Stores for these tests: on the double, or on a real server where its address is given."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from luminora_weaviate.settings import Settings
from luminora_weaviate.store import WeaviateStore

from luminora.providers import ProviderContext
from tests.servers.weaviate import WeaviateDouble

REAL = os.environ.get("LUMINORA_TEST_WEAVIATE_URL")
Make = Callable[..., WeaviateStore]


def store_with(env: dict[str, str] | None = None, **config: Any) -> WeaviateStore:
    """A store as the hook builds it."""
    context = ProviderContext(data_dir=Path("unused"), env=env or {})
    return WeaviateStore(Settings.read(config, context))


def store_on(
    double: WeaviateDouble, env: dict[str, str] | None = None, **config: Any
) -> WeaviateStore:
    """A store on the double."""
    given = {"url": double.url, "grpc_port": double.grpc_port, "timeout_seconds": 5}
    return store_with(env, **{**given, **config})


@pytest.fixture(scope="session")
def weaviate_server() -> Iterator[WeaviateDouble]:
    """One double for all tests."""
    double = WeaviateDouble()
    double.start()
    yield double
    double.kill()


@pytest.fixture
def weaviate_double(weaviate_server: WeaviateDouble) -> WeaviateDouble:
    """The double, empty and without faults."""
    weaviate_server.clear()
    return weaviate_server


@pytest.fixture
async def make(weaviate_double: WeaviateDouble) -> AsyncIterator[Make]:
    """Builds stores on the double, with the settings given, and closes them."""
    stores: list[WeaviateStore] = []

    def build(env: dict[str, str] | None = None, **config: Any) -> WeaviateStore:
        stores.append(store_on(weaviate_double, env, **config))
        return stores[-1]

    yield build
    for store in stores:
        await store.aclose()


def real_store() -> WeaviateStore:
    """A store on a real server, in a collection of its own."""
    config: dict[str, Any] = {
        "url": REAL,
        "allow_insecure": True,
        "collection_name": f"LuminoraTest{uuid.uuid4().hex[:12]}",
    }
    if "LUMINORA_TEST_WEAVIATE_GRPC_PORT" in os.environ:
        config["grpc_port"] = int(os.environ["LUMINORA_TEST_WEAVIATE_GRPC_PORT"])
    if "LUMINORA_TEST_WEAVIATE_API_KEY" in os.environ:
        config["api_key_env"] = "LUMINORA_TEST_WEAVIATE_API_KEY"
    return store_with(dict(os.environ), **config)
