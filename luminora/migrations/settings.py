"""What a configuration says about migrations: where vectors live, their dimension, their index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora._index import known
from luminora.config import Config
from luminora.errors import ConfigError
from luminora.migrations.render import Parameters
from luminora.providers import Kind


def parameters_of(
    config: Config, *, table_prefix: str, dimension: int | None = None, index: str | None = None
) -> tuple[Parameters, bool]:
    """What to render templates with, and whether the embedding dimension has yet to be probed.

    Args:
        config: The configuration.
        table_prefix: The storage's.
        dimension: Stands in for what the config says.
        index: Stands in for what the config says.

    Raises:
        InputError: A value is of the wrong type or out of bounds.
    """
    store = _settings(config, Kind.VECTOR_STORE)
    size = dimension if dimension is not None else declared_dimension(config)
    chosen: dict[str, Any] = {
        "index": index or store.get("index_type"),
        "lists": store.get("lists"),
        "dimension": size if dimension is not None or _in_storage(config, store) else None,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    probe = size is None and _in_storage(config, store)
    return Parameters(table_prefix=table_prefix, **given), probe


def declared_dimension(config: Config) -> int | None:
    """The dimension that the config sets, else what the manifest declares for the model."""
    settings = _settings(config, Kind.EMBEDDING)
    if settings.get("dimension") is not None:
        return settings["dimension"]  # type: ignore[no-any-return]  # Parameters checks it
    section = config.document.get(Kind.EMBEDDING.section) or {}
    offer = config.index.peek(Kind.EMBEDDING, section.get("name", ""), section.get("package"))
    entry = offer.entry if offer else {}
    model = settings.get("model") or entry.get("models", {}).get("embeddings")
    declared = entry.get("dimensions", {}).get(model)
    return declared or _settings(config, Kind.VECTOR_STORE).get("dimension")


async def undeclared() -> int:
    """Stands in for the probe of a provider that is not there.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        "the dimension of the embedding model is not known",
        hint="luminora migrate --dimension N, or set embedding_provider.config.dimension",
    )


def _in_storage(config: Config, store: Mapping[str, Any]) -> bool:
    """Whether the vector store keeps its vectors in the storage's database.

    It does where both come from one plugin, unless it is told to keep to itself.
    """
    home = _distribution(config, Kind.STORAGE)
    together = home is not None and home == _distribution(config, Kind.VECTOR_STORE)
    return together and store.get("use_storage_connection") is not False


def _distribution(config: Config, kind: Kind) -> str | None:
    """The distribution that offers the configured provider, installed or only known."""
    section = config.document.get(kind.section) or {}
    name = section.get("name", "")
    offer = config.index.peek(kind, name, section.get("package"))
    if offer is not None:
        return offer.discovery.distribution.name
    entry = known(kind, name)
    return entry["distribution"] if entry else None


def _settings(config: Config, kind: Kind) -> Mapping[str, Any]:
    return (config.document.get(kind.section) or {}).get("config") or {}
