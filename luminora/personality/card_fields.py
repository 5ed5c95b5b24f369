"""Whether a parsed file is a Character Card V2 or V3, and its fields what the formats say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luminora.errors import PersonalityInvalid
from luminora.personality.problems import quoted
from luminora.personality.strict import flaw

_TEXTS = (
    "description", "personality", "scenario", "first_mes", "mes_example", "creator_notes",
    "system_prompt", "post_history_instructions", "creator", "character_version", "nickname",
)  # fmt: skip
_LISTS = ("alternate_greetings", "tags", "group_only_greetings", "source")


def checked(card: object, *, where: str | None = None) -> dict[str, Any]:
    """The card, if it is one; ``null`` counts as absent, unknown fields are nobody's business.

    Raises:
        PersonalityInvalid: With the JSON pointer of what is wrong.
    """
    if flawed := flaw(card):
        raise _wrong(flawed[0], "", where, flawed[1])
    if not isinstance(card, Mapping):
        raise _wrong("a card must be a JSON object", "", where, "export the card again")
    _check_version(card, where)
    data = card.get("data")
    if not isinstance(data, Mapping):
        message = f"this must be an object, but it is {quoted(data)}"
        raise _wrong(message, "/data", where, "put the card's fields there")
    name = data.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _wrong("a card needs a name", "/data/name", where, "write the character's name")
    for key in _TEXTS:
        _must(data.get(key), str, "a text", f"/data/{key}", where)
    for key in _LISTS:
        _must_be_texts(data.get(key), f"/data/{key}", where)
    _must(data.get("extensions"), Mapping, "an object", "/data/extensions", where)
    _check_book(data.get("character_book"), where)
    return {**card, "data": dict(data)}


def _check_version(card: Mapping[str, Any], where: str | None) -> None:
    spec, version = card.get("spec"), card.get("spec_version")
    if spec not in ("chara_card_v2", "chara_card_v3"):
        message = f"this is no character card of version 2 or 3: 'spec' is {quoted(spec)}"
        hint = "open it in a card editor and save it as V2 or V3"
        raise _wrong(message, "/spec", where, hint)
    try:
        number = float(version) if isinstance(version, str) else -1.0
    except ValueError:
        number = -1.0
    least, below = (2.0, 3.0) if spec == "chara_card_v2" else (3.0, float("inf"))
    if not least <= number < below:
        message = f"'spec_version' is {quoted(version)}, which does not go with {spec}"
        raise _wrong(message, "/spec_version", where, f'write "{least:.1f}"')


def _check_book(book: object, where: str | None) -> None:
    _must(book, Mapping, "an object", "/data/character_book", where)
    entries = book.get("entries") if isinstance(book, Mapping) else None
    _must(entries, list, "a list", "/data/character_book/entries", where)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        place = f"/data/character_book/entries/{index}"
        if not isinstance(entry, Mapping):
            raise _wrong("an entry must be an object", place, where, "remove the entry")
        _must(entry.get("content"), str, "a text", f"{place}/content", where)
        order = entry.get("insertion_order")
        _must(order, int | float, "a number", f"{place}/insertion_order", where)


def _must(value: object, kind: Any, what: str, place: str, where: str | None) -> None:
    if value is not None and not isinstance(value, kind):
        message = f"this must be {what}, but it is {quoted(value)}"
        raise _wrong(message, place, where, "correct it in a card editor")


def _must_be_texts(value: object, place: str, where: str | None) -> None:
    _must(value, list, "a list", place, where)
    for index, item in enumerate(value if isinstance(value, list) else []):
        if not isinstance(item, str):
            message = f"this must be a text, but it is {quoted(item)}"
            raise _wrong(message, f"{place}/{index}", where, "correct it in a card editor")


def _wrong(message: str, place: str, where: str | None, hint: str) -> PersonalityInvalid:
    at = place or "the whole card"
    return PersonalityInvalid(message, where=f"{where} ({at})" if where else at, hint=hint)
