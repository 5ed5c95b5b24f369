"""Storage conformance: what goes in comes out, byte for byte, or is refused before it goes in."""

# ruff: noqa: S101, PLR2004 - a test suite asserts, and its expected values are literal

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from luminora.errors import InputError
from luminora.providers.operations import Is, Row, Update
from luminora.providers.storage import StorageProvider
from luminora.testing.data import START, fact, message, new_id, session
from luminora.testing.kit import Conformance, capability

TEXTS: Final = (
    "",
    " leading and trailing ",
    "line\nbreaks\r\nand\ttabs",
    "'quotes' \"double\" `back` \\ back\\slash % _ ; -- /* */ ? $1 :x @y #z",
    "áéíóúñü ¿Qué? ¡Sí! — «»",
    "é",
    "e\u0301",
    "\u212b \u00c5 A\u030a",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd",
    "\U0001f1ea\U0001f1f8 \U0001f3f4\U000e0067\U000e0062\U000e007f",
    "\u202eright to left\u202c שלום مرحبا",
    "漢字 かな 한글 ไทย हिन्दी",
    "\U00010000\U0010ffff \ufffd \ufeff \u200b \u0085 \u2028",
    "\x01\x02\x1f\x7f",
    "a" * 100_000 + "ñ",
)
"""Text that some database or other has cut, folded or confused."""

DOCUMENTS: Final[tuple[Any, ...]] = (
    {},
    [],
    "text",
    "",
    0,
    -1,
    2**53 + 1,
    -(2**63),
    0.1,
    -0.5e-7,
    1e300,
    True,
    False,
    None,
    {"a": {"b": [{"c": [None, True, "ñ", 1.5, {"": ""}]}]}},
    {"key with 'quotes' \"\\ and \U0001f468\u200d\U0001f469": "\\u0000 as text, \n and \u2028"},
    [[[[[[[[]]]]]]]],
    [1, "1", 1.5, True, None],
)


