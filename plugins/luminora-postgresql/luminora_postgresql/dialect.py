"""What PostgreSQL spells differently, and how it keeps the words of messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from luminora.providers.collections import FieldType
from luminora.providers.sql import Dialect, json_text
from luminora.providers.sqlwords import WordColumn

_EXPONENT: Final = re.compile(r"\d[eE][+-]?\d")
_VECTOR_BYTES: Final = 1_000_000
"""A tsvector holds its words in a mebibyte, with a few bytes for each."""


def document(value: Any) -> str:
    """JSON that ``jsonb`` gives back with the same types.

    It keeps numbers as decimals and spells 1e300 as a one with three hundred zeros: an integer.
    With ".0" behind it, it stays what it was.
    """
    text = json_text(value)
    return _spelt_out(value) if _EXPONENT.search(text) else text


def _spelt_out(value: Any) -> str:
    if isinstance(value, dict):
        items = (f"{json_text(key)}:{_spelt_out(item)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_spelt_out, value))}]"
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    return json_text(value)


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


POSTGRESQL: Final = Dialect(
    name="postgresql",
    placeholder="$",
    nulls_smallest=False,
    returning=True,
    demand="WITH touched AS ({write} RETURNING 1) SELECT CASE count(*) WHEN {number} "
    "THEN count(*) ELSE CAST('luminora ' || count(*) AS BIGINT) END FROM touched",
    present="SELECT CASE count(*) WHEN 0 THEN CAST('luminora ' || count(*) AS BIGINT) "
    "ELSE count(*) END FROM ({select}) AS found",
    encode={FieldType.JSON: document},
    decode={FieldType.TIMESTAMP: _in_utc},
)
"""PostgreSQL's way. What a demand refuses fails as a cast whose text tells the number."""


class TermVector(WordColumn):
    """Words in a ``tsvector`` with a GIN index, as they are: nothing parses or stems them again."""

    expression: ClassVar[str] = "array_to_tsvector(?)"

    def value(self, terms: Sequence[str]) -> list[str]:
        """The words, as many as fit."""
        total, kept = 0, []
        for term in terms:
            total += len(term.encode()) + 4
            if total > _VECTOR_BYTES:
                break
            kept.append(term)
        return kept

    def match(self, column: str, terms: Sequence[str]) -> tuple[str, str]:
        """Terms are letters and digits, so that quotes around them suffice."""
        return f"{column} @@ CAST(? AS tsquery)", " | ".join(f"'{term}'" for term in terms)
