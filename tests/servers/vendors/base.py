"""What doubles of model vendors have in common: a port, a script of misbehaviour, a record.

A double lives in a thread with an event loop of its own, so that tests which call ``asyncio.run``
themselves can ask it. A subclass answers like its vendor (:meth:`VendorDouble.answer`) and words
its vendor's errors (:attr:`VendorDouble.refusals`); what goes wrong on the way is scripted::

    double.will(double.refusals["rate_limit"], Behaviour(cut=100), Behaviour(hang=True))

Each request takes the next behaviour; when there is none left, it is answered properly.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import numpy as np

from tests.servers.base import free_port

KEY = "sk-double-0123456789abcdefghijklmnop"
"""The key every double knows; another one is refused."""

_RESET = struct.pack("ii", 1, 0)
_WORDS = re.compile(r"\w+")
_EMPTY = {"a", "at", "of", "the"}


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


class VendorDouble(ABC):
    """A vendor on a port of its own.

    Attributes:
        title: What it is, for the closing table: "our double of …".
        refusals: The vendor's errors by what they mean: ``bad_key``, ``forbidden``, ``no_model``,
            ``invalid``, ``rate_limit``, ``quota``, ``server_error``, ``overloaded``, and
            ``content_filter`` where it is an error. ``{key}`` in a body becomes the key that
            was sent: vendors quote it.
        malformed: Bytes of a line, end included, that no reader of its streams can parse.
        mid_stream: The vendor's error in the middle of a stream, or None if it has no such thing.
        keep_alive: What the vendor sends in the middle of a stream to say that it is still there.
        ending: Pieces at the end of a stream that hold no text but say that it is over.
        requests: All that was asked, in order.
        texts: What a model says next; when empty, :attr:`text`.
        text: What a model says by default.
        connections: Opened since the start or :meth:`reset`.
        open: Open now.
        abandoned: Answers whose client hung up before their end.
        sent: Bytes of the last answer's body.
    """

    title: ClassVar[str]
    refusals: ClassVar[Mapping[str, Reply]]
    malformed: ClassVar[bytes] = b'data: {"oops\n\n'
    mid_stream: ClassVar[bytes | None] = None
    keep_alive: ClassVar[bytes] = b": keep-alive\n\n"
    ending: ClassVar[int] = 1

    def __init__(self) -> None:
        self.port = free_port()
        self.key = KEY
        self.text = "¡Hola, Diego! It is 20 °C — “data: [DONE]” \u2028 \U0001f600\n\nSee you."
        self.texts: deque[str] = deque()
        self.dimension = 16
        self.open = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._released = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.reset()

    def reset(self) -> None:
        """Forget the script and the record."""
        self.requests: list[Asked] = []
        self.script: list[Behaviour] = []
        self.texts.clear()
        self.connections = 0
        self.abandoned = 0
        self.sent = 0

    # what a vendor says

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """The proper answer; a key that is not :attr:`key` is refused before it is called."""

    def admits(self, asked: Asked) -> bool:
        """Whether the request's key is good."""
        return asked.key == self.key

    # the script

    def will(self, *behaviours: Behaviour | Reply) -> None:
        """Let the next requests be answered so, each once."""
        self.script += [
            one if isinstance(one, Behaviour) else Behaviour(reply=one) for one in behaviours
        ]

    def says(self, *texts: str) -> None:
        """Let the model say these, one per answer."""
        self.texts.extend(texts)

    def next_text(self) -> str:
        """What the model says now."""
        return self.texts.popleft() if self.texts else self.text

    def release(self) -> None:
        """End what hangs."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._released.set)

    # life

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, again after :meth:`stop`, on the same port."""
        ready = threading.Event()
        self._released = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError(f"{self.title} does not start")

    def stop(self) -> None:
        """Reset every connection and stop listening."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(self._end)
        thread.join(10)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    @contextmanager
    def running(self) -> Iterator[VendorDouble]:
        """Started; stopped at the end."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stopped for as long as the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _run(self, ready: threading.Event) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._stopped = asyncio.Event()
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, reuse_address=True
            )
            ready.set()
            await self._stopped.wait()
            self._server.close()
            for writer in list(self._writers):
                _reset(writer)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run(serve())

    def _end(self) -> None:
        self._stopped.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (asked := await _read(reader, number)) is not None:
                self.requests.append(asked)
                if not await self._respond(asked, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the test ended it
        finally:
            self.open -= 1
            self._writers.discard(writer)
            self._tasks.discard(task)
            with suppress(OSError):
                writer.close()

    # one answer

    def _behaviour(self, asked: Asked) -> Behaviour:
        for place, one in enumerate(self.script):
            if one.path in asked.path:
                return self.script.pop(place)
        return Behaviour()

    def _proper(self, asked: Asked) -> Reply:
        return self.answer(asked) if self.admits(asked) else self.refusals["bad_key"]

    async def _respond(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer; False if the connection is not to be used again."""
        how = self._behaviour(asked)
        working = asyncio.ensure_future(self._send(how, asked, writer))
        leaving = asyncio.ensure_future(_left(reader))
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            self.abandoned += 1
            working.cancel()
            await asyncio.wait({working})
            return False
        leaving.cancel()
        await asyncio.wait({leaving})
        if isinstance(working.exception(), OSError):
            self.abandoned += 1
            return False
        return working.result()

    async def _send(self, how: Behaviour, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        if how.hang:
            await self._released.wait()
            _reset(writer)
            return False
        if how.wait:
            await asyncio.sleep(how.wait)
        reply = how.reply or self._proper(asked)
        whole = [piece.replace(b"{key}", (asked.key or "").encode()) for piece in reply.pieces]
        pieces = list(_shaped(whole[: len(whole) - how.drop], how))
        chunked = bool(reply.streamed and reply.body)
        writer.write(_head(reply, None if chunked else sum(map(len, pieces))))
        self.sent = sent = 0
        for piece in pieces:
            if how.cut is not None and sent + len(piece) > how.cut:
                piece = piece[: how.cut - sent]  # noqa: PLW2901 - the last one
            if piece:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
                self.sent = sent = sent + len(piece)
            if how.cut is not None and sent >= how.cut:
                await asyncio.sleep(0.01)  # what was sent arrives before the reset
                _reset(writer)
                return False
            if how.split or how.pause:
                await asyncio.sleep(how.pause)
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _added(how: Behaviour) -> int:
    return len(how.before) + len(how.insert)


def _shaped(pieces: Sequence[bytes], how: Behaviour) -> Iterable[bytes]:
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


async def _read(reader: asyncio.StreamReader, connection: int) -> Asked | None:
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


async def _left(reader: asyncio.StreamReader) -> None:
    """Wait until the client hangs up; what it sends meanwhile stays for the next request."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.005)


def _head(reply: Reply, length: int | None) -> bytes:
    size = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = [
        f"HTTP/1.1 {reply.status} Double",
        f"content-type: {reply.content_type}",
        size,
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up at once, without a word."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


HTML = Reply(
    503, "<html><body><h1>503 Service Unavailable</h1></body></html>", content_type="text/html"
)
"""What a proxy in front of a vendor says."""


def in_pieces(text: str, size: int = 5) -> list[str]:
    """A text as a model hands it out."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def vector_of(text: str, dimension: int) -> list[float]:
    """A vector of length one for a text: equal texts are equal, shared words are near."""
    stems = [word[:4] for word in _WORDS.findall(text.lower()) if word not in _EMPTY]
    whole = sum(_of_word(word, dimension) for word in [*stems, text])
    found: list[float] = (whole / np.linalg.norm(whole)).tolist()
    return found


@lru_cache(10_000)
def _of_word(word: str, dimension: int) -> Any:
    return np.random.default_rng(zlib.crc32(word.encode())).standard_normal(dimension)


def example(schema: Mapping[str, Any]) -> Any:
    """The smallest value that fits a simple JSON Schema, as an obedient model would answer."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return example(schema[key][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        known = schema.get("properties", {})
        return {name: example(known.get(name, {})) for name in schema.get("required", known)}
    if kind == "array":
        return [example(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    simple: dict[str, Any] = {
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 0.5),
        "boolean": True,
        "null": None,
    }
    return simple.get(kind, "calm")
