"""The table at the end of a run: which backend was tested against what, and how it went.

A test says so with a mark, usually for a whole module::

    pytestmark = pytest.mark.backend("redis storage", against="redis")

``against`` is the name of a :class:`luminora.testing.servers.base.Server`, whose title with version
is then shown, or a text of its own such as ``"qdrant-client's local mode"``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from luminora.testing.servers.base import RUNNING

_RESULTS: dict[tuple[str, str], Counter[str]] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Note on each report which backend it is about; reports travel between processes."""
    outcome = yield
    report = outcome.get_result()
    for mark in item.iter_markers("backend"):
        against = mark.kwargs["against"]
        title = RUNNING.get(against, against)
        report.user_properties.append(("backend", f"{mark.args[0]}\t{title}"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test once: at its call, or where it was skipped or broke before."""
    if report.when != "call" and not (report.when == "setup" and not report.passed):
        return
    for name, value in report.user_properties:
        if name == "backend":
            backend, _, against = str(value).partition("\t")
            _RESULTS.setdefault((backend, against), Counter())[report.outcome] += 1


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    if not _RESULTS:
        return
    terminalreporter.section("which backend was tested against what")
    width = max(len(backend) for backend, _ in _RESULTS)
    far = max(len(against) for _, against in _RESULTS)
    for (backend, against), counts in sorted(_RESULTS.items()):
        shown = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        terminalreporter.write_line(f"{backend:{width}}  {against:{far}}  {shown}")
