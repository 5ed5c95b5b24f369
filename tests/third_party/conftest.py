"""An empty environment with Luminora's own wheel in it, as a third party would have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker: they share an environment that is dear to build."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("third_party"))


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the folders its commands run in."""

    folder: Path
    home: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *argv: object, check: bool = False, stdin: str | None = None, **variables: str):
        """Run a program of the environment; nothing of this process's settings reaches it."""
        clean = {name: value for name, value in os.environ.items() if "LUMINORA" not in name}
        clean.pop("PYTHONPATH", None)
        home = str(self.home)
        return subprocess.run(
            [str(self.folder / "bin" / str(argv[0])), *map(str, argv[1:])],
            env={
                **clean,
                "HOME": home,
                "XDG_CONFIG_HOME": f"{home}/config",
                "XDG_CACHE_HOME": f"{home}/cache",
                "XDG_DATA_HOME": f"{home}/data",
                **variables,
            },
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def luminora(self, *argv: object, **options):
        return self.run("luminora", *argv, **options)

    def json(self, *argv: object, **options):
        """What a command prints with ``--json``."""
        outcome = self.luminora(*argv, "--json", **options)
        assert outcome.stdout, outcome.stderr
        return json.loads(outcome.stdout)

    def install(self, *wheels: Path) -> None:
        _uv("pip", "install", "--no-deps", "--python", self.python, *wheels)

    def uninstall(self, *names: str) -> None:
        _uv("pip", "uninstall", "--python", self.python, *names)


def _uv(*argv: object) -> None:
    outcome = subprocess.run(
        [str(UV), *map(str, argv), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "UV_COMPILE_BYTECODE": "1"},  # or every process compiles anew
    )
    assert outcome.returncode == 0, outcome.stderr


@pytest.fixture(scope="session")
def luminora_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Luminora as it would be published."""
    folder = tmp_path_factory.mktemp("dist")
    _uv(
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        ROOT,
    )
    return next(folder.glob("luminora-*.whl"))


@pytest.fixture(scope="session")
def installed(luminora_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A new environment with Luminora and pytest, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    _uv("venv", "--python", sys.executable, folder)
    constraints = ROOT / "constraints.txt"
    _uv(
        "pip",
        "install",
        "--python",
        folder / "bin" / "python",
        "--constraint",
        constraints,
        luminora_wheel,
        "pytest",
    )
    return Environment(folder, tmp_path_factory.mktemp("home"))


@pytest.fixture
def environment(installed: Environment, tmp_path: Path) -> Environment:
    """The same environment with a home of the test's own."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    return Environment(installed.folder, home)


MANIFEST: dict = {
    "name": "parrot",
    "api": ">=1,<2",
    "module": "luminora_parrot.plugin",
    "providers": {
        "llm": {
            "parrot": {
                "description": "Says what it hears, a number of times.",
                "config_schema": {
                    "type": "object",
                    "properties": {
                        "times": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 5,
                            "default": 2,
                            "description": "How often to say it.",
                        }
                    },
                    "additionalProperties": False,
                },
                "capabilities": {"streaming": "partial", "json_schema": "unsupported"},
                "models": {"main": "polly-1"},
                "hosts": [],
            }
        }
    },
}

PLUGIN = """
from luminora import hookimpl
from luminora.providers import ChatResult, CheckResult, LLMProvider, Status


class Parrot(LLMProvider):
    name = "parrot"

    def __init__(self, times):
        self.times = times

    async def chat(self, request):
        said = request.messages[-1].content
        return ChatResult(text=" ".join([said] * self.times), model="polly-1")

    async def check(self):
        return CheckResult(Status.OK, "awake")


@hookimpl
def luminora_llm(name, config, context):
    if name == "parrot":
        return Parrot(config["times"])
"""

CONFORMANCE = """
from luminora.providers import Capability
from luminora.testing import LLMConformance

from luminora_parrot.plugin import Parrot


class TestParrot(LLMConformance):
    capabilities = {"json_schema": Capability.UNSUPPORTED}

    async def make_provider(self):
        return Parrot(1)
"""


def build_plugin(
    folder: Path,
    *,
    distribution: str = "luminora-parrot",
    package: str = "luminora_parrot",
    entry: str | None = None,
    manifest: object = MANIFEST,
    plugin: str = PLUGIN,
) -> Path:
    """A small provider plugin as a wheel; ``manifest`` may be text that is no JSON, or None."""
    source = folder / distribution
    (source / package).mkdir(parents=True)
    (source / "pyproject.toml").write_text(
        dedent(
            f"""
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"
            [project]
            name = "{distribution}"
            version = "0.3.1"
            [project.entry-points."luminora.plugins"]
            parrot = "{entry or package}"
            [tool.hatch.build.targets.wheel]
            packages = ["{package}"]
            """
        )
    )
    (source / package / "__init__.py").write_text('"""Says what it hears."""\n')
    (source / package / "plugin.py").write_text(plugin)
    if manifest is not None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        (source / package / "luminora-plugin.json").write_text(text)
    _uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, source)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="session")
def parrot_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin as it should be."""
    return build_plugin(tmp_path_factory.mktemp("parrot"))


@pytest.fixture
def with_parrot(environment: Environment, parrot_wheel: Path) -> Iterator[Environment]:
    """The environment with the good plugin installed."""
    environment.install(parrot_wheel)
    yield environment
    environment.uninstall("luminora-parrot")
