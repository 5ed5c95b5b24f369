"""The vendor of the "http" table: a process that answers every chat alike, as fast as it can.

Plain asyncio and made-up bytes, so that the clients are what is measured. A stream's chunks come
one by one, ``PAUSE`` seconds apart, as those of a model do.
"""

from __future__ import annotations

import asyncio
import json
import sys

CHUNKS = 200
PAUSE = 0.001
_USAGE = {"prompt_tokens": 120, "completion_tokens": CHUNKS, "total_tokens": 120 + CHUNKS}
_COMMON = {"id": "chatcmpl-1", "created": 1, "model": "stub", "system_fingerprint": "fp_1"}


def _whole() -> bytes:
    message = {"role": "assistant", "content": "¡Hola, Diego! " * 40, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    document = {**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"x-request-id: req-1\r\n\r\n" + body


def _pieces() -> list[bytes]:
    def event(**fields: object) -> bytes:
        document = {**_COMMON, "object": "chat.completion.chunk", "choices": [], **fields}
        data = b"data: %s\n\n" % json.dumps(document).encode()
        return b"%x\r\n%s\r\n" % (len(data), data)

    def choice(delta: dict[str, str], reason: str | None = None) -> list[dict[str, object]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]

    texts = [event(choices=choice({"content": f"¡Hola {number}! "})) for number in range(CHUNKS)]
    end = [event(choices=choice({}, "stop")), event(usage=_USAGE), b"e\r\ndata: [DONE]\n\n\r\n"]
    return [*texts, *end, b"0\r\n\r\n"]


WHOLE, PIECES = _whole(), _pieces()
_STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            if b'"stream":' not in body:
                writer.write(WHOLE)
                continue
            writer.write(_STREAM)
            for piece in PIECES:
                writer.write(piece)
                await asyncio.sleep(PAUSE)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


async def serve() -> None:
    """Listen on a free port, which is printed, until killed."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
