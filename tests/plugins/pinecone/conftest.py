"""Stores for these tests: on the double, or on the real service where a key is given."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from luminora_pinecone.settings import Settings
from luminora_pinecone.store import PineconeStore

from luminora.providers import ProviderContext
from tests.servers.pinecone import KEY, PineconeDouble

REAL = os.environ.get("LUMINORA_TEST_PINECONE_API_KEY")
Make = Callable[..., PineconeStore]


def store_on(address: str, key: str = KEY, **config: Any) -> PineconeStore:
    """A store as the hook builds it."""
    given = {"host": address, "timeout_seconds": 5, **config}
    context = ProviderContext(data_dir=Path("unused"), env={"PINECONE_API_KEY": key})
    return PineconeStore(Settings.read(given, context))


@pytest.fixture
async def make(pinecone_double: PineconeDouble) -> AsyncIterator[Make]:
    """Builds stores on the double, with the settings given, and closes them."""
    stores: list[PineconeStore] = []

    def build(**config: Any) -> PineconeStore:
        stores.append(store_on(pinecone_double.url, **config))
        return stores[-1]

    yield build
    for store in stores:
        await store.aclose()


def real_store(**config: Any) -> PineconeStore:
    """A store on the real service, in an index of its own."""
    name = f"luminora-test-{uuid.uuid4().hex[:12]}"
    context = ProviderContext(data_dir=Path("unused"), env={"PINECONE_API_KEY": REAL or ""})
    return PineconeStore(Settings.read({"index_name": name, **config}, context))
