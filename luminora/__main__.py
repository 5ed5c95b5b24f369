"""``python -m luminora``: the command, where its script is not on the path."""

from __future__ import annotations

import sys

from luminora.cli import main

sys.exit(main())
