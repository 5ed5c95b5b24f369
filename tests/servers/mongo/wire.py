"""OP_MSG and OP_QUERY on a socket, and SCRAM-SHA-256 (RFC 7677)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import bson

from tests.servers.mongo.faults import CommandError, Hangup, bad
from tests.servers.mongo.server import Server

_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_CHECKSUM, _MORE_TO_COME = 1, 2
_ROUNDS = 4096


class Connection:
    """One client's socket."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.user: str | None = None
        self.scram: Scram | None = None

    async def serve(self) -> None:
        """Answer until the client goes away."""
        try:
            while True:
                await self._answer()
        except (asyncio.IncompleteReadError, ConnectionError, Hangup):
            return
        finally:
            self.writer.close()

    async def _answer(self) -> None:
        size, number, _, code = struct.unpack("<iiii", await self.reader.readexactly(16))
        body = await self.reader.readexactly(size - 16)
        if code == _OP_QUERY:  # only for the first hello
            end = body.index(0, 4)
            command = {**bson.decode(body[end + 9 :]), "$db": "admin"}
            reply = bson.encode(await self._run(command))
            head = struct.pack("<iqii", 8, 0, 0, 1)
            self._send(number, _OP_REPLY, head + reply)
        elif code == _OP_MSG:
            (flags,) = struct.unpack_from("<I", body)
            command = parse(body[4 : len(body) - (4 if flags & _CHECKSUM else 0)])
            reply = bson.encode(await self._run(command))
            if not flags & _MORE_TO_COME:
                self._send(number, _OP_MSG, struct.pack("<IB", 0, 0) + reply)
        else:
            raise ConnectionError(f"opcode {code}")
        await self.writer.drain()

    def _send(self, to: int, code: int, payload: bytes) -> None:
        self.writer.write(struct.pack("<iiii", 16 + len(payload), 0, to, code) + payload)

    async def _run(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            match next(iter(command)):
                case "saslStart":
                    return self._sasl_start(command)
                case "saslContinue":
                    return self._sasl_continue(command)
            return await self.server.run(dict(command), self.user)
        except CommandError as error:
            return error.reply()
        except (NotImplementedError, LookupError, TypeError, ValueError) as error:
            text = f"the double failed: {type(error).__name__}: {error}"
            return CommandError(8, "UnknownError", text).reply()

    def _sasl_start(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        if command["mechanism"] != "SCRAM-SHA-256":
            raise bad(f"Unsupported mechanism {command['mechanism']}")
        self.scram = Scram(self.server.shape.users)
        payload = self.scram.first(bytes(command["payload"]).decode())
        return {"conversationId": 1, "done": False, "payload": payload.encode(), "ok": 1.0}

    def _sasl_continue(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.scram is None:
            raise bad("no SASL session")
        payload = self.scram.final(bytes(command["payload"]).decode())
        self.user = self.scram.user
        return {"conversationId": 1, "done": True, "payload": payload.encode(), "ok": 1.0}


class Scram:
    """The server's side of one conversation."""

    def __init__(self, users: Mapping[str, Mapping[str, str]]) -> None:
        self._users = users
        self._salt = secrets.token_bytes(28)
        self.user = ""
        self._said = ""
        self._nonce = ""

    def first(self, message: str) -> str:
        """Answer the client's first message with a salt."""
        bare = message.removeprefix("n,,")
        parts = _parts(bare)
        self.user = parts["n"].replace("=2C", ",").replace("=3D", "=")
        self._nonce = parts["r"] + secrets.token_hex(12)
        answer = f"r={self._nonce},s={b64encode(self._salt).decode()},i={_ROUNDS}"
        self._said = f"{bare},{answer}"
        return answer

    def final(self, message: str) -> str:
        """Check the client's proof.

        Raises:
            CommandError: It is wrong, or there is no such user.
        """
        parts = _parts(message)
        password = self._users.get(self.user, {}).get("password")
        if password is None or parts["r"] != self._nonce:
            raise _refused()
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self._salt, _ROUNDS)
        stored = hashlib.sha256(_mac(salted, "Client Key")).digest()
        said = f"{self._said},{message.rpartition(',p=')[0]}"
        signature = _mac(stored, said)
        key = bytes(a ^ b for a, b in zip(signature, b64decode(parts["p"]), strict=True))
        if not hmac.compare_digest(hashlib.sha256(key).digest(), stored):
            raise _refused()
        return f"v={b64encode(_mac(_mac(salted, 'Server Key'), said)).decode()}"


def parse(body: bytes) -> dict[str, Any]:
    """The command of an OP_MSG, its document sequences included."""
    command: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    place = 0
    while place < len(body):
        kind = body[place]
        place += 1
        (size,) = struct.unpack_from("<i", body, place)
        if kind == 0:
            command = bson.decode(body[place : place + size])
        else:
            end = body.index(0, place + 4)
            name = body[place + 4 : end].decode()
            extra[name] = bson.decode_all(body[end + 1 : place + size])
        place += size
    return {**command, **extra}


def _parts(message: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in message.split(",") if "=" in part)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _refused() -> CommandError:
    return CommandError(18, "AuthenticationFailed", "Authentication failed.")
