"""What doubles of model vendors have in common: a port, a script of misbehaviour, a record.

A double lives in a thread with an event loop of its own, so that tests which call ``asyncio.run``
themselves can ask it. A subclass answers like its vendor (:meth:`VendorDouble.answer`) and words
its vendor's errors (:attr:`VendorDouble.refusals`); what goes wrong on the way is scripted::

    double.will(double.refusals["rate_limit"], Behaviour(cut=100), Behaviour(hang=True))

Each request takes the next behaviour; when there is none left, it is answered properly.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from luminora.testing.doubles.answers import example, in_pieces, vector_of
from luminora.testing.doubles.wire import (
    HTML,
    Asked,
    Behaviour,
    Reply,
    head_of,
    left,
    read_request,
    reset,
    shaped,
)
from luminora.testing.servers.base import free_port

KEY = "sk-double-0123456789abcdefghijklmnop"
"""The key every double knows; another one is refused."""

__all__ = [
    "HTML",
    "KEY",
    "Asked",
    "Behaviour",
    "Reply",
    "VendorDouble",
    "example",
    "in_pieces",
    "vector_of",
]


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
                reset(writer)
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
            while (asked := await read_request(reader, number)) is not None:
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
        leaving = asyncio.ensure_future(left(reader))
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
            reset(writer)
            return False
        if how.wait:
            await asyncio.sleep(how.wait)
        reply = how.reply or self._proper(asked)
        whole = [piece.replace(b"{key}", (asked.key or "").encode()) for piece in reply.pieces]
        pieces = list(shaped(whole[: len(whole) - how.drop], how))
        chunked = bool(reply.streamed and reply.body)
        writer.write(head_of(reply, None if chunked else sum(map(len, pieces))))
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
                reset(writer)
                return False
            if how.split or how.pause:
                await asyncio.sleep(how.pause)
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
