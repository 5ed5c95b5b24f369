"""The Luminora client below the SDK's: built when it is first needed, closed, built again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import MigrationError
from luminora.memory.models import ResponseChunk
from luminora.stack import Stack
from luminoracore_sdk.features import Features, Selective
from luminoracore_sdk.personality.plain import PlainPersonas
from luminoracore_sdk.switchboard import Switchboard, Wanted


class Engine:
    """One stack, with the features that its client wants.

    Args:
        overrides: Values over those of ``luminora.json``, by dotted path.
        features: What is switched on.
    """

    def __init__(self, overrides: Mapping[str, Any], features: Features) -> None:
        # the model of a call is known while it lasts, so the analysis is part of it
        self._overrides = {**overrides, "memory.analysis": "inline"}
        if not features.search:
            self._overrides["memory.recall_limit"] = 0
        self._features = features
        self._built: tuple[LuminoraCoreClient, Switchboard] | None = None
        self._ends: dict[asyncio.AbstractEventLoop, AsyncGenerator[None]] = {}

    async def core(self) -> LuminoraCoreClient:
        """The client, open.

        Raises:
            ConfigError, PluginError: ``luminora.json`` cannot be used.
            StorageError, MigrationError: The database cannot be used.
        """
        return (await self._open())[0]

    async def _open(self) -> tuple[LuminoraCoreClient, Switchboard]:
        built = self._build()
        try:
            await built[0].open()
        except MigrationError as error:
            if "already exists" not in error.message:
                raise
            raise MigrationError(
                "the database has tables of the original SDK, or of another program, whose names "
                f"Luminora needs: {error.message.splitlines()[0]}",
                where=error.where,
                hint='name a new database, or set "migrations": {"table_prefix": "luminora_"} in '
                "luminora.json to keep both in one",
            ) from error
        loop = asyncio.get_running_loop()
        if loop not in self._ends:
            self._ends[loop] = self._end_with(loop)
            await anext(self._ends[loop])
        return built

    async def _end_with(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None]:
        """Close when the loop ends, for applications that do not: asyncio.run closes generators."""
        try:
            yield
        finally:
            del self._ends[loop]
            if not self._ends:
                await self.aclose()

    def _build(self) -> tuple[LuminoraCoreClient, Switchboard]:
        if self._built is None:
            config = load_config(overrides=self._overrides)
            stack = Stack.build(config)
            board = Switchboard(stack.llm, config)
            voices: dict[str, Any] = {"llm": Selective(board, self._features)}
            if stack.fallback is not None:
                voices["fallback"] = Selective(stack.fallback, self._features)
            personas = PlainPersonas.for_config(config)
            personas.features = self._features
            self._built = LuminoraCoreClient(replace(stack, **voices), personas), board
        return self._built

    @asynccontextmanager
    async def speaking(
        self, wanted: Wanted = None, **parameters: Any
    ) -> AsyncIterator[LuminoraCoreClient]:
        """The client, speaking through the model that is wanted; see :meth:`Switchboard.to`."""
        core, board = await self._open()
        async with board.to(wanted, **parameters):
            yield core

    async def stream(
        self, session_id: str, text: str, wanted: Wanted = None, **parameters: Any
    ) -> AsyncIterator[ResponseChunk]:
        """An answer in pieces; the last one carries the response.

        It is made in a task of its own, for the model of a call belongs to a task, and who takes
        the pieces may be several.
        """
        pieces: asyncio.Queue[ResponseChunk | None] = asyncio.Queue()

        async def speak() -> None:
            try:
                async with (
                    self.speaking(wanted, **parameters) as core,
                    aclosing(core.stream_message(session_id, text)) as said,  # type: ignore[type-var]
                ):
                    async for piece in said:
                        pieces.put_nowait(piece)
            finally:
                pieces.put_nowait(None)

        speaker = asyncio.create_task(speak())
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await speaker
        finally:
            speaker.cancel()
            await asyncio.wait([speaker])

    async def aclose(self) -> None:
        """Close the stack; the next call builds it anew."""
        built, self._built = self._built, None
        if built is not None:
            await built[0].aclose()
