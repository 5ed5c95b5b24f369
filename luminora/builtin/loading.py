"""The lock of :mod:`luminora.providers.loading`, where plugins find it too."""

from __future__ import annotations

from luminora.providers.loading import numpy_lock

__all__ = ["numpy_lock"]
