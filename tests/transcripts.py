"""Pages of documentation as something that can be run.

How a page is written is told in ``CONTRIBUTING.md``; here it is read (:func:`steps`), run
(:class:`Room`) and compared (:func:`like`).
"""

from __future__ import annotations

import re
import stat
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 120

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>\w*)[^\n]*$")
_COMMENT = re.compile(r"^ *<!-- (?P<text>.*?) *-->$")
_EXITS = re.compile(r"# exits with (\d+)\s*$")

SHELL = """\
if [ -f "$ROOM/state" ]; then . "$ROOM/state"; cd "$(cat "$ROOM/folder")"; fi
eval "$1"
code=$?
pwd > "$ROOM/folder"
declare -px > "$ROOM/state"
exit $code
"""
"""Runs one command in the folder and the environment that the one before it left."""

TOP_LEVEL = """\
import ast, asyncio, inspect, sys
text = open(sys.argv[1], encoding="utf-8").read()
code = compile(text, sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
done = eval(code, names)
if inspect.iscoroutine(done):
    asyncio.run(done)
"""
"""Runs Python that may ``await`` where it stands, as examples do."""


@dataclass(frozen=True)
class Step:
    """Something a page tells its reader to do.

    Attributes:
        kind: ``command``, ``python`` or ``file``.
        text: The command, the code, the file's text.
        line: Where the page says so.
        shown: What the page says that the command prints; None if it says nothing about it.
        code: Its exit code.
        name: The file's path.
    """

    kind: str
    text: str
    line: int
    shown: tuple[str, ...] | None = None
    code: int = 0
    name: str = ""


def blocks(text):
    """The fenced blocks: line, language, lines, and the comments that stand directly above."""
    lines, above, found = text.splitlines(), [], []
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        comment = _COMMENT.match(lines[number])
        if fence:
            begin, indent = number + 1, len(fence["indent"])
            number += 1
            while lines[number].strip() != fence["ticks"]:
                number += 1
            inside = [line[indent:] for line in lines[begin:number]]
            found.append((begin, fence["language"], inside, above))
            above = []
        elif comment:
            above.append(comment["text"])
        elif lines[number].strip():
            assert not _orders(above), f"{number}: a comment that stands above no block"
            above = []
        number += 1
    return found


def _orders(comments):
    return [one for one in comments if re.match(r"not run|file: |\$ ", one)]


def steps(text, *, runs_python=False):
    """What a page tells its reader to do, in order."""
    found = []
    for line, language, inside, above in blocks(text):
        skipped = [one for one in above if one.startswith("not run")]
        assert all(re.fullmatch(r"not run: \S.*", one) for one in skipped), f"{line}: why not?"
        found += [Step("command", one[2:], line) for one in above if one.startswith("$ ")]
        names = [one.removeprefix("file: ") for one in above if one.startswith("file: ")]
        if skipped:
            continue
        if names:
            found.append(Step("file", "\n".join(inside) + "\n", line, name=names[0]))
        elif language == "console":
            found += _commands(inside, line)
        elif language == "python" and runs_python:
            found.append(Step("python", "\n".join(inside) + "\n", line))
    return found


def _commands(lines, begin):
    assert lines[0].startswith("$ "), f"{begin}: a console block begins with a command"
    found, number = [], 0
    while number < len(lines):
        line, command = begin + number + 1, lines[number][2:]
        while command.endswith("\\"):
            number += 1
            command += "\n" + lines[number].removeprefix("> ")
        number += 1
        shown = []
        while number < len(lines) and not lines[number].startswith("$ "):
            shown.append(lines[number])
            number += 1
        exits = _EXITS.search(command)
        while shown and not shown[-1].strip():
            shown.pop()
        code = int(exits[1]) if exits else 0
        found.append(Step("command", command, line, tuple(shown) or None, code))
    return found


def like(shown, printed):
    """Whether a page tells what was printed: ``…`` is anything in a line, ``[…]`` any lines."""
    pattern = ""
    for line in shown:
        if line.strip() == "[…]":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
    text = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, text) is not None


class Room:
    """A home, a folder and a Python environment of one page's own.

    ``pip install`` installs what is a folder, and otherwise checks that the distribution is one
    that this repository makes; nothing is fetched.
    """

    def __init__(self, folder):
        self.folder = folder
        self.work = folder / "work"
        self.home = folder / "home"
        for one in (self.work, self.home):
            one.mkdir(parents=True)
        self.bin = self._environment(folder / "environment")
        self.environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "ROOM": str(folder),
            "TERM": "dumb",
        }

    def run(self, step):
        """Do it; what was printed, to either stream, and the exit code."""
        if step.kind == "file":
            target = self._here() / step.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(step.text, encoding="utf-8")
            return "", 0
        if step.kind == "python":
            script = self.folder / "script.py"
            script.write_text(step.text, encoding="utf-8")
            command = [str(self.bin / "python"), "-c", TOP_LEVEL, str(script)]
            return self._process(command, self._here())
        return self._process(["bash", "-c", SHELL, "bash", step.text], self.work)

    def _here(self):
        noted = self.folder / "folder"
        return Path(noted.read_text().strip()) if noted.exists() else self.work

    def _process(self, command, folder):
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout.decode(), done.returncode

    def _environment(self, folder):
        """An environment that sees what this one has, and can be installed into."""
        venv.create(folder, symlinks=True)
        ours, theirs = sysconfig.get_path("purelib"), next(folder.glob("lib/*/site-packages"))
        (theirs / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        programs = {
            "luminora": 'exec "$here/python" -m luminora.cli "$@"',
            "luminora-cli": 'exec "$here/python" -m luminora.cli "$@"',
            "pytest": 'exec "$here/python" -m pytest "$@"',
            "pip": f'exec "$here/python" "{Path(__file__).with_name("pip_stand_in.py")}" "$@"',
        }
        for name, text in programs.items():
            program = folder / "bin" / name
            program.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\n{text}\n')
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder / "bin"
