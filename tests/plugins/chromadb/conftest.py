"""The server's fixture."""

from __future__ import annotations

from tests.servers.chroma import chroma

__all__ = ["chroma"]
