"""Figures of conversations of which every number is known."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from base64 import b64encode
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from luminora.analytics import Report, service
from luminora.analytics.charts import columns
from luminora.analytics.figures import CurvePoint, Day, Spread, Topic
from luminora.analytics.page import page
from luminora.analytics.series import binned
from luminora.analytics.tallies import Sample, Top, streaks
from luminora.client import LuminoraCoreClient
from luminora.errors import InputError, StorageError
from luminora.providers import EVERY_USER, Update
from luminora.sync import LuminoraCoreClient as WaitingClient
from tests.memory.standing import clock, companion, heard
from tests.past import MONDAY, Past, a_week, after, store
from tests.stacks import StackFile, every_stack, stack

__all__ = ["clock", "companion", "heard", "stack"]

_LIST = json.loads((Path(__file__).parent / "data" / "blns.json").read_text("utf-8"))
NAUGHTY = sorted({text[:255] for text in _LIST if text.strip() and "\0" not in text})
TUESDAY = after(days=1).date()


async def test_messages_and_days(client):
    await a_week(client)
    report = await client.analytics.user("diego")
    told = report.messages
    assert (told.total, told.user, told.assistant, told.system, told.sessions) == (7, 4, 3, 0, 1)
    assert report.users == 1
    monday, tuesday = report.days
    assert monday == Day(
        date=MONDAY.date(),
        user_messages=3,
        replies=2,
        users=1,
        sentiment=0.0,
        classified=2,
        facts=1,
        tokens=410,
        cost=pytest.approx(0.0012),
    )
    assert (tuesday.date, tuesday.user_messages, tuesday.sentiment) == (TUESDAY, 1, 1.0)
    assert (tuesday.facts, tuesday.tokens, tuesday.cost) == (1, 0, None)


async def test_sentiment_moods_and_topics(client):
    await a_week(client)
    report = await client.analytics.user("diego")
    assert report.sentiment.mean == pytest.approx((-0.5 + 0.5 + 1) / 3)
    assert report.sentiment.counts == {
        "very_negative": 0,
        "negative": 1,
        "neutral": 0,
        "positive": 1,
        "very_positive": 1,
    }
    assert report.sentiment.unclassified == 1
    moods = {mood.mood: (mood.replies, mood.times) for mood in report.moods}
    assert moods == {"neutral": (2, 1), "worried": (1, 1), "happy": (0, 1)}, "it had faded by 9 h"
    assert sum(mood.share for mood in report.moods) == pytest.approx(1)
    words = {topic.text: topic.count for topic in report.topics.words}
    assert words["Max"] == words["Lucía"] == 2
    assert words["perro"] == 2, "one word in all its forms, written as it was"
    assert not {"hoy", "Mañana", "los"} & words.keys()
    # a name that opens a sentence might be any word
    assert list(report.topics.names) == [Topic("Lucía", 2), Topic("Max", 1)]
    assert list(report.topics.categories) == [Topic("pets", 2), Topic("other", 1)]


async def test_engagement(client):
    await a_week(client)
    told = (await client.analytics.user("diego", until=TUESDAY)).engagement
    assert (told.first, told.last) == (MONDAY, after(hours=13))
    assert (told.active_days, told.longest_streak, told.current_streak) == (2, 2, 2)
    assert (await client.analytics.user("diego")).engagement.current_streak == 0
    assert told.sittings.count == 3
    assert told.sittings.highest == pytest.approx(5 + 2 / 60)
    assert told.messages_per_sitting == pytest.approx(7 / 3)
    assert told.answered == 3
    assert told.reply_seconds.median == pytest.approx(4)
    assert told.degraded == 1
    assert told.words == Spread(count=4, mean=pytest.approx(5), median=5, highest=7)
    assert (told.hours[20], told.hours[21], told.hours[9], sum(told.hours)) == (2, 1, 1, 4)
    assert told.weekdays == (3, 1, 0, 0, 0, 0, 0)


async def test_tokens_and_cost_never_make_up_a_price(client):
    await a_week(client)
    used = (await client.analytics.user("diego")).usage
    assert (used.calls, used.prompt_tokens, used.completion_tokens) == (3, 350, 60)
    assert used.total_tokens == 410
    assert used.cost == pytest.approx(0.0012)
    assert (used.unpriced, used.unrecorded) == (1, 1)
    reply, analysis = used.models
    assert (reply.provider, reply.model, reply.purpose, reply.calls) == (
        "openai",
        "gpt",
        "reply",
        2,
    )
    assert (reply.cost, reply.unpriced) == (0.001, 1)
    assert (analysis.model, analysis.purpose, analysis.cost) == ("v3", "analysis", 0.0002)


async def test_affinity_of_one_and_of_many(client):
    await a_week(client)
    (curve,) = (await client.analytics.user("diego")).affinity
    assert [(point.at, point.points) for point in curve.points] == [
        (MONDAY, 3),
        (after(minutes=5), 7),
        (after(hours=13), 5),
    ]
    assert (curve.pairs, curve.now, curve.gained, curve.lost) == (1, 5, 7, 2)
    assert curve.levels == {"stranger": 1}

    (many,) = (await client.analytics.personality("sakura")).affinity
    # what ana brought along without an event counts from the beginning
    assert [point.points for point in many.points] == [17, (5 + 25) / 2]
    assert (many.pairs, many.now, many.gained, many.lost) == (2, 15, 22, 2)
    assert many.levels == {"stranger": 1, "acquaintance": 1}


async def test_it_fades_as_the_personality_says(companion, clock, monkeypatch):
    monkeypatch.setattr(service, "now", clock)
    client, session = await companion({"decay": {"points_per_day": 1, "grace_days": 0}})
    await client.send_message(session, "Hola")
    (row,) = await client.storage.find("user_affinity", EVERY_USER)
    of_all = {"affinity_points": 40}
    await client.storage.update(Update("user_affinity", row["user_id"], {}, set=of_all))
    clock.passes(days=9)
    stands = await client.get_affinity(session)
    for report in (await client.analytics.user(row["user_id"]), await client.analytics.overall()):
        (curve,) = report.affinity
        assert curve.now == stands.points == 31
        assert curve.levels == {stands.level: 1}
        assert curve.points[-1] == CurvePoint(clock.at, 31)
        assert report.gaps == [gap for gap in report.gaps if "cannot be found" not in gap]


async def test_a_personality_that_is_gone_is_named(client):
    past = Past("ana", "forgotten", "s")
    past.said(after(), "Hola")
    past.felt("happy", after())
    past.grew("friend", (after(), 3))
    await store(client, past)
    report = await client.analytics.user("ana")
    assert report.affinity[0].levels == {"friend": 1}
    assert any(gap.endswith("cannot be found any more: forgotten") for gap in report.gaps)


async def test_facts(client):
    await a_week(client)
    facts = (await client.analytics.user("diego")).facts
    assert (facts.learned, facts.active, facts.mentions, facts.changed) == (2, 1, 3, 1)
    assert list(facts.keys) == [Topic("pets.name", 1), Topic("work.job", 1)]
    assert (await client.analytics.personality("sakura")).facts.changed == 1
    assert (await client.analytics.personality("cassian")).facts.changed == 0


async def test_a_user_sees_nothing_of_another(client):
    await a_week(client)
    report = await client.analytics.user("ana")
    assert (report.messages.total, report.facts.learned, report.usage.calls) == (3, 0, 0)
    assert [curve.personality for curve in report.affinity] == ["sakura"]
    only = await client.analytics.user("ana", personality="cassian")
    assert (only.messages.system, only.messages.user, list(only.affinity)) == (1, 1, [])
    assert list(only.moods) == [], "a message from elsewhere was said in no mood of ours"


async def test_a_personality_and_everybody(client):
    await a_week(client)
    sakura = await client.analytics.personality("sakura")
    assert (sakura.users, sakura.messages.total, sakura.messages.sessions) == (2, 8, 2)
    assert [day.users for day in sakura.days] == [1, 2]
    everybody = await client.analytics.overall()
    assert (everybody.users, everybody.messages.total, everybody.messages.sessions) == (2, 10, 3)
    assert everybody.engagement.longest_streak == 2


@pytest.mark.parametrize(
    ("since", "until", "total"),
    [
        (TUESDAY, None, 2),
        (None, MONDAY.date(), 5),
        (TUESDAY, TUESDAY, 2),
        (after(minutes=5), after(hours=1), 2),
        (after(minutes=5).replace(tzinfo=None), None, 5),
        (date(1900, 1, 1), date(1901, 1, 1), 0),
    ],
)
async def test_periods(client, since, until, total):
    await a_week(client)
    report = await client.analytics.user("diego", since=since, until=until)
    assert report.messages.total == total
    assert sum(day.user_messages + day.replies for day in report.days) == total


@pytest.mark.parametrize("bad", [(TUESDAY, MONDAY), ("2026-03-02", None), (None, 5)])
async def test_a_period_that_is_none(client, bad):
    with pytest.raises(InputError):
        await client.analytics.user("diego", since=bad[0], until=bad[1])


async def test_who_is_not_named_is_refused(client):
    with pytest.raises(InputError):
        await client.analytics.user("")
    with pytest.raises(InputError):
        await client.analytics.personality("")


async def test_nothing_at_all(client):
    for report in (await client.analytics.overall(), await client.analytics.user("nobody")):
        assert report.messages.total == report.users == 0
        assert list(report.days) == list(report.affinity) == list(report.moods) == []
        assert report.sentiment.mean is report.usage.cost is None
        assert report.engagement.first is report.engagement.sittings.median is None
        assert report.gaps == ["no messages: nobody has talked in this scope and period"]
        assert "Nobody has talked yet." in page(report)


async def test_one_message(client):
    past = Past("ana", "sakura", "s")
    past.said(after(), "Hola")
    await store(client, past)
    report = await client.analytics.user("ana")
    assert (report.messages.total, report.engagement.sittings.median) == (1, 0)
    assert report.engagement.reply_seconds == Spread()
    assert "2026-03-02" in page(report)


async def test_what_is_missing_is_said(client):
    await a_week(client)
    feeling, tokens, cost = (await client.analytics.user("diego")).gaps
    assert feeling.startswith("sentiment and categories leave out 1 of 4 messages of users, which")
    assert tokens.startswith("tokens leave out 1 of 3 replies, whose")
    assert cost.startswith("cost leaves out 1 of 3 model calls, the price")


async def test_messages_from_the_future_count_but_on_no_day(client):
    past = Past("ana", "sakura", "s")
    past.said(after(), "Hola")
    past.said(datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "Hello from afar")
    past.grew("friend", (after(), 3), (datetime(9999, 12, 31, tzinfo=UTC), 4))
    past.learned("pets", "name", datetime(9999, 12, 31, tzinfo=UTC))
    await store(client, past)
    for report in (await client.analytics.user("ana"), await client.analytics.overall()):
        assert (report.messages.user, report.facts.learned) == (2, 1)
        assert [day.date for day in report.days] == [MONDAY.date()]
        assert sum(report.engagement.hours) == 1
        assert len(report.affinity[0].points) == 1
        assert any("1 of 2 messages are dated in the future" in gap for gap in report.gaps)
        assert page(report)


async def test_odd_metadata_is_not_believed(client):
    past = Past("ana", "sakura", "s")
    for cost in ("free", -1, True, None, [], 1e400):
        usage = {"prompt_tokens": "many", "completion_tokens": -5}
        past.said(after(), "Hola", analysis="yes", classified=("x", "ecstatic"))
        past.answered(after(), usage=usage | ({} if cost == 1e400 else {"cost": cost}))
    past.answered(after(), usage=7)
    await store(client, past)
    report = await client.analytics.user("ana")
    assert (report.usage.total_tokens, report.usage.cost, report.usage.unpriced) == (0, None, 6)
    assert (report.sentiment.mean, report.sentiment.unclassified) == (None, 6)


async def test_an_analysis_of_several_messages_is_one_call(client):
    past = Past("ana", "sakura", "s")
    shared = {"provider": "x", "model": "m", "prompt_tokens": 7, "completion_tokens": 3, "batch": 3}
    for cost in (0.5, 0.5, 0.5):
        past.said(after(), "Hola", analysis={**shared, "cost": cost})
    past.said(after(), "Hola", analysis={"skipped": "the budget of the day is spent"})
    past.answered(after(), provider="offline", model="rules", usage={"prompt_tokens": 4})
    await store(client, past)
    used = (await client.analytics.user("ana")).usage
    assert (used.calls, used.prompt_tokens, used.completion_tokens) == (2, 25, 9)
    assert (used.cost, used.unpriced) == (1.5, 0), "the embedded responder costs nothing"


async def test_a_clock_that_went_back(client):
    past = Past("ana", "sakura", "s")
    past.said(after(minutes=10), "Hola")
    past.answered(after(minutes=8))
    past.said(after(minutes=12), "¿Y ahora?")
    await store(client, past)
    told = (await client.analytics.user("ana")).engagement
    assert told.sittings == Spread(
        count=1, mean=pytest.approx(4), median=pytest.approx(4), highest=pytest.approx(4)
    )
    assert (told.answered, told.reply_seconds.count) == (1, 0)


async def test_moods_older_than_the_history_are_unknown(client):
    past = Past("ana", "sakura", "s")
    past.said(after(), "Hola")
    past.answered(after(seconds=1))
    begun = [after(minutes=1, seconds=n).isoformat() for n in range(50)]
    past.felt("shy", after(hours=1), [{"mood": "happy", "from": at, "to": at} for at in begun])
    await store(client, past)
    report = await client.analytics.user("ana")
    assert {mood.mood: (mood.replies, mood.times) for mood in report.moods} == {
        "happy": (0, 50),
        "neutral": (0, 1),
        "shy": (0, 1),
    }
    assert any(gap.startswith("moods leave out 1 of 1 replies") for gap in report.gaps)


async def test_it_reads_in_pages(client, monkeypatch):
    past = Past("ana", "sakura", "s")
    for number in range(650):
        past.said(after(minutes=number), f"palabra{number} gato", classified=("pets", "neutral"))
        past.answered(after(minutes=number, seconds=1))
    past.grew("friend", *[(after(minutes=n), 1 if n % 2 else 0) for n in range(1_100)])
    await store(client, past)
    sizes = []
    watch(client, monkeypatch, lambda _, rows: sizes.append(len(rows)))
    report = await client.analytics.user("ana")
    assert max(sizes) == 500
    assert (report.messages.total, report.sentiment.counts["neutral"]) == (1_300, 650)
    assert report.topics.words[0] == Topic("gato", 650)
    (curve,) = report.affinity
    assert len(curve.points) <= 401
    assert (curve.points[0].at, curve.points[-1].at) == (MONDAY, after(minutes=1_099))
    assert curve.points[-1].points == curve.now == 550


@pytest.mark.parametrize("broken", ["sessions", "messages", "user_affinity", "fact_history"])
async def test_a_storage_that_fails_says_so_itself(client, monkeypatch, broken):
    await a_week(client)

    def fail(collection, _):
        if collection == broken:
            raise StorageError("the disk is gone")

    watch(client, monkeypatch, fail)
    with pytest.raises(StorageError, match="the disk is gone"):
        await client.analytics.overall()


def watch(client, monkeypatch, look):
    """Have ``look`` see what is found in which collection."""
    find, read = client.storage.find, client.storage.read

    async def watched_find(collection, *args, **kwargs):
        rows = await find(collection, *args, **kwargs)
        look(collection, rows)
        return rows

    async def watched_read(queries):
        answers = await read(queries)
        for query, rows in zip(queries, answers, strict=True):
            look(query.collection, rows)
        return answers

    monkeypatch.setattr(client.storage, "find", watched_find)
    monkeypatch.setattr(client.storage, "read", watched_read)


@pytest.mark.parametrize("stack", every_stack("sqlite", "postgresql", "mongodb"), indirect=True)
async def test_every_storage_says_the_same(stack: StackFile):
    async with LuminoraCoreClient.from_config(stack.path) as client:
        await a_week(client)
        report = await client.analytics.overall(until=TUESDAY)
        assert (report.users, report.messages.total, report.facts.changed) == (2, 8, 1)
        assert [(day.tokens, day.users, day.classified) for day in report.days] == [
            (410, 1, 2),
            (0, 2, 2),
        ]
        assert [point.points for point in report.affinity[0].points] == [17, 15]
        assert len((await client.analytics.user("diego")).moods) == 3


def test_without_await():
    with WaitingClient.from_config() as client:
        session = client.create_session("ana", "sakura")
        client.send_message(session, "Me llamo Ana y mi gato se llama Luna")
        report = client.analytics.user("ana", personality="sakura")
        assert report.messages.total == 2
        assert report.facts.learned > 0
        assert report.usage.calls >= 1
        assert client.analytics.personality("sakura").messages == report.messages
        assert client.analytics.overall().messages == report.messages


async def test_figures_cannot_be_changed(client):
    report = await client.analytics.overall()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.users = 5


def test_the_most_frequent_survive_any_number_of_others():
    top = Top(most=10)
    for number in range(1_000):
        top.add("often", "Often")
        top.add(f"rare {number}")
    assert top.best(1) == [Topic("Often", 1_000)]
    assert not top.exact
    assert len(top.best(10_000)) <= 20


def test_a_sample_is_exact_to_one_percent():
    sample = Sample()
    for number in range(10_001):
        sample.add(number)
    spread = sample.spread()
    assert (spread.count, spread.mean, spread.highest) == (10_001, 5_000, 10_000)
    assert spread.median == pytest.approx(5_000, rel=0.01)


def test_streaks():
    today = date(2026, 3, 10)
    days = [today - timedelta(days=n) for n in (9, 8, 7, 6, 3, 1)]
    assert streaks(days, today) == (4, 1)
    assert streaks([today, *days], today) == (4, 2)
    assert streaks(days, today + timedelta(days=5)) == (4, 0)
    assert streaks([], today) == (0, 0)


def test_any_time_fits_in_a_chart():
    days = [Day(date=date.min, user_messages=2), Day(date=date.max, user_messages=3)]
    width, bins = binned(days)
    assert width == 364_000
    assert len(bins) <= 60
    assert [day.user_messages for day in (bins[0], bins[-1])] == [2, 3]
    assert binned([]) == (1, [])
    week = [Day(date=TUESDAY + timedelta(days=n), sentiment=n, classified=n) for n in (1, 3)]
    assert [day.sentiment for day in binned(week)[1]] == [1, None, 3]
    assert [day.sentiment for day in binned(week, most=2)[1]] == [2.5]


def test_an_axis_ends_at_a_round_number():
    tops = {
        number: columns("x", "x", ("n",), [("a", (number,))]).top for number in (0, 3, 21, 5001)
    }
    assert tops == {0: "1", 3: "5", 21: "50", 5001: "10,000"}


class _Reader(HTMLParser):
    """Takes note of every tag, attribute and text of a page."""

    VOID = frozenset({"meta"})
    EMPTY = frozenset({"rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in self.EMPTY
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(text: str) -> _Reader:
    """The page, after checking that it is well formed and asks for nothing."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert not reader.tags & {"script", "img", "link", "iframe", "object", "a", "base", "form"}
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"href", "src", "style", "xlink:href", "action", "srcset"}
    return reader


