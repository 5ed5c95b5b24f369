"""Random operations for several users on a real storage, beside a model in plain Python.

::

    TestModel = machine(fresh, examples=10, steps=15)

where ``await fresh(folder)`` answers a connected, migrated and **empty** storage. The machine
demands that both give the same answers, and that nobody ever sees a row of somebody else.
"""

from __future__ import annotations

import asyncio
import operator
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest import TestCase

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from luminora.errors import Conflict
from luminora.providers import (
    COLLECTIONS,
    EVERY_USER,
    Delete,
    Insert,
    Is,
    Row,
    StorageProvider,
    Update,
    Upsert,
    Write,
    lexical,
)
from luminora.testing.data import START

T = TypeVar("T")
Fresh = Callable[[Path], Awaitable[StorageProvider]]
USERS = ("ana", "bob", "Ana ", "çelik")
FACT = COLLECTIONS["user_facts"]

users = st.sampled_from(USERS)
ids = st.integers(0, 5).map("id-{}".format)
keys = st.integers(0, 3).map("key-{}".format)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
times = st.integers(-(10**12), 10**12).map(lambda n: START + timedelta(microseconds=n))


@st.composite
def facts(draw: st.DrawFn) -> Row:
    moment = draw(times)
    return {
        "id": draw(ids),
        "personality_name": "sakura",
        "session_id": "s",
        "category": draw(st.sampled_from(["likes", "work"])),
        "key": draw(keys),
        "value": draw(documents),
        "confidence": draw(st.floats(0, 1)),
        "source_message_id": draw(st.none() | text),
        "first_mentioned": moment,
        "last_updated": moment,
        "mention_count": draw(st.integers(-5, 5)),
        "tags": draw(st.lists(text, max_size=3)),
        "context": draw(st.none() | text),
        "is_active": draw(st.booleans()),
        "revision": 0,
        "created_at": moment,
        "updated_at": moment,
    }


conditions = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["likes", "work"]),
        "id": ids | st.lists(ids, max_size=3).map(lambda some: Is("in", some)),
        "mention_count": st.builds(
            Is, st.sampled_from(["<", "<=", ">", ">=", "!="]), st.integers(-5, 5)
        ),
        "context": st.none() | text | text.map(lambda some: Is("!=", some)),
        "last_updated": times.map(lambda moment: Is(">=", moment)),
        "is_active": st.booleans(),
    },
)


@st.composite
def writes(draw: st.DrawFn) -> Write:
    user = draw(users)
    match draw(st.sampled_from(["insert", "upsert", "update", "delete"])):
        case "insert":
            return Insert("user_facts", user, draw(facts()), ignore_conflict=draw(st.booleans()))
        case "upsert":
            return Upsert("user_facts", user, draw(facts()))
        case "update":
            return Update(
                "user_facts",
                user,
                draw(conditions),
                set=draw(st.fixed_dictionaries({"value": documents})),
                increment={"mention_count": draw(st.integers(-9, 9)), "revision": 1},
                clamp=draw(st.sampled_from([{}, {"mention_count": (-5, 5)}])),
                expect=draw(st.none() | st.integers(0, 2)),
            )
        case _:
            return Delete("user_facts", user, draw(conditions))


