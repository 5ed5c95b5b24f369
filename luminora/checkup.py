"""How a configured stack is: every part built and asked, what is wrong reported in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from luminora.errors import LuminoraError
from luminora.health import check_all
from luminora.providers import (
    CheckResult,
    EmbeddingProvider,
    Kind,
    Provider,
    Status,
    StorageProvider,
    VectorStoreProvider,
)

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.plugins import Activation
    from luminora.schema import Problem

PARTS = tuple(kind.value for kind in Kind)
"""The parts of a stack, in the order in which they are told."""

_BUILT = (Kind.STORAGE, Kind.VECTOR_STORE, Kind.LLM, Kind.EMBEDDING, Kind.CACHE)


async def check_stack(
    config: Config, parts: Collection[str] | None = None, *, within: float = 10.0
) -> dict[str, CheckResult]:
    """Every part's own word; a part that cannot even be built is reported in its place.

    Nothing is created or changed.

    Args:
        config: What names the parts; it need not be valid.
        parts: Only these of :data:`PARTS`. A vector store that shares the storage's connection is
            asked through it either way.
        within: Longest wait for each, in seconds.

    Returns:
        The results by part, in the order of :data:`PARTS`; ``configuration`` stands for what is
        wrong with the file outside of the parts.
    """
    wanted = PARTS if parts is None else tuple(part for part in PARTS if part in parts)
    failed = _invalid(config)
    needed = {*wanted, "storage"} if "vector_store" in wanted else {*wanted}
    built = _built(config, failed, needed)
    try:
        checks = await _asked(built, within)
    finally:
        for provider in built.values():
            await provider.aclose()
    found = {**checks, **failed}
    order = dict.fromkeys([*wanted, *(name for name in found if name not in PARTS)])
    return {name: found[name] for name in order if name in found}


def _built(
    config: Config, failed: dict[str, CheckResult], parts: Collection[str] = PARTS
) -> dict[str, Provider]:
    """The providers that can be built; why the others cannot goes to ``failed``.

    Args:
        config: What names them.
        failed: Parts that are known not to work; they are not tried.
        parts: The parts wanted.

    Returns:
        The providers by part, not connected yet; whoever asked closes them.
    """
    from luminora.plugins import activate  # noqa: PLC0415 - loads pluggy

    built: dict[str, Provider] = {}
    activation: Activation = activate(config)
    storage: StorageProvider | None = None
    for kind in _BUILT:
        if kind.value in failed or kind.value not in parts:
            continue
        try:
            provider = activation.build(kind, storage=storage)
        except LuminoraError as problem:
            failed[kind.value] = _failure(problem)
            continue
        built[kind.value] = provider
        storage = provider if isinstance(provider, StorageProvider) else storage
    return built


def _failure(problem: LuminoraError | Problem) -> CheckResult:
    """An error as the result of a check, with what to do about it."""
    hint = f"\n→ {problem.hint}" if problem.hint else ""
    return CheckResult(Status.ERROR, f"{problem.message}{hint}")


def _invalid(config: Config) -> dict[str, CheckResult]:
    """The first problem of each part of the configuration."""
    from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator

    failed: dict[str, CheckResult] = {}
    for problem in schema.validate(config):
        part = problem.pointer.split("/")[1].removesuffix("_provider") if problem.pointer else ""
        failed.setdefault(part or "configuration", _failure(problem))
    return failed


async def _asked(built: Mapping[str, Provider], within: float) -> dict[str, CheckResult]:
    """What the providers say, the storage first: the others may share its connection."""
    from luminora.memory.indexes import in_use, misfit  # noqa: PLC0415 - of stacks that exist

    checked, storage, unfit = dict(built), built.get("storage"), None
    checks = await check_all({"storage": storage}, within=within) if storage else {}
    if isinstance(storage, StorageProvider) and checks["storage"].data:
        # it exists, so connecting creates nothing; a vector store may share the connection
        with contextlib.suppress(LuminoraError):  # its own check has told why
            await storage.connect()
            store = built.get("vector_store")
            if isinstance(store, VectorStoreProvider):
                checked["vector_store"] = await in_use(storage, store)
            if isinstance(embedding := built.get("embedding"), EmbeddingProvider):
                unfit = await misfit(storage, embedding)
    rest = {name: provider for name, provider in checked.items() if name != "storage"}
    checks |= await check_all(rest, within=within)
    if unfit is not None:
        checks["embedding"] = CheckResult(Status.ERROR, unfit)
    return checks
