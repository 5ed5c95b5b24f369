"""What is not needed is not imported: measured in a Python of its own."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time

import pytest

from luminora import _manifests
from luminora.cli import COMMANDS
from tests.fakeplugins import age, make, manifest, site

__all__ = ["site"]

DEAR = {"pydantic", "jsonschema", "jsonschema_rs", "numpy", "httpx", "questionary", "rich", "apsw"}
REPORT = "import sys; print(*sys.modules, file=sys.stderr)"


def loaded(code: str, **environment: str) -> set[str]:
    """Top-level modules that are there after ``code`` ran."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return set(done.stderr.splitlines()[-1].split())


def command(*arguments: str) -> str:
    return f"from luminora.cli import main; main({list(arguments)!r})"


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "code",
    ["import luminora", command("--version"), command("--help"), command()],
)
def test_opening_loads_no_third_party_module(code):
    before = tops(loaded("pass"))
    extra = tops(loaded(code)) - before
    assert not {name for name in extra if name not in sys.stdlib_module_names} - {"luminora"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--version",), {"click", "json", "pluggy"}),
        (("--help",), {"click", "json", "pluggy"}),
        (("plugins", "--help"), {*DEAR, "pluggy", "asyncio", "platformdirs"}),
        (("config", "path"), {*DEAR, "pluggy", "asyncio"}),
    ],
)
def test_a_command_loads_what_it_needs(arguments, unwanted):
    assert not tops(loaded(command(*arguments))) & unwanted


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("plugins", "list"), {*DEAR, "pluggy", "asyncio", "importlib.metadata"}),
        (("config", "show"), {*DEAR, "pluggy", "asyncio", "importlib.metadata"}),
        (("config", "validate"), (DEAR - {"jsonschema_rs"}) | {"pluggy", "asyncio"}),
    ],
)
def test_a_command_loads_what_it_needs_once_plugins_are_known(arguments, unwanted):
    settle = "from luminora import _manifests; _manifests._FRESH_SECONDS = -1e9"
    loaded(f"{settle}; _manifests.discover()")
    found = loaded(f"{settle}; {command(*arguments)}")
    assert not (found | tops(found)) & unwanted


def test_no_command_loads_another_commands_module():
    modules = loaded(command("--help")) | loaded(command("config", "path"))
    homes = {place.partition(":")[0] for place, _ in COMMANDS.values()}
    assert modules & homes == {"luminora.cli.config"}


def test_a_warm_discovery_reads_no_metadata(site, tmp_path):
    make(site, "lp_a")
    age(site)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from luminora import _manifests; _manifests._FRESH_SECONDS = -1e9\n"
        "assert len(_manifests.discover()) >= 2"
    )
    assert "importlib.metadata" in loaded(code)
    dear = {"importlib.metadata", "jsonschema_rs", "packaging", "platformdirs", "pluggy"}
    assert not loaded(code) & dear


def test_activating_the_embedded_default_imports_no_other_plugin(site):
    make(site, "lp_a", data=manifest("lp_a", "idle"))
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from luminora.config import load_config; from luminora.plugins import activate\n"
        "activate(load_config({}))"
    )
    assert "lp_a" not in loaded(code)


def cpu(*arguments: str, times: int = 7) -> float:
    """Median CPU seconds of a Python process."""
    spent = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(spent)


@pytest.mark.heavy
@pytest.mark.parametrize(("argument", "times"), [("--version", 2.5), ("--help", 5)])
def test_opening_is_fast(argument, times):
    start = cpu("-c", "pass")
    script = "import sys; from luminora.cli import main; sys.exit(main())"
    assert cpu("-c", script, argument) <= times * start


@pytest.mark.heavy
def test_a_warm_discovery_of_500_plugins_takes_ten_milliseconds(site, monkeypatch):
    for number in range(500):
        make(site, f"lp_{number}", data=manifest(f"lp_{number}", f"p{number}"))
    age(site)
    monkeypatch.setattr(_manifests, "_FRESH_SECONDS", -1e9)
    assert len(_manifests.discover()) >= 501
    times = []
    for _ in range(9):
        start = time.perf_counter()
        _manifests.discover()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.010, times
