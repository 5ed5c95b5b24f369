"""A conformance report: which capabilities of a provider were tested, and how that went.

``pytest --luminora-report`` writes ``luminora-conformance.json`` beside the plugin's manifest, for
every plugin whose suites ran; an author ships it in the wheel, and ``luminora plugins info`` shows
it. The hash over its content, and those of the manifest and the code it was made for, tell an
accident or a forgotten run from the real thing. They are no signature: who wants to lie can.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from luminora._reports import FILE, KIT_VERSION, digest, hashes_of
from luminora._version import API_VERSION, __version__
from luminora.testing.kit import Conformance

_KEY = pytest.StashKey["Recorder"]()
_PROPERTY = "luminora_conformance"
_OUTCOMES = ("passed", "failed", "skipped", "xfailed")


class Recorder:
    """Counts the outcomes of the suites' tests, also those that other processes ran.

    Args:
        target: The file to write; None puts each report beside its plugin's manifest.
        root: What relative paths are relative to.
    """

    def __init__(self, target: Path | None, root: Path) -> None:
        self._target = target
        self._root = root
        self._counts: dict[tuple[str, str, str], dict[str, dict[str, int]]] = {}
        self._declared: dict[tuple[str, str, str], dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: its call, or the phase in which it ended early."""
        if report.when != "call" and report.outcome == "passed":
            return
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self._count(json.loads(str(value)), _outcome(report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was counted."""
        del session
        for package, document in self._documents():
            place = self._target or _place(package)
            if place is not None:
                text = json.dumps(document, indent=2, ensure_ascii=False)
                (self._root / place).write_text(f"{text}\n", encoding="utf-8")

    def _count(self, about: dict[str, Any], outcome: str) -> None:
        key = (about["package"], about["kind"], about["provider"])
        self._declared.setdefault(key, {}).update({about["capability"]: about["declared"]})
        counts = self._counts.setdefault(key, {}).setdefault(
            about["capability"], dict.fromkeys(_OUTCOMES, 0)
        )
        counts[outcome] += 1

    def _documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """One report for each plugin."""
        for package in sorted({package for package, _, _ in self._counts}):
            providers: dict[str, Any] = {}
            for (owner, kind, name), found in sorted(self._counts.items()):
                if owner == package:
                    declared = self._declared[owner, kind, name]
                    providers.setdefault(kind, {})[name] = {
                        capability: {"declared": declared[capability], **found[capability]}
                        for capability in sorted(found)
                    }
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


def _about(item: pytest.Item) -> dict[str, str] | None:
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
    }


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


def _place(package: str) -> Path | None:
    """Beside the manifest in the package, which is where the wheel takes it from."""
    from importlib.util import find_spec  # noqa: PLC0415 - at the end of a run

    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) / FILE if places else None
