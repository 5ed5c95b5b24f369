"""The checks of ``luminora doctor``: the configuration, the plugins and this machine.

Those that look into the database are in :mod:`luminora.dbchecks`; :data:`CHECKS` has them all, the
slow ones last.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from luminora import _state
from luminora._version import API_VERSION, __version__
from luminora.dbchecks import DATABASE_CHECKS, connections
from luminora.doctor import PLUGINS, Check, Finding, Mend, Patient, good, ill, of_plugins
from luminora.errors import LuminoraError
from luminora.providers import Status

_PYTHON: Final = (3, 11)
_LITTLE: Final = 1 << 30
_TOO_LITTLE: Final = 100 << 20
_OTHERS: Final = 0o077
_WRITABLE_BY_OTHERS: Final = 0o022
_EPOCH: Final = 1_735_689_600
"""The beginning of 2025: no clock that is right shows less."""


async def configuration(patient: Patient) -> list[Finding]:
    """Whether the configuration can be read, and is valid."""
    from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator

    config, trouble = patient.config, patient.trouble
    if config is None:
        if isinstance(trouble, LuminoraError):
            found = ill(trouble, doc="configuration")
            return [found if found.fix else replace(found, fix="luminora config edit")]
        text = f"the configuration cannot be read: {type(trouble).__name__}: {trouble}"
        return [Finding(Status.ERROR, text, fix="luminora config path", doc="configuration")]
    problems = schema.validate(config)
    if problems:
        return [
            Finding(Status.ERROR, one.message, one.where, one.hint, "configuration")
            for one in problems
        ]
    where = str(config.path) if config.path else "no file: the embedded default"
    notes = [
        Finding(Status.WARNING, note, fix="luminora config validate", doc="configuration")
        for note in config.notes
    ]
    return [good(f"the configuration is valid ({where})"), *notes]


async def credentials(patient: Patient) -> list[Finding]:
    """Whether the variables that hold secrets are set."""
    from luminora import schema  # noqa: PLC0415 - loads the JSON Schema validator

    assert patient.config is not None  # noqa: S101 - the check needs it
    unset = schema.credentials(patient.config)
    found = [
        Finding(Status.ERROR, one.message, one.where, one.hint, "configuration") for one in unset
    ]
    count = len(patient.config.secrets) - len(unset)
    if count or not found:
        found.append(good(f"{count} credentials are set" if count else "no credentials are needed"))
    return found


async def versions(patient: Patient) -> list[Finding]:  # noqa: ARG001 - every check gets it
    """Python, luminora, the plugin API, and first-party plugins of another version."""
    from luminora._index import known  # noqa: PLC0415 - reads the shipped list
    from luminora.plugins import discover  # noqa: PLC0415 - loads pluggy

    python = ".".join(map(str, sys.version_info[:3]))
    found = [good(f"luminora {__version__}, plugin API {API_VERSION}, Python {python}")]
    if sys.version_info < _PYTHON:
        found = [Finding(Status.ERROR, f"Python {python} is too old", fix="install Python 3.11")]
    for one in discover():
        offers = one.manifest.offers.items() if one.manifest else ()
        ours = {
            entry["distribution"]
            for kind, names in offers
            for name in names
            if (entry := known(kind, name))
        }
        owner = one.distribution
        if owner.name in ours and owner.version != __version__:
            text = f"{owner.name} {owner.version} is not of luminora {__version__}"
            fix = f"pip install -U luminora {owner.name}"
            found.append(Finding(Status.WARNING, text, fix=fix, doc="plugins"))
    return found


async def plugins(patient: Patient) -> list[Finding]:
    """Whether every plugin can be used, and no two offer the same."""
    from luminora.plugins import Index, discover  # noqa: PLC0415 - loads pluggy

    found = _damaged_caches()
    try:
        index = Index(discover(), _state.disabled())
    except LuminoraError as problem:
        return [*found, ill(problem, doc="plugins")]
    active = patient.activation
    for discovery in index.discoveries:
        owner = discovery.distribution
        if discovery.error:
            fix = f"pip install -U {owner.name}, or luminora plugins disable {owner.name}"
            found.append(Finding(Status.ERROR, f"{owner}: {discovery.error}", "", fix, "plugins"))
    for owner, why in active.broken.items() if active else ():
        fix = why.hint or f"pip install -U {owner.name}"
        found.append(Finding(Status.ERROR, f"{owner}: {why.message}", "", fix, "plugins"))
    for kind, name, owners in index.conflicts():
        text = f"{' and '.join(owners)} both offer the {kind} provider '{name}'"
        fix = f'pin one: "package": "{owners[0]}"'
        found.append(Finding(Status.WARNING, text, "", fix, "plugins"))
    if not any(one.status is Status.ERROR for one in found):
        found.append(good(f"{len(index.discoveries)} plugins are installed and can be used"))
    return found


def _damaged_caches() -> list[Finding]:
    """Caches of the index of plugins that hold no JSON: harmless, but made anew at every start."""
    found = []
    for path in sorted(_state.user_dir("cache").glob("plugins-*.json")):
        try:
            json.loads(path.read_bytes())
        except (OSError, ValueError):
            text = f"the cache of the index of plugins is damaged: {path}"

            async def clear(path: Path = path) -> str:
                await asyncio.to_thread(path.unlink, missing_ok=True)
                return f"removed the damaged cache {path}"

            found.append(
                Finding(
                    Status.WARNING, text, "every start looks anew", f"rm {path}", mend=Mend(clear)
                )
            )
    return found


async def permissions(patient: Patient) -> list[Finding]:
    """Whether our folders can be written, and no one else can read what is secret."""
    found: list[Finding] = []
    folders = {"plugin settings": _state.user_dir("config"), "cache": _state.user_dir("cache")}
    config = patient.config
    if config is not None:
        folders["data"] = config.data_dir
    for what, folder in folders.items():
        near = nearest(folder)
        if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
            status = Status.ERROR if what == "data" else Status.WARNING
            cause = f"{near} is {'not writable' if near.is_dir() else 'no folder'}"
            fix = f"chmod u+rwx {near}, or set LUMINORA_DATA_DIR"
            found.append(Finding(status, f"the {what} folder {folder} cannot be used", cause, fix))
    base = config.base_dir if config is not None else Path.cwd()
    for path in dict.fromkeys((base / ".env", Path.cwd() / ".env")):
        if path.is_file():
            found += [*_readable(path), *await _tracked(path)]
    if config is not None and config.path and _mode(config.path) & _WRITABLE_BY_OTHERS:
        text = f"other users of this machine can change {config.path}"
        found.append(Finding(Status.WARNING, text, "", f"chmod go-w {config.path}"))
    return found or [good("folders can be written, and secrets are nobody else's to read")]


def nearest(folder: Path) -> Path:
    """The folder, or the one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _readable(path: Path) -> list[Finding]:
    mode = _mode(path)
    if os.name != "posix" or not mode & _OTHERS:
        return []

    async def close() -> str:
        await asyncio.to_thread(path.chmod, 0o600)
        return f"made {path} readable for you alone"

    text = f"other users of this machine can read {path} (mode {mode:04o})"
    fix = f"chmod 600 {path}"
    return [Finding(Status.WARNING, text, "it holds secrets", fix, "configuration", Mend(close))]


async def _tracked(path: Path) -> list[Finding]:
    """Whether git would commit the file with the secrets."""
    git = shutil.which("git")
    if git is None:
        return []
    process = await asyncio.create_subprocess_exec(
        *(git, "-C", str(path.parent), "check-ignore", "-q", path.name),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await process.wait() != 1:  # 0: ignored; 128: no repository
        return []
    text = f"git does not ignore {path}"
    return [Finding(Status.WARNING, text, "it may be committed", "echo .env >> .gitignore")]


async def disk(patient: Patient) -> list[Finding]:
    """Whether there is space where data is kept."""
    assert patient.config is not None  # noqa: S101 - the check needs it
    folder = nearest(patient.config.data_dir)
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB are free at {folder}"
    if free >= _LITTLE:
        return [good(text)]
    status = Status.ERROR if free < _TOO_LITTLE else Status.WARNING
    return [Finding(status, text, "a full disk loses messages", "make space, or move the data")]


async def clock(patient: Patient) -> list[Finding]:  # noqa: ARG001 - every check gets it
    """Whether this machine's clock can be right."""
    before = time.monotonic()
    if time.time() < _EPOCH:
        text = f"this machine's clock says {time.strftime('%Y-%m-%d', time.gmtime())}"
        return [Finding(Status.ERROR, text, "memories would be dated wrongly", "set the clock")]
    if time.monotonic() < before:
        text = "this machine's monotonic clock runs backward"
        return [Finding(Status.ERROR, text, "timeouts are not kept", "restart the machine")]
    return [good("the clock runs")]


async def terminal(patient: Patient) -> list[Finding]:  # noqa: ARG001 - every check gets it
    """Whether what is printed can be read."""
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    try:
        "✓ñ🚀".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        text = f"the output's encoding is {encoding}"
        cause = "accents and marks are shown as escapes"
        return [Finding(Status.WARNING, text, cause, "export PYTHONUTF8=1 LANG=C.UTF-8")]
    return [good(f"the output's encoding is {encoding}")]


CHECKS: Final = (
    Check("config", "Configuration", "luminora.json can be read and is valid", configuration),
    Check("credentials", "Configuration", "secrets are set", credentials, "config"),
    Check("versions", "Installation", "Python, luminora and plugins fit together", versions),
    Check("plugins", "Installation", "every plugin can be used", plugins),
    Check("permissions", "Machine", "folders writable, secrets private", permissions),
    Check("disk", "Machine", "space for data", disk, "config"),
    Check("clock", "Machine", "the clock can be right", clock),
    Check("terminal", "Machine", "the output can show every letter", terminal),
    *DATABASE_CHECKS,
    Check(PLUGINS, "Plugins", "what the plugins say of themselves", of_plugins, "config"),
    Check("connections", "Connections", "every provider answers (slow)", connections, "config"),
)
"""All checks, in the order in which they are run: the slow ones last."""
