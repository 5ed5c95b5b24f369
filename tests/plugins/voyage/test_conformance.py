from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.voyage import VoyageDouble

pytestmark = [pytest.mark.backend("embedding voyage", against=VoyageDouble.title)]


class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = declared_capabilities("luminora_voyage", "embedding", "voyage")
    config: ClassVar = {}

    @pytest.fixture(autouse=True)
    def double(self) -> Iterator[None]:
        self.vendor = VoyageDouble()
        with self.vendor.running():
            yield

    async def make_provider(self):
        config = {"api_base": f"{self.vendor.url}/v1", **self.config}
        return built("embedding", "voyage", config, {"VOYAGE_API_KEY": KEY})


class TestShortVectors(TestEmbeddings):
    config: ClassVar = {"model": "voyage-4-lite", "dimension": 256}


class TestFloats(TestEmbeddings):
    config: ClassVar = {"model": "voyage-law-2", "encoding": "float"}
