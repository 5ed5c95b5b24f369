from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from luminora.errors import ConfigError, CredentialsMissing, DimensionMismatch, SchemaPending
from luminora.providers import Status, VectorItem
from tests.plugins.weaviate.conftest import store_with
from tests.servers.weaviate import NAME, Collection

pytestmark = [
    pytest.mark.backend("weaviate vectors", against=NAME),
    pytest.mark.xdist_group(NAME),
]


def item(number: int = 0, user: str = "ana", **filed: str) -> VectorItem:
    return VectorItem(id=f"m{number}", user_id=user, vector=[1.0, number, 0.0], **filed)


@pytest.mark.parametrize("other", [" ana", "ana ", "Ana", "ana\n", "ana]", "[ana", "ana bob", "á"])
async def test_users_are_told_apart_to_the_byte(make, other):
    store = make()
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


@pytest.mark.parametrize(
    "ident", ["ñandú 🦜", "a" * 255, "語" * 255, "' OR 1=1 --", "../x?y#z", " "]
)
async def test_any_id_comes_back_as_it_was(make, ident):
    store = make()
    await store.ensure(3)
    await store.upsert([VectorItem(id=ident, user_id="ana", vector=[1.0, 0.0, 0.0])])
    (hit,) = await store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"})
    assert hit.id == ident
    (found,) = await store.fetch("ana", [ident])
    assert found.id == ident
    assert await store.delete({"user_id": "ana", "id": ident}) == 1


async def test_an_id_of_two_users_is_two_items(make):
    store = make()
    await store.ensure(3)
    await store.upsert([item(user="ana")])
    await store.upsert([item(user="bob")])
    assert await store.delete({"user_id": "ana", "id": "m0"}) == 1
    assert await store.count({"user_id": "bob"}) == 1


async def test_a_deletion_goes_on_beyond_the_servers_limit(make, weaviate_double):
    store = make()
    await store.ensure(3)
    await store.upsert([item(n) for n in range(2_600)])
    weaviate_double.most = 1_000
    assert await store.delete({"user_id": "ana"}) == 2_600
    assert await store.count({"user_id": "ana"}) == 0
    weaviate_double.most = 70
    await store.upsert([item(n) for n in range(100)])
    assert await store.delete({"user_id": "ana", "id": [f"m{n}" for n in range(100)]}) == 100


async def test_dimension_and_model_are_remembered_by_the_server(make, weaviate_double):
    first = make()
    await first.ensure(3, model_id="test/one")
    await first.aclose()
    with weaviate_double.down():
        pass
    second = make()
    index = await second.describe()
    assert (index.dimension, index.model_id) == (3, "test/one")
    with pytest.raises(DimensionMismatch, match="test/two") as caught:
        await second.ensure(3, model_id="test/two")
    assert caught.value.exit_code == 5
    with pytest.raises(DimensionMismatch):
        await second.upsert([VectorItem(id="a", user_id="ana", vector=[1.0, 2.0])])
    assert not weaviate_double.collections["LuminoraMessages"].things


async def test_an_unknown_model_becomes_known(make):
    store = make()
    await store.ensure(3)
    assert (await store.describe()).model_id is None
    await store.ensure(3, model_id="test/one")
    other = make()
    assert (await other.describe()).model_id == "test/one"
    with pytest.raises(DimensionMismatch):
        await other.ensure(3, model_id="test/two")


async def test_another_process_replaces_the_collection(make):
    store, other = make(), make()
    await store.ensure(3)
    await store.upsert([item()])
    assert await store.count({"user_id": "ana"}) == 1
    await other.drop()
    assert await store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"}) == []
    assert await store.count({"user_id": "ana"}) == 0
    assert await store.delete({"user_id": "ana"}) == 0
    assert await store.fetch("ana", ["m0"]) == []
    with pytest.raises(SchemaPending):
        await store.upsert([item()])
    await other.ensure(2)
    await other.upsert([VectorItem(id="a", user_id="ana", vector=[1.0, 2.0])])
    for refused in (store.query([1.0, 0.0, 0.0], 3, {"user_id": "ana"}), store.upsert([item()])):
        with pytest.raises(DimensionMismatch):
            await refused


async def test_a_collection_that_is_gone_is_not_made_by_a_write(make, weaviate_double):
    store = make()
    await store.ensure(3)
    await store.upsert([item()])
    weaviate_double.collections.clear()
    weaviate_double.called.clear()
    with pytest.raises(SchemaPending, match="luminora migrate"):
        await store.upsert([item()])
    assert "BatchObjects" not in weaviate_double.called


async def test_several_make_the_collection_at_once(make):
    stores = [make() for _ in range(5)]
    await asyncio.gather(*(store.ensure(3, model_id="test/one") for store in stores))
    await asyncio.gather(*(store.upsert([item(n)]) for n, store in enumerate(stores)))
    assert await stores[0].count({"user_id": "ana"}) == 5


@pytest.mark.parametrize("description", [None, "mine", '{"dimension": "many"}', "[]"])
async def test_somebody_elses_collection_is_left_alone(make, weaviate_double, description):
    store = make()
    await store.at("mine").ensure(3)
    config = weaviate_double.collections.pop("LuminoraMessages_mine").config
    config |= {"class": "LuminoraMessages", "description": description}
    weaviate_double.collections["LuminoraMessages"] = Collection(config)
    for refused in (store.ensure(3), store.upsert([item()]), store.drop(), store.describe()):
        with pytest.raises(ConfigError, match="collection_name"):
            await refused
    assert "LuminoraMessages" in weaviate_double.collections
    assert (await store.check()).status is Status.ERROR


