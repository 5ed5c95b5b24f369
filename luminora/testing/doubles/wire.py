"""The HTTP of the doubles: what comes in, what goes out, and how it is split and cut."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Asked:
    """A request as it came in; ``headers`` by lower-case name, ``json`` parsed or None."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")
    connection: int = 0

    @property
    def json(self) -> Any:
        """The body, parsed; None where there is none."""
        return json.loads(self.body) if self.body else None

    @property
    def key(self) -> str | None:
        """The bearer token, or the key of those vendors that have a header of their own."""
        for name in ("x-api-key", "x-goog-api-key", "api-key"):
            if name in self.headers:
                return self.headers[name]
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Reply:
    """What goes out.

    Attributes:
        body: JSON, or bytes and text as they are, or a list of bytes: pieces that are sent
            chunked, as streams are.
        code: The vendor's own code inside the body, for tests to compare with.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    code: str | None = None

    def having(self, **headers: str) -> Reply:
        """The same with more headers; ``retry_after="3"`` is ``retry-after: 3``."""
        added = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **added})

    @property
    def streamed(self) -> bool:
        """Whether it is sent in pieces."""
        return isinstance(self.body, list) and all(isinstance(one, bytes) for one in self.body[:1])

    @property
    def pieces(self) -> list[bytes]:
        """The body's bytes in the pieces it is sent in."""
        if self.streamed and self.body:
            return list(self.body)
        if isinstance(self.body, bytes):
            return [self.body]
        if isinstance(self.body, str):
            return [self.body.encode()]
        return [] if self.body is None else [json.dumps(self.body, ensure_ascii=False).encode()]


@dataclass(frozen=True)
class Behaviour:
    """What happens to one answer.

    Attributes:
        reply: Instead of the proper one.
        hang: Not a byte is sent until the double is released, stopped or left.
        wait: Seconds before the first byte.
        split: Bytes per piece; 1 splits at every byte boundary.
        pause: Seconds between two pieces; 1.0 with ``split=1`` drips.
        cut: Bytes of the body after which the connection is reset.
        after: Bytes of the body after which ``insert`` is sent.
        insert: Bytes put into the body; a malformed line, a keep-alive.
        before: Bytes put in front of the body.
        drop: Pieces left off at the end, which is then a clean end all the same.
        path: Only a request whose path holds this takes it.
    """

    reply: Reply | None = None
    hang: bool = False
    wait: float = 0.0
    split: int | None = None
    pause: float = 0.0
    cut: int | None = None
    after: int = 0
    insert: bytes = b""
    before: bytes = b""
    drop: int = 0
    path: str = ""


def _added(how: Behaviour) -> int:
    return len(how.before) + len(how.insert)


def shaped(pieces: Sequence[bytes], how: Behaviour) -> Iterable[bytes]:
    """The pieces as a behaviour wants them."""
    if not how.split and not _added(how):
        return pieces
    if not how.split and len(pieces) > 1:  # keep the vendor's own pieces
        return _inserted(pieces, how)
    whole = b"".join(pieces)
    if _added(how):
        whole = how.before + whole[: how.after] + how.insert + whole[how.after :]
    size = how.split or len(whole) or 1
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def _inserted(pieces: Sequence[bytes], how: Behaviour) -> Iterator[bytes]:
    """The pieces with ``insert`` before the first one that starts at ``after`` or later."""
    if how.before:
        yield how.before
    sent, inserted = 0, not how.insert
    for piece in pieces:
        if not inserted and sent >= how.after:
            inserted = True
            yield how.insert
        sent += len(piece)
        yield piece
    if not inserted:
        yield how.insert


async def read_request(reader: asyncio.StreamReader, connection: int) -> Asked | None:
    """The next request; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urlsplit(target)
    return Asked(method, unquote(url.path), url.query, headers, body, connection)


async def left(reader: asyncio.StreamReader) -> None:
    """Wait until the client hangs up; what it sends meanwhile stays for the next request."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.005)


def head_of(reply: Reply, length: int | None) -> bytes:
    size = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = [
        f"HTTP/1.1 {reply.status} Double",
        f"content-type: {reply.content_type}",
        size,
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reset(writer: asyncio.StreamWriter) -> None:
    """Hang up at once, without a word."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


HTML = Reply(
    503, "<html><body><h1>503 Service Unavailable</h1></body></html>", content_type="text/html"
)
"""What a proxy in front of a vendor says."""
