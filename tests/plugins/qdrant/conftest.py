"""The double's fixtures, here rather than for all tests: its import takes most of a second."""

from __future__ import annotations

from tests.servers.qdrant import qdrant, qdrant_server

__all__ = ["qdrant", "qdrant_server"]
