"""What a companion's conversations add up to: figures, as data and as a page of charts.

``client.analytics`` reads a storage once, page by page, and hands out a
:class:`~luminora.analytics.figures.Report`. ``docs/analytics.md`` defines every figure.
"""

from __future__ import annotations

from luminora.analytics.figures import Report
from luminora.analytics.service import Analytics

__all__ = ["Analytics", "Report"]
