"""The fixtures for authors of plugins, in a test suite that knows nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from luminora.testing import fixtures

CONFTEST = 'pytest_plugins = ["luminora.testing.plugin"]\n'


def suite(text, **variables):
    """Run a module of tests in an empty folder; the process and what it printed."""
    Path("conftest.py").write_text(CONFTEST)
    Path("test_it.py").write_text(text)
    # where the program is missing is for the fixtures to say, not for our own CI
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"],
        env={**kept, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_exported_is_fixtures_with_a_line_of_help_each():
    for name in fixtures.__all__:
        fixture = getattr(fixtures, name)
        assert type(fixture).__name__ == "FixtureFunctionDefinition", name
        assert fixture.__doc__, name


def test_every_fixture_finds_those_it_asks_for():
    lines = [f"def test_{name}({name}): ..." for name in fixtures.__all__]
    Path("conftest.py").write_text(CONFTEST)
    Path("test_it.py").write_text("\n".join(lines))
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--setup-plan", "-p", "no:cacheprovider"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "not found" not in done.stdout


def test_the_plugin_imports_no_driver_and_no_double():
    done = python(
        "import sys, luminora.testing.plugin\n"
        "dear = {'psycopg', 'asyncmy', 'redis', 'aiohttp', 'httpx', 'openai', 'numpy',"
        " 'luminora.testing.doubles.openai', 'luminora.testing.servers.proxy'}\n"
        "print(sorted(dear & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_plugin_is_imported_where_there_are_no_accounts():
    """As on Windows, where an author may want no more than the suites and the report."""
    done = python("import sys; sys.modules['pwd'] = None; import luminora.testing.plugin")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fixture", ["redis_server", "memcached_server", "mariadb_server"])
def test_a_missing_program_skips_with_what_to_install_and_fails_in_ci(fixture, monkeypatch):
    text = f"""
import pytest
from luminora.testing.servers import mariadb, memcached, redis

for one in (mariadb, memcached, redis):
    one.program = lambda *names: None

def test_it({fixture}): ...
"""
    code, printed = suite(text)
    assert code == 0, printed
    assert "1 skipped" in printed
    assert "is not on this machine: apt-get install" in printed
    code, printed = suite(text, CI="1")
    assert code == 1
    assert "is not on this machine: apt-get install" in printed


def test_a_server_and_its_folder_are_gone_afterwards(memcached_server):
    text = """
from pathlib import Path

def test_it(memcached_server):
    assert memcached_server.ready()
    Path("seen").write_text(f"{memcached_server.process.pid} {memcached_server.folder}")
"""
    code, printed = suite(text)
    assert code == 0, printed
    pid, folder = Path("seen").read_text().split()
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(folder).exists()
