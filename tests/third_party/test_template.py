"""What ``luminora plugins new`` writes, as its author has it: built, installed, untouched."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from luminora import _scaffold, vetting
from luminora.cli import main
from luminora.errors import InputError
from tests.third_party.conftest import Environment, _uv

SAMPLES = {"echo": "llm", "ledger": "storage", "shelf": "vector_store"}


@pytest.fixture(scope="module")
def with_samples(installed: Environment, tmp_path_factory: pytest.TempPathFactory):
    """The environment with three plugins in it: written, built and installed as they are."""
    home = tmp_path_factory.mktemp("author")
    author = Environment(installed.folder, home)
    for name, kind in SAMPLES.items():
        done = author.luminora(
            "plugins", "new", name, "--kind", kind, "--author", "Ana", check=True
        )
        assert f"luminora-{name} written" in done.stdout
        folder = home / f"luminora-{name}"
        _uv(
            *("build", "--wheel", "--no-build-isolation", "--python", sys.executable),
            *("--out-dir", home / "dist", folder),
        )
    author.install(*(home / "dist").glob("*.whl"))
    yield author
    author.uninstall(*(f"luminora-{name}" for name in SAMPLES))


@pytest.mark.parametrize("name", SAMPLES)
def test_its_own_tests_pass_untouched(with_samples, name):
    folder = with_samples.home / f"luminora-{name}"
    done = with_samples.run("pytest", "-q", "-c", folder / "pyproject.toml", folder / "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_its_report_is_made_shipped_and_shown(with_samples):
    folder = with_samples.home / "luminora-shelf"
    before = with_samples.luminora("plugins", "info", "shelf").stdout
    assert "no report" in before
    done = with_samples.run(
        "pytest", "-q", "--luminora-report", "-c", folder / "pyproject.toml", folder / "tests"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = with_samples.json("plugins", "info", "shelf")["conformance"]
    assert report["distribution"] == "luminora-shelf"
    assert report["remarks"] == []
    assert report["providers"]["vector_store"]["shelf"]["exact"]["passed"] >= 1
    shown = with_samples.luminora("plugins", "info", "shelf").stdout
    assert "isolation (full):" in shown


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_as_an_author_wants_it(with_samples, name):
    folder = with_samples.home / f"luminora-{name}" / "src" / f"luminora_{name}"
    done = with_samples.luminora("plugins", "validate", "--imports", folder)
    assert done.returncode == 0, done.stdout


def test_together_they_are_a_stack(with_samples):
    listed = {one["distribution"] for one in with_samples.json("plugins", "list")["plugins"]}
    assert {f"luminora-{name}" for name in SAMPLES} <= listed
    flags = ("--llm", "echo", "--storage", "ledger", "--vector-store", "shelf")
    done = with_samples.luminora("init", "--no-input", *flags)
    assert done.returncode == 0, done.stderr
    assert "✓ Selected: Echo" in done.stdout
    assert with_samples.json("config", "validate")["valid"]
    said = with_samples.luminora("chat", "--user", "ana", stdin="Me llamo Ana\n", check=True)
    assert "You said: Me llamo Ana" in said.stdout
    found = with_samples.luminora("search", "llamo", "--user", "ana", check=True)
    assert "Me llamo Ana" in found.stdout
    health = with_samples.json("health")
    assert {one["provider"] for one in health["checks"].values()} >= set(SAMPLES)
    assert health["status"] == "ok"


def test_locked_they_are_imported_only_as_they_were_installed(with_samples):
    (with_samples.home / "luminora.json").write_text('{"llm_provider": "echo"}')
    found = with_samples.json("plugins", "lock")["plugins"]
    assert found["luminora-echo"]["record"].startswith("sha256:")
    assert with_samples.luminora("--locked", "test", "llm").returncode == 0
    where = "import luminora_echo; print(luminora_echo.__file__)"
    file = Path(with_samples.run("python", "-c", where, check=True).stdout.strip())
    before = file.read_text()
    file.write_text(f"{before}\nEVIL = True\n")
    try:
        done = with_samples.luminora("--locked", "test", "llm")
        assert done.returncode == 3
        assert "the content of its files changed" in done.stdout
        assert "the list of its files" not in done.stdout
    finally:
        file.write_text(before)


@pytest.mark.parametrize("kind", _scaffold.KINDS)
@pytest.mark.parametrize("name", ["echo", "a-rather-long-name-2"])
def test_what_is_written_is_clean(tmp_path, name, kind):
    folder = _scaffold.write(_scaffold.Plan(name, kind, "Ana Á"), tmp_path)
    manifest = folder / "src" / _scaffold.Plan(name, kind, "").package / "luminora-plugin.json"
    assert kind in json.loads(manifest.read_text())["providers"]
    tools = Path(sys.executable).parent
    for command in (
        [tools / "ruff", "check", "--no-cache", "."],
        [tools / "ruff", "format", "--no-cache", "--check", "."],
        [tools / "mypy", "--cache-dir", tmp_path / "mypy"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["Echo!", "--kind", "llm"], 1, "is no name for a plugin"),
        (["echo"], 2, "--kind is missing"),
        (["--kind", "llm"], 2, "NAME is missing"),
        (["echo", "--kind", "lmm"], 2, "did you mean 'llm'"),
        (["echo", "--kind", "llm", "--directory", "a-file"], 1, "cannot be written"),
    ],
)
def test_wrong_wishes_leave_no_trace(capsys, arguments, code, words):
    Path("a-file").write_text("")
    assert main(["plugins", "new", *arguments]) == code
    assert words in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["a-file"]


def test_nothing_is_written_over(capsys):
    assert main(["plugins", "new", "luminora-echo", "--kind", "embeddings", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "src/luminora_echo/provider.py" in found["files"]
    assert ".gitignore" in found["files"]
    with pytest.raises(InputError, match="exists already"):
        _scaffold.write(_scaffold.Plan("echo", "llm", "Ana"), Path())


def test_whatever_the_author_writes_the_package_is_sound(tmp_path):
    odd = 'It\'s "quoted", has a back\\slash & <tags> ñ'
    for kind in _scaffold.KINDS:
        folder = _scaffold.write(_scaffold.Plan("echo", kind, odd, odd), tmp_path / kind)
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["description"] == odd
        assert project["authors"] == [{"name": odd}]
        assert vetting.faults(vetting.subject(folder), path=folder) == []
        manifest = json.loads((folder / "src/luminora_echo/luminora-plugin.json").read_text())
        assert manifest["description"] == odd
        ast.parse((folder / "src/luminora_echo/__init__.py").read_text())


@pytest.mark.parametrize("line", ["x" * 301, "bell \a", "zero \x00"])
def test_what_cannot_stand_in_a_line_is_refused(capsys, line):
    assert main(["plugins", "new", "echo", "--kind", "llm", "--description", line]) == 1
    assert "the description has to be a line" in capsys.readouterr().err
    assert not Path("luminora-echo").exists()


def test_a_distribution_that_is_taken_is_told(capsys):
    assert main(["plugins", "new", "redis", "--kind", "llm"]) == 0
    said = capsys.readouterr().err
    assert "there is a distribution luminora-redis already" in said
    assert "offers llm" not in said


def test_a_provider_that_is_known_and_not_installed_is_told(capsys, monkeypatch):
    monkeypatch.setattr("luminora._index.discover", list)
    assert main(["plugins", "new", "postgresql", "--kind", "storage"]) == 0
    assert "luminora-postgresql offers storage 'postgresql' already" in capsys.readouterr().err


def test_a_name_that_is_taken_is_told(capsys):
    assert main(["plugins", "new", "offline", "--kind", "llm"]) == 0
    assert "luminora offers llm 'offline' already" in capsys.readouterr().err
