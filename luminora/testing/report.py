"""A conformance report: which capabilities of a provider were tested, and how that went.

``pytest --luminora-report`` writes ``luminora-conformance.json`` beside the plugin's manifest, for
every plugin whose suites ran; an author ships it in the wheel, and ``luminora plugins info`` shows
it. The hash over its content, and those of the manifest and the code it was made for, tell an
accident or a forgotten run from the real thing. They are no signature: who wants to lie can.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luminora._reports import FILE, KIT_VERSION, OUTCOMES, digest, folder_of, hashes_of
from luminora._version import API_VERSION, __version__
from luminora.testing.kit import Conformance

_KEY = pytest.StashKey["Recorder"]()
_Key = tuple[str, str, str]
_PROPERTY = "luminora_conformance"
_WORST = ("passed", "skipped", "xfailed", "failed")


class Recorder:
    """Counts the outcomes of the suites' tests, also those that other processes ran.

    Args:
        target: The file to write; None puts each report beside its plugin's manifest.
        root: What relative paths are relative to.
    """

    def __init__(self, target: Path | None, root: Path) -> None:
        self._target = target
        self._root = root
        self._seen: dict[_Key, dict[str, tuple[dict[str, Any], str]]] = {}
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: its call, or the phase in which it ended early."""
        if report.when != "call" and report.outcome == "passed":
            return
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self._note(json.loads(str(value)), report.nodeid, _outcome(report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was noted, if whole suites ran; a report of a part would mislead."""
        documents = list(self._documents())
        if self._target is not None and len(documents) > 1:
            self._lines.append(f"{self._target} cannot hold the reports of several plugins")
            documents = []
        for package, document in documents:
            folder = folder_of(package)  # the wheel takes the report from beside the manifest
            place = self._target or (folder and folder / FILE)
            if place is None:
                continue
            text = json.dumps(document, indent=2, ensure_ascii=False)
            try:
                (self._root / place).write_text(f"{text}\n", encoding="utf-8")
            except OSError as problem:
                self._lines.append(f"{place} cannot be written: {problem.strerror}")
        if self._lines and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say why a report that was asked for was not written."""
        for line in self._lines:
            terminalreporter.write_line(f"luminora: no conformance report: {line}")

    def _note(self, about: dict[str, Any], test: str, outcome: str) -> None:
        """Keep how a test ended; one that fails when it is taken down has failed."""
        tests = self._seen.setdefault((about["package"], about["kind"], about["provider"]), {})
        _, before = tests.get(test, (about, outcome))
        tests[test] = (about, max(before, outcome, key=_WORST.index))

    def _missing(self, package: str) -> int:
        """How many tests of the package's suites did not run."""
        return sum(
            max(about["tests"] for about, _ in tests.values())
            - len({about["test"] for about, _ in tests.values()})
            for key, tests in self._seen.items()
            if key[0] == package
        )

    def _documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """One report for each plugin."""
        for package in sorted({package for package, _, _ in self._seen}):
            if missing := self._missing(package):
                self._lines.append(f"{missing} tests of the suites of {package} did not run")
                continue
            providers: dict[str, Any] = {}
            for (owner, kind, name), tests in sorted(self._seen.items()):
                if owner == package:
                    providers.setdefault(kind, {})[name] = _counted(tests.values())
            content = {
                "format": 1,
                "kit": KIT_VERSION,
                "luminora": __version__,
                "api": API_VERSION,
                **_owner(package),
                "tested_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "python": platform.python_version(),
                "platform": f"{platform.system()} {platform.machine()}",
                "providers": providers,
                **hashes_of(package),
            }
            yield package, {**content, "sha256": digest(content)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--luminora-report`` and ``--luminora-report-file``."""
    group = parser.getgroup("luminora")
    group.addoption(
        "--luminora-report",
        action="store_true",
        help=f"Write a conformance report, {FILE}, beside the plugin's manifest.",
    )
    group.addoption("--luminora-report-file", metavar="FILE", help="Write it there instead.")


def pytest_configure(config: pytest.Config) -> None:
    """Record, if that is asked for; with several processes, in the one that gathers."""
    target = config.getoption("--luminora-report-file")
    wanted = target or config.getoption("--luminora-report")
    if not wanted or hasattr(config, "workerinput"):
        return
    recorder = Recorder(Path(target) if target else None, config.rootpath)
    config.stash[_KEY] = recorder
    config.pluginmanager.register(recorder, "luminora-report")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say of each test of a suite what it is about, where every process can read it."""
    about = _about(item)
    if about is not None:
        item.user_properties.append((_PROPERTY, json.dumps(about)))


def _about(item: pytest.Item) -> dict[str, Any] | None:
    suite, function = getattr(item, "cls", None), getattr(item, "function", None)
    capability = getattr(function, "luminora_capability", None)
    if capability is None or not isinstance(suite, type) or not issubclass(suite, Conformance):
        return None
    source = getattr(suite.capabilities, "source", None)
    if source is None:
        return None  # made up in the test; nothing a manifest declares
    package, kind, provider = source
    state = suite.capabilities.get(capability, "full")
    return {
        "package": package,
        "kind": kind,
        "provider": provider,
        "capability": capability,
        "declared": getattr(state, "value", str(state)),
        "test": getattr(function, "__name__", item.name),
        "tests": sum(
            hasattr(getattr(suite, name), "luminora_capability")
            for name in dir(suite)
            if name.startswith("test")
        ),
    }


def _counted(tests: Iterable[tuple[dict[str, Any], str]]) -> dict[str, dict[str, Any]]:
    """By capability: how it is declared, and how many of its tests ended how."""
    found: dict[str, dict[str, Any]] = {}
    for about, outcome in tests:
        fresh = {"declared": about["declared"], **dict.fromkeys(OUTCOMES, 0)}
        found.setdefault(about["capability"], fresh)[outcome] += 1
    return dict(sorted(found.items()))


def _outcome(report: pytest.TestReport) -> str:
    if report.outcome == "skipped":
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return report.outcome


def _owner(package: str) -> dict[str, str | None]:
    """The distribution that holds a package, as it is installed."""
    from luminora.plugins import discover  # noqa: PLC0415 - at the end of a run

    found = [one.distribution for one in discover() if one.distribution.package == package]
    name, version = (found[0].name, found[0].version) if found else (None, None)
    return {"package": package, "distribution": name, "version": version}
