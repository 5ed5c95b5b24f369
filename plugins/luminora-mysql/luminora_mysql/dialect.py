"""What MySQL and MariaDB spell differently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from luminora.providers.collections import FieldType
from luminora.providers.sql import Dialect, Statement, json_text

_MOST: Final = 2**64 - 1
"""The largest number there is; adding a condition that holds, which counts as 1, is an error."""

CHECK: Final = "; SELECT "
"""Divides a write from the statement that fails unless the write met so many rows."""


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _naive(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(tzinfo=None)


MYSQL: Final = Dialect(
    name="mysql",
    placeholder="%s",
    quote="`",
    upsert="update_then_insert",
    # INSERT IGNORE would leave values out that do not fit, and ON DUPLICATE KEY UPDATE reports one
    # row whether or not it inserted one: the driver looks at the error instead.
    ignore="",
    demand=f"{{write}}{CHECK}{_MOST} + (ROW_COUNT() <> {{number}}) - ({_MOST} - {{number}}) AS met",
    present=f"SELECT {_MOST} + (NOT EXISTS ({{select}})) AS present",
    encode={
        FieldType.BOOLEAN: int,
        FieldType.TIMESTAMP: _naive,
        FieldType.JSON: json_text,
        FieldType.STRINGS: json_text,
    },
    decode={
        FieldType.BOOLEAN: bool,
        FieldType.TIMESTAMP: _utc,
        FieldType.JSON: json.loads,
        FieldType.STRINGS: json.loads,
    },
)
"""MySQL's way. Documents are text: MySQL's own JSON reorders keys, MariaDB's ends at 31 levels."""

REFUSED: Final = 1690
"""The error of a sum that overflows: what ``demand`` and ``present`` refuse."""


@dataclass(frozen=True, slots=True)
class Accompanied(Statement):
    """A statement with company in the same round trip; nobody asks what comes of those.

    Attributes:
        before: Run before it.
        behind: Run behind it, unless it met a row in its way.
    """

    before: Statement | None = None
    behind: Statement | None = None


def accompanied(
    statement: Statement, *, before: Statement | None = None, behind: Statement | None = None
) -> Statement:
    """``statement`` with company."""
    if before is None and behind is None:
        return statement
    fields: dict[str, Any] = {
        name: getattr(statement, name) for name in Statement.__dataclass_fields__
    }
    return Accompanied(**fields, before=before, behind=behind)
