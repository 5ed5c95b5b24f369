"""One thread at a time imports NumPy.

Threads that import it at the same moment can see it half made; storages, vectors and embeddings
have threads of their own and import it, or something built on it, when they first need it.
"""

from __future__ import annotations

from threading import RLock
from typing import Final

numpy_lock: Final = RLock()
"""Held around ``import numpy``, wherever that happens outside the main thread."""
