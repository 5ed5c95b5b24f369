from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from luminora.builtin.sqlite.storage import SQLITE
from luminora.errors import Conflict, InputError
from luminora.providers import Count, Delete, FieldType, Find, Insert, Is, Update, Upsert
from luminora.providers.checks import MAX_IN
from luminora.providers.sql import Dialect, Statement, Statements
from luminora.testing.data import affinity, message

POSTGRESQL = Dialect(
    name="postgresql",
    placeholder="$",
    nulls_smallest=False,
    encode={FieldType.JSON: lambda value: ("json", value)},
    decode={},
)
MYSQL = Dialect(
    name="mysql",
    placeholder="%s",
    quote="`",
    upsert="update_then_insert",
    ignore="ON DUPLICATE KEY UPDATE {key} = {key}",
    encode={},
    decode={},
)
DIALECTS = [SQLITE, POSTGRESQL, MYSQL]


def played(operation: Any, answers: list[Any], dialect: Dialect = SQLITE) -> tuple[Any, list[Any]]:
    """What an operation comes to when the database gives these answers, and what it asked."""
    steps = Statements(dialect).write(operation)()
    asked: list[Statement] = []
    try:
        asked.append(next(steps))
        for answer in answers:
            asked.append(steps.send(answer))  # noqa: PERF401 - map() would swallow StopIteration
    except StopIteration as end:
        return end.value, asked
    raise AssertionError("more answers were wanted")


def test_placeholders_and_quotes_are_the_dialects():
    texts = {
        dialect.name: Statements(dialect, "p_").find(
            Find("messages", "ana", {"seq": Is(">", 3)}, order=("-seq",), limit=5)
        )
        for dialect in DIALECTS
    }
    assert 'FROM "p_messages" WHERE "user_id" = ? AND "seq" > ?' in texts["sqlite"].text
    assert 'WHERE "user_id" = $1 AND "seq" > $2 ORDER BY' in texts["postgresql"].text
    assert texts["postgresql"].text.endswith("LIMIT $3")
    assert "FROM `p_messages` WHERE `user_id` = %s AND `seq` > %s" in texts["mysql"].text
    assert {statement.params for statement in texts.values()} == {("ana", 3, 5)}


def test_texts_depend_on_shapes_not_on_values():
    statements = Statements(SQLITE)
    one = statements.find(Find("messages", "ana", {"seq": 1}, limit=1))
    two = statements.find(Find("messages", "bob", {"seq": 2}, limit=9))
    assert one.text is two.text
    lists = [
        statements.find(Find("messages", "ana", {"seq": Is("in", list(range(size)))}))
        for size in (5, 6, 8)
    ]
    assert len({statement.text for statement in lists}) == 1
    assert lists[0].params == ("ana", 0, 1, 2, 3, 4, 4, 4, 4)


def test_nulls_come_first_on_every_dialect():
    query = Find("messages", "ana", order=("speaker_name", "-external_id"))
    assert "NULLS" not in Statements(SQLITE).find(query).text
    assert (
        '"speaker_name" NULLS FIRST, "external_id" DESC NULLS LAST, "id"'
        in Statements(POSTGRESQL).find(query).text
    )


def test_a_page_begins_where_an_index_can():
    after = message("ana", 7, id="m7")
    found = Statements(SQLITE).find(Find("messages", "ana", order=("-seq",), after=after))
    assert '"seq" <= ? AND ("seq" < ? OR "seq" = ? AND "id" > ?)' in found.text
    assert found.params == ("ana", 7, 7, 7, "m7")
    found = Statements(SQLITE).find(Find("messages", "ana", after=after))
    assert 'AND ("id" > ?) ORDER BY "id"' in found.text
    with pytest.raises(InputError, match="seq"):
        Statements(SQLITE).find(Find("messages", "ana", order=("seq",), after={"id": "m"}))


