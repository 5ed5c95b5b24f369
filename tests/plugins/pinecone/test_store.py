from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from luminora_pinecone.catalog import tag_of
from luminora_pinecone.hooks import luminora_vector_store
from luminora_pinecone.records import MAX_BYTES, Records

from luminora.errors import (
    ConfigError,
    CredentialsMissing,
    DimensionMismatch,
    InputError,
    ResourceNotFound,
    SchemaPending,
)
from luminora.providers import ProviderContext, Status, VectorItem
from luminora.providers.vectors import entries_of
from tests.plugins.pinecone.conftest import store_on
from tests.servers.pinecone import NAME

pytestmark = [
    pytest.mark.backend("pinecone vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]
EITHER = pytest.mark.parametrize("per_user", [True, False], ids=["per user", "shared"])


def item(number: int = 0, user: str = "ana", **filed: str) -> VectorItem:
    return VectorItem(id=f"m{number}", user_id=user, vector=[1.0, number, 0.0], **filed)


@EITHER
@pytest.mark.parametrize("other", [" ana", "Ana", "ana\n", "á", "__default__", "語" * 255])
async def test_users_are_told_apart_to_the_byte(make, per_user, other):
    store = make(namespace_per_user=per_user)
    await store.ensure(3)
    for one in (item(), item(user=other), item(user="bob", session_id=" ")):
        await store.upsert([one])
    for user in ("ana", other):
        assert await store.count({"user_id": user}) == 1
        (found,) = await store.fetch(user, ["m0"])
        assert (found.user_id, found.session_id) == (user, "")
    assert await store.count({"user_id": "bob", "session_id": ""}) == 0
    assert await store.count({"user_id": "bob", "session_id": " "}) == 1
    assert await store.delete({"user_id": other}) == 1
    assert await store.count({"user_id": "ana"}) == 1


@EITHER
@pytest.mark.parametrize(
    "ident", ["ñandú 🦜", "a" * 255, "語" * 255, "#m0", "' OR 1=1 --", "../x?y#z&ids=m0", " "]
)
async def test_any_id_comes_back_as_it_was(make, per_user, ident):
    store = make(namespace_per_user=per_user)
    await store.ensure(3)
    await store.upsert([VectorItem(id=ident, user_id="ana", vector=[1.0, 0.0, 0.0]), item(7)])
    first, second = await store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"})
    assert (first.id, second.id) == (ident, "m7")
    (found,) = await store.fetch("ana", [ident])
    assert found.id == ident
    assert await store.delete({"user_id": "ana", "id": ident}) == 1
    assert await store.count({"user_id": "ana"}) == 1


async def test_users_have_namespaces_that_do_not_show_their_names(make, pinecone_double):
    store = make()
    await store.ensure(3)
    await store.upsert([item(), item(1, user="bob")])
    spaces = pinecone_double.indexes["luminora-messages"].spaces
    assert len(spaces) == 2
    assert not any("ana" in space or "bob" in space for space in spaces)
    await store.delete({"user_id": "ana"})
    assert len(spaces) == 1


async def test_one_namespace_serves_all_users(make, pinecone_double):
    store = make(namespace_per_user=False)
    pinecone_double.namespaces = 1
    await store.ensure(3)
    await store.upsert([item(number, user=f"user{number}") for number in range(20)])
    (space,) = pinecone_double.indexes["luminora-messages"].spaces.values()
    assert len(space) == 20
    assert await store.count({"user_id": "user7"}) == 1


@EITHER
async def test_the_filing_of_an_index_is_not_changed(make, per_user):
    store = make(namespace_per_user=per_user)
    await store.ensure(3)
    other = make(namespace_per_user=not per_user)
    for refused in (other.ensure(3), other.count({"user_id": "ana"}), other.upsert([item()])):
        with pytest.raises(ConfigError, match="namespace_per_user"):
            await refused


@EITHER
async def test_filters_and_ids_together(make, per_user):
    store = make(namespace_per_user=per_user)
    await store.ensure(3)
    await store.upsert([item(n, session_id=f"s{n % 2}", kind="message") for n in range(10)])
    where = {"user_id": "ana", "session_id": "s1", "id": ["m1", "m2", "m3"]}
    assert await store.delete(where) == 2
    assert await store.count({"user_id": "ana"}) == 8
    assert await store.delete({"user_id": "ana", "session_id": "s0", "kind": "message"}) == 5
    assert await store.count({"user_id": "ana", "session_id": "s1"}) == 3


async def test_large_vectors_travel_in_portions(make, pinecone_double):
    store = make()
    await store.ensure(3072)
    many = [
        VectorItem(id=f"m{n}", user_id="ana", vector=[(n + 1) / 7, *[1 / 3] * 3071])
        for n in range(60)
    ]
    pinecone_double.seen.clear()
    await store.upsert(many)
    sent = [request for request in pinecone_double.seen if "upsert" in request.path]
    assert 2 <= len(sent) <= 4
    assert await store.count({"user_id": "ana"}) == 60


def test_portions_keep_to_the_limits():
    import json

    long = "語" * 255
    many = [
        VectorItem(
            id=f"{n}{long}"[:255],
            user_id=long,
            session_id=long,
            personality_name=long,
            vector=[1e-30 + n, *[-1 / 3] * 500],
        )
        for n in range(400)
    ]
    requests = list(Records(per_user=True).requests(entries_of(many)))
    assert sum(len(vectors) for _, vectors in requests) == 400
    for _, vectors in requests:
        assert len(vectors) <= 1000
        assert len(json.dumps(vectors).encode()) < 2_000_000
        assert len(vectors) == 1 or len(json.dumps(vectors, ensure_ascii=False)) < MAX_BYTES


@EITHER
@pytest.mark.parametrize("tail", ["", "/" * 249, "ñ"], ids=["short", "long", "not ASCII"])
async def test_many_ids_are_fetched_and_deleted(make, pinecone_double, per_user, tail):
    store = make(namespace_per_user=per_user)
    await store.ensure(3)
    ids = [f"m{n}{tail}" for n in range(1200)]
    await store.upsert([VectorItem(id=i, user_id="ana", vector=[1.0, 0.0, 0.0]) for i in ids])
    pinecone_double.seen.clear()
    assert len(await store.fetch("ana", [*ids, *ids])) == 1200
    assert all(len(request.target) < 8_000 for request in pinecone_double.seen)
    assert await store.delete({"user_id": "ana", "id": [*ids, "absent"]}) == 1200
    assert await store.count({"user_id": "ana"}) == 0


async def test_dimension_and_model_are_remembered_by_the_service(make):
    await make().ensure(3, model_id="test/one")
    second = make()
    index = await second.describe()
    assert (index.dimension, index.model_id) == (3, "test/one")
    with pytest.raises(DimensionMismatch, match="test/two") as caught:
        await second.ensure(3, model_id="test/two")
    assert caught.value.exit_code == 5
    with pytest.raises(DimensionMismatch):
        await second.upsert([VectorItem(id="a", user_id="ana", vector=[1.0, 2.0])])


async def test_an_unknown_model_becomes_known(make):
    await make().ensure(3)
    await make().ensure(3, model_id="modèle/" + "x" * 200)
    index = await make().describe()
    assert index.model_id.startswith("sha256:")
    await make().ensure(3, model_id="modèle/" + "x" * 200)
    with pytest.raises(DimensionMismatch):
        await make().ensure(3, model_id="modèle/" + "x" * 199)


def test_a_models_name_as_a_tag():
    assert tag_of("openai/text-embedding-3-small") == "openai/text-embedding-3-small"
    assert tag_of("a\nb") != tag_of("a\tb")


async def test_another_process_replaces_the_index(make):
    store, other = make(), make()
    await store.ensure(3)
    await store.upsert([item()])
    assert await store.count({"user_id": "ana"}) == 1
    await other.drop()
    assert await store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"}) == []
    assert await store.count({"user_id": "ana"}) == 0
    assert await store.delete({"user_id": "ana"}) == 0
    assert await store.fetch("ana", ["m0"]) == []
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item()])
    await other.ensure(2)
    await other.upsert([VectorItem(id="a", user_id="ana", vector=[1.0, 2.0])])
    for refused in (store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"}), store.upsert([item()])):
        with pytest.raises(DimensionMismatch):
            await refused


async def test_an_index_replaced_behind_our_back_is_looked_at_again(make):
    store, other = make(), make()
    await store.ensure(3)
    await store.upsert([item()])
    await other.drop()
    await other.ensure(2)
    with pytest.raises(DimensionMismatch):
        await store.upsert([item()])
    await store.ensure(2)


async def test_several_make_the_index_at_once(make, pinecone_double):
    pinecone_double.build_seconds = 0.2
    stores = [make() for _ in range(5)]
    await asyncio.gather(*(store.ensure(3, model_id="test/one") for store in stores))
    await asyncio.gather(*(store.upsert([item(n)]) for n, store in enumerate(stores)))
    assert await stores[0].count({"user_id": "ana"}) == 5


async def test_an_index_is_not_made_where_that_is_not_wanted(make, pinecone_double):
    store = make(create_index=False)
    with pytest.raises(SchemaPending, match="dimension 3"):
        await store.ensure(3)
    assert not pinecone_double.indexes
    await make(cloud="gcp", region="europe-west4").ensure(3)
    (made,) = pinecone_double.indexes.values()
    assert made.deployment["cloud"] == "gcp"
    assert made.deployment["region"] == "europe-west4"
    await store.ensure(3)


async def test_a_given_host_needs_no_control_plane(make, pinecone_double):
    await make().ensure(3, model_id="test/one")
    host = f"{pinecone_double.url}/i/luminora-messages"
    pinecone_double.seen.clear()
    store = make(index_host=host)
    await store.ensure(3, model_id="test/one")
    await store.upsert([item()])
    assert len(await store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"})) == 1
    assert (await store.describe()).count == 1
    with pytest.raises(DimensionMismatch):
        await store.ensure(4)
    assert not any(request.path.startswith("/indexes") for request in pinecone_double.seen)
    wrong = make(index_host=host + "-other")
    with pytest.raises(ResourceNotFound):
        await wrong.ensure(3)


async def test_the_index_of_another_host_is_not_deleted(make, pinecone_double):
    for name in ("one", "two"):
        await make(index_name=name).ensure(3)
    store = make(index_name="one", index_host=f"{pinecone_double.url}/i/two")
    with pytest.raises(ConfigError, match="nothing was deleted"):
        await store.drop()
    assert pinecone_double.indexes.keys() == {"one", "two"}
    await make(index_name="two", index_host=f"{pinecone_double.url}/i/two").drop()
    assert (await make(index_name="two").describe()).dimension is None


async def test_an_emulators_host_is_asked_by_http(make, pinecone_double):
    pinecone_double.shown_host = f"localhost:{pinecone_double.port}/i/luminora-messages"
    store = make()
    await store.ensure(3)
    await store.upsert([item()])
    assert await store.count({"user_id": "ana"}) == 1


async def test_check_says_dimension_and_count(make):
    store = make()
    result = await store.check()
    assert (result.status, result.data["dimension"]) == (Status.OK, None)
    await store.ensure(3)
    await store.upsert([item(n) for n in range(4)])
    result = await store.check()
    assert result.status is Status.OK
    assert (result.data["dimension"], result.data["count"]) == (3, 4)
    assert result.data["sdk_version"]


async def test_one_question_is_one_request(make, pinecone_double):
    store = make()
    await store.ensure(3)
    await store.upsert([item()])
    pinecone_double.seen.clear()
    await store.query([1.0, 0.0, 0.0], 5, {"user_id": "ana"})
    await store.upsert([item(1)])
    await store.count({"user_id": "ana"})
    assert [request.parts[2] for request in pinecone_double.seen] == [
        "query",
        "vectors",
        "namespaces",
    ]


@pytest.mark.parametrize("setting", ["host", "index_host"])
@pytest.mark.parametrize(
    "address",
    [
        "ftp://api.pinecone.io",
        "http://api.pinecone.io",
        "http://10.0.0.7:5080",
        "https://",
        "https://user:hunter2@host.example",
        "https://host.example?key=hunter2",
        "https://host.example:99999",
    ],
)
def test_addresses_that_cannot_be_used(setting, address):
    with pytest.raises(ConfigError) as caught:
        store_on(**{"address": "https://api.pinecone.io", setting: address})
    assert setting in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_addresses_that_can_be_used():
    assert store_on("http://localhost:5080").settings.host == "http://localhost:5080"
    assert store_on("api.pinecone.io/").settings.host == "https://api.pinecone.io"
    own = store_on("http://10.0.0.7:5080", allow_insecure=True)
    assert own.settings.host == "http://10.0.0.7:5080"


def context(prefix: str = "", **env: str) -> ProviderContext:
    return ProviderContext(data_dir=Path("unused"), env=env, table_prefix=prefix)


def test_the_key_has_to_be_set():
    for variable in ("PINECONE_API_KEY", "MY_KEY"):
        with pytest.raises(CredentialsMissing, match=variable) as caught:
            luminora_vector_store("pinecone", {"api_key_env": variable}, context())
        assert caught.value.exit_code == 4
    assert luminora_vector_store("other", {}, context()) is None


def test_prefix_and_suffix_are_in_the_name():
    store = luminora_vector_store("pinecone", {}, context("my_app_", PINECONE_API_KEY="k"))
    assert store._place.title == "my-app-luminora-messages"
    assert store.at("messages_2")._place.title == "my-app-luminora-messages-2"
    with pytest.raises(InputError, match="45"):
        store.at("a" * 40)


def test_the_sdk_is_imported_when_it_connects():
    code = (
        "import sys; from luminora_pinecone import hooks, store, settings; "
        "assert not {'pinecone', 'httpx', 'msgspec'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_closing_one_index_keeps_the_others(make):
    store = make()
    await store.ensure(3)
    await store.at("other").aclose()
    assert await store.count({"user_id": "ana"}) == 0
    await store.aclose()
    assert await store.count({"user_id": "ana"}) == 0  # opened again
