"""Every part of a stack tried in earnest, with real servers, broken ones and none at all."""

from __future__ import annotations

import asyncio
import socket
import textwrap

import pytest

from luminora.config import load_config
from luminora.probes import probe_stack, summary_code
from luminora.providers import Status
from luminora.sync import LuminoraCoreClient
from tests.fakeplugins import index_of, make, manifest, site

__all__ = ["site"]


def states(found):
    return {part: one.status.value for part, one in found.items()}


def on_postgresql(database, **more):
    return {
        "storage_provider": {"name": "postgresql", "config": database.config},
        "vector_store_provider": {"name": "pgvector"},
        **more,
    }


def probed(sections, *parts, **options):
    return asyncio.run(probe_stack(load_config(sections), parts or None, **options))


@pytest.fixture
def silent():
    """A port where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def test_a_fresh_installation_works_and_nothing_is_made(private_world):
    found = await probe_stack(load_config())
    assert states(found) == {
        "llm": "ok",
        "embedding": "ok",
        "storage": "warning",
        "vector_store": "warning",
        "cache": "ok",
    }
    assert found["embedding"].data["dimension"] == 256
    assert found["storage"].hint == "luminora migrate"
    assert summary_code(found) == 0
    assert list((private_world / "data").iterdir()) == []


def rows(world):
    """How many rows each table of the embedded default has."""
    import apsw

    connection = apsw.Connection(str(world / "data" / "luminora.db"), apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
            )
        ]
        return {one: next(connection.execute(f"SELECT count(*) FROM {one}"))[0] for one in tables}  # noqa: S608 - the file's own
    finally:
        connection.close()


def test_a_stack_in_use_is_searched_and_nothing_is_written(private_world):
    with LuminoraCoreClient.from_config() as client:
        client.send_message(client.create_session("ana"), "hola, me llamo Ana")
        before = rows(private_world)
        found = probed({})
        assert rows(private_world) == before
    assert states(found) == dict.fromkeys(found, "ok")
    assert found["vector_store"].latency_ms is not None
    assert [step.text for step in found["storage"].steps] == [
        "Connection established!",
        "All tables present!",
        "Database working!",
    ]


async def test_steps_are_told_as_they_happen_and_parts_are_under_way_together():
    steps = []
    await probe_stack(load_config(), report=steps.append)
    assert [step.part for step in steps if step.ended] != []
    assert {step.part for step in steps if step.ended} == {step.part for step in steps}
    began = [index for index, step in enumerate(steps) if step.status is None]
    ended = [index for index, step in enumerate(steps) if step.ended]
    assert sum(index < ended[1] for index in began) >= 4  # nobody waits for the others


async def test_only_the_parts_asked_for_are_tried():
    found = await probe_stack(load_config(), ["cache", "embedding"])
    assert list(found) == ["embedding", "cache"]


@pytest.mark.xdist_group("postgresql")
async def test_a_database_without_tables_is_a_warning_that_names_the_command(postgres_database):
    found = await probe_stack(load_config(on_postgresql(postgres_database)))
    storage = found["storage"]
    assert storage.status is Status.WARNING
    assert storage.detail.startswith("Tables are missing: ")
    assert storage.hint == "luminora migrate"
    assert found["vector_store"].status is Status.WARNING
    assert summary_code(found) == 0
    made = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres_database.sql(made) == [(0,)]


@pytest.mark.xdist_group("postgresql")
def test_a_migrated_database_and_its_vectors_work(postgres_database):
    config = on_postgresql(postgres_database)
    with LuminoraCoreClient.from_config(config) as client:
        client.send_message(client.create_session("ana"), "hello")
    found = probed(config)
    assert states(found) == dict.fromkeys(found, "ok")
    assert [step.text for step in found["vector_store"].steps][-1] == "Vector search working!"
    assert postgres_database.sql("SELECT count(DISTINCT user_id) FROM messages") == [(1,)]


@pytest.mark.xdist_group("postgresql")
def test_vectors_of_another_dimension_are_an_error_that_names_the_way_out(postgres_database):
    with LuminoraCoreClient.from_config(on_postgresql(postgres_database)) as client:
        client.send_message(client.create_session("ana"), "hello")
    other = {"name": "static", "config": {"dimension": 128}}
    found = probed(on_postgresql(postgres_database, embedding_provider=other))
    for part in ("embedding", "vector_store"):
        assert found[part].status is Status.ERROR
        assert "256" in found[part].detail
        assert "luminora reembed" in found[part].hint
    assert summary_code(found) == 1


async def test_a_server_that_is_down_is_an_error_in_its_place(closed, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{closed}/0")
    config = load_config(
        {
            "storage_provider": {
                "name": "postgresql",
                "config": {"host": "127.0.0.1", "port": closed, "database": "d", "user": "u"},
            },
            "cache_provider": {"name": "redis", "config": {"url_env": "REDIS_URL"}},
        }
    )
    found = await probe_stack(config)
    assert states(found)["storage"] == states(found)["vector_store"] == "error"
    assert found["cache"].status is Status.ERROR
    assert found["llm"].status is Status.OK
    assert summary_code(found) == 1


async def test_a_server_that_hangs_is_not_waited_for(silent):
    config = load_config(
        {
            "storage_provider": {
                "name": "postgresql",
                "config": {"host": "127.0.0.1", "port": silent, "database": "d", "user": "u"},
            }
        }
    )
    found = await probe_stack(config, ["storage", "llm"], within=0.3)
    assert found["storage"].detail == "no answer within 0.3 seconds"
    assert "--timeout" in found["storage"].hint
    assert found["llm"].status is Status.OK


async def test_a_wrong_password_counts_as_a_credential(monkeypatch):
    from luminora.testing.servers.redis import RedisServer

    with RedisServer("--requirepass", "right").running() as server:
        monkeypatch.setenv("REDIS_URL", f"redis://:wrong@127.0.0.1:{server.port}/0")
        config = load_config(
            {"storage_provider": {"name": "redis", "config": {"url_env": "REDIS_URL"}}}
        )
        found = await probe_stack(config, ["storage"])
    assert found["storage"].status is Status.ERROR
    assert found["storage"].exit_code == 4
    assert ":wrong@" not in found["storage"].detail


@pytest.mark.xdist_group("redis")
async def test_a_cache_keeps_nothing_of_the_probe(redis_place, monkeypatch):
    monkeypatch.setenv("REDIS_URL", redis_place.url)
    section = {"name": "redis", "config": redis_place.config}
    found = await probe_stack(load_config({"cache_provider": section}), ["cache"])
    assert found["cache"].status is Status.OK
    assert found["cache"].detail == "Cache working!"
    assert not [name for name in redis_place.names() if "luminora-probe" in name]


async def test_a_credential_that_is_missing_is_code_4_and_the_others_are_tried():
    section = {"name": "groq", "config": {"api_key_env": "NOBODY_SET_THIS"}}
    found = await probe_stack(
        load_config({"llm_provider": section, "embedding_provider": {"name": "static"}})
    )
    assert "NOBODY_SET_THIS" in found["llm"].detail
    assert found["llm"].exit_code == summary_code(found) == 4
    assert found["cache"].status is Status.OK


async def test_an_invalid_section_is_code_3_and_the_others_are_tried():
    found = await probe_stack(load_config({"cache_provider": {"name": "memmory"}}))
    assert "did you mean 'memory'?" in found["cache"].detail
    assert summary_code(found) == 3
    assert found["llm"].status is Status.OK


CACHE_THAT = """
from luminora import hookimpl
from luminora.providers import CacheProvider, CheckResult, Status

