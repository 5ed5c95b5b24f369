"""The pytest plugin of authors: ``pytest_plugins = ["luminora.testing.plugin"]`` in a conftest.

Adds ``--luminora-report``, which writes a conformance report (:mod:`luminora.testing.report`), and
the fixtures of :mod:`luminora.testing.fixtures`: private servers, doubles of models, and a proxy
that cuts connections. Nothing of a fixture is started or imported before a test asks for it.
"""

from __future__ import annotations

from luminora.testing.fixtures import *  # noqa: F403 - exactly the fixtures, as its __all__ says
from luminora.testing.report import (  # noqa: F401 - pytest finds its hooks here
    pytest_addoption,
    pytest_configure,
    pytest_runtest_setup,
)
