"""Run the double: ``python -m tests.servers.mongo --port 27017 --folder /tmp/x``."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from tests.servers.mongo.engine import Engine
from tests.servers.mongo.server import Server, Shape
from tests.servers.mongo.wire import Connection


async def _serve(given: argparse.Namespace) -> None:
    shape = Shape(
        port=given.port,
        standalone=given.standalone,
        search=given.search,
        wire_version=given.wire_version,
        users=json.loads(given.users),
    )
    server = Server(Engine(Path(given.folder) / "journal.bson", given.lifetime), shape)
    listening = await asyncio.start_server(
        lambda reader, writer: Connection(server, reader, writer).serve(), "127.0.0.1", given.port
    )
    async with listening:
        await listening.serve_forever()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--standalone", action="store_true")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--wire-version", type=int, default=21)
    parser.add_argument("--users", default="{}", help="JSON: name to password and role")
    parser.add_argument("--lifetime", type=float, default=60.0, help="of a transaction, seconds")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
