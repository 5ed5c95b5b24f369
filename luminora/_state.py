"""Luminora's own files of this user: where they lie, and how they are written whole or not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from luminora import _jsonc
from luminora.errors import ConfigError

_LINUX = {"cache": ".cache", "config": ".config", "data": ".local/share"}


def user_dir(what: Literal["cache", "config", "data"]) -> Path:
    """The user's folder for Luminora, as platformdirs names it.

    On Linux and its like the rule is short enough to follow here, which spares every command the
    import.
    """
    if sys.platform in {"darwin", "win32", "cygwin"} or "ANDROID_DATA" in os.environ:
        import platformdirs  # noqa: PLC0415 - needed where the rule is longer

        return Path(getattr(platformdirs, f"user_{what}_dir")("luminora"))
    base = os.environ.get(f"XDG_{what.upper()}_HOME", "").strip()
    return Path(base or Path("~").expanduser() / _LINUX[what]) / "luminora"


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace the file by ``text`` in one step; after a crash it is the old one or the new one.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    with replacing(path, mode=mode) as file:
        file.write(text.encode())


@contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` at the end, if all goes well.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def state_file() -> Path:
    """The file that remembers which plugins the user has disabled."""
    return user_dir("config") / "plugins.json"


def disabled() -> frozenset[str]:
    """The distributions that ``luminora plugins disable`` named.

    Raises:
        ConfigError: The file cannot be read; guessing could run what the user forbade.
    """
    path = state_file()
    hint = f"repair or delete {path}"
    try:
        names = _jsonc.parse(path.read_bytes(), str(path))["disabled"]
    except FileNotFoundError:
        return frozenset()
    except (OSError, TypeError, KeyError, ConfigError) as problem:
        raise ConfigError(
            f"the list of disabled plugins cannot be read: {problem!r}", where=str(path), hint=hint
        ) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError("'disabled' is not a list of names", where=str(path), hint=hint)
    return frozenset(names)


def set_disabled(distribution: str, *, off: bool) -> None:
    """Remember that plugins of ``distribution`` are not to be imported, or that they may be.

    Raises:
        ConfigError: The present list cannot be read.
        OSError: The new one cannot be written.
    """
    names = disabled() | {distribution} if off else disabled() - {distribution}
    text = json.dumps({"version": 1, "disabled": sorted(names)}, indent=2)
    write_atomically(state_file(), f"{text}\n")
