"""What private servers have in common: a folder, a port, a process, an end; also a violent one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pwd

RUNNING: dict[str, str] = {}
"""Title with version of every server that this process has used, by the server's ``name``."""

READY_SECONDS = 60.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str, *folders: str) -> str | None:
    """The path of an executable on PATH or in one of ``folders``."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))


def missing(what: str, how: str) -> None:
    """Skip with a reason on somebody's machine; fail in CI, where everything has to be there."""
    reason = f"{what} is not on this machine: {how}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Server(ABC):
    """A private server process.

    Subclasses say how it is prepared, started and asked whether it is ready. ``folder`` and the
    port survive a kill, so that :meth:`start` brings the same data back.

    Attributes:
        name: Its key in :data:`RUNNING`, and what ``@pytest.mark.backend(…, against=…)`` names.
        user: The account it runs as when the tests run as root; None for root itself.
    """

    name: str
    user: str | None = None

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"luminora-{self.name}-", dir="/tmp"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    @property
    def _account(self) -> pwd.struct_passwd | None:
        if not self.user or os.geteuid() != 0:
            return None
        import pwd  # Windows has none, and the kit is imported there too

        return pwd.getpwnam(self.user)

    @property
    def launch(self) -> Mapping[str, Any]:
        """Arguments for subprocess that make a command run as :attr:`user`, in the folder."""
        if self._account is None:
            return {"cwd": self.folder}
        return {
            "cwd": self.folder,
            "user": self._account.pw_uid,
            "group": self._account.pw_gid,
            "extra_groups": [],
            "env": {**os.environ, "HOME": str(self.folder)},
        }

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Make what the server needs before its first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers requests."""

    @abstractmethod
    def title(self) -> str:
        """What it is, with its version, for the table of what was tested against what."""

    def start(self) -> None:
        """Start it, again after :meth:`kill`, and wait until it is ready."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, **self.launch
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"{self.name} does not start:\n{tail}")
            time.sleep(0.02)
        RUNNING[self.name] = self.title()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group: SIGSTOP makes it hang, SIGCONT go on."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            if number == signal.SIGSTOP:
                _wait_until_stopped(self.process.pid)

    def kill(self) -> None:
        """Kill it without a word, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)

    def restart(self) -> None:
        """Kill it and start it on the same data."""
        self.kill()
        self.start()

    def remove(self) -> None:
        """Kill it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Prepared and started; removed at the end."""
        try:
            self.prepare()
            self.start()
            yield self
        finally:
            self.remove()


def listening(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until_stopped(pid: int) -> None:
    """A thread on another processor may still answer for a moment after the signal was sent."""
    tasks = Path(f"/proc/{pid}/task")
    deadline = time.monotonic() + 5
    while tasks.is_dir() and time.monotonic() < deadline:
        states = [
            (task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()
        ]
        if all(state in "TtZX" for state in states):
            return
        time.sleep(0.005)
