"""``python -m luminora.cli``."""

import sys

from luminora.cli import main

sys.exit(main())
