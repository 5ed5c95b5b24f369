"""Plugin distributions made of text, on a ``sys.path`` entry of the test's own."""

from __future__ import annotations

import importlib
import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luminora.plugins import Discovery, Index, discover

CACHE_CODE = """
from luminora import hookimpl
from luminora.providers import CacheProvider, CheckResult, Status

class Cache(CacheProvider):
    name = "made-up"

    def __init__(self, config, context):
        self.config, self.context = config, context

    async def check(self):
        return CheckResult(Status.OK)

    async def get(self, namespace, key):
        return None

    async def set(self, namespace, key, value, ttl=None): ...
    async def delete(self, namespace, key): ...
    async def clear(self, namespace): ...

@hookimpl
def luminora_cache(name, config, context):
    return Cache(config, context)
"""


def manifest(
    package: str, name: str = "made-up", kind: str = "cache", **more: Any
) -> dict[str, Any]:
    """A manifest that offers one provider; ``more`` goes into the provider's entry."""
    schema = {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "description": "How much it holds.", "default": 7},
            "url_env": {
                "type": "string",
                "description": "Variable with its address.",
                "x-luminora-secret": True,
            },
        },
    }
    entry = {"description": "Made up.", "config_schema": schema, **more}
    return {
        "name": package.removeprefix("lp_"),
        "api": ">=1,<2",
        "module": package,
        "providers": {kind: {name: entry}},
    }


def make(
    site: Path,
    package: str,
    *,
    code: str = CACHE_CODE,
    data: Any = ...,
    distribution: str | None = None,
    value: str | None = None,
    version: str = "1.2.3",
) -> str:
    """Write a package and its distribution's metadata; ``data`` None writes no manifest."""
    distribution = distribution or package.replace("lp_", "luminora-").replace("_", "-")
    folder = site / package
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(textwrap.dedent(code), encoding="utf-8")
    if data is ...:
        data = manifest(package)
    if data is not None:
        text = data if isinstance(data, str) else json.dumps(data)
        (folder / "luminora-plugin.json").write_text(text, encoding="utf-8")
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    entry = package.removeprefix("lp_")
    (info / "entry_points.txt").write_text(f"[luminora.plugins]\n{entry} = {value or package}\n")
    importlib.invalidate_caches()
    return distribution


def age(*folders: Path, seconds: int = 100) -> None:
    """Make files look settled: discovery does not cache what was written just now."""
    then = time.time() - seconds
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            os.utime(path, (then, then))


def mine(*distributions: str) -> list[Discovery]:
    """What discovery finds of these distributions and of luminora itself, nothing else."""
    wanted = {"luminora", *distributions}
    return [found for found in discover() if found.distribution.name in wanted]


def index_of(*distributions: str) -> Index:
    return Index(mine(*distributions))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder on ``sys.path``; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("lp_")]:
        del sys.modules[name]
