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


def test_a_run_of_a_part_takes_no_reports_place(plugin):
    run(plugin, "--luminora-report", "tests/test_conformance.py")
    file = package(plugin) / _reports.FILE
    before = file.read_text()
    done = run(plugin, "--luminora-report", "-k", "chat_answers", "tests/test_conformance.py")
    assert done.returncode == 1
    assert "9 tests of the suites of luminora_echo did not run" in done.stdout
    assert file.read_text() == before


def test_a_report_that_cannot_be_written_is_told(plugin):
    done = run(plugin, "--luminora-report-file=nowhere/report.json", "tests/test_conformance.py")
    assert done.returncode == 1
    assert "nowhere/report.json cannot be written: No such file or directory" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_test_that_fails_when_it_is_taken_down_has_failed_once(plugin):
    suite = plugin / "tests" / "test_conformance.py"
    text = suite.read_text().replace("import asyncio\n", "import asyncio\n\nimport pytest\n", 1)
    fixture = (
        "    @pytest.fixture(autouse=True)\n"
        "    def _fails(self, request):\n"
        "        yield\n"
        '        assert "chat_answers" not in request.node.name\n\n'
        "    async def make_provider"
    )
    suite.write_text(text.replace("    async def make_provider", fixture, 1))
    run(plugin, "--luminora-report", "tests/test_conformance.py")
    counts = _reports.read(package(plugin))["providers"]["llm"]["echo"]["chat"]
    assert (counts["passed"], counts["failed"]) == (2, 1)


def test_a_report_of_another_shape_is_told(plugin):
    run(plugin, "--luminora-report", "tests/test_conformance.py")
    file = package(plugin) / _reports.FILE
    whole = json.loads(file.read_text())
    counts = whole["providers"]["llm"]["echo"]["chat"]
    for change in (
        {"providers": {"llm": {"echo": {"chat": 3}}}},
        {"providers": {"llm": {"echo": {"chat": {**counts, "passed": "3"}}}}},
        {"tested_at": 20261127},
        {"kit": None},
    ):
        content = {name: value for name, value in {**whole, **change}.items() if name != "sha256"}
        file.write_text(json.dumps({**content, "sha256": _reports.digest(content)}))
        report = _reports.read(package(plugin))
        assert report["providers"] == {}
        assert report["remarks"][0].startswith("it cannot be read")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 1}'])
def test_a_report_that_is_none_is_told(plugin, text):
    (package(plugin) / _reports.FILE).write_text(text)
    (remark,) = _reports.read(package(plugin))["remarks"]
    assert remark.startswith("it cannot be read")
