"""A connection that speaks memcached's text protocol: the five commands that a cache needs.

Both clients there are have been tried. aiomcache reads on for ever, without letting anybody else
run, when the server hangs up in the middle of an answer, and a cancelled request leaves its answer
to the next one. pymemcache blocks a thread, does not try 127.0.0.1 where ``localhost`` is ::1
first, and its pool closes connections that other threads are using.

Source: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
"""

from __future__ import annotations

import asyncio
import select
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, Self

_END = b"\r\n"


class Nonsense(Exception):
    """An answer that memcached does not give."""


class Item(NamedTuple):
    """Something to keep; ``verb`` is ``set`` or ``add``, ``expires`` as memcached takes it."""

    name: str
    value: bytes
    expires: int = 0
    verb: str = "set"


class Line:
    """One connection, for one request at a time.

    Attributes:
        answered: How many requests were answered so far.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.answered = 0
        self._reader, self._writer = reader, writer
        self._waiting = False

    @classmethod
    async def to(cls, host: str, port: int, tls: ssl.SSLContext | None) -> Self:
        """A new connection."""
        return cls(*await asyncio.open_connection(host, port, ssl=tls))

    async def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """The values that are there, in one round trip."""
        await self._send(f"get {' '.join(names)}".encode() + _END)
        found: dict[str, bytes] = {}
        while (said := await self._said()) != b"END":
            match said.split(b" "):
                case [b"VALUE", name, _, size, *_] if size.isdigit():
                    value = await self._reader.readexactly(int(size) + len(_END))
                    found[name.decode("ascii", "replace")] = value[: -len(_END)]
                case _:
                    raise Nonsense(said[:80].decode("ascii", "replace"))
        self._done()
        return found

    async def store(self, items: Sequence[Item]) -> list[bytes]:
        """What is said to each item, in one round trip: ``STORED``, or why it was not."""
        return await self._each(
            f"{one.verb} {one.name} 0 {one.expires} {len(one.value)}\r\n".encode()
            + one.value
            + _END
            for one in items
        )

    async def delete(self, names: Iterable[str]) -> None:
        """Forget the names; absent ones are fine."""
        await self._each(f"delete {name}\r\n".encode() for name in names)

    async def version(self) -> str:
        """The server's version."""
        (said,) = await self._each([b"version" + _END])
        if not said.startswith(b"VERSION "):
            raise Nonsense(said[:80].decode("ascii", "replace"))
        return said[8:].decode("ascii", "replace")

    @property
    def usable(self) -> bool:
        """Whether it can be lent: in order, and the server has not hung up."""
        if self._waiting or self._reader.at_eof() or self._writer.is_closing():
            return False
        return not _readable(self._writer.get_extra_info("socket").fileno())

    def close(self) -> None:
        """Hang up at once."""
        with suppress(RuntimeError):  # its event loop has ended
            self._writer.transport.abort()

    async def _each(self, requests: Iterable[bytes]) -> list[bytes]:
        sent = list(requests)
        if not sent:
            return []
        await self._send(b"".join(sent))
        answers = [await self._said() for _ in sent]
        for answer in answers:
            if answer == b"ERROR" or answer.startswith(b"CLIENT_ERROR"):
                raise Nonsense(answer[:80].decode("ascii", "replace"))
        self._done()
        return answers

    async def _send(self, request: bytes) -> None:
        self._waiting = True
        self._writer.write(request)
        await self._writer.drain()

    async def _said(self) -> bytes:
        return (await self._reader.readuntil(_END))[: -len(_END)]

    def _done(self) -> None:
        self._waiting = False
        self.answered += 1


def _readable(number: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])
