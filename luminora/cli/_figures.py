"""A report of analytics as lines of text, with a small chart beside each figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from luminora.analytics.series import binned
from luminora.analytics.wording import (
    count,
    dollars,
    duration,
    many,
    period,
    share,
    signed,
    stretch,
    subject,
)
from luminora.cli._companion import printable
from luminora.cli._sparks import Marks
from luminora.cli.output import note, say

if TYPE_CHECKING:
    from luminora.analytics.figures import Day, Report, Topic

_SPARKS = 48
_TOPICS = 10
_ROWS = 8
_LABEL = 12
_NAME = 24


def show(report: Report) -> None:
    """Print a report."""
    marks = Marks.printable()
    width, days = binned(report.days, _SPARKS)
    say(printable(f"{subject(report)}, {period(report)}"))
    sections = (
        _messages(report, days, width, marks),
        _sentiment(report, days, marks),
        _moods(report, marks),
        _affinity(report, marks),
        _topics(report),
        _facts(report, days, marks),
        _engagement(report, marks),
        _usage(report, days, marks),
    )
    for section in sections:
        lines = [line for line in section if line.strip()]
        if lines:
            say()
        for line in lines:
            say(line.rstrip())
    if report.gaps:
        note("")
    for gap in report.gaps:
        note(printable(f"note: {gap}"))


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _messages(report: Report, days: Sequence[Day], width: int, marks: Marks) -> Iterator[str]:
    told = report.messages
    users = "" if report.user_id else f", {many(report.users, 'user')}"
    yield _line(
        "Messages",
        f"{told.total:,}: {told.user:,} by users, {many(told.assistant, 'reply', 'replies')}, "
        f"{many(told.sessions, 'conversation')}{users}",
    )
    if days:
        yield _line("", marks.spark([day.user_messages + day.replies for day in days], low=0))
        yield _line("", f"each mark is {stretch(width)}, from {days[0].date.isoformat()}")


def _sentiment(report: Report, days: Sequence[Day], marks: Marks) -> Iterator[str]:
    told = report.sentiment
    if told.mean is None:
        return
    yield _line("Sentiment", f"{signed(told.mean)} on average, from -1 to +1")
    yield _line("", marks.spark([day.sentiment for day in days], low=-1, high=1))
    rows = [(name.replace("_", " "), number) for name, number in told.counts.items() if number]
    yield from _bars(rows, marks)


def _moods(report: Report, marks: Marks) -> Iterator[str]:
    if report.moods:
        yield _line("Moods", "of the replies")
        yield from _bars([(mood.mood, mood.replies) for mood in report.moods[:_ROWS]], marks)


def _affinity(report: Report, marks: Marks) -> Iterator[str]:
    for place, curve in enumerate(report.affinity[:_ROWS]):
        levels = ", ".join(
            name.replace("_", " ") if curve.pairs == 1 else f"{name.replace('_', ' ')} {number:,}"
            for name, number in curve.levels.items()
        )
        whom = "" if curve.pairs == 1 else f", average of {many(curve.pairs, 'user')}"
        yield _line(
            "" if place else "Affinity",
            printable(
                f"{curve.personality}: {curve.now:.0f} of 100 ({levels}){whom}, "
                f"+{curve.gained:,} -{curve.lost:,}"
            ),
        )
        yield _line("", marks.spark(_thinned([point.points for point in curve.points]), 0, 100))


def _topics(report: Report) -> Iterator[str]:
    told = report.topics
    kinds = {
        "Words": told.words,
        "Phrases": told.phrases,
        "Names": told.names,
        "Categories": told.categories,
    }
    for label, found in kinds.items():
        if found:
            yield _line(label, _listed(found[:_TOPICS]))


def _facts(report: Report, days: Sequence[Day], marks: Marks) -> Iterator[str]:
    told = report.facts
    if not told.learned and not told.changed:
        return
    yield _line(
        "Facts",
        f"{told.learned:,} learned, {told.active:,} hold still, {told.changed:,} changed",
    )
    yield _line("", marks.spark([day.facts for day in days], low=0))
    yield from _bars([(topic.text, topic.count) for topic in told.categories[:_ROWS]], marks)


def _engagement(report: Report, marks: Marks) -> Iterator[str]:
    told, sittings = report.engagement, report.engagement.sittings
    if not report.messages.total:
        return
    yield _line(
        "Engagement",
        f"{many(told.active_days, 'active day')}, longest streak {told.longest_streak}, "
        f"current {told.current_streak}",
    )
    yield _line(
        "",
        f"{many(sittings.count, 'sitting')}, {duration(_seconds(sittings.median))} in the middle, "
        f"{duration(_seconds(sittings.highest))} the longest, "
        f"{count(told.messages_per_sitting or 0)} messages each",
    )
    yield _line(
        "",
        f"{told.answered:,} of {report.messages.user:,} messages answered, in "
        f"{duration(told.reply_seconds.median)} in the middle"
        + (f", {told.degraded:,} by the embedded responder" if told.degraded else ""),
    )
    yield _line("", f"by hour     {marks.spark(told.hours, low=0)}  0 to 23 h UTC")
    yield _line("", f"by weekday  {marks.spark(told.weekdays, low=0)}  from Monday")


def _usage(report: Report, days: Sequence[Day], marks: Marks) -> Iterator[str]:
    told = report.usage
    if not told.calls:
        return
    yield _line(
        "Tokens",
        f"{told.total_tokens:,}: {told.prompt_tokens:,} of prompts, "
        f"{told.completion_tokens:,} of answers, {many(told.calls, 'call')}, "
        f"cost {dollars(told.cost)}",
    )
    yield _line("", marks.spark([day.tokens for day in days], low=0))
    for use in told.models[:_ROWS]:
        tokens = use.prompt_tokens + use.completion_tokens
        yield _line(
            "",
            printable(
                f"{use.provider} {use.model}, {use.purpose}: {many(use.calls, 'call')}, "
                f"{tokens:,} tokens, {dollars(use.cost)}"
            ),
        )


def _bars(rows: Sequence[tuple[str, int]], marks: Marks) -> Iterator[str]:
    """A bar for each row, as long as its part of all."""
    total = sum(number for _, number in rows) or 1
    for name, number in rows:
        label = printable(name)[:_NAME]
        part = number / total
        yield _line("", f"{label:<{_NAME}} {share(part):>4}  {number:>7,}  {marks.bar(part)}")


def _listed(topics: Iterable[Topic]) -> str:
    return printable(", ".join(f"{topic.text} {topic.count:,}" for topic in topics))


def _thinned(points: Sequence[float]) -> Sequence[float]:
    """As many of the points as fit, the last one among them."""
    if len(points) <= _SPARKS:
        return points
    step = (len(points) - 1) / (_SPARKS - 1)
    return [points[round(place * step)] for place in range(_SPARKS)]


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60
