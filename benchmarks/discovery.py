"""Discovery with many plugins installed and none used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.table import Figure

SIZES = (125, 250, 500)
ROUNDS = 7

_PROBE = """
import sys, time
sys.path.append(sys.argv[1])
from luminora import plugins
started = time.perf_counter()
found = plugins.discover()
print((time.perf_counter() - started) * 1000, len(found))
"""


def measure() -> list[Figure]:
    """Milliseconds of ``discover()`` in a fresh process: first cold, then with the index cached."""
    figures = []
    for size in SIZES:
        cold, warm = _times(size)
        target = 10 if size == SIZES[-1] else None
        figures.append(Figure(f"{size} plugins, cold", cold, "ms", note=f"{cold / size:.2f} each"))
        figures.append(Figure(f"{size} plugins, warm", warm, "ms", target))
    return figures


def _times(size: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        site, cache = Path(folder, "site"), Path(folder, "cache")
        site.mkdir()
        for number in range(size):
            _install(site, number)
        cold, found = _run(site, cache)
        if found < size:
            raise RuntimeError(f"{found} plugins found of {size}")
        return cold, median(_run(site, cache)[0] for _ in range(ROUNDS))


def _install(site: Path, number: int) -> None:
    """A distribution as an installer leaves it: package, manifest, metadata, entry point."""
    name = f"luminora_synthetic{number}"
    package, info = site / name, site / f"{name}-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    schema = {
        "type": "object",
        "properties": {
            "api_key_env": {
                "type": "string",
                "description": "Variable that holds the key.",
                "default": f"SYNTHETIC{number}_API_KEY",
                "x-luminora-secret": True,
            },
            "timeout_seconds": {"type": "number", "description": "Longest wait.", "default": 30},
        },
        "additionalProperties": False,
    }
    provider = {
        "description": f"Synthetic model {number}.",
        "config_schema": schema,
        "capabilities": {"streaming": "full"},
        "models": {"main": f"synthetic-{number}"},
        "hosts": [f"api{number}.example.org"],
    }
    manifest = {
        "name": f"synthetic{number}",
        "api": ">=1,<2",
        "module": name,
        "providers": {"llm": {f"synthetic{number}": provider}},
    }
    (package / "luminora-plugin.json").write_text(json.dumps(manifest))
    (package / "__init__.py").write_text("raise ImportError('discovery imported a plugin')\n")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[luminora.plugins]\nsynthetic{number} = {name}\n")
    (info / "RECORD").write_text("")


def _run(site: Path, cache: Path) -> tuple[float, int]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    output = subprocess.run(
        [sys.executable, "-c", _PROBE, str(site)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    ).stdout.split()
    return float(output[0]), int(output[1])
