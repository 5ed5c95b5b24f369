"""The conformance kit: the suites our own providers pass, for everybody who publishes one.

Subclass the suite of your provider's kind in a pytest module, say how a provider is made, and run
pytest; no asyncio plugin is needed::

    from luminora.testing import CacheConformance, declared_capabilities
    from luminora_redis import RedisCache

    class TestRedis(CacheConformance):
        capabilities = declared_capabilities("luminora_redis", "cache", "redis")

        async def make_provider(self):
            return RedisCache({"url": "redis://localhost:6379/9"})

Every test belongs to a capability. What the mapping calls ``unsupported``, ``not_implemented`` or
``unknown`` is skipped with that reason; ``partial`` runs and may fail (reported as an expected
failure); what is ``full`` or not mentioned has to pass.

The kit imports pytest, which Luminora itself does not depend on: ``pip install pytest``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "luminora.testing runs on pytest, which is not installed: pip install pytest"
    ) from error

if TYPE_CHECKING:
    from luminora.testing.caches import CacheConformance
    from luminora.testing.embeddings import EmbeddingConformance
    from luminora.testing.kit import Conformance, capability, declared_capabilities
    from luminora.testing.llms import LLMConformance
    from luminora.testing.schema import migrate
    from luminora.testing.storages import StorageConformance
    from luminora.testing.vectors import VectorStoreConformance

_HOME = {
    "CacheConformance": "caches",
    "Conformance": "kit",
    "EmbeddingConformance": "embeddings",
    "LLMConformance": "llms",
    "StorageConformance": "storages",
    "VectorStoreConformance": "vectors",
    "capability": "kit",
    "declared_capabilities": "kit",
    "migrate": "schema",
}

__all__ = [
    "CacheConformance",
    "Conformance",
    "EmbeddingConformance",
    "LLMConformance",
    "StorageConformance",
    "VectorStoreConformance",
    "capability",
    "declared_capabilities",
    "migrate",
]

# Before any suite is imported, so that a failed assert shows its values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in sorted({*_HOME.values(), "storage_rows"})),
    f"{__name__}.storage_users",
    f"{__name__}.storage_values",
    f"{__name__}.storage_words",
    f"{__name__}.storage_writes",
)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
