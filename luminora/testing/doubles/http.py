"""The HTTP half of a double: a threaded server in this process that can hang, fail and be killed.

What it holds is kept by the subclass, so a kill and a start bring the same data back. Threads
rather than a loop: a double then answers whatever loop, thread or process asks it.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from luminora.testing.servers.base import free_port

_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """What came in; ``body`` is parsed JSON or None, ``target`` the address as it was sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any
    target: str = ""

    @property
    def parts(self) -> list[str]:
        """The path's segments, unescaped."""
        return [unquote(part) for part in self.path.strip("/").split("/")]


@dataclass(frozen=True)
class Reply:
    """What goes out; ``body`` is sent as it is when it is bytes, else as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """A reply given instead of the real one, to paths that hold ``path``.

    Attributes:
        reply: What is answered; None for nothing at all, until the double is released.
        times: How often; None for always.
        skip: Requests that are let through first.
    """

    reply: Reply | None
    path: str = ""
    times: int | None = None
    skip: int = 0

    def hits(self, path: str) -> bool:
        """Whether a request is hit; counts it."""
        if self.path not in path:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return self.times is None or self.times >= 0


class HttpDouble(ABC):
    """A double that speaks HTTP on a port of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.faults: list[Fault] = []
        self.seen: list[Request] = []
        self.lock = threading.RLock()
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.sockets: set[socket.socket] = set()

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """The reply to a request; called with :attr:`lock` held."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, again after :meth:`kill`."""
        double = self

        class Handler(_Handler):
            owner = double

        self._released.clear()
        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self) -> None:
        """Stop listening and reset every connection."""
        server, self._server = self._server, None
        self._released.set()
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for connection in list(self.sockets):
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Killed for as long as the block runs."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def failing(
        self, reply: Reply | None, path: str = "", *, times: int | None = None, skip: int = 0
    ) -> Iterator[None]:
        """With a fault for as long as the block runs; no reply means: hanging."""
        fault = Fault(reply, path, times, skip)
        self.faults.append(fault)
        try:
            yield
        finally:
            self.faults.remove(fault)
            self._released.set()
            self._released.clear()

    def reply_to(self, request: Request) -> Reply | None:
        """The reply, or that of a fault; None where the connection is to be dropped."""
        with self.lock:
            self.seen.append(request)
            fault = next((one for one in self.faults if one.hits(request.path)), None)
            if fault is None:
                return self.answer(request)
        if fault.reply is None:
            self.hang()
        return fault.reply

    def hang(self) -> None:
        """Wait until somebody ends it."""
        self._released.wait(60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    owner: HttpDouble

    def setup(self) -> None:
        super().setup()
        self.owner.sockets.add(self.connection)

    def finish(self) -> None:
        self.owner.sockets.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        url = urlsplit(self.path)
        reply = self.owner.reply_to(
            Request(
                self.command,
                url.path,
                parse_qs(url.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(raw) if raw else None,
                self.path,
            )
        )
        if reply is None:
            self.close_connection = True
            return
        body = reply.body
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""
