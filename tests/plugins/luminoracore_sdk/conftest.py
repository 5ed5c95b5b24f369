"""The SDK as this checkout has it, in this process and in those it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = [str(ROOT), str(ROOT / "plugins" / "luminoracore-sdk")]

_RUN = """
import ast, asyncio, inspect, json, sys

async def main(blocks, names, show):
    for number, block in enumerate(blocks, 1):
        code = compile(block, f"block {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        awaited = eval(code, names)
        if inspect.isawaitable(awaited):
            await awaited
    print(json.dumps({name: names[name] for name in show}, default=str))

given = json.load(sys.stdin)
names = {}
exec(given["before"], names)
asyncio.run(main(given["blocks"], names, given["show"]))
"""


@pytest.fixture
def run_blocks() -> Callable[..., tuple[dict[str, Any], str]]:
    """Runs code blocks, one after the other, in a process of their own.

    The answer is what the variables named by ``show`` hold at the end, and standard error.
    """

    def run(
        blocks: list[str], *, show: list[str], before: str = "", **env: str
    ) -> tuple[dict[str, Any], str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _RUN],
            input=json.dumps({"blocks": blocks, "show": show, "before": before}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES), **env},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    return run
