"""Write ``docs/screens.md`` and its drawings: the main screens, as a real terminal shows them.

Run ``make screens``, or ``python tools/screens.py NAME …`` for some of them. Commands run in a home
of their own, whose path shows nothing of the machine; what varies from run to run (dates, ids,
milliseconds) varies in the drawings too, so a test only looks for what must not be in them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from luminora.cli import COMMANDS  # noqa: E402
from tests.cli.screen import Screen  # noqa: E402
from tools.svg import drawing  # noqa: E402

TARGET = ROOT / "docs" / "screens"
PAGE = ROOT / "docs" / "screens.md"
HOME = Path("/tmp/emma")  # noqa: S108 - stands in the drawings; refused if it exists
COLUMNS, LINES = 100, 130
SAID = "My name is Emma and I'm going to the Himalayas\nMy favourite tea is oolong\nThank you!\n"

Act = Callable[[Screen, Callable[[str], None]], None]


@dataclass(frozen=True)
class Scene:
    """A command at a terminal.

    Attributes:
        name: Of the drawing.
        command: What is typed after ``luminora``.
        act: What is done while it runs; it may draw screens of its own.
        before: Commands that run first, unseen.
        drawn: Screens on the way that it draws too, each with what the page says of it.
        said: What the page says of the last one.
    """

    name: str
    command: tuple[str, ...]
    act: Act | None = None
    before: tuple[tuple[str, ...], ...] = ()
    drawn: tuple[tuple[str, str], ...] = ()
    said: str = ""


def _talk(screen: Screen, _: Callable[[str], None]) -> None:
    for times, line in enumerate(
        ("Hello again! What's my name?", "Where am I going?", "/facts"), 1
    ):
        screen.until("emma:", times=times)
        screen.type(f"{line}\r")
    screen.until("emma:", times=4)
    screen.press("ctrl-d")


def _set_up(screen: Screen, shoot: Callable[[str], None]) -> None:
    """The wizard with what it proposes; its lists, its file and its end are drawn."""
    drawn = {"Select your LLM provider": "init-models", "Select your database": "init-databases"}
    questions = (
        "Select your LLM provider", "Select your embedding provider", "Vector length",
        "Select your database", "Database file", "Create tables", "Enable semantic search",
        "Select vector store", "Database file:", "Enable caching", "Select cache backend",
    )  # fmt: skip
    seen: dict[str, int] = {}
    for question in questions:
        seen[question] = seen.get(question, 0) + 1
        screen.until(question, times=seen[question])
        screen.type("")  # waits until nothing moves
        if question in drawn:
            shoot(drawn[question])
        screen.press("enter")
    screen.until("Write this?")
    screen.type("")  # waits until nothing moves
    shoot("init-file")
    screen.press("enter")


TALKED = (("chat", "--user", "emma", "--personality", "cassian"),)
SCENES = (
    Scene("help", ("--help",)),
    Scene("demo", ("demo",), said="A companion that remembers, in separate processes."),
    Scene("chat", ("chat", "--user", "emma", "--personality", "cassian"), _talk, TALKED),
    Scene(
        "init",
        ("init",),
        _set_up,
        drawn=(
            ("init-models", "The wizard begins with what is installed, a line about each:"),
            ("init-databases", "The databases, two steps later:"),
            ("init-file", "Before anything is written, the file is shown:"),
        ),
        said="At the end, what there is now and what to do next:",
    ),
    Scene("test-connection", ("test-connection",), None, TALKED),
    Scene("health", ("health",), None, TALKED),
    Scene("doctor", ("doctor",), None, TALKED),
    Scene("plugins", ("plugins", "list")),
    Scene("benchmark", ("benchmark", "--messages", "20"), None, TALKED),
    Scene("explain", ("explain", "--user", "emma", "Where will I drink tea?"), None, TALKED),
    Scene("analytics", ("analytics", "--user", "emma"), None, TALKED),
)


def shoot_all(names: list[str]) -> int:
    """Draw these scenes, or all; those of commands that do not exist are named and passed over."""
    TARGET.mkdir(exist_ok=True)
    code = 0
    for scene in SCENES:
        if names and scene.name not in names:
            continue
        word = scene.command[0]
        if not word.startswith("-") and word not in COMMANDS:
            print(f"{scene.name}: there is no command {word!r}")  # noqa: T201 - a script
            code = 1
            continue
        shoot(scene)
    PAGE.write_text(page(), encoding="utf-8")
    return code


def page() -> str:
    """The text of the page: every drawing there is, in the order of the scenes."""
    parts = ["<!-- Written by tools/screens.py; do not edit. -->", "# What it looks like"]
    parts.append("The main screens, drawn from a real terminal.")
    for scene in SCENES:
        drawings = [*scene.drawn, (scene.name, scene.said)]
        there = [one for one in drawings if (TARGET / f"{one[0]}.svg").is_file()]
        if there:
            parts.append(f"## `luminora {_typed(scene)}`")
        for name, said in there:
            parts += [*([said] if said else []), f"![luminora {name}](screens/{name}.svg)"]
    return "\n\n".join(parts) + "\n"


def _typed(scene: Scene) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in scene.command)


def shoot(scene: Scene) -> None:
    """Draw one scene in a fresh home."""
    HOME.mkdir()
    try:
        environment = _environment()
        for command in scene.before:
            subprocess.run(  # noqa: S603 - our own commands
                [sys.executable, "-m", "luminora.cli", *command],
                env=environment, cwd=HOME, input=SAID.encode(), capture_output=True, check=True,
            )  # fmt: skip
        words = ["/usr/bin/env", "-i", "-C", str(HOME)]
        words += [f"{name}={value}" for name, value in environment.items()]
        words += [sys.executable, "-m", "luminora.cli", *scene.command]
        with Screen(*words, columns=COLUMNS, lines=LINES) as screen:

            def save(name: str) -> None:
                text = drawing(_rows(screen), COLUMNS, f"luminora {_typed(scene)}")
                (TARGET / f"{name}.svg").write_text(text, encoding="utf-8")

            if scene.act:
                scene.act(screen, save)
            screen.code()
            save(scene.name)
    finally:
        shutil.rmtree(HOME)


def _environment() -> dict[str, str]:
    return {
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "LOGNAME": "emma",
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "TMPDIR": str(HOME),
        "USER": "emma",
    }


def _rows(screen: Screen) -> list[Any]:
    """All that scrolled by and all that stands there, without the empty lines at the end."""
    rows = [*screen.screen.history.top, *(screen.screen.buffer[n] for n in range(LINES))]
    while rows and not any(cell.data.strip() for cell in dict(rows[-1]).values()):
        rows.pop()
    return rows


if __name__ == "__main__":
    sys.exit(shoot_all(sys.argv[1:]))
