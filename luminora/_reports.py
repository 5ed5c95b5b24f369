"""Conformance reports that plugins bring along: read, and compared with what they are about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luminora import _jsonc
from luminora.errors import PluginBroken

FILE = "luminora-conformance.json"
"""Its name; it lies beside the manifest."""
KIT_VERSION = "1"
"""Of the suites in :mod:`luminora.testing`: raised when a test is added that used to be passed."""

OUTCOMES = ("passed", "failed", "xfailed", "skipped")
"""How a test can end."""

_MANIFEST = "luminora-plugin.json"


def read(folder: Path) -> dict[str, Any] | None:
    """The report in a plugin's package, with what is to be said of it; None if there is none.

    Returns:
        The report, and under ``remarks`` what casts doubt on it, a line each: that it was changed,
        or made for another manifest or other code.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        report = _jsonc.parse(file.read_bytes(), str(file), error=PluginBroken)
        content = {name: value for name, value in report.items() if name != "sha256"}
        remarks = (
            [] if report["sha256"] == digest(content) else ["it was changed after it was made"]
        )
        found = _hashes(folder)
        for name, what in (("manifest_sha256", "manifest"), ("code_sha256", "code")):
            if report[name] != found[name]:
                remarks.append(f"the {what} has changed since it was made")
        _check_shape(report)
    except (OSError, KeyError, TypeError, AttributeError, PluginBroken) as problem:
        return {"providers": {}, "remarks": [f"it cannot be read: {problem}"]}
    return {**report, "remarks": remarks}


def _check_shape(report: Mapping[str, Any]) -> None:
    """Refuse what cannot be told.

    Raises:
        KeyError, TypeError, AttributeError: Something is missing, or is not what it has to be.
    """
    for name in ("kit", "tested_at"):
        if not isinstance(report[name], str):
            raise TypeError(f"'{name}' is no text")
    for providers in report["providers"].values():
        for capabilities in providers.values():
            for found in capabilities.values():
                counts = [found.get(outcome, 0) for outcome in OUTCOMES]
                if not isinstance(found["declared"], str) or {*map(type, counts)} != {int}:
                    raise TypeError("a capability is not a state and counts")


def digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a report's content, whatever its layout."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hashes_of(package: str) -> dict[str, str]:
    """Hashes of the manifest and the code of an importable package."""
    folder = folder_of(package)
    return _hashes(folder) if folder else {"manifest_sha256": "", "code_sha256": ""}


def folder_of(package: str) -> Path | None:
    """Where an importable package lies; None if there is no such package."""
    from importlib.util import find_spec  # noqa: PLC0415 - where reports are made

    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def told(report: Mapping[str, Any]) -> list[str]:
    """A report in lines for people: each capability of each provider, and how its tests went."""
    lines = []
    for kind, providers in report["providers"].items():
        for name, capabilities in providers.items():
            lines.append(f"{kind} '{name}':")
            for capability, found in capabilities.items():
                counts = ", ".join(f"{found[one]} {one}" for one in OUTCOMES if found.get(one))
                lines.append(f"  {capability.replace('_', ' ')} ({found['declared']}): {counts}")
    return lines


def _hashes(folder: Path) -> dict[str, str]:
    code = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        code.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        code.update(hashlib.sha256(file.read_bytes()).digest())
    manifest = hashlib.sha256((folder / _MANIFEST).read_bytes()).hexdigest()
    return {"manifest_sha256": manifest, "code_sha256": code.hexdigest()}
