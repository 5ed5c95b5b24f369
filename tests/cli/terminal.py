"""Run the ``luminora`` command as people do: in a pipe, and at a pseudo-terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time

SECONDS = 30


def luminora(*arguments, said="", **options):
    """One real process; ``said`` is its standard input, text or bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "luminora.cli", *arguments],
        input=said.encode() if isinstance(said, str) else said,
        capture_output=True,
        timeout=SECONDS * 2,
        check=False,
        **options,
    )
    done.out, done.err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in done.out + done.err
    return done


def objects(text):
    """The JSON objects of NDJSON."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all(one["version"] == 1 for one in found)
    return found


OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the controlling terminal, so that Ctrl-C typed there is a signal."""


class Terminal:
    """A process with a terminal of its own."""

    def __init__(self, *command, **environment):
        self.text = ""
        self._seen = 0
        self._descriptor, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *command],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name != "CI"}
            | {"TERM": "xterm", **environment},
        )
        os.close(inner)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
        os.close(self._descriptor)

    def until(self, wanted):
        """Read until ``wanted`` appears after what was awaited before; what was read on the way."""
        end = time.monotonic() + SECONDS
        begin = self._seen
        while wanted not in self.text[self._seen :]:
            assert time.monotonic() < end, f"no {wanted!r} in {self.text[begin:]!r}"
            if not self._read():
                raise AssertionError(f"ended without {wanted!r}: {self.text[begin:]!r}")
        self._seen = self.text.index(wanted, self._seen) + len(wanted)
        return self.text[begin : self._seen]

    def type(self, text):
        """Type it; ``\\x03`` is Ctrl-C and ``\\x04`` is Ctrl-D."""
        os.write(self._descriptor, text.encode())

    def code(self, pressing=None):
        """Read to the end and return the exit code.

        ``pressing`` is typed once a second until then: an interrupt that arrives just before
        readline begins to wait is noticed only with the next key, as it would be for a person.
        """
        end = time.monotonic() + SECONDS
        again = time.monotonic() + 1  # what was typed just now is not pressed twice at once
        while self._read():
            assert time.monotonic() < end, f"does not end: {self.text[self._seen :]!r}"
            if pressing and time.monotonic() >= again and self._process.poll() is None:
                self.type(pressing)
                again = time.monotonic() + 1
        return self._process.wait(SECONDS)

    def _read(self):
        """Read what there is; False at the end."""
        if select.select([self._descriptor], [], [], 0.1)[0]:
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:
                return False
            self.text += data.decode(errors="replace")
            return bool(data)
        return True
