"""A person at a terminal: keys go in through a pseudo-terminal, and what it shows comes out."""

from __future__ import annotations

import os
import sys
import time

import pexpect
import pyte

SECONDS = 30
KEYS = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "enter": "\r",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
    "tab": "\t",
    "clear": "\x15",
}


class Screen:
    """A process at a terminal of its own.

    ``text`` is everything that was ever shown, line by line as it scrolled by; ``display`` is what
    stands on the screen now.
    """

    def __init__(self, *command, columns=100, lines=40, env=None):
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.Stream(self.screen)
        self._process = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(lines, columns),
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})},
            encoding="utf-8",
            codec_errors="replace",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.close(force=True)

    @property
    def display(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    @property
    def text(self):
        above = [
            "".join(row[n].data for n in sorted(row)).rstrip() for row in self.screen.history.top
        ]
        return "\n".join([*above, self.display])

    def until(self, wanted, *, times=1):
        """Wait until ``wanted`` has been shown so many times."""
        end = time.monotonic() + SECONDS
        while self.text.count(wanted) < times:
            assert time.monotonic() < end, f"no {wanted!r} in\n{self.text}"
            if not self._read():
                assert self.text.count(wanted) >= times, f"ended without {wanted!r}:\n{self.text}"
        return self

    def press(self, *keys):
        """Press keys by their names."""
        for key in keys:
            self._process.send(KEYS[key])
            self._settle()
        return self

    def type(self, text):
        """Type text."""
        self._process.send(text)
        self._settle()
        return self

    def answer(self, question, *keys, text=""):
        """Wait for a question, type, press keys and then enter."""
        self.until(question)
        self._settle()
        if text:
            self.press("clear").type(text)
        return self.press(*keys, "enter")

    def resize(self, columns, lines):
        """Make the terminal another size."""
        self.screen.resize(lines, columns)
        self._process.setwinsize(lines, columns)
        self._settle()
        return self

    def code(self):
        """Read to the end; the exit code."""
        end = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < end, f"does not end:\n{self.text}"
        self._process.wait()
        return self._process.exitstatus

    def _settle(self, quiet=0.15):
        """Read until nothing has come for a while."""
        while self._read(quiet):
            if not self._fresh:
                return

    def _read(self, timeout=0.1):
        """Read what there is; False at the end."""
        self._fresh = False
        try:
            data = self._process.read_nonblocking(65536, timeout)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self._fresh = True
        self._answer_terminal_queries(data)
        self._stream.feed(data)
        return True

    def _answer_terminal_queries(self, data):
        """Say where the cursor is when asked, as terminals do."""
        if "\x1b[6n" in data:
            self._process.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")


def luminora_screen(*arguments, **options):
    """``luminora`` at a terminal."""
    return Screen(sys.executable, "-m", "luminora.cli", *arguments, **options)
