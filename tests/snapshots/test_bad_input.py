"""Snapshots that are whole but wrong: from the future, foreign, contradicting themselves."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luminora._version import __version__
from luminora.errors import InputError, SnapshotInvalid
from luminora.snapshots.examine import examine
from luminora.snapshots.files import Source
from luminora.snapshots.lines import GROUPS
from tests.snapshots.helpers import client_at, everything, lived, sealed


@pytest.fixture
async def snapshot() -> dict[str, Any]:
    async with client_at("a") as client:
        return await client.export_snapshot(await lived(client), {"vectors": True})


def refusal(document: Any) -> str:
    with pytest.raises(SnapshotInvalid) as caught:
        examine(Source(document))
    return str(caught.value)


def changed(snapshot: dict[str, Any], group: str, **fields: Any) -> dict[str, Any]:
    """With other values in the first row of a group; the seal is right."""
    rows = deepcopy(snapshot[group])
    rows[0] = {**rows[0], **fields}
    return sealed(snapshot, **{group: rows})


def test_a_sound_one_is_sound(snapshot):
    examine(Source(sealed(snapshot)))
    assert sealed(snapshot)["footer"] == snapshot["footer"]


def test_one_from_the_future_names_both_versions(snapshot):
    header = {**snapshot["header"], "format_version": 2, "luminora_version": "7.1.0", "new": 1}
    told = refusal(sealed(snapshot, header=header))
    assert "has format 2, written by Luminora 7.1.0" in told
    assert f"this is Luminora {__version__}, which reads formats up to 1" in told
    assert "pip install --upgrade luminora" in told


def test_another_users_rows_are_refused(snapshot):
    for group in snapshot["footer"]["counts"]:
        if group not in {"personas", "vectors"}:
            told = refusal(changed(snapshot, group, user_id="eve"))
            assert f"a row of '{group}' cannot be used" in told
            assert "names another user" in told


@pytest.mark.parametrize(
    ("group", "fields", "told"),
    [
        ("messages", {"session_id": "nowhere"}, "its session_id names nothing"),
        ("memory_classifications", {"message_id": "0"}, "its message_id names nothing"),
        ("fact_history", {"fact_id": "0"}, "its fact_id names nothing"),
        ("session_moods", {"session_id": "nowhere"}, "its session_id names nothing"),
        ("messages", {"content": "a\0b"}, "NUL character"),
        ("messages", {"seq": 2**70}, "64 bits"),
        ("messages", {"timestamp": "2026-13-01T00:00:00.000000Z"}, "'timestamp' is not a time"),
        ("messages", {"timestamp": "yesterday"}, "/messages/timestamp"),
        ("messages", {"speaker": "x" * 256}, "/messages/speaker"),
        ("messages", {"seq": "first"}, "/messages/seq"),
        ("messages", {"mood": "angry"}, "mood is not known here"),
        ("user_facts", {"confidence": None}, "/user_facts/confidence"),
        ("episodes", {"tags": [1]}, "/episodes/tags/0"),
        ("sessions", {"personality_document": {"persona": {}}}, "a row of 'sessions'"),
        ("personas", {"document": {}}, "a row of 'personas'"),
        ("vectors", {"id": "!"}, "its message is not in the snapshot"),
        ("vectors", {"vector": "AAAA"}, "float32"),
        ("vectors", {"vector": "AAAAAA=="}, "zero or not finite"),
        ("vectors", {"vector": "AACAPw=="}, "length is not that of the header's model"),
    ],
)
def test_what_does_not_fit_is_named(snapshot, group, fields, told):
    assert told in refusal(changed(snapshot, group, **fields))


def test_rows_come_once_and_in_order(snapshot):
    rows = snapshot["messages"]
    assert "twice, or out of its order" in refusal(sealed(snapshot, messages=rows[::-1]))
    assert "twice, or out of its order" in refusal(sealed(snapshot, messages=[rows[0], *rows]))


def test_other_groups_and_other_documents_are_refused(snapshot):
    assert "'passwords' are not known here" in refusal({**snapshot, "passwords": [{}]})
    assert "holds no session" in refusal(
        sealed(snapshot, **{name: [] for name in snapshot["footer"]["counts"]})
    )
    for document in (
        {},
        {"header": None},
        {"header": {"format": "tar"}},
        {"spec": "chara_card_v2"},
    ):
        assert "not a snapshot" in refusal(document)
    for text in ('{"a": 1}', "[]", "null", "[" * 5_000, '"x"', '{"header": {"format": 1}}\n'):
        Path("bad.json").write_text(text)
        assert "not a snapshot" in refusal("bad.json")
    Path("bad.json").write_text('{"header":{"format":NaN}}\n')
    assert "damaged" in refusal("bad.json")
    assert "JSON does not know" in refusal({**snapshot, "messages": [{1, 2}]})
    assert "JSON does not know" in refusal({**snapshot, "messages": [{"x": float("nan")}]})


def test_a_changed_text_breaks_the_seal(snapshot):
    rows = deepcopy(snapshot["messages"])
    rows[0]["content"] += "!"
    assert "the checksum or the counts" in refusal({**snapshot, "messages": rows})
    footer = deepcopy(snapshot["footer"])
    footer["counts"]["messages"] += 1
    assert "damaged" in refusal({**snapshot, "footer": footer})
    assert "damaged" in refusal({**snapshot, "footer": None})


def test_the_line_is_named(snapshot):
    lines = [json.dumps({"header": snapshot["header"]}), '{"sessions": {}}']
    Path("bad.jsonl").write_text("\n".join(lines) + "\n")
    assert refusal("bad.jsonl").startswith("bad.jsonl:2: /sessions: ")


async def test_nothing_wrong_is_written(snapshot):
    async with client_at("b") as client:
        for document in (
            changed(snapshot, "session_moods", user_id="eve"),
            changed(snapshot, "session_moods", session_id="nowhere"),
            sealed(snapshot, header={**snapshot["header"], "format_version": 9}),
        ):
            with pytest.raises(SnapshotInvalid):
                await client.import_snapshot(document, "diego")
        for user in ("", "x" * 256, "a\0", None):
            with pytest.raises(InputError):
                await client.import_snapshot(snapshot, user)
        for place in ("absent.jsonl", ".", "a\0b"):
            with pytest.raises(InputError, match="cannot be read"):
                await client.import_snapshot(place, "diego")
        assert not any((await everything(client)).values())


async def test_clocks_that_run_ahead_do_not_keep_the_next_message_back(snapshot):
    rows = deepcopy(snapshot["messages"])
    ahead = max(row["seq"] for row in rows) + 10**12
    rows[0]["seq"] = ahead
    async with client_at("b") as client:
        session = await client.import_snapshot(sealed(snapshot, messages=rows), "diego")
        sent = await client.send_message(session, "Hola")
        history = await client.get_history(session)
        assert history[-1].id == sent.reply_id


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(), LEAVES, max_size=3)
NUMBERS = st.integers(0, 10_000)


@pytest.fixture
def taken(snapshot):
    """The snapshot behind a name that is short in print."""
    return lambda: snapshot


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(group=st.sampled_from(GROUPS), row=NUMBERS, field=NUMBERS, value=VALUES)
def test_whatever_stands_in_a_field_it_is_sound_or_refused(taken, group, row, field, value):
    snapshot = taken()
    rows = deepcopy(snapshot[group])
    chosen = rows[row % len(rows)]
    chosen[sorted(chosen)[field % len(chosen)]] = value
    with suppress(SnapshotInvalid):
        examine(Source(sealed(snapshot, **{group: rows})))
