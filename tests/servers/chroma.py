"""A private Chroma server: ``chroma run``, as the package brings it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from luminora.testing.servers.base import Server, missing


class Chroma(Server):
    """A server on a port and a folder of its own."""

    name = "chroma"

    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("chroma")
        if not program.exists():
            missing("chroma", "pip install chromadb")
        return [
            str(program),
            *("run", "--path", str(self.folder / "data")),
            *("--host", "127.0.0.1", "--port", str(self.port)),
        ]

    def ready(self) -> bool:
        try:
            return httpx.get(self._url("heartbeat"), timeout=1).is_success
        except httpx.HTTPError:
            return False

    def title(self) -> str:
        from importlib.metadata import version

        return f"chroma run (chromadb {version('chromadb')})"

    def _url(self, what: str) -> str:
        return f"http://127.0.0.1:{self.port}/api/v2/{what}"


@pytest.fixture(scope="session")
def chroma() -> Iterator[Chroma]:
    """One server for the whole run; collections are the tests' own."""
    with Chroma().running() as server:
        assert isinstance(server, Chroma)
        yield server
