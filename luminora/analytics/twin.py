"""The figures for code that does not await."""

from __future__ import annotations

from datetime import date

from luminora._portal import Portal
from luminora.analytics.figures import Report
from luminora.analytics.service import Analytics


class AnalyticsTwin:
    """:class:`~luminora.analytics.Analytics`, every method waited for."""

    def __init__(self, analytics: Analytics, portal: Portal) -> None:
        self._analytics = analytics
        self._portal = portal

    def user(
        self,
        user_id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        personality: str | None = None,
    ) -> Report:
        """See :meth:`luminora.analytics.Analytics.user`."""
        figures = self._analytics.user(user_id, since=since, until=until, personality=personality)
        return self._portal.run(figures)

    def personality(
        self, name: str, *, since: date | None = None, until: date | None = None
    ) -> Report:
        """See :meth:`luminora.analytics.Analytics.personality`."""
        return self._portal.run(self._analytics.personality(name, since=since, until=until))

    def overall(self, *, since: date | None = None, until: date | None = None) -> Report:
        """See :meth:`luminora.analytics.Analytics.overall`."""
        return self._portal.run(self._analytics.overall(since=since, until=until))
