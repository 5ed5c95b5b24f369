"""A TCP proxy that misbehaves on request: it cuts, stalls, counts and rewrites."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Proxy:
    """Forwards connections to a port of the loopback interface.

    Attributes:
        port: Where it listens.
        cut_behind: Once the client has sent this, it reaches the server, whose answer is awaited
            and lost together with the connection. Used once.
        cut_before: The same, but what is sent with it does not reach the server either.
        rewrite: Bytes of the server's to replace by others of the same length.
        flowing: Nothing is forwarded while this is cleared.
        cuts: How often it cut.
        trips: How often a client sent something after it had been answered.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut_behind: bytes | None = None
        self.cut_before: bytes | None = None
        self.rewrite: tuple[bytes, bytes] | None = None
        self.flowing = threading.Event()
        self.flowing.set()
        self.trips = 0
        self.cuts = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flowing.set()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every connection."""
        while self._open:
            _close(self._open.pop())

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                _close(client)
                continue
            server.settimeout(None)
            self._open += [client, server]
            pair = _Pair(self, client, server)
            threading.Thread(target=pair.upstream, daemon=True).start()
            threading.Thread(target=pair.downstream, daemon=True).start()


class _Pair:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.answered = True
        self.mute = False

    def upstream(self) -> None:
        with suppress(OSError):
            while data := self.client.recv(1 << 20):
                self.proxy.flowing.wait()
                if self.answered:
                    self.answered = False
                    self.proxy.trips += 1
                if self.proxy.cut_before and self.proxy.cut_before in data:
                    self.proxy.cut_before = None
                    self.proxy.cuts += 1
                    break
                if self.proxy.cut_behind and self.proxy.cut_behind in data:
                    self.proxy.cut_behind = None
                    self.proxy.cuts += 1
                    self.mute = True
                self.server.sendall(data)
        self._end()

    def downstream(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(1 << 20):
                self.proxy.flowing.wait()
                if self.mute:
                    break
                self.answered = True
                if self.proxy.rewrite:
                    data = data.replace(*self.proxy.rewrite)
                self.client.sendall(data)
        self._end()

    def _end(self) -> None:
        _close(self.client)
        _close(self.server)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
