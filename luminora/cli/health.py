"""``luminora health``: whether every part of the configured stack works, and what to do if not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from luminora.cli.output import (
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
)
from luminora.errors import LuminoraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from luminora.config import Config
    from luminora.plugins import Activation
    from luminora.providers import CheckResult, Provider, StorageProvider
    from luminora.schema import Problem

_MARKS = {"ok": ("[✓]", "green"), "warning": ("[!]", "yellow"), "error": ("[✗]", "red")}


@click.command()
@click.option(
    "--timeout",
    "within",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Longest wait for each provider.",
)
@config_options
@json_option
def health(config: Config, within: float, *, as_json: bool) -> int:
    """Ask every provider of the configured stack how it is.

    The exit code is 1 if any of them does not work. Nothing is created or changed.

    Example: luminora health --json
    """
    checks = run_async(_checked(config, within))
    from luminora.health import summary

    found = summary(checks)
    names = {name: _named(config, name) for name in checks}
    if as_json:
        path = str(config.path) if config.path else None
        for name, check in found["checks"].items():
            check["provider"] = names[name]
        emit_json({"config": path, **found})
    else:
        _show(found, names)
        note(_verdict(found))
    return 1 if found["status"] == "error" else 0


def _show(found: dict[str, Any], names: Mapping[str, str]) -> None:
    wide = max(map(len, names))
    long = max(map(len, names.values()))
    for name, check in found["checks"].items():
        mark, colour = _MARKS[check["status"]]
        took = f"  ({check['latency_ms']:.1f} ms)" if check["latency_ms"] is not None else ""
        detail = check["detail"].replace("\n", f"\n{'':>{wide + long + 8}}")
        head = f"{click.style(mark, fg=colour)} {name:<{wide}}  {names[name]:<{long}}"
        say(f"{head}  {detail}{took}".rstrip())


def _verdict(found: dict[str, Any]) -> str:
    total, bad = len(found["checks"]), len(found["errors"])
    if bad:
        return f"{bad} of {total} parts do not work"
    if found["status"] == "warning":
        return "ready, with the reservations above"
    return "everything works"


def _named(config: Config, part: str) -> str:
    section = config.document.get(f"{part}_provider")
    return str(section.get("name", "")) if isinstance(section, dict) else ""


async def _checked(config: Config, within: float) -> dict[str, CheckResult]:
    """Every part's own word; a part that cannot even be built is reported in its place."""
    from luminora import schema
    from luminora.health import check_all
    from luminora.memory.indexes import in_use, misfit
    from luminora.plugins import activate
    from luminora.providers import (
        CheckResult,
        EmbeddingProvider,
        Status,
        StorageProvider,
        VectorStoreProvider,
    )

    failed: dict[str, CheckResult] = {}
    for problem in schema.validate(config):
        part = problem.pointer.split("/")[1].removesuffix("_provider") if problem.pointer else ""
        failed.setdefault(part or "configuration", _failure(problem))
    built = _built(activate(config), failed)
    checked, storage, unfit = dict(built), built.get("storage"), None
    try:
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
    finally:
        for provider in built.values():
            await provider.aclose()
    found = {**checks, **failed}
    return {name: found[name] for name in dict.fromkeys([*_kinds(), *found]) if name in found}


def _built(activation: Activation, failed: dict[str, CheckResult]) -> dict[str, Provider]:
    """The providers that can be built; why the others cannot goes to ``failed``."""
    from luminora.providers import Kind, StorageProvider

    built: dict[str, Provider] = {}
    storage: StorageProvider | None = None
    for kind in (Kind.STORAGE, Kind.VECTOR_STORE, Kind.LLM, Kind.EMBEDDING, Kind.CACHE):
        if kind.value in failed:
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
    from luminora.providers import CheckResult, Status

    hint = f"\n→ {problem.hint}" if problem.hint else ""
    return CheckResult(Status.ERROR, f"{problem.message}{hint}")


def _kinds() -> list[str]:
    from luminora.providers import Kind

    return [kind.value for kind in Kind]