async def test_the_collection_is_exact_uncompressed_and_unvectorised(make, weaviate_double):
    store = make(collection_name="myVectors")
    await store.ensure(3)
    config = weaviate_double.collections["MyVectors"].config
    assert {p["tokenization"] for p in config["properties"]} == {"field"}
    assert not any(p["indexSearchable"] for p in config["properties"])
    (vector,) = config["vectorConfig"].values()
    assert vector["vectorizer"] == {"none": {}}
    assert vector["vectorIndexConfig"]["distance"] == "cosine"
    assert vector["vectorIndexConfig"]["skipDefaultQuantization"] is True
    assert json.loads(config["description"])["dimension"] == 3


async def test_check_says_version_dimension_and_count(make):
    store = make()
    result = await store.check()
    assert (result.status, result.data["dimension"]) == (Status.OK, None)
    await store.ensure(3)
    await store.upsert([item(n) for n in range(4)])
    result = await store.check()
    assert result.status is Status.OK
    assert "Weaviate 1.34.0" in result.detail
    assert (result.data["dimension"], result.data["count"]) == (3, 4)


async def test_it_never_asks_the_package_index(make, weaviate_double, monkeypatch):
    import httpx

    asked = []
    send = httpx.AsyncClient.send

    async def noted(self, request, **kwargs):
        asked.append(request.url.host)
        return await send(self, request, **kwargs)

    monkeypatch.setattr(httpx.AsyncClient, "send", noted)
    store = make()
    await store.ensure(3)
    assert set(asked) == {"127.0.0.1"}


async def test_one_question_is_one_request(make, weaviate_double):
    store = make()
    await store.ensure(3)
    await store.upsert([item()])
    weaviate_double.seen.clear()
    weaviate_double.called.clear()
    await store.query([1.0, 0.0, 0.0], 5, {"user_id": "ana"})
    await store.count({"user_id": "ana"})
    assert weaviate_double.called == ["Search", "Aggregate"]
    assert weaviate_double.seen == []


@pytest.mark.parametrize(
    "config",
    [
        {"url": "ftp://localhost"},
        {"url": "localhost:8080"},
        {"url": "http://"},
        {"url": "http://localhost:99999"},
        {"url": "https://user:hunter2@host"},
        {"url": "https://host/path"},
        {"url": "http://weaviate.example:8080"},
        {"host": "weaviate.example"},
        {"host": "10.0.0.7", "port": 8080},
        {"grpc_host": "weaviate.example"},
        {"secure": True},
        {"url": "http://localhost:8080", "grpc_port": 8080},
    ],
)
def test_addresses_that_cannot_be_used(config):
    with pytest.raises(ConfigError) as caught:
        store_with(**config)
    assert "vector_store_provider.config" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "rest", "grpc"),
    [
        ({}, "localhost:8080", "localhost:50051"),
        ({"url": "http://127.0.0.1"}, "127.0.0.1:80", "127.0.0.1:50051"),
        ({"host": "w.example", "allow_insecure": True}, "w.example:8080", "w.example:50051"),
        (
            {"url": "https://a.c0.weaviate.cloud"},
            "a.c0.weaviate.cloud:443",
            "grpc-a.c0.weaviate.cloud:443",
        ),
        ({"host": "w.example", "secure": True, "grpc_port": 1}, "w.example:443", "w.example:1"),
        (
            {"url": "https://a.weaviate.network"},
            "a.weaviate.network:443",
            "a.grpc.weaviate.network:443",
        ),
    ],
)
def test_where_the_two_interfaces_are(config, rest, grpc):
    settings = store_with(**config).settings
    assert (settings.address, settings.grpc_address) == (rest, grpc)


def test_a_named_key_has_to_be_set():
    with pytest.raises(CredentialsMissing, match="WEAVIATE_KEY") as caught:
        store_with(api_key_env="WEAVIATE_KEY")
    assert caught.value.exit_code == 4
    store = store_with({"WEAVIATE_KEY": "hush-hush"}, api_key_env="WEAVIATE_KEY")
    assert "hush-hush" not in repr(store.settings)


def test_the_client_is_imported_when_it_connects():
    code = (
        "import sys; from luminora_weaviate import hooks, store, settings; "
        "assert not {'weaviate', 'grpc', 'httpx'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_prefix_and_suffix_are_in_the_name():
    from pathlib import Path

    from luminora_weaviate.hooks import luminora_vector_store

    from luminora.providers import ProviderContext

    context = ProviderContext(data_dir=Path("unused"), env={}, table_prefix="app_")
    store = luminora_vector_store("weaviate", {"collection_name": "Vectors"}, context)
    assert store.at("messages_2")._place.title == "App_Vectors_2"
    assert luminora_vector_store("other", {}, context) is None


async def test_closing_one_index_keeps_the_others(make):
    store = make()
    await store.ensure(3)
    await store.at("other").aclose()
    assert await store.count({"user_id": "ana"}) == 0
    await store.aclose()
    assert await store.count({"user_id": "ana"}) == 0  # opened again


async def test_the_check_of_grpc_can_be_skipped(make):
    store = make(skip_init_checks=True)
    assert (await store.describe()).dimension is None
