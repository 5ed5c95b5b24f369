"""Write ``luminora/sync.pyi`` from the asynchronous client, so that the twin is typed too.

Run ``python tools/sync_stub.py`` after changing a signature there; a test
fails while the two differ.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = {
    "Upkeep": "upkeep.py",
    "Keeping": "keeping.py",
    "Notebook": "notebook.py",
    "Relationship": "relationship.py",
    "Sources": "sources.py",
    "Snapshots": "snapshots/client.py",
    "LuminoraCoreClient": "client.py",
}
TARGET = ROOT / "luminora" / "sync.pyi"

_HEAD = """\
# Written by tools/sync_stub.py from luminora: {sources}; do not edit.
{imports}
"""

_CLASS = """\

def mirrored() -> dict[str, Callable[..., Any]]: ...

class LuminoraCoreClient:
    @classmethod
    def from_config(
        cls, path: str | Path | None = ..., *, overrides: Mapping[str, Any] | None = ...
    ) -> Self: ...
    @property
    def config(self) -> Config: ...
    @property
    def analytics(self) -> AnalyticsTwin: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
"""


def stub() -> str:
    """The text of the stub file."""
    methods = [method for source in SOURCES for method in _methods(source)]
    body = _CLASS + "".join(f"    {method}\n" for method in methods)
    return _HEAD.format(sources=_listed(sorted(SOURCES.values())), imports=_imports(body)) + body


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def _imports(body: str) -> str:
    """The imports of the sources that the stub's own text needs; each reads its own."""
    words = set(re.findall(r"[A-Za-z_]+", body))
    found: dict[str, set[str]] = {
        "collections.abc": {"Callable", "Iterator", "Mapping"},
        "luminora.analytics.twin": {"AnalyticsTwin"},
        "luminora.config": {"Config"},
        "pathlib": {"Path"},
        "typing": {"Any", "Self"},
    }
    for name, source in SOURCES.items():
        used = set(re.findall(r"[A-Za-z_]+", "".join(_methods(name)))) & words
        tree = ast.parse((ROOT / "luminora" / source).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = {alias.name for alias in node.names} & used
                if names:
                    found.setdefault(node.module, set()).update(names)
    plain = sorted(module for module in found if not module.startswith("luminora"))
    ours = sorted(found.keys() - plain)
    lines = [
        f"from {module} import {', '.join(sorted(found[module]))}" for module in (*plain, *ours)
    ]
    return "\n".join(["import asyncio", *lines])


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
