"""Find the data folders people edit, in a checkout and in an installed wheel alike.

``schemas/``, ``personalities/`` and ``templates/`` stand at the top of the repository; the wheel
carries them as ``luminora/_data/``. Nothing else knows about this.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder ``schemas``, ``personalities`` or ``templates``.

    Raises:
        FileNotFoundError: The installation is incomplete.
    """
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"Luminora's own folder '{name}' is missing: reinstall the package")
