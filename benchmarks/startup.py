"""How long the command takes to open, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.table import Figure

ROUNDS = 15

_COMPLETING = {"_LUMINORA_COMPLETE": "bash_complete"}
_WORDS = {
    "complete commands": ("luminora co", "1"),
    "complete an option": ("luminora chat --pers", "2"),
    "complete a provider": ("luminora migrate --database p", "3"),
}


def measure() -> list[Figure]:
    """CPU time (user and system) of whole processes, in turn, medians; plugins as installed."""
    with tempfile.TemporaryDirectory() as folder:
        return _figures(_measured(folder))


def _measured(folder: str) -> dict[str, float]:
    """Seconds by what was run, in an empty project with a home of its own."""
    command = str(Path(sys.executable).with_name("luminora"))
    environment = {**os.environ, "XDG_CACHE_HOME": folder, "XDG_CONFIG_HOME": folder}
    rivals: dict[str, tuple[list[str], Mapping[str, str]]] = {
        "pass": ([sys.executable, "-c", "pass"], {}),
        "version": ([command, "--version"], {}),
        "help": ([command, "--help"], {}),
        "config show": ([command, "config", "show"], {}),
    }
    for name, (words, place) in _WORDS.items():
        rivals[name] = [command], {**_COMPLETING, "COMP_WORDS": words, "COMP_CWORD": place}
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(ROUNDS + 1):
        for name, (argv, more) in rivals.items():
            spent = _cpu(argv, {**environment, **more}, folder)
            if turn:  # the first round warms the disk cache, and discovery's
                seconds[name].append(spent)
    return {name: median(spent) for name, spent in seconds.items()}


def _figures(found: Mapping[str, float]) -> list[Figure]:
    base = found["pass"]
    note = f"python -c pass: {base * 1000:.0f} ms CPU"
    return [
        Figure("luminora --version", found["version"] / base, "x", 2.5, note),
        Figure("luminora --help", found["help"] / base, "x", 5, note),
        Figure("luminora config show", found["config show"] / base, "x", 10, note),
        *(Figure(name, found[name] * 1000, "ms", 150, "CPU") for name in _WORDS),
    ]


def _cpu(argv: list[str], environment: Mapping[str, str], folder: str) -> float:
    process = subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        cwd=folder,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime
