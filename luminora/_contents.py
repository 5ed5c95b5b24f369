"""What a plugin's files hold, as a hash: of those that Python would import, where it finds them.

RECORD, the wheel's own list, says which files a distribution came with and what was in them. That
alone proves nothing about the files of today, nor that a package of the same name does not lie
earlier on the path. So the package is read where it would be imported from, and the rest of the
wheel where RECORD says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

_ABSENT = "missing"


def hashes(name: str, package: str) -> tuple[str | None, str]:
    """The hash of a distribution's list of files, and that of what the files hold now.

    Args:
        name: The distribution.
        package: The plugin's top-level package.

    Returns:
        The first is None for a plugin that is installed in place, for development.
    """
    listed = _listed(name)
    inside = f"{package}/"
    files = {path: file for path, (file, _) in listed.items() if not path.startswith(inside)}
    files |= _imported(package)
    content = [f"{path}\0{_digest(file)}" for path, file in files.items()]
    content += [f"{path}\0{_ABSENT}" for path in listed if path not in files]
    record = [f"{path}\0{digest}" for path, (_, digest) in listed.items()]
    return _joined(record) if record else None, _joined(content)


def _imported(package: str) -> dict[str, Path]:
    """The files of the package that would be imported; a single module is none.

    Compiled files that belong to a source are left out: Python writes them as it goes.
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return {}
    files: dict[str, Path] = {}
    for place in (spec.submodule_search_locations if spec else None) or ():
        root = Path(place)
        for file in root.rglob("*"):
            inner = file.relative_to(root)
            if file.is_file() and "__pycache__" not in inner.parts:
                files.setdefault(f"{package}/{inner.as_posix()}", file)
    return files


def _listed(name: str) -> dict[str, tuple[Path, str]]:
    """What RECORD lists of a wheel: places and hashes; nothing for one installed in place."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {}
    if _in_place(distribution.read_text("direct_url.json")):
        return {}
    found: dict[str, tuple[Path, str]] = {}
    for row in csv.reader(io.StringIO(distribution.read_text("RECORD") or "")):
        path, digest = (*row, "", "")[:2]
        installer = ".dist-info/" in path and not path.endswith(("/METADATA", "/entry_points.txt"))
        if digest and not installer and not path.endswith(".pyc"):
            found[path] = (Path(str(distribution.locate_file(path))), digest)
    return found


def _in_place(origin: str | None) -> bool:
    """Whether the installer says so; somebody else's damaged metadata says nothing."""
    try:
        return json.loads(origin or "{}")["dir_info"]["editable"] is True
    except (ValueError, LookupError, TypeError):
        return False


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return _ABSENT


def _joined(lines: list[str]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
