"""A report as one page of charts that needs nothing but a browser.

The markup lies in ``html/``. The page loads nothing and runs nothing: its content security policy
allows its own style sheet, by its hash, and no more. Whatever users, models and personas made is
escaped by Jinja and loses its control characters.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from luminora.analytics import wording
from luminora.analytics.charts import (
    HEIGHT,
    WIDTH,
    Columns,
    Line,
    Point,
    columns,
    middle,
    parts,
    ranked,
    ticks,
)
from luminora.analytics.figures import Curve, Day, Report
from luminora.analytics.series import binned

_FOLDER = Path(__file__).parent / "html"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BINS = 60
_FEW = 10
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(report: Report) -> str:
    """The page, as HTML.

    Args:
        report: What it shows; parts of which nothing is known say so.
    """
    import jinja2  # noqa: PLC0415 - only a page needs it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(
        style=style,
        digest=b64encode(sha256(style.encode()).digest()).decode(),
        say=wording,
        report=report,
        few=_FEW,
        **_over_time(report),
        **_in_all(report),
    )


def _over_time(report: Report) -> dict[str, Any]:
    width, days = binned(report.days, _BINS)

    def chart(
        name: str, title: str, labels: Sequence[str], values: Callable[[Day], Sequence[int]]
    ) -> Columns:
        rows = [(day.date.isoformat(), values(day)) for day in days]
        return columns(name, title, labels, rows)

    return {
        "days": days,
        "stretch": wording.stretch(width),
        "messages": chart(
            "messages",
            "Messages over time",
            ("by users", "replies"),
            lambda day: (day.user_messages, day.replies),
        ),
        "people": chart("people", "Most users on one day", ("users",), lambda day: (day.users,)),
        "learned": chart(
            "learned", "Facts learned over time", ("facts",), lambda day: (day.facts,)
        ),
        "tokens": chart("tokens", "Tokens over time", ("tokens",), lambda day: (day.tokens,)),
        "feeling": _feeling(days),
        "curves": [_curve(place, curve) for place, curve in enumerate(report.affinity[:_FEW])],
    }


def _in_all(report: Report) -> dict[str, Any]:
    engagement, topics = report.engagement, report.topics
    counts = report.sentiment.counts
    return {
        "feelings": parts([(name.replace("_", " "), many) for name, many in counts.items()]),
        "moods": parts([(mood.mood, mood.replies) for mood in report.moods[:_FEW]]),
        "words": ranked(topics.words[:_FEW]),
        "categories": ranked(topics.categories[:_FEW]),
        "kinds": ranked(report.facts.categories[:_FEW]),
        "hours": columns(
            "hours",
            "By hour of the day, UTC",
            ("messages",),
            [(f"{hour}:00", (many,)) for hour, many in enumerate(engagement.hours)],
        ),
        "weekdays": columns(
            "weekdays",
            "By day of the week",
            ("messages",),
            [(day, (many,)) for day, many in zip(_WEEKDAYS, engagement.weekdays, strict=True)],
        ),
    }


def _feeling(days: Sequence[Day]) -> Line:
    half = HEIGHT / 2
    return Line(
        id="feeling",
        title="Sentiment over time",
        points=[
            Point(
                middle(place, len(days)),
                half - half * day.sentiment,
                f"{day.date}: {wording.signed(day.sentiment)}, "
                f"{wording.many(day.classified, 'message')}",
            )
            for place, day in enumerate(days)
            if day.sentiment is not None
        ],
        marks=("+1", "0", "\N{MINUS SIGN}1"),
        ticks=ticks([day.date.isoformat() for day in days]),
        base=half,
    )


def _curve(place: int, curve: Curve) -> tuple[Curve, Line]:
    """A curve and its drawing, true to time if its points span any."""
    points = curve.points
    span = (points[-1].at - points[0].at).total_seconds() if points else 0.0
    line = Line(
        id=f"curve-{place}",
        title="Points over time",
        points=[
            Point(
                (point.at - points[0].at).total_seconds() * WIDTH / span if span else WIDTH / 2,
                HEIGHT - min(max(point.points, 0.0), HEIGHT),
                f"{_when(point.at)}: {wording.count(point.points)} points",
            )
            for point in points
        ],
        marks=("100", "50", "0"),
        ticks=ticks([_when(point.at) for point in (*points[:1], *points[-1:])]),
    )
    return curve, line


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _clean(value: Any) -> Any:
    """Text without what no HTML document may hold."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value
