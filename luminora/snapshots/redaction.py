"""What a snapshot does not tell: rules that leave out rows, or mask what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from luminora.errors import InputError
from luminora.memory.validate import checked_text
from luminora.providers import COLLECTIONS, FieldType, Is, Row, StorageProvider

MASK: Final = "[redacted]"
RULES: Final = {
    "user": "the user's id",
    "contacts": "e-mail addresses, telephone numbers and other long numbers, wherever they stand",
    "texts": "what was said, word for word: messages, and quotations of them",
    "private": "messages that are private or sensitive, their answers, and what follows from them",
    "sensitive": "the same of sensitive ones alone",
    "episodes": "all episodes",
    "facts": "all facts; facts:CATEGORY those of one category",
}
"""Every rule, and what it leaves out or masks."""

_PRIVATE: Final = {"private": ("private", "sensitive"), "sensitive": ("sensitive",)}
_MAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_NUMBER: Final = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ()./-]{0,2}\d){6,}(?!\w)")
_DATE: Final = re.compile(r"\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2\d{4}")
_SAID: Final = {
    "messages": ("content", MASK),
    "user_facts": ("context", None),
    "affinity_events": ("reason", None),
}
"""By collection, the field that quotes what was said, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """The rules of one snapshot; without any, everything is told.

    Attributes:
        rules: As they were given, for the header.
        hidden: Ids of the messages that must not be told, and those they were imported with.
    """

    rules: tuple[str, ...] = ()
    hidden: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, rules: Iterable[str]) -> Self:
        """The rules, checked.

        Raises:
            InputError: There is no such rule.
        """
        chosen = tuple(dict.fromkeys(rules))
        for rule in chosen:
            name, colon, category = checked_text(rule, 255, "redact").partition(":")
            if name not in RULES or (colon and (name != "facts" or not category)):
                raise InputError(
                    f"there is no rule '{rule:.60}' to redact by",
                    hint=f"there are {', '.join(RULES)} and facts:CATEGORY",
                )
        return cls(chosen)

    async def prepared(self, storage: StorageProvider, user_id: str) -> Self:
        """The same, knowing which messages must not be told."""
        levels = {level for rule in self.rules for level in _PRIVATE.get(rule, ())}
        if not levels:
            return self
        hidden: set[str] = set()
        where = {"privacy": Is("in", sorted(levels))}
        async for page in storage.pages("memory_classifications", user_id, where):
            ids = [row["message_id"] for row in page]
            hidden.update(ids)
            for row in await storage.find("messages", user_id, {"id": Is("in", ids)}):
                if row["external_id"]:
                    hidden.add(row["external_id"])
        return type(self)(self.rules, frozenset(hidden))

    def user(self, user_id: str) -> str:
        """The user's id as the snapshot has it."""
        return MASK if "user" in self.rules else user_id

    def told(self, name: str, row: Row) -> Row | None:
        """The row as it may be told; None if it may not."""
        if not self.rules:
            return row
        if self._left_out(name, row):
            return None
        told = {**row, "user_id": self.user(row["user_id"])}
        if name in _SAID and ("texts" in self.rules or self._is_hidden(row)):
            quoting, instead = _SAID[name]
            told[quoting] = instead
            if name == "messages":
                told["metadata"] = None
        return _masked(name, told) if "contacts" in self.rules else told

    def _left_out(self, name: str, row: Row) -> bool:
        if name == "episodes":
            told = {*row["context_messages"], *_strings(row["metadata"])}  # a summary's sources too
            return "episodes" in self.rules or not self.hidden.isdisjoint(told)
        if name in {"user_facts", "fact_history"}:
            return (
                "facts" in self.rules
                or f"facts:{row['category']}" in self.rules
                or row["source_message_id"] in self.hidden
            )
        return False

    def _is_hidden(self, row: Row) -> bool:
        return any(row.get(name) in self.hidden for name in ("id", "reply_to", "message_id"))


def _masked(name: str, row: Row) -> Row:
    """The row with every address and number in its texts masked."""
    told = dict(row)
    for field_name, declared in COLLECTIONS[name].fields.items():
        texts = declared.type in {FieldType.TEXT, FieldType.JSON} or field_name in {
            "tags",
            "speaker_name",
        }
        if texts and field_name not in {"mood_history", "personality_document"}:
            told[field_name] = _each(told[field_name], without_contacts)
    return told


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(inner)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_each(inner, change) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if change(str(value)) == str(value) else MASK
    return value


def without_contacts(text: str) -> str:
    """``text`` with e-mail addresses and numbers of seven digits or more masked, dates not."""
    masked = _MAIL.sub(MASK, text)
    return _NUMBER.sub(lambda found: found[0] if _DATE.fullmatch(found[0]) else MASK, masked)
