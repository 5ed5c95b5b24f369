from __future__ import annotations

from typing import ClassVar

import pytest

from luminora.testing.doubles.vendor import Reply
from tests.plugins.embedding_behaviour import TEXTS, EmbeddingWireBehaviour
from tests.plugins.llm_behaviour import WireBehaviour
from tests.servers.vendors.imitators import HuggingFaceDouble


@pytest.mark.backend("llm huggingface", against=HuggingFaceDouble.title)
class TestChat(WireBehaviour):
    double_class = HuggingFaceDouble
    provider = "huggingface"
    key_env = "HF_TOKEN"
    base = "/v1"


@pytest.mark.backend("embedding huggingface", against=HuggingFaceDouble.title)
class TestEmbeddings(EmbeddingWireBehaviour):
    double_class = HuggingFaceDouble
    provider = "huggingface"
    key_env = "HF_TOKEN"
    base = "/v1"
    config: ClassVar = {"model": "org/of-sixteen"}
    indexed = False

    def answered(self, vectors):
        return Reply(body=vectors)

    def texts_in(self, double):
        return list(double.requests[-1].json["inputs"])


@pytest.mark.backend("embedding huggingface", against=HuggingFaceDouble.title)
class TestEmbeddingsWithPrefixes(EmbeddingWireBehaviour):
    double_class = HuggingFaceDouble
    provider = "huggingface"
    key_env = "HF_TOKEN"
    base = "/hf-inference"
    config: ClassVar = {"model": "someone/multilingual-e5-of-sixteen"}
    indexed = False

    def answered(self, vectors):
        return Reply(body=vectors)

    def texts_in(self, double):
        return [text.removeprefix("passage: ") for text in double.requests[-1].json["inputs"]]

    def seen(self, text):
        return f"passage: {text}"

    def purpose_in(self, double):
        return double.requests[-1].json["inputs"][0].removesuffix(TEXTS[0])