class Cache(CacheProvider):
    name = "made-up"
    def __init__(self):
        self.kept = {{}}
    async def check(self):
        return CheckResult(Status.OK)
    async def get(self, namespace, key):
        {get}
    async def set(self, namespace, key, value, ttl=None):
        self.kept[namespace, key] = value
    async def delete(self, namespace, key): ...
    async def clear(self, namespace): ...
    async def aclose(self):
        raise OSError("does not want to end")

@hookimpl
def luminora_cache(name, config, context):
    return Cache()
"""


@pytest.mark.parametrize(
    ("get", "said"),
    [
        ("return None", "cannot be read back"),
        ("raise ZeroDivisionError('by zero')", "failed with ZeroDivisionError: by zero"),
        ("import asyncio; await asyncio.sleep(60)", "no answer within 0.5 seconds"),
        ("return self.kept[namespace, key]", "Cache working!"),
    ],
)
async def test_a_third_partys_provider_is_tried_like_ours(site, get, said):
    code = textwrap.dedent(CACHE_THAT).format(get=get)
    name = make(site, "lp_probed", code=code)
    index = index_of(name)
    config = load_config({"cache_provider": {"name": "made-up"}}, index=index)
    found = await probe_stack(config, ["cache"], within=0.5)
    assert said in found["cache"].detail


LLM_THAT = """
from luminora import hookimpl
from luminora.errors import AuthenticationFailed, MalformedResponse
from luminora.providers import ChatResult, CheckResult, LLMProvider, Status

class LLM(LLMProvider):
    name = "made-up"
    async def check(self):
        return CheckResult(Status.{check}, "so it says")
    async def chat(self, request):
        {chat}
        return ChatResult(text="yes", model="parrot-2")

@hookimpl
def luminora_llm(name, config, context):
    return LLM()
"""
THINKS = "if request.max_tokens < 100: raise MalformedResponse('only blanks', provider='made-up')"
REFUSES = "raise AuthenticationFailed('the key is refused', provider='made-up', hint='renew it')"


async def try_llm(site, chat="pass", check="OK"):
    code = textwrap.dedent(LLM_THAT).format(chat=chat, check=check)
    name = make(site, "lp_llm", code=code, data=manifest("lp_llm", kind="llm"))
    sections = {"llm_provider": {"name": "made-up"}, "embedding_provider": "static"}
    config = load_config(sections, env={"HOME": "/"}, index=index_of(name))
    return (await probe_stack(config, ["llm"]))["llm"]


async def test_a_model_says_its_name_and_how_fast_it_is(site):
    found = await try_llm(site)
    assert found.status is Status.OK
    assert found.data["model"] == "parrot-2"
    assert "model: parrot-2" in found.detail
    assert found.latency_ms is not None


async def test_a_model_that_thinks_first_gets_room_for_it(site):
    assert (await try_llm(site, chat=THINKS)).status is Status.OK


async def test_a_refused_key_is_code_4_with_the_vendors_hint(site):
    found = await try_llm(site, chat=REFUSES)
    assert (found.status, found.exit_code, found.hint) == (Status.ERROR, 4, "renew it")


async def test_a_provider_that_says_it_is_ill_is_not_tried(site):
    found = await try_llm(site, check="ERROR")
    assert (found.detail, found.latency_ms) == ("so it says", None)


async def test_a_doubt_stays_though_the_request_works(site):
    found = await try_llm(site, check="WARNING")
    assert (found.status, found.detail) == (Status.WARNING, "so it says")
    assert found.latency_ms is not None
