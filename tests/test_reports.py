from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luminora import _reports, _scaffold

ROOT = Path(__file__).parents[1]


@pytest.fixture
def plugin(tmp_path):
    """A plugin's project."""
    return _scaffold.write(_scaffold.Plan("echo", "llm", "Ana"), tmp_path)


def run(folder, *arguments):
    """Run the project's own tests in a process of their own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


def package(folder):
    return folder / "src" / "luminora_echo"


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_every_test_is_counted_once_whoever_runs_it(plugin, processes):
    run(plugin, "--luminora-report", *processes, "tests/test_conformance.py")
    report = _reports.read(package(plugin))
    assert report["remarks"] == []
    counts = report["providers"]["llm"]["echo"]
    assert counts["chat"] == {
        "declared": "full",
        "passed": 3,
        "failed": 0,
        "skipped": 0,
        "xfailed": 0,
    }
    assert counts["json_schema"]["skipped"] == 1
    assert counts["json_schema"]["declared"] == "unsupported"
    assert report["kit"] == _reports.KIT_VERSION


def test_a_failure_is_told_and_not_hidden(plugin):
    code = package(plugin) / "provider.py"
    code.write_text(code.read_text().replace("text=text,", 'text="",'))
    done = run(plugin, "--luminora-report-file=report.json", "tests/test_conformance.py")
    assert done.returncode == 1
    report = json.loads((plugin / "report.json").read_text())
    assert report["providers"]["llm"]["echo"]["chat"]["failed"] >= 1
    assert _reports.read(package(plugin)) is None
    assert any("failed" in line for line in _reports.told(report))


def test_nothing_is_written_unasked(plugin):
    run(plugin, "tests/test_conformance.py")
    assert _reports.read(package(plugin)) is None


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ("report", "it was changed after it was made"),
        ("manifest", "the manifest has changed since it was made"),
        ("code", "the code has changed since it was made"),
    ],
)
def test_what_changed_since_is_told(plugin, change, remark):
    run(plugin, "--luminora-report", "tests/test_conformance.py")
    folder = package(plugin)
    if change == "report":
        file = folder / _reports.FILE
        document = json.loads(file.read_text())
        document["providers"]["llm"]["echo"]["chat"]["passed"] = 99
        file.write_text(json.dumps(document))
    else:
        file = folder / {"manifest": "luminora-plugin.json", "code": "hooks.py"}[change]
        file.write_text(f"{file.read_text()}\n")
    assert _reports.read(folder)["remarks"] == [remark]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 1}'])
def test_a_report_that_is_none_is_told(plugin, text):
    (package(plugin) / _reports.FILE).write_text(text)
    (remark,) = _reports.read(package(plugin))["remarks"]
    assert remark.startswith("it cannot be read")
