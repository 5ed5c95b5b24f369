"""What a check says of a table of vectors, and what to type where something is missing."""

from __future__ import annotations

from luminora.providers.base import Status
from luminora_postgresql.vectorschema import enough
from luminora_postgresql.vectortable import IndexSettings, Shape, VectorTable, indexable


def verdict(
    shape: Shape,
    count: int,
    table: VectorTable,
    settings: IndexSettings,
    *,
    where: str,
    shared: bool,
) -> tuple[Status, str]:
    """Whether the table is as it should be, and a line about it.

    Args:
        shape: What the database says of it.
        count: Its vectors.
        table: Its statements.
        settings: What the configuration wants.
        where: The server, the database and the table.
        shared: Whether the table is beside the storage's.
    """
    if shape.version is None:
        hint = "as a superuser: CREATE EXTENSION vector;"
        return Status.WARNING, f"pgvector is not installed in {where}\n  → {hint}"
    if not shape.present:
        way = "luminora migrate makes it" if shared else "the first message makes it"
        return Status.WARNING, f"{where} does not exist yet: {way}"
    found = f"{shape.method} index" if shape.method else "all are compared"
    detail = f"pgvector {shape.version}, {count} vectors of {shape.dimension}, {found}"
    if remedy := _remedy(shape, count, table, settings):
        return Status.WARNING, f"{detail}; index_type is {settings.method}\n  → {remedy};"
    return Status.OK, f"{detail}, {where}"


def _remedy(shape: Shape, count: int, table: VectorTable, settings: IndexSettings) -> str | None:
    """What makes the index that the configuration wants; None where it is there, or yet to come."""
    if settings.method in {"none", shape.method} or not indexable(shape.dimension):
        return None
    if settings.method == "ivfflat" and shape.found in {None, "ivfflat"}:
        return "; ".join(table.learn(shape, settings)) if enough(settings, count) else None
    making = table.create_index(shape.dimension, settings)
    return f'DROP INDEX "{shape.index}"; {making}' if shape.index else making
