"""The stack a configuration names: its providers, built, opened, migrated and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from luminora.errors import DimensionMismatch, SchemaPending
from luminora.memory.indexes import BUILDING, IndexRegister
from luminora.providers import (
    CacheProvider,
    EmbeddingProvider,
    Kind,
    LLMProvider,
    Provider,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from luminora.config import Config


@dataclass(frozen=True, slots=True)
class Stack:
    """Five providers and the stand-in for the first.

    Attributes:
        fallback: Answers when ``llm`` cannot; None if the configuration wants none.
        emit: Calls the listeners of an event hook.
        migration_sets: The plugins' own migrations: component and folder.
    """

    config: Config
    llm: LLMProvider
    fallback: LLMProvider | None
    embedding: EmbeddingProvider
    storage: StorageProvider
    vector_store: VectorStoreProvider
    cache: CacheProvider
    emit: Callable[..., Awaitable[None]]
    migration_sets: tuple[tuple[str, Path], ...] = ()

    @classmethod
    def build(cls, config: Config) -> Self:
        """Build what the configuration names; nothing is connected yet.

        Raises:
            ConfigError, PluginError: A section is invalid, or its plugin cannot be used.
        """
        from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator
        from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

        schema.ensure(config)
        active = activate(config)
        llm = active.build(Kind.LLM)
        storage = active.build(Kind.STORAGE)
        section = config.document.get("fallback_provider")
        same = section is not None and section["name"] == config.document["llm_provider"]["name"]
        fallback = llm if same else section and active.build(Kind.LLM, section)
        return cls(
            config=config,
            llm=llm,
            fallback=fallback,
            embedding=active.build(Kind.EMBEDDING),
            storage=storage,
            vector_store=active.build(Kind.VECTOR_STORE, storage=storage),
            cache=active.build(Kind.CACHE),
            emit=active.emit,
            migration_sets=tuple(active.migration_sets()),
        )

    async def open(self, *, adapt: bool = False) -> None:
        """Connect the storage and bring its schema up to date, or say that it has to be.

        Args:
            adapt: Accept vectors of another dimension in the database: an index for the
                configured model is about to be built beside them.

        Raises:
            DimensionMismatch: It holds some, and none is being built.
            SchemaPending: The schema is behind and ``migrations.auto`` is off.
            StorageError, MigrationError: The database cannot be used.
        """
        from luminora.migrations import MigrationRunner  # noqa: PLC0415 - only who opens one

        runner = MigrationRunner.for_config(
            self.config, self.storage, self.embedding, self.migration_sets
        )
        if self.config.document["migrations"]["auto"]:
            try:
                await runner.migrate(adapt=adapt)
            except DimensionMismatch:
                if not await self._being_built():
                    raise
                await runner.migrate(adapt=True)
        elif pending := (await runner.status()).pending:
            raise SchemaPending(
                f"the database lacks {len(pending)} migrations and migrations.auto is off",
                hint="luminora migrate",
            )
        await self.storage.connect()

    async def _being_built(self) -> bool:
        """Whether an index for the configured model is under way."""
        await self.storage.connect()
        register = IndexRegister(self.storage, self.embedding)
        dimension = await self.embedding.get_dimension()
        return any(
            row["status"] == BUILDING and register.fits(row, dimension)
            for row in await register.rows()
        )

    def providers(self) -> Mapping[str, Provider]:
        """The providers by the kind they are of."""
        return {
            Kind.LLM.value: self.llm,
            Kind.EMBEDDING.value: self.embedding,
            Kind.STORAGE.value: self.storage,
            Kind.VECTOR_STORE.value: self.vector_store,
            Kind.CACHE.value: self.cache,
        }

    async def aclose(self) -> None:
        """Close them all, the storage last; the first failure is raised after all were tried."""
        others = [self.llm, self.embedding, self.vector_store, self.cache]
        if self.fallback is not None and self.fallback is not self.llm:
            others.append(self.fallback)
        results = await asyncio.gather(*(one.aclose() for one in others), return_exceptions=True)
        await self.storage.aclose()
        failures: list[Any] = [one for one in results if isinstance(one, BaseException)]
        if failures:
            raise failures[0]
