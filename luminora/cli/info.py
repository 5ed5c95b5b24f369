"""``luminora info``: the embeddings, the tables and the configuration at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from luminora.cli._companion import plain, printable, when
from luminora.cli.output import (
    Group,
    config_options,
    emit_json,
    json_option,
    note,
    run_async,
    say,
    table,
)
from luminora.cli.stats import NOTHING
from luminora.errors import LuminoraError

if TYPE_CHECKING:
    from luminora.config import Config
    from luminora.inventory import Inventory

_DIMENSION = "/embedding_provider/config/dimension"


@click.group(cls=Group)
def info() -> None:
    """Look at the embeddings, the tables and the configuration; nothing is changed.

    Example: luminora info embeddings
    """


@info.command()
@click.option("--probe", is_flag=True, help="Ask the provider for the dimension, if need be.")
@config_options
@json_option
def embeddings(config: Config, *, probe: bool, as_json: bool) -> int:
    """Show the embedding model, its dimension and the indexes made with it.

    The first message locks the model and the dimension; another one is refused until luminora
    reembed has built an index with it. The exit code is 5 if they do not fit.

    Example: luminora info embeddings --json
    """
    found = run_async(_embeddings(config, probe=probe))
    code = 5 if found["problem"] else 0
    if as_json:
        emit_json(plain(found))
        return code
    dimension = found["dimension"] or "not known before the first embedding (--probe asks)"
    for label, value in (
        ("provider", found["provider"]),
        ("model", found["model"] or "unknown"),
        ("dimension", dimension),
        ("source", found["source"]),
        ("locked", _locked(found)),
    ):
        say(printable(f"{label:<10} {value}"))
    if found["indexes"]:
        say()
        table(
            ["index", "status", "model", "dimension", "vectors", "since"],
            [
                [row["name"], row["status"], row["model"], row["dimension"],
                 "unknown" if row["vectors"] is None else f"{row['vectors']:,}",
                 when(row["created_at"])]
                for row in found["indexes"]
            ],
        )  # fmt: skip
    for error in found["errors"]:
        note(printable(f"note: {error}"))
    if found["unindexed"]:
        note(f"{found['unindexed']:,} messages are not indexed yet → luminora reindex")
    if found["problem"]:
        note(printable(f"error: {found['problem']}"))
    return code


@info.command()
@config_options
@json_option
def tables(config: Config, *, as_json: bool) -> None:
    """Show the tables (collections) of the database and how many rows each has.

    Example: luminora info tables
    """
    found = run_async(_tables(config))
    if as_json:
        emit_json(plain(found))
        return
    if not found["tables"]:
        say(f"{found['storage']}: {NOTHING}")
        return
    table(["table", "rows"], [[name, f"{rows:,}"] for name, rows in found["tables"].items()])
    latest = found["migrations"][-1] if found["migrations"] else None
    if latest:
        count = len(found["migrations"])
        note(f"{count} migrations, the last {latest['version']} {latest['name']}")
    if found["dirty"]:
        note("a migration stopped half-way → luminora migrate --status")


@info.command("config")
@config_options
@json_option
def config_(config: Config, *, as_json: bool) -> None:
    """Show who does what: each part's provider, the plugin it comes from, where that is said.

    Example: luminora info config
    """
    parts = [_part(config, section) for section in _sections()]
    if as_json:
        emit_json(
            {
                "path": str(config.path) if config.path else None,
                "data_dir": str(config.data_dir),
                "parts": {part.pop("section"): part for part in parts},
                "personality": config.document["personality"]["default"],
                "secrets": _secrets(config),
                "notes": config.notes,
            }
        )
        return
    say(f"file      {config.path or 'none: the embedded default'}")
    say(f"data      {config.data_dir}")
    say(f"speaks    {config.document['personality']['default']}\n")
    table(
        ["part", "provider", "plugin", "from"],
        [
            [
                part["section"].removesuffix("_provider").replace("_", " "),
                part["provider"] or "none",
                part["plugin"] or "not installed",
                part["source"],
            ]
            for part in parts
            if part["provider"] or part["section"] != "fallback_provider"
        ],
    )
    if missing := [name for name, there in _secrets(config).items() if not there]:
        note(f"not set: {', '.join(missing)}")
    for text in config.notes:
        note(f"note: {text}")
    note("→ luminora config show tells every value")


async def _embeddings(config: Config, *, probe: bool) -> dict[str, Any]:
    from luminora.inventory import inventory

    async with inventory(config) as held:
        errors = [str(problem) for problem in held.failed.values()]
        model, dimension = _declared(config)
        source = _source(config, dimension)
        if held.embedding is not None:
            model = held.embedding.model_id
            dimension = held.embedding.dimension or dimension
            if dimension is None and probe:
                dimension, source = await held.embedding.get_dimension(), "asked the provider"
        indexes = [await _index(held, row, errors) for row in await held.indexes()]
        return {
            "provider": (config.document.get("embedding_provider") or {}).get("name"),
            "model": model,
            "dimension": dimension,
            "source": source,
            "locked": any(row["status"] == "active" for row in indexes),
            "indexes": indexes,
            "unindexed": await held.unindexed(),
            "problem": await held.misfit(),
            "errors": list(dict.fromkeys(errors)),
        }


def _declared(config: Config) -> tuple[str | None, int | None]:
    """Model and dimension as far as the configuration and the manifest tell."""
    from luminora import schema

    part = config.document.get("embedding_provider") or {}
    settings = part.get("config", {})
    offer = schema.offered(config.index, "embedding_provider", part)
    model = settings.get("model")
    known = offer.entry.get("dimensions", {}) if offer else {}
    return model, settings.get("dimension") or known.get(model)


def _source(config: Config, dimension: int | None) -> str:
    """Where the dimension comes from."""
    said = config.sources.get(_DIMENSION, "default")
    if said != "default":
        return said
    return "declared by the model" if dimension else "the first embedding will tell"


async def _index(held: Inventory, row: Any, errors: list[str]) -> dict[str, Any]:
    try:
        vectors = await held.vectors(row["index_name"])
    except LuminoraError as problem:
        vectors = None
        errors.append(str(problem))
    kept = ("provider", "model", "dimension", "metric", "status", "created_at")
    return {"name": row["index_name"], **{name: row[name] for name in kept}, "vectors": vectors}


def _locked(found: dict[str, Any]) -> str:
    for row in found["indexes"]:
        if row["status"] == "active":
            return f"to {row['model']}, {row['dimension']} dimensions"
    return "not yet: the first message does it"


async def _tables(config: Config) -> dict[str, Any]:
    from luminora.inventory import inventory
    from luminora.providers import Kind

    async with inventory(config, ()) as held:
        ledger = await held.ledger()
        kept = ("component", "version", "name", "finished_at", "error")
        return {
            "storage": config.section(Kind.STORAGE)["name"],
            "tables": dict(sorted(held.tables.items())),
            "migrations": [{name: getattr(entry, name) for name in kept} for entry in ledger],
            "dirty": any(entry.dirty for entry in ledger),
        }


def _sections() -> tuple[str, ...]:
    from luminora._shapes import PROVIDERS

    return PROVIDERS


def _part(config: Config, section: str) -> dict[str, Any]:
    from luminora import schema

    part = config.document.get(section) or {}
    offer = schema.offered(config.index, section, part)
    return {
        "section": section,
        "provider": part.get("name"),
        "plugin": str(offer.discovery.distribution) if offer else None,
        "source": config.sources.get(f"/{section}/name", config.sources.get(f"/{section}", "")),
    }


def _secrets(config: Config) -> dict[str, bool]:
    """The variables that hold secrets, and whether they are set."""
    return {variable: config.holds(variable) for variable in config.secrets.values()}