@asynccontextmanager
async def naughty_client():
    async with LuminoraCoreClient.from_config() as client:
        pasts = []
        for number, text in enumerate(NAUGHTY):
            pasts.append(past := Past(text, text, f"s{number}"))
            past.said(after(), f"{text} {text}", classified=(text, text))
            past.answered(after(), text, provider=text, model=text, usage={"prompt_tokens": 1})
            past.felt(text, after(seconds=-1))
            past.grew(text, (after(), 1))
            past.learned(text, "key", after())
        await store(client, *pasts)
        yield client


async def test_naughty_strings_stay_text():
    async with naughty_client() as client:
        reports: list[Report] = [
            await client.analytics.overall(),
            *[await client.analytics.user(user, personality=user) for user in NAUGHTY[::7]],
        ]
    for report in reports:
        reader = read(page(report))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "".join(reader.text))
    user = '<script>alert("x")</script>'
    report = dataclasses.replace(reports[0], user_id=user, personality=None)
    assert user in read(page(report)).text, "it is shown, and as text"


async def test_the_page_is_self_contained_and_told_to_readers_of_all_kinds(client):
    await a_week(client)
    text = page(await client.analytics.overall())
    reader = read(text)
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(value for _, value in reader.attributes if value and "default-src" in value)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "http" not in re.sub("http-equiv", "", text)
    ids = [value for name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    labels = [value for name, value in reader.attributes if name == "aria-labelledby"]
    assert {part for label in labels for part in label.split()} <= set(ids)
    assert text.count('role="img"') == text.count("<desc")
    for shown in ("acquaintance", "openai", "Lucía", "worried"):
        assert any(shown in piece for piece in reader.text), shown
