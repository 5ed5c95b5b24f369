"""What goes into a snapshot comes out of it, for another user, under another name, or twice."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import InputError, PersonalityNotFound, SessionNotFound
from luminora.memory.account import MILESTONE
from luminora.memory.affinity import milestone_id
from luminora.providers import EVERY_USER, Update
from luminora.snapshots.age import Lock
from luminora.snapshots.examine import examine
from luminora.snapshots.export import PAGE
from luminora.snapshots.files import Source, written
from luminora.snapshots.lines import COLLECTIONS, GROUPS, Seal, line
from luminora.snapshots.rows import plain_row
from luminora.stack import Stack
from tests.doubles import ScriptedEmbedding
from tests.snapshots.helpers import LIFE, PLAIN, client_at, everything, lived, sealed

IDS = {"id", "session_id", "message_id", "fact_id", "reply_to", "source_message_id", "user_id"}
LISTS = {"context_messages", "related_facts", "related_episodes"}


def anonymous(rows: dict[str, list[dict]]) -> dict[str, list[str]]:
    """The rows without names: two sets of them are equal if they tell the same."""
    kept = {}
    for name, found in rows.items():
        told = [
            json.dumps(
                {
                    field: len(value) if field in LISTS else value
                    for field, value in plain_row(name, row).items()
                    if field not in IDS | {"embedding_state", "personality_document"}
                },
                sort_keys=True,
            )
            for row in found
        ]
        kept[name] = sorted(told)
    return kept


def assert_whole(rows: dict[str, list[dict]]) -> None:
    """Every reference leads to a row of the same user."""
    ids = {name: {row[COLLECTIONS[name].key[0]] for row in found} for name, found in rows.items()}
    messages = ids["messages"] | {row["external_id"] for row in rows["messages"]} | {None}
    for row in rows["messages"]:
        assert row["session_id"] in ids["sessions"]
        assert row["reply_to"] in messages
    for row in rows["user_facts"]:
        assert row["session_id"] in ids["sessions"]
        assert row["source_message_id"] in messages
    for row in rows["fact_history"]:
        assert row["fact_id"] in ids["user_facts"]
        assert row["source_message_id"] in messages
    for row in rows["episodes"]:
        assert set(row["context_messages"]) <= messages
        assert set(row["related_facts"]) <= ids["user_facts"]
    for row in rows["affinity_events"]:
        assert row["message_id"] in messages
    assert ids["memory_classifications"] <= ids["messages"]
    assert ids["session_moods"] <= ids["sessions"]


async def test_a_user_comes_back_as_they_were():
    async with client_at("a") as one, client_at("b") as two:
        await lived(one)
        info = await one.export_snapshot_to("diego.jsonl.gz", user_id="diego")
        done = await two.restore_snapshot("diego.jsonl.gz", "diego")
        before, after = await everything(one, "diego"), await everything(two, "diego")
        assert anonymous(before) == anonymous(after)
        assert_whole(after)
        assert {name: len(rows) for name, rows in after.items() if rows} == done.written
        assert info.sha256 == done.info.sha256
        assert done.info.counts["fact_history"] > 0 < done.info.counts["episodes"]
        assert (done.pending, done.kept, done.known) == (0, {}, False)


async def test_the_companion_there_knows_the_same():
    async with client_at("a") as one, client_at("b") as two:
        session = await lived(one)
        await one.export_snapshot_to("diego.jsonl", user_id="diego")
        there = await two.import_snapshot("diego.jsonl", "diego")
        assert "Diego" in (await two.send_message(there, "¿Cómo me llamo?")).text
        for query in ("perro", "dónde vivo", "anime"):
            found = [
                [hit.content for hit in await client.search_memories(place, query, 5)]
                for client, place in ((one, session), (two, there))
            ]
            assert found[0][:2] == found[1][:2] != []
        assert {fact.key: fact.value for fact in await one.get_facts(session)} == {
            fact.key: fact.value for fact in await two.get_facts(there)
        }
        # what is learned again meets the row that was imported
        await two.send_message(there, "Ahora vivo en Bilbao")
        (city,) = [fact for fact in await two.get_facts(there) if fact.value == "Bilbao"]
        rows = await two.storage.find("fact_history", "diego", {"fact_id": city.id})
        assert {row["value"] for row in rows} == {"Madrid", "Sevilla"}


async def test_a_retracted_fact_can_be_told_again():
    async with client_at("a") as one, client_at("b") as two:
        session = await lived(one)
        row = (await one.storage.find("user_facts", "diego", {"is_active": True}))[0]
        gone = {"is_active": False}
        await one.storage.update(Update("user_facts", "diego", {"id": row["id"]}, set=gone))
        there = await two.import_snapshot(await one.export_snapshot(session), "eva")
        for text in LIFE:
            response = await two.send_message(there, text)
            assert response.affinity_event is not None  # learned, not put off by a conflict
        assert row["key"] in {fact.key for fact in await two.get_facts(there)}


async def test_a_session_alone_brings_what_it_draws_on():
    async with client_at("a") as one, client_at("b") as two:
        session = await lived(one)
        second = await one.create_session("diego")
        snapshot = await one.export_snapshot(second)
        assert len(snapshot["sessions"]) == 1
        assert snapshot["messages"] == []
        assert len(snapshot["user_facts"]) == len(await one.get_facts(session)) > 0
        pair = {"personality_name": "sakura"}
        events = await one.storage.count("affinity_events", "diego", pair)
        assert len(snapshot["affinity_events"]) == events > len(LIFE)
        there = await two.import_snapshot(snapshot, "eva")
        assert "Diego" in (await two.send_message(there, "¿Cómo me llamo?")).text
        rows = await two.storage.find("user_facts", "eva")
        assert {row["session_id"] for row in rows} == {there}


async def test_it_may_be_a_file_that_json_made_of_the_mapping():
    async with client_at("a") as one, client_at("b") as two:
        snapshot = await one.export_snapshot(await lived(one))
        Path("one.json").write_text(json.dumps(snapshot))
        Path("many.json").write_text(json.dumps(snapshot, indent=2, sort_keys=True))
        session = await two.import_snapshot("one.json", "eva")
        assert await two.import_snapshot(Path("many.json"), "eva") == session
        assert await two.import_snapshot(snapshot, "eva") == session


async def test_again_it_does_nothing_and_beside_the_original_it_is_a_copy():
    async with client_at("a") as one:
        session = await lived(one)
        await lived(one, "ana")
        others = await everything(one, "ana")
        mine = await everything(one, "diego")
        await one.export_snapshot_to("diego.jsonl", user_id="diego")
        copy = await one.restore_snapshot("diego.jsonl", "diego")
        both = await everything(one, "diego")
        assert copy.session_id != session
        assert copy.kept == {
            "affinity_events": len(mine["affinity_events"]),
            "user_affinity": len(mine["user_affinity"]),
            "user_facts": len(mine["user_facts"]),
        }
        for name in ("messages", "sessions", "episodes", "memory_classifications"):
            assert len(both[name]) == 2 * len(mine[name])
        assert both["user_facts"] == mine["user_facts"]
        assert both["user_affinity"] == mine["user_affinity"]
        assert_whole(both)
        again = await one.restore_snapshot("diego.jsonl", "diego")
        assert (again.known, again.session_id) == (True, copy.session_id)
        assert await everything(one, "diego") == both
        assert await everything(one, "ana") == others
        await one.import_snapshot("diego.jsonl", "ana")
        assert_whole(await everything(one, "ana"))
        assert await everything(one, "diego") == both


async def test_once_forgotten_it_can_be_imported_anew():
    async with client_at("a") as one, client_at("b") as two:
        snapshot = await one.export_snapshot(await lived(one))
        session = await two.import_snapshot(snapshot, "eva")
        await two.forget("eva")
        done = await two.restore_snapshot(snapshot, "eva")
        assert (done.session_id, done.known) == (session, False)
        assert done.written["messages"] == 2 * (len(LIFE) + 1)


async def test_everything_becomes_the_memory_of_one_personality():
    async with client_at("a") as one, client_at("b") as two:
        await lived(one)
        await one.send_message(await one.create_session("diego", "alicia"), "Me llamo Diego José")
        await one.export_snapshot_to("diego.jsonl", user_id="diego")
        there = await two.import_snapshot("diego.jsonl", "diego", personality=PLAIN)
        rows = await everything(two, "diego")
        assert_whole(rows)
        named = [
            row["personality_name"]
            for found in rows.values()
            for row in found
            if "personality_name" in row
        ]
        assert set(named) == {"plain"}
        assert len(rows["user_affinity"]) == 1
        last = max(rows["affinity_events"], key=lambda row: row["created_at"])
        assert rows["user_affinity"][0]["affinity_points"] == last["points_after"]
        assert (await two.get_session(there)).personality_document["persona"]["name"] == "Plain"
        (name,) = [fact.value for fact in await two.get_facts(there) if fact.key == "name"]
        assert name == "Diego José"
        assert await two.import_snapshot("diego.jsonl", "diego") != there


async def test_a_persona_travels_with_its_memories():
    Path("people").mkdir()
    Path("people/nadie.json").write_text(json.dumps(PLAIN))
    paths = {"personality.paths": ["people"]}
    async with client_at("a", **paths) as one, client_at("b") as two:
        session = await one.create_session("diego", "nadie")
        await one.send_message(session, "Me llamo Diego")
        snapshot = await one.export_snapshot(session)
        there = await two.get_session(await two.import_snapshot(snapshot, "diego"))
        assert there.personality_document == {**PLAIN}
        assert (await two.send_message(there.session_id, "¿Cómo me llamo?")).text
        lost = sealed(snapshot, personas=[])
        with pytest.raises(PersonalityNotFound, match=r"(?s)'nadie'.*--personality"):
            await two.import_snapshot(lost, "eva")
        assert not any((await everything(two, "eva")).values())
    async with client_at("c", **paths) as three:  # where the same persona is known by name
        there = await three.get_session(await three.import_snapshot(snapshot, "diego"))
        assert there.personality_document is None


@pytest.mark.parametrize("same", [True, False])
async def test_vectors_come_along_where_the_model_is_the_same(same):
    embedding = ScriptedEmbedding(dimension=4, batch=1_000)
    path = {"storage_provider.config.database_path": "b.db"}
    stack = Stack.build(load_config(overrides=path))
    target = stack if same else replace(stack, embedding=embedding)
    async with client_at("a") as one, LuminoraCoreClient(target) as two:
        session = await lived(one)
        snapshot = await one.export_snapshot(session, {"vectors": True})
        assert len(snapshot["vectors"]) == len(snapshot["messages"]) > 0
        asked = []
        real = two.index.embedding.embed

        async def embed(texts, **options):
            asked.extend(texts)
            return await real(texts, **options)

        two.index.embedding.embed = embed
        there = await two.import_snapshot(snapshot, "diego")
        assert await two.index.vectors.count({"user_id": "diego"}) == len(snapshot["messages"])
        assert await two.reindex() == 0
        assert len(asked) == (0 if same else len(snapshot["messages"]))
        assert await two.search_memories(there, "perro")


async def test_without_the_provider_it_is_imported_and_indexed_later():
    from luminora.errors import ConnectionFailed

    embedding = ScriptedEmbedding(dimension=4)
    path = {"storage_provider.config.database_path": "b.db"}
    stack = replace(Stack.build(load_config(overrides=path)), embedding=embedding)
    async with client_at("a") as one, LuminoraCoreClient(stack) as two:
        snapshot = await one.export_snapshot(await lived(one))
        embedding.failures = [ConnectionFailed("down")] * 20
        done = await two.restore_snapshot(snapshot, "diego")
        assert done.pending == len(snapshot["messages"])
        embedding.failures = []
        assert await two.reindex() == done.pending


async def test_ids_that_look_like_ours_and_notes_are_renamed_right():
    async with client_at("a") as one, client_at("b") as two:
        session = await one.create_session("diego")
        odd = "0" * 32
        await one.import_messages(session, [{"role": "user", "content": "x", "id": odd}])
        ((message,),) = [await one.storage.find("messages", "diego")]
        note = {"seen": [message["id"]], "odd": odd, "word": "hola"}
        await one.storage.update(
            Update("messages", "diego", {"id": message["id"]}, set={"metadata": note})
        )
        await one.send_message(session, "Me llamo Diego")
        fact = {"source_message_id": odd}
        await one.storage.update(Update("user_facts", "diego", {"key": "name"}, set=fact))
        there = await two.import_snapshot(await one.export_snapshot(session), "eva")
        (copy,) = await two.storage.find(
            "messages", "eva", {"session_id": there, "external_id": odd}
        )
        assert copy["metadata"] == {**note, "seen": [copy["id"]]}
        (name,) = await two.storage.find("user_facts", "eva", {"key": "name"})
        assert name["source_message_id"] == odd


async def test_a_milestone_is_reached_once_and_a_summarys_sources_are_renamed():
    async with client_at("a") as one, client_at("b") as two:
        session = await lived(one)
        (event, *_) = await one.storage.find("affinity_events", "diego")
        milestone = {**event, "id": milestone_id("diego", "sakura", "first"), "message_id": None}
        milestone |= {"event": f"{MILESTONE}first", "points": 0}
        await one.storage.insert("affinity_events", "diego", milestone)
        gone = "ab" * 16
        note = {"sources": [{"id": gone, "context_messages": [event["message_id"]]}], "count": 2}
        await one.storage.update(Update("episodes", "diego", {}, set={"metadata": note}))
        await two.import_snapshot(await one.export_snapshot(session), "eva")
        (there,) = await two.storage.find("affinity_events", "eva", {"event": milestone["event"]})
        assert there["id"] == milestone_id("eva", "sakura", "first")
        (source,) = (await two.storage.find("episodes", "eva"))[0]["metadata"]["sources"]
        assert source["id"] != gone
        messages = {row["id"] for row in await two.storage.find("messages", "eva")}
        assert set(source["context_messages"]) <= messages
        hidden = {"privacy": "sensitive"}
        about = {"message_id": event["message_id"]}
        await one.storage.update(Update("memory_classifications", "diego", about, set=hidden))
        told = await one.export_snapshot(session, {"redact": ["sensitive"]})
        assert told["episodes"] == []


async def test_more_than_a_page_of_everything():
    count = 2 * PAGE + 7
    async with client_at("a") as one, client_at("b") as two:
        session = await one.create_session("diego")
        turns = [{"role": "user", "content": f"turno {n}"} for n in range(count)]
        await one.import_messages(session, turns)
        for _ in range(PAGE + 3):
            await one.create_session("diego")
        seen = []
        await one.export_snapshot_to(
            "d.jsonl.gz", user_id="diego", on_progress=lambda *told: seen.append(told)
        )
        assert all(done <= total for done, total, _ in seen)
        done = await two.restore_snapshot("d.jsonl.gz", "diego")
        assert done.written["messages"] == count
        assert done.written["sessions"] == PAGE + 4
        assert await two.storage.count("jobs", EVERY_USER) == 0
        assert await two.index.vectors.count({"user_id": "diego"}) == count


async def test_what_cannot_be_exported_leaves_no_file():
    async with client_at("a") as one:
        session = await lived(one)
        with pytest.raises(SessionNotFound):
            await one.export_snapshot_to("x.jsonl", user_id="nobody")
        with pytest.raises(InputError, match="another user"):
            await one.export_snapshot_to("x.jsonl", user_id="ana", session_id=session)
        with pytest.raises(InputError, match="user_id"):
            await one.export_snapshot_to("x.jsonl")
        with pytest.raises(InputError, match="no such options"):
            await one.export_snapshot(session, {"vector": True})
        Path("folder").mkdir()
        with pytest.raises(InputError, match="cannot be written"):
            await one.export_snapshot_to("folder", user_id="diego")
        assert sorted(path.name for path in Path.cwd().iterdir() if "x" in path.name) == []
        await one.export_snapshot_to("x.jsonl", user_id="diego")
        assert Path("x.jsonl").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in Path.cwd().iterdir() if path.name.startswith(".")] == []


def test_groups_are_collections_and_two_more():
    assert set(GROUPS) - set(COLLECTIONS) == {"personas", "vectors"}
    assert {name for name, one in COLLECTIONS.items() if one.per_user} - set(GROUPS) == {"jobs"}


async def test_what_is_read_is_not_kept():
    """Forty megabytes of messages are looked through in a tenth of that."""
    async with client_at("a") as one:
        session = await one.create_session("diego", PLAIN)
        await one.import_messages(session, [{"role": "user", "content": "x"}])
        snapshot = await one.export_snapshot(session)
    (message,) = snapshot["messages"]
    seal = Seal()
    with written(Path("big.jsonl"), Lock()) as file:

        def put(name, row):
            text = line(name, row)
            seal.add(name, text)
            file.write(text)

        put("header", snapshot["header"])
        put("sessions", snapshot["sessions"][0])
        for number in range(10_000):
            put("messages", {**message, "id": f"{number:032}", "content": "x" * 4_000})
        file.write(line("footer", seal.footer()))
    tracemalloc.start()
    try:
        assert examine(Source("big.jsonl")).info.counts["messages"] == 10_000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
