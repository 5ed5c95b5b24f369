"""How long the command takes to open, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.table import Figure

ROUNDS = 15


def measure() -> list[Figure]:
    """CPU time (user and system) of whole processes, the three in turn, medians."""
    command = str(Path(sys.executable).with_name("luminora"))
    rivals = {
        "pass": [sys.executable, "-c", "pass"],
        "version": [command, "--version"],
        "help": [command, "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(ROUNDS + 1):
        for name, argv in rivals.items():
            spent = _cpu(argv)
            if turn:  # the first round warms the disk cache
                seconds[name].append(spent)
    base = median(seconds["pass"])
    note = f"python -c pass: {base * 1000:.0f} ms CPU"
    return [
        Figure("luminora --version", median(seconds["version"]) / base, "x", 2.5, note),
        Figure("luminora --help", median(seconds["help"]) / base, "x", 5, note),
    ]


def _cpu(argv: list[str]) -> float:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime
