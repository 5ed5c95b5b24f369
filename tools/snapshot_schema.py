"""Write ``schemas/snapshot.schema.json`` from the declared collections.

Run ``python tools/snapshot_schema.py`` after declaring a field, and raise the format's version; a
test fails while the two differ.
"""

from __future__ import annotations

import json
from pathlib import Path

from luminora.snapshots.schema import SCHEMA_FILE, compose

TARGET = Path(__file__).parent.parent / "schemas" / SCHEMA_FILE


def text() -> str:
    """What the file has to hold."""
    return json.dumps(compose(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
