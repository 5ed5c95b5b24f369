"""Rows as JSON has them, and back: one way for copies, checksums and snapshots."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from luminora.errors import InputError
from luminora.providers import COLLECTIONS, FieldType, Row
from luminora.providers.checks import own_row
from luminora.providers.sql import time_text
from luminora.providers.vectors import unit


def plain_row(name: str, row: Row) -> dict[str, Any]:
    """The declared fields of a row of that collection, as JSON has them."""
    return {field: plain(row.get(field)) for field in COLLECTIONS[name].fields}


def plain(value: Any) -> Any:
    """A field's value as JSON has it, the same whichever database it came from."""
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a database without integers may hand one for the other
    return value


def row_of(name: str, given: Mapping[str, Any], user: str) -> Row:
    """The row of that user and collection that :func:`plain_row` made ``given`` of.

    Raises:
        InputError: It is another user's, or no database could keep it.
    """
    collection = COLLECTIONS[name]
    row = dict(given)
    for field, declared in collection.fields.items():
        if declared.type is FieldType.TIMESTAMP and row.get(field) is not None:
            row[field] = _moment(field, row[field])
    return own_row(collection, user, row)


def _moment(field: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{field}' is not a time") from None


def vector_text(vector: Sequence[float]) -> str:
    """A vector as little-endian float32 in Base64."""
    return b64encode(_little(array("f", vector)).tobytes()).decode()


def numbers(text: str) -> array[float]:
    """The vector that :func:`vector_text` wrote.

    Raises:
        InputError: It is none, or not one that a store would take.
    """
    found = array("f")
    try:
        found.frombytes(b64decode(text, validate=True))
    except ValueError:
        raise InputError("a vector is not float32 in Base64") from None
    return unit(_little(found))


def _little(values: array[float]) -> array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