class Model:
    """What a storage means, row by row."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def transaction(self, operations: list[Write]) -> list[int]:
        before = {key: dict(row) for key, row in self.rows.items()}
        try:
            return [self.apply(operation) for operation in operations]
        except Conflict:
            self.rows = before
            raise

    def apply(self, operation: Write) -> int:
        user = operation.user_id
        match operation:
            case Insert():
                return self.insert({**operation.row, "user_id": user}, operation.ignore_conflict)
            case Upsert():
                row = {**operation.row, "user_id": user}
                there = self.rows.get(row["id"])
                if there is None:
                    return self.insert(row, ignore=False)
                if there["user_id"] != user or self.twin(row, beside=row["id"]):
                    raise Conflict("taken")
                there.update(row)
                return 1
            case Update():
                return self.update(operation)
            case Delete():
                found = self.matching(user, operation.where)
                for row in found:
                    del self.rows[row["id"]]
                return len(found)

    def insert(self, row: Row, ignore: bool) -> int:
        others = [self.rows.get(row["id"]), self.twin(row)]
        if any(others):
            mine = any(other is not None and other["user_id"] == row["user_id"] for other in others)
            if ignore and mine:
                return 0
            raise Conflict("taken")
        self.rows[row["id"]] = dict(row)
        return 1

    def twin(self, row: Row, beside: str = "") -> Row | None:
        (unique,) = FACT.unique
        for other in self.rows.values():
            if other["id"] != beside and all(other[name] == row[name] for name in unique):
                return other
        return None

    def update(self, operation: Update) -> int:
        found = self.matching(operation.user_id, operation.where)
        if operation.expect is not None and len(found) != operation.expect:
            raise Conflict("another number")
        for row in found:
            row.update(operation.set)
            for name, step in operation.increment.items():
                low, high = operation.clamp.get(name, (-(10**9), 10**9))
                row[name] = max(low, min(high, row[name] + step))
        return len(found)

    def matching(self, user: Any, where: Any) -> list[Row]:
        return [
            row
            for row in self.rows.values()
            if row["user_id"] == user
            and all(self.holds(row[name], wanted) for name, wanted in where.items())
        ]

    @staticmethod
    def holds(value: Any, wanted: Any) -> bool:
        if not isinstance(wanted, Is):
            return bool(value == wanted)
        return _HOLDS[wanted.op](value, wanted.value)


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "in": lambda value, wanted: value in wanted,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Machine(RuleBasedStateMachine):
    fresh: ClassVar[Fresh]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.storage = self.run(type(self).fresh(Path(self.folder.name)))
        self.model = Model()
        self.said: dict[str, tuple[str, str]] = {}

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run(self.storage.aclose())
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        """Nothing is there."""

    @rule(operations=st.lists(writes(), min_size=1, max_size=4))
    def write(self, operations: list[Write]) -> None:
        outcome: Any
        expected: Any
        try:
            expected = self.model.transaction(operations)
        except Conflict:
            expected = Conflict
        try:
            outcome = self.run(self.storage.transaction(operations))
        except Conflict:
            outcome = Conflict
        assert outcome == expected

    @rule(one=facts(), user=users, other=users)
    def steal(self, one: Row, user: str, other: str) -> None:
        """A copied row under another user's name, by upsert."""
        theft = Upsert("user_facts", other, one)
        self.write([Insert("user_facts", user, one, ignore_conflict=True), theft])

    @rule(user=users, where=conditions, limit=st.none() | st.integers(0, 3), down=st.booleans())
    def read(self, user: str, where: Any, limit: int | None, down: bool) -> None:
        order = ("-last_updated" if down else "last_updated",)
        found = self.run(self.storage.find("user_facts", user, where, order=order, limit=limit))
        expected = sorted(self.model.matching(user, where), key=lambda row: row["id"])
        expected.sort(key=lambda row: row["last_updated"], reverse=down)
        assert found == expected[:limit]
        number = self.run(self.storage.count("user_facts", user, where))
        assert number == len(expected)

    @rule(user=users, size=st.integers(1, 3))
    def page(self, user: str, size: int) -> None:
        async def everything() -> list[Row]:
            pages = self.storage.pages("user_facts", user, size=size)
            return [row async for page in pages for row in page]

        expected = sorted(self.model.matching(user, {}), key=lambda row: row["id"])
        assert self.run(everything()) == expected

    @rule(user=users, number=ids, content=text)
    def say(self, user: str, number: str, content: str) -> None:
        row = {
            "id": number,
            "session_id": "s",
            "personality_name": "sakura",
            "speaker": "user",
            "content": content,
            "timestamp": START,
            "seq": 1,
            "embedding_state": "pending",
        }
        try:
            self.run(self.storage.upsert("messages", user, row))
        except Conflict:
            assert self.said[number][0] != user
        else:
            assert self.said.setdefault(number, (user, ""))[0] == user
            self.said[number] = (user, content)

    @rule(user=users, content=text)
    def search(self, user: str, content: str) -> None:
        wanted = {term for stems in lexical.query_words(content) for term in stems}
        hits = self.run(self.storage.search_text("messages", user, content))
        expected = {
            number
            for number, (owner, said) in self.said.items()
            if owner == user and wanted & set(lexical.terms(said))
        }
        assert {row["id"] for row, _ in hits} == expected

    @rule(user=users)
    def forget(self, user: str) -> None:
        self.run(self.storage.forget_user(user))
        self.model.rows = {
            key: row for key, row in self.model.rows.items() if row["user_id"] != user
        }
        self.said = {key: entry for key, entry in self.said.items() if entry[0] != user}

    @invariant()
    def nobody_sees_anothers_rows(self) -> None:
        for user in USERS:
            rows = self.run(self.storage.find("user_facts", user))
            assert rows == sorted(self.model.matching(user, {}), key=lambda row: row["id"])
        assert self.run(self.storage.count("user_facts", EVERY_USER)) == len(self.model.rows)


def machine(fresh: Fresh, *, examples: int = 25, steps: int = 25) -> type[TestCase]:
    """A test case that runs the machine on the storages ``fresh`` makes."""
    kind = type("Machine", (Machine,), {"fresh": staticmethod(fresh)})
    case: type[TestCase] = kind.TestCase
    case.settings = settings(max_examples=examples, stateful_step_count=steps, deadline=None)  # type: ignore[attr-defined]
    return case
