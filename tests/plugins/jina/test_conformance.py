from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from luminora.testing import EmbeddingConformance, declared_capabilities
from luminora.testing.doubles.vendor import KEY
from tests.plugins.building import built
from tests.servers.vendors.jina import JinaDouble

pytestmark = [pytest.mark.backend("embedding jina", against=JinaDouble.title)]


class TestEmbeddings(EmbeddingConformance):
    capabilities: ClassVar = declared_capabilities("luminora_jina", "embedding", "jina")
    config: ClassVar = {}

    @pytest.fixture(autouse=True)
    def double(self) -> Iterator[None]:
        self.vendor = JinaDouble()
        with self.vendor.running():
            yield

    async def make_provider(self):
        config = {"api_base": f"{self.vendor.url}/v1", **self.config}
        return built("embedding", "jina", config, {"JINA_API_KEY": KEY})


class TestFourthVersion(TestEmbeddings):
    config: ClassVar = {"model": "jina-embeddings-v4", "dimension": 128}


class TestSecondVersion(TestEmbeddings):
    config: ClassVar = {"model": "jina-embeddings-v2-base-es"}
