"""The tiny model, and a provider on it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from luminora.testing.servers.base import missing
from tests.plugins.building import built


@pytest.fixture(autouse=True)
def _engine_is_here():
    if find_spec("xllamacpp") is None:
        missing("xllamacpp", "pip install xllamacpp")


@pytest.fixture
def make(tiny_gguf):
    """Builds the provider as the kernel does."""

    def make(**config):
        settings = {"model_path": str(tiny_gguf), "threads": 1, **config}
        return built("llm", "llamacpp", settings, {})

    return make
