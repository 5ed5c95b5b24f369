"""Vectors as pgvector sends and receives them, so that no digit is written out or parsed.

A vector is its length and a zero, 16 bits each, then its numbers as 32-bit floats, all most
significant byte first: ``vector_recv`` and ``vector_send`` in pgvector's ``src/vector.c``.
"""

from __future__ import annotations

import sys
from array import array
from struct import Struct
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    from luminora_postgresql.connection import Connection

_HEAD = Struct(">HH")
_SWAP = sys.byteorder == "little"


class VectorDumper(Dumper):
    """Sends an ``array("f")`` as a ``vector``; the statement has to say ``$1::vector``.

    The type has another number in every database. None is sent: the server takes it from the cast.
    """

    format = Format.BINARY
    oid = 0

    def dump(self, obj: array[float]) -> Buffer:
        """The bytes of one vector."""
        numbers = array("f", obj)
        if _SWAP:
            numbers.byteswap()
        return _HEAD.pack(len(numbers), 0) + numbers.tobytes()


def vector_of(data: bytes) -> array[float]:
    """The vector that ``vector_send`` gave."""
    numbers = array("f", data[_HEAD.size :])
    if _SWAP:
        numbers.byteswap()
    return numbers


def cursor_for(connection: Connection) -> Any:
    """A cursor that takes vectors and answers in binary; the connection itself stays as it is."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_dumper(array, VectorDumper)
    return cursor