def test_an_ignored_conflict_has_to_be_the_users_own():
    insert = Insert("messages", "ana", message("ana", external_id="x"), ignore_conflict=True)
    touched, asked = played(insert, [1])
    assert (touched, len(asked)) == (1, 1)
    touched, asked = played(insert, [0, [(1,)]])
    assert touched == 0
    assert '"user_id" = ? AND (("id" = ?) OR ("session_id" = ? AND "external_id" = ?))' in (
        asked[1].text
    )
    with pytest.raises(Conflict):
        played(insert, [0, []])
    assert "ON DUPLICATE KEY UPDATE `id` = `id`" in played(insert, [1], MYSQL)[1][0].text


def test_upsert_is_one_statement_where_it_can_be():
    upsert = Upsert("user_affinity", "ana", affinity("ana"))
    _, (statement,) = played(upsert, [1])
    assert 'ON CONFLICT ("id") DO UPDATE SET "personality_name" = excluded' in statement.text
    assert '"user_id" = excluded."user_id"' not in statement.text.split("WHERE")[0]
    assert statement.text.endswith('WHERE "user_affinity"."user_id" = excluded."user_id"')
    with pytest.raises(Conflict):
        played(upsert, [0])


def test_upsert_elsewhere_updates_and_then_inserts():
    upsert = Upsert("user_affinity", "ana", affinity("ana"))
    _, asked = played(upsert, [1], MYSQL)
    assert [statement.text.split()[0] for statement in asked] == ["UPDATE"]
    _, asked = played(upsert, [0, 1], MYSQL)
    assert [statement.text.split()[0] for statement in asked] == ["UPDATE", "INSERT"]


def test_arithmetic_is_clamped_by_the_database():
    update = Update(
        "user_affinity",
        "ana",
        {"personality_name": "sakura"},
        set={"current_level": "x"},
        increment={"affinity_points": 5, "revision": 1},
        clamp={"affinity_points": (0, 100)},
    )
    _, (statement,) = played(update, [1])
    assert (
        '"current_level" = ?, '
        '"affinity_points" = MAX(MIN(COALESCE("affinity_points", 0) + ?, ?), ?), '
        '"revision" = COALESCE("revision", 0) + ? WHERE'
    ) in statement.text
    assert statement.params == ("x", 5, 100, 0, 1, "ana", "sakura")
    assert "GREATEST(LEAST(" in played(update, [1], MYSQL)[1][0].text


def test_steps_begin_anew_with_each_call():
    begin = Statements(SQLITE).write(Delete("messages", "ana"))
    for answer in (3, 4):
        steps = begin()
        next(steps)
        with pytest.raises(StopIteration) as end:
            steps.send(answer)
        assert end.value.value == answer


def test_values_are_encoded_by_type():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    row = message("ana", timestamp=moment, metadata={"ñ": [1, None]})
    _, (statement,) = played(Insert("messages", "ana", row), [1])
    assert "2026-01-02T03:04:05.000000Z" in statement.params
    assert '{"ñ":[1,null]}' in statement.params
    _, (statement,) = played(Insert("messages", "ana", row), [1], POSTGRESQL)
    assert ("json", {"ñ": [1, None]}) in statement.params
    early = datetime(33, 1, 1, tzinfo=UTC)
    found = Statements(SQLITE).count(Count("messages", "ana", {"timestamp": Is("<", early)}))
    assert found.params == ("ana", "0033-01-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    "operation",
    [
        Find("embedding_state", "ana"),
        Find("messages", "a" * 256),
        Find("messages", "ana", {"seq": Is("in", range(MAX_IN + 1))}),
        Find("messages", "ana", order=("metadata",)),
        Find("messages", "ana", limit=-1),
        Find("messages", "ana", limit=1.5),  # type: ignore[arg-type]
        Count("mesages", "ana"),
    ],
)
def test_reads_that_make_no_sense_are_refused(operation):
    statements = Statements(SQLITE)
    with pytest.raises(InputError):
        if isinstance(operation, Find):
            statements.find(operation)
        else:
            statements.count(operation)


def test_a_misspelt_name_is_recognised():
    with pytest.raises(InputError, match="did you mean 'messages'"):
        Statements(SQLITE).count(Count("mesages", "ana"))
    with pytest.raises(InputError, match="did you mean 'session_id'"):
        Statements(SQLITE).count(Count("messages", "ana", {"sesion_id": "x"}))
