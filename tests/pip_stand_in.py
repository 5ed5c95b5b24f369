"""``pip install`` in the rooms of tests/transcripts.py: folders for real, names only checked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))


def main(arguments):
    if not arguments or arguments[0] != "install":
        return "only pip install"
    wanted = [one for one in arguments[1:] if not one.startswith("-")]
    for one in wanted:
        if one.startswith((".", "/")):
            install(Path(re.sub(r"\[.*", "", one)).resolve(), editable="-e" in arguments)
            continue
        try:
            distribution(re.split(r"[\[<>=~! ]", one)[0])
        except PackageNotFoundError:
            return f"nobody knows {one}"
    return 0


def install(folder, *, editable):
    """Build and install a distribution.

    An editable one is installed as any other, then its packages give way to the folder: build
    backends need more to make such a wheel, which pip would fetch.
    """
    before = set(SITE.iterdir())
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    options = ["--no-deps", "--no-build-isolation", "--offline", "--reinstall"]
    subprocess.run([*command, *options, str(folder)], check=True)
    if not editable:
        return
    source = folder / "src" if (folder / "src").is_dir() else folder
    for one in set(SITE.iterdir()) - before:
        if one.is_dir() and one.suffix != ".dist-info":
            shutil.rmtree(one)
    (SITE / f"{folder.name}.pth").write_text(f"{source}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