class ValueTests(Conformance[StorageProvider]):
    """Text, documents, numbers, times."""

    @capability("unicode")
    async def test_text_comes_back_byte_for_byte(self, provider: StorageProvider) -> None:
        """No normalisation, no trimming, no replacement."""
        user = new_id("user")
        for seq, text in enumerate(TEXTS):
            await provider.insert("messages", user, message(user, seq, content=text))
        rows = await provider.find("messages", user, order=("seq",))
        for row, text in zip(rows, TEXTS, strict=True):
            assert row["content"].encode() == text.encode()

    @capability("unicode")
    async def test_keys_are_told_apart_by_code_point(self, provider: StorageProvider) -> None:
        """Case, accents, trailing spaces and composition all make a difference."""
        base = new_id("u")
        ids = [
            f"{base}{tail}" for tail in ("e", "E", "é", "e\u0301", "e ", "ß", "ss", "\U0001f600")
        ]
        for user in ids:
            await provider.insert("messages", user, message(user, 1, id=new_id("message")))
        for user in ids:
            rows = await provider.find("messages", user)
            assert [row["user_id"] for row in rows] == [user]

    @capability("unicode")
    async def test_nul_and_lone_surrogates_are_refused(self, provider: StorageProvider) -> None:
        """Wherever they hide, and before anything is written."""
        user = new_id("user")
        row = message(user, 1)
        for bad in ("a\0b", "\0", "\ud83d", "a\udc00b", "\udc00\ud83d"):
            for changes in (
                {"content": bad},
                {"speaker_name": bad},
                {"id": bad},
                {"metadata": {"deep": [{"x": bad}]}},
                {"metadata": {bad: 1}},
            ):
                with pytest.raises(InputError):
                    await provider.insert("messages", user, {**row, **changes})
            with pytest.raises(InputError):
                await provider.insert("episodes", user, {"tags": ["fine", bad]})
            with pytest.raises(InputError):
                await provider.insert("messages", f"{user}{bad}", message(user, 1))
        assert await provider.count("messages", user) == 0

    @capability("unicode")
    async def test_a_string_has_at_most_255_characters(self, provider: StorageProvider) -> None:
        """Of any width."""
        user = new_id("user")
        wide = "\U0001f600" * 255
        await provider.insert("messages", user, message(user, 1, speaker_name=wide))
        with pytest.raises(InputError):
            await provider.insert("messages", user, message(user, 2, speaker_name=wide + "x"))
        (row,) = await provider.find("messages", user, {"speaker_name": wide})
        assert row["speaker_name"] == wide

    @capability("documents")
    async def test_documents_come_back_equal(self, provider: StorageProvider) -> None:
        """Types included: 1 is not True, 1.5 not "1.5"."""
        user = new_id("user")
        for number, value in enumerate(DOCUMENTS):
            row = fact(user, f"key-{number:03}", value=value)
            await provider.upsert("user_facts", user, row)
            found = await provider.get("user_facts", user, id=row["id"])
            assert found == row
            assert found is not None
            assert _types(found["value"]) == _types(value)

    @capability("documents")
    async def test_what_json_cannot_hold_is_refused(self, provider: StorageProvider) -> None:
        """Infinite numbers, keys that are no text, objects, bottomless nesting."""
        user = new_id("user")
        endless: list[Any] = []
        endless.append(endless)
        for value in (float("nan"), float("inf"), {1: 2}, object(), {"a"}, b"x", 2**70, endless):
            with pytest.raises(InputError):
                await provider.upsert("user_facts", user, fact(user, value=value))
        assert await provider.count("user_facts", user) == 0

    @capability("documents")
    async def test_an_absent_document_is_none(self, provider: StorageProvider) -> None:
        """And an empty one is not."""
        user = new_id("user")
        absent, empty = session(user), session(user, metadata={}, personality_document=[])
        for row in (absent, empty):
            await provider.insert("sessions", user, row)
            found = await provider.get("sessions", user, session_id=row["session_id"])
            assert found == row
        assert await provider.count("sessions", user, {"metadata": None}) == 1

    @capability("documents")
    async def test_lists_of_text(self, provider: StorageProvider) -> None:
        """In order, with repetitions and emptiness."""
        user = new_id("user")
        for number, tags in enumerate(([], ["b", "a", "b"], ["", "with, comma", '"quoted"', "ñ"])):
            row = fact(user, f"key-{number}", tags=tags)
            await provider.upsert("user_facts", user, row)
            assert await provider.get("user_facts", user, id=row["id"]) == row

    @capability("timestamps")
    async def test_times_keep_their_microseconds(self, provider: StorageProvider) -> None:
        """In UTC, whatever zone they came in."""
        user = new_id("user")
        east = timezone(timedelta(hours=5, minutes=30))
        times = [
            START,
            datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2300, 12, 31, 23, 59, 59, tzinfo=UTC),
            datetime(2026, 11, 20, 13, 0, tzinfo=east),
        ]
        for seq, moment in enumerate(times):
            await provider.insert("messages", user, message(user, seq, timestamp=moment))
        rows = await provider.find("messages", user, order=("seq",))
        assert [row["timestamp"] for row in rows] == times
        assert all(row["timestamp"].utcoffset() == timedelta(0) for row in rows)
        ordered = await provider.find("messages", user, order=("timestamp",))
        assert [row["timestamp"] for row in ordered] == sorted(times)
        since = {"timestamp": Is(">=", START.astimezone(east))}
        assert await provider.count("messages", user, since) == 2

    @capability("timestamps")
    async def test_a_time_without_zone_is_refused(self, provider: StorageProvider) -> None:
        """Nobody knows when it was."""
        user = new_id("user")
        naive = START.replace(tzinfo=None)
        for bad in (naive, START.isoformat(), 1.5):
            with pytest.raises(InputError):
                await provider.insert("messages", user, message(user, 1, timestamp=bad))
        with pytest.raises(InputError):
            await provider.find("messages", user, {"timestamp": naive})

    @capability("numbers")
    async def test_numbers_keep_their_value_and_type(self, provider: StorageProvider) -> None:
        """64-bit integers, double precision, truth values."""
        user = new_id("user")
        for number, seq in enumerate((0, -1, 2**63 - 1, -(2**63), 2**53 + 1)):
            row = message(user, number) | {"seq": seq}
            await provider.insert("messages", user, row)
            assert await provider.get("messages", user, id=row["id"]) == row
        for number, confidence in enumerate((0.1, 1, 1 / 3, 5e-300, 1.7e308, -0.25)):
            row = fact(user, f"k{number}", confidence=confidence, is_active=number % 2 == 0)
            await provider.upsert("user_facts", user, row)
            found = await provider.get("user_facts", user, id=row["id"])
            assert found == row
            assert found is not None
            assert type(found["confidence"]) is float
            assert type(found["is_active"]) is bool

    @capability("numbers")
    async def test_values_of_another_type_are_refused(self, provider: StorageProvider) -> None:
        """Nothing is converted in silence."""
        user = new_id("user")
        for seq in ("1", 1.5, True, 2**63, None):
            with pytest.raises(InputError):
                await provider.insert("messages", user, message(user, 1) | {"seq": seq})
        wrong: tuple[Row, ...] = (
            {"confidence": "1"},
            {"confidence": float("nan")},
            {"is_active": 1},
            {"tags": "text"},
            {"tags": [1]},
            {"key": 7},
        )
        for changes in wrong:
            with pytest.raises(InputError):
                await provider.upsert("user_facts", user, fact(user) | changes)
        with pytest.raises(InputError):
            await provider.update(Update("messages", user, {}, increment={"seq": 0.5}))
        assert await provider.count("user_facts", user) == 0


def _types(value: Any) -> Any:
    """The shape of a document: what is what, not how large."""
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(item) for item in value]
    return type(value)
