"""Write ``luminora/sync.pyi`` from the asynchronous client, so that the twin is typed too.

Run ``python tools/sync_stub.py`` after changing a signature there; a test
fails while the two differ.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = {
    "Upkeep": "upkeep.py",
    "Snapshots": "snapshots/client.py",
    "LuminoraCoreClient": "client.py",
}
TARGET = ROOT / "luminora" / "sync.pyi"

_HEAD = """\
# Written by tools/sync_stub.py from luminora/client.py and its mixins; do not edit.
import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from luminora.config import Config
from luminora.memory.imports import Item
from luminora.memory.models import (
    AffinityEvent,
    AffinityInfo,
    Episode,
    Fact,
    ImportReport,
    Job,
    MemorySearchResult,
    Message,
    MoodInfo,
    Response,
    ResponseChunk,
    Session,
)
from luminora.memory.worker import Worked
from luminora.snapshots.examine import SnapshotInfo
from luminora.snapshots.export import Progress
from luminora.snapshots.restore import Restored

def mirrored() -> dict[str, Callable[..., Any]]: ...

class LuminoraCoreClient:
    @classmethod
    def from_config(
        cls, path: str | Path | None = ..., *, overrides: Mapping[str, Any] | None = ...
    ) -> Self: ...
    @property
    def config(self) -> Config: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
"""


def stub() -> str:
    """The text of the stub file."""
    methods = [method for source in SOURCES for method in _methods(source)]
    return _HEAD + "".join(f"    {method}\n" for method in methods)


def _methods(name: str) -> list[str]:
    """The public coroutines of a class, as their twins."""
    tree = ast.parse((ROOT / "luminora" / SOURCES[name]).read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return [
        _twin(node)
        for node in found.body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not node.decorator_list
        and node.name not in {"open", "aclose"}
    ]


def _twin(method: ast.AsyncFunctionDef) -> str:
    arguments = ast.unparse(method.args)
    answer = ast.unparse(method.returns) if method.returns else "None"
    return f"def {method.name}({arguments}) -> {answer.replace('AsyncIterator', 'Iterator')}: ..."


if __name__ == "__main__":
    TARGET.write_text(stub(), encoding="utf-8")
