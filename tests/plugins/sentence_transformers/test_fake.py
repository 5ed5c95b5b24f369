"""Everything but the model: sentence-transformers is replaced by a small module."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np
import pytest
from luminora_sentence_transformers import loading

from luminora.config import load_config
from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectionFailed,
    CredentialsMissing,
    InvalidRequest,
    Overloaded,
    ResourceNotFound,
)
from luminora.plugins import Index
from luminora.providers import Status
from luminora.schema import validate
from luminora.testing import EmbeddingConformance, declared_capabilities
from luminora.testing.doubles.vendor import vector_of
from luminora.testing.servers.base import free_port
from tests.plugins.building import built

pytestmark = pytest.mark.backend(
    "embedding sentence-transformers", against="a module of the tests' own"
)
ROOT = Path(__file__).parents[3]


class LocalEntryNotFoundError(OSError):
    """As huggingface_hub calls it."""


class GatedRepoError(OSError):
    """The same."""


class Hub:
    """What is on the disk, what the network has, and what was asked of the model."""

    def __init__(self):
        self.here = {"all-MiniLM-L6-v2"}
        self.there: set[str] = set()
        self.failure: Exception | None = None
        self.asked: list[dict] = []
        self.texts: list[tuple[str, list[str]]] = []
        self.threads: set[str] = set()
        self.dimension = 384
        self.slow = 0.0
        self.breaks: Exception | None = None

    def load(self, name, **settings):
        self.asked.append({"name": name, **settings})
        self.threads.add(threading.current_thread().name)
        time.sleep(self.slow)
        if self.failure is not None:
            raise self.failure
        if Path(name).is_dir() or name in self.here:
            return FakeModel(self, settings)
        if settings["local_files_only"]:
            raise OSError("couldn't find them in the cached files") from LocalEntryNotFoundError()
        if name not in self.there:
            raise OSError("no such model") from GatedRepoError()
        self.here.add(name)
        return FakeModel(self, settings)


class FakeModel:
    device = "cpu"

    def __init__(self, hub, settings):
        self.hub = hub
        self.dimension = settings.get("truncate_dim") or hub.dimension

    def encode_query(self, texts, **settings):
        return self._encode("query", texts)

    def encode_document(self, texts, **settings):
        return self._encode("document", texts)

    def _encode(self, purpose, texts):
        self.hub.threads.add(threading.current_thread().name)
        self.hub.texts.append((purpose, texts))
        time.sleep(self.hub.slow)
        if self.hub.breaks is not None:
            raise self.hub.breaks
        return np.array([vector_of(text, self.dimension) for text in texts], np.float32)


@pytest.fixture
def hub(monkeypatch):
    hub = Hub()
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = hub.load
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setitem(sys.modules, "transformers", None)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_HOME", "SENTENCE_TRANSFORMERS_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return hub


@pytest.fixture
def online(monkeypatch):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()
    thread.join(5)


def make(env=None, **config):
    return built("embedding", "local", config, env or {})


class TestFake(EmbeddingConformance):
    capabilities = declared_capabilities(
        "luminora_sentence_transformers", "embedding", "sentence-transformers"
    )

    async def make_provider(self):
        self.request.getfixturevalue("hub")
        return make()


# when what is loaded


def test_building_imports_nothing():
    code = (
        "import sys\n"
        "from tests.plugins.building import built\n"
        "built('embedding', 'local', {}, {})\n"
        "print({'torch', 'sentence_transformers', 'numpy', 'aiohttp'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "set()"


async def test_the_first_text_loads_in_a_thread_and_the_loop_goes_on(hub):
    hub.slow = 0.2
    async with make() as provider:
        assert not provider.loaded
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(provider.create_embedding(f"text {n}") for n in range(3)))
        ticking.cancel()
        assert provider.loaded
        assert len(hub.asked) == 1
        assert ticks > 20
        assert len(hub.threads) == 1
        assert threading.current_thread().name not in hub.threads
    assert not provider.loaded


async def test_a_model_on_the_disk_asks_nobody(hub):
    async with make() as provider:
        await provider.create_embedding("hello")
    assert [one["local_files_only"] for one in hub.asked] == [True]
    assert hub.asked[0]["name"] == "all-MiniLM-L6-v2"
    assert hub.asked[0]["trust_remote_code"] is False


async def test_a_model_elsewhere_is_downloaded_once(hub, online):
    hub.there.add("owner/new")
    async with make(model="owner/new") as provider:
        await provider.create_embedding("hello")
        await provider.create_embedding("hello")
    assert [one["local_files_only"] for one in hub.asked] == [True, False]


def test_two_loops_in_a_row(hub):
    provider = make()

    async def once():
        async with provider:
            return await provider.create_embedding("hello")

    assert asyncio.run(once()) == asyncio.run(once())
    assert len(hub.asked) == 2


async def test_a_cancelled_batch_leaves_the_thread_usable(hub):
    hub.slow = 0.1
    async with make() as provider:
        task = asyncio.create_task(provider.create_embedding("one"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert len(await provider.create_embedding("two")) == 384


# what is known beforehand


@pytest.mark.parametrize(
    ("config", "model", "dimension"),
    [
        ({}, "all-MiniLM-L6-v2", 384),
        ({"model": "sentence-transformers/all-MiniLM-L6-v2"}, "all-MiniLM-L6-v2", 384),
        ({"model": "intfloat/multilingual-e5-base"}, "intfloat/multilingual-e5-base", 768),
        ({"model": "owner/other"}, "owner/other", None),
        ({"model_path": "models/mine"}, "mine", None),
        ({"model_path": "models/mine", "model": "all-mpnet-base-v2"}, "all-mpnet-base-v2", 768),
        ({"model": "google/embeddinggemma-300m", "dimension": 256}, None, 256),
    ],
)
def test_names_and_dimensions(config, model, dimension):
    provider = make(**config)
    assert provider.model_id == (model or config["model"])
    assert provider.dimension == dimension


async def test_an_unknown_models_dimension_is_asked_once(hub):
    hub.dimension = 17
    hub.here.add("owner/other")
    async with make(model="owner/other") as provider:
        assert await provider.get_dimension() == 17
        assert await provider.get_dimension() == 17
    assert len(hub.texts) == 1


async def test_a_shorter_vector_is_asked_of_the_model(hub):
    async with make(dimension=64) as provider:
        assert len(await provider.create_embedding("hello")) == 64
    assert hub.asked[0]["truncate_dim"] == 64


async def test_queries_and_documents(hub):
    hub.here.add("intfloat/multilingual-e5-small")
    async with make(model="intfloat/multilingual-e5-small") as provider:
        assert provider.asymmetric
        await provider.create_embedding("a", purpose="query")
        await provider.create_embedding("b")
    assert hub.texts == [("query", ["a"]), ("document", ["b"])]
    assert hub.asked[0]["prompts"] == {"query": "query: ", "document": "passage: "}
    assert not make().asymmetric
    assert make(model="owner/unknown").asymmetric
    assert make(query_prompt="search: ").asymmetric


async def test_settings_reach_the_library(hub, tmp_path):
    config = {"cache_folder": str(tmp_path), "device": "cpu", "token_env": "HF_KEY"}
    async with make({"HF_KEY": "hf_secret"}, batch_size=7, **config) as provider:
        assert provider.max_batch_size == 7
        await provider.create_embedding("hello")
        assert "hf_secret" not in repr(vars(provider))
    asked = hub.asked[0]
    assert (asked["cache_folder"], asked["device"], asked["token"]) == (
        str(tmp_path),
        "cpu",
        "hf_secret",
    )


async def test_half_a_character_is_replaced(hub):
    async with make() as provider:
        await provider.create_embedding("a\ud83d")
    assert hub.texts[0][1] == ["a?"]


def test_the_seeds_name_for_it_fits_the_schema():
    path = ROOT / "tests/data/seeds/setup-b-mobile.jsonc"
    index = Index.load()
    found = validate(load_config(path, env={}, index=index), index)
    about = [str(one) for one in found if "embedding" in str(one)]
    assert all("pip install sentence-transformers" in one for one in about), about


# what goes wrong


async def test_no_model_and_no_network(hub, monkeypatch, tmp_path):
    async with make(model="owner/new") as provider:
        started = time.monotonic()
        with pytest.raises(ConnectionFailed) as caught:
            await provider.create_embedding("hello")
        assert time.monotonic() - started < 5
        error = caught.value
        assert error.retryable
        assert "owner/new" in error.message
        assert str(Path.home() / ".cache/huggingface/hub") in error.message
        assert "cannot be reached" in error.message
        assert "use it once where there is a network" in error.hint
        assert "model_path" in error.hint
        assert [one["local_files_only"] for one in hub.asked] == [True], "not tried for a minute"
        result = await provider.check()
        assert result.status is Status.WARNING
        assert "downloads it" in result.detail


@pytest.mark.parametrize(
    ("variable", "value", "where"),
    [
        ("HF_HOME", "/models/hf", "/models/hf/hub"),
        ("HF_HUB_CACHE", "/models/hub", "/models/hub"),
        ("SENTENCE_TRANSFORMERS_HOME", "/models/st", "/models/st"),
    ],
)
async def test_the_error_names_the_folder_that_was_looked_in(
    hub, monkeypatch, variable, value, where
):
    monkeypatch.setenv(variable, value)
    async with make(model="owner/new", allow_download=False) as provider:
        with pytest.raises(ResourceNotFound, match=where):
            await provider.create_embedding("hello")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [("HF_HUB_OFFLINE", "1", "HF_HUB_OFFLINE"), ("HF_ENDPOINT", "file:///", "no web address")],
)
async def test_an_environment_that_forbids_the_network(hub, monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)
    async with make(model="owner/new") as provider:
        with pytest.raises(ConnectionFailed, match=said):
            await provider.create_embedding("hello")


async def test_a_model_that_nobody_has(hub, online):
    async with make(model="owner/nobody") as provider:
        with pytest.raises(AuthenticationFailed, match="owner/nobody") as caught:
            await provider.create_embedding("hello")
        assert "token_env" in caught.value.hint


async def test_a_download_that_breaks_off(hub, online):
    async with make(model="owner/new") as provider:
        hub.there.add("owner/new")
        load, hub.load = hub.load, None

        def breaking(name, **settings):
            if settings["local_files_only"]:
                return load(name, **settings)
            raise OSError("connection reset\nand more")

        sys.modules["sentence_transformers"].SentenceTransformer = breaking
        with pytest.raises(ConnectionFailed, match="connection reset"):
            await provider.create_embedding("hello")
        sys.modules["sentence_transformers"].SentenceTransformer = load
        assert len(await provider.create_embedding("hello")) == 384, "it is tried again"


async def test_a_folder_that_is_not_there(hub):
    async with make(model_path="nowhere/model") as provider:
        with pytest.raises(ResourceNotFound, match="nowhere/model") as caught:
            await provider.create_embedding("hello")
        assert "model_path" in caught.value.hint
        assert (await provider.check()).status is Status.ERROR


async def test_files_that_are_no_model(hub, tmp_path):
    hub.failure = ValueError("Unrecognized model: should have a `model_type` key")
    async with make(model_path=str(tmp_path)) as provider:
        with pytest.raises(ResourceNotFound, match="cannot be loaded: ValueError") as caught:
            await provider.create_embedding("hello")
        assert str(tmp_path) in caught.value.message


async def test_a_device_that_is_not_there(hub):
    hub.failure = AssertionError("Torch not compiled with CUDA enabled")
    async with make(device="cuda") as provider:
        with pytest.raises(InvalidRequest, match="'cuda'"):
            await provider.create_embedding("hello")


async def test_a_package_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    async with make() as provider:
        with pytest.raises(ResourceNotFound) as caught:
            await provider.create_embedding("hello")
        assert caught.value.hint == loading.INSTALL
        assert (await provider.check()).status is Status.ERROR


async def test_too_little_memory(hub):
    hub.breaks = RuntimeError("CUDA out of memory")
    async with make() as provider:
        with pytest.raises(Overloaded, match="out of memory") as caught:
            await provider.create_embeddings_batch(["a", "b"])
        assert "batch_size" in caught.value.hint
        hub.breaks = None
        assert len(await provider.create_embeddings_batch(["a", "b"])) == 2


def test_a_token_that_is_not_set():
    with pytest.raises(CredentialsMissing, match="HF_KEY"):
        make(token_env="HF_KEY")


@pytest.mark.parametrize("config", [{"model": ""}, {"batch_size": 0}, {"modell": "x"}])
def test_settings_that_cannot_be(config):
    with pytest.raises(ConfigError):
        make(**config)
