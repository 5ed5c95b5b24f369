"""Figures in words: what the terminal and the page both say."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from luminora.analytics.figures import Report

UNKNOWN = "unknown"


def subject(report: Report) -> str:
    """Whose figures they are."""
    match report.user_id, report.personality:
        case None, None:
            return "Everybody"
        case None, personality:
            return f"Everybody with {personality}"
        case user, None:
            return f"{user}"
        case user, personality:
            return f"{user} with {personality}"
    raise AssertionError("unreachable")


def period(report: Report) -> str:
    """What time they are of: whole days by their dates, the last one included."""
    if report.since or report.until:
        since = f"from {_bound(report.since)}" if report.since else ""
        until = f"to {_bound(report.until, end=True)}" if report.until else ""
        return f"{since} {until}".strip() + " (UTC)"
    if not report.days:
        return "all time"
    first, last = report.days[0].date, report.days[-1].date
    return f"{first}" if first == last else f"{first} to {last}"


def _bound(moment: datetime, *, end: bool = False) -> str:
    if moment.time() != time():
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{(moment - timedelta(days=1) if end else moment).date()}"


def count(number: float) -> str:
    """A number of things: ``1,234``; a mean with one decimal."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def many(number: int, one: str, several: str | None = None) -> str:
    """``1 reply``, ``2 replies``."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def share(part: float) -> str:
    """A part of 1 as percent."""
    return f"{part:.0%}"


def signed(number: float | None) -> str:
    """A mean sentiment: ``+0.38``."""
    return UNKNOWN if number is None else f"{number:+.2f}"


def dollars(amount: float | None) -> str:
    """A cost: ``$12.30``, and what is less than a dollar to four places."""
    if amount is None:
        return UNKNOWN
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def duration(seconds: float | None) -> str:
    """A time in the two units that fit it: ``1 h 5 min``, ``40 s``, ``0.8 s``."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.1:  # noqa: PLR2004 - shown with one decimal
        return "under 0.1 s"
    if seconds < 10:  # noqa: PLR2004 - below, a decimal tells something
        return f"{seconds:.1f} s"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def stretch(width: int) -> str:
    """How long a mark of a chart is, given its days."""
    return {1: "a day", 7: "a week", 28: "four weeks", 91: "a quarter", 364: "a year"}.get(
        width, f"{width:,} days"
    )
