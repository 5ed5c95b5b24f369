"""What SQLite spells in its own way."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from luminora.providers.collections import FieldType
from luminora.providers.sql import Dialect, json_text, time_text

SQLITE: Final = Dialect(
    name="sqlite",
    least="MIN",
    greatest="MAX",
    unindexed="+",
    encode={
        FieldType.BOOLEAN: int,
        FieldType.TIMESTAMP: time_text,
        FieldType.JSON: json_text,
        FieldType.STRINGS: json_text,
    },
    decode={
        FieldType.BOOLEAN: bool,
        FieldType.TIMESTAMP: datetime.fromisoformat,
        FieldType.JSON: json.loads,
        FieldType.STRINGS: json.loads,
    },
)
"""SQLite's way: times as text of fixed width in UTC, lists and documents as JSON text."""
