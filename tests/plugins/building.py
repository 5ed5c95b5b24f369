"""Providers built as the kernel builds them: the manifest's schema checked, its defaults filled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from luminora._index import Index
from luminora.config import load_config
from luminora.plugins import activate

_installed = cache(Index.load)


def built(kind: str, name: str, config: Mapping[str, Any], env: Mapping[str, str]) -> Any:
    """The provider ``name`` of a kind, with the environment ``env``."""
    section = {"name": name, "config": dict(config)}
    loaded = load_config({f"{kind}_provider": section}, env=env, index=_installed())
    return activate(loaded, _installed()).build(kind)
