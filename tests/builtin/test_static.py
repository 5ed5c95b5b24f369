"""The static embeddings: correct, offline, loaded once, quick."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from luminora.builtin import static
from luminora.builtin.static import StaticEmbedding
from luminora.errors import ResourceNotFound
from luminora.providers import Status


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.fixture
def provider() -> StaticEmbedding:
    return StaticEmbedding({})


async def test_vectors_have_the_declared_dimension_and_length_one(provider):
    vectors = await provider.create_embeddings_batch(["my dog Max", "la playa 🏖", "x"])
    assert await provider.get_dimension() == 256
    assert [len(vector) for vector in vectors] == [256, 256, 256]
    for vector in vectors:
        assert math.isclose(math.sqrt(cosine(vector, vector)), 1.0, rel_tol=1e-5)
        assert type(vector) is list
        assert type(vector[0]) is float


@pytest.mark.parametrize("dimension", [64, 128])
async def test_a_shorter_prefix_of_the_same_vectors(dimension):
    short = StaticEmbedding({"dimension": dimension})
    whole = await StaticEmbedding({}).create_embedding("the sea")
    vector = await short.create_embedding("the sea")
    assert await short.get_dimension() == len(vector) == dimension
    norm = math.sqrt(sum(x * x for x in whole[:dimension]))
    assert vector == pytest.approx([x / norm for x in whole[:dimension]], abs=1e-6)


async def test_meaning_is_nearer_than_chance(provider):
    dog, puppy, tax = await provider.create_embeddings_batch(
        ["My dog is ill", "The puppy is sick", "Quarterly tax report"]
    )
    assert cosine(dog, puppy) > cosine(dog, tax) + 0.2


async def test_a_text_does_not_depend_on_its_batch(provider):
    texts = [f"text number {n} " * (n % 7 + 1) for n in range(150)]
    together = await provider.create_embeddings_batch(texts)
    alone = await provider.create_embedding(texts[77])
    assert together[77] == pytest.approx(alone, abs=1e-6)


async def test_empty_text_is_a_zero_vector_and_no_text_is_no_vector(provider):
    empty, full = await provider.create_embeddings_batch(["", "word"])
    assert set(empty) == {0.0}
    assert any(full)
    assert await provider.create_embeddings_batch([]) == []


@pytest.mark.parametrize(
    "text", ["\ud800", "\0", "\U0001f469\u200d\U0001f680", "שלום עולם", "a" * 1_000_000, "\n"]
)
async def test_strange_text(provider, text):
    vector = await provider.create_embedding(text)
    assert len(vector) == 256
    assert all(math.isfinite(x) for x in vector)


async def test_loaded_once_under_concurrency(monkeypatch):
    loads = []

    def load(folder: Path, real=static._load):
        loads.append(folder)
        return real(folder)

    monkeypatch.setattr(static, "_load", load)
    monkeypatch.setattr(static, "_loaded", [])
    providers = [StaticEmbedding({}) for _ in range(8)]
    await asyncio.gather(*(each.create_embedding("hello") for each in providers for _ in range(4)))
    assert len(loads) == 1


async def test_no_network_and_no_change_to_logging(monkeypatch, provider):
    def refuse(*_args):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(static, "_loaded", [])
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    await provider.create_embedding("hello")
    assert (list(root.handlers), root.level) == before


def test_wordllama_itself_is_never_imported():
    script = (
        "import asyncio, sys; from luminora.builtin.static import StaticEmbedding\n"
        "assert 'numpy' not in sys.modules\n"
        "asyncio.run(StaticEmbedding({}).create_embedding('hello'))\n"
        "assert not {'wordllama', 'pydantic', 'requests'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_same_vectors_as_wordllama():
    script = (
        "import json; from pathlib import Path; import wordllama\n"
        "model = wordllama.WordLlama.load("
        "cache_dir=Path(wordllama.__file__).parent, disable_download=True)\n"
        "print(json.dumps(model.embed(['My dog Max', 'la casa azul', '😀'], norm=True).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    theirs = json.loads(done.stdout)
    texts = ["My dog Max", "la casa azul", "😀"]
    ours = asyncio.run(StaticEmbedding({}).create_embeddings_batch(texts))
    for mine, reference in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(reference, abs=1e-5)


async def test_check_reports_dimension_and_latency(provider):
    result = await provider.check()
    assert result.status is Status.OK
    assert result.data["dimension"] == 256
    assert result.latency_ms is not None


async def test_missing_files_are_named(monkeypatch, tmp_path, provider):
    monkeypatch.setattr(static, "_loaded", [])
    monkeypatch.setattr(static, "_folder", lambda: tmp_path)
    with pytest.raises(ResourceNotFound, match="l2_supercat"):
        await provider.create_embedding("hello")
    assert (await provider.check()).status is Status.ERROR


async def test_missing_package_is_named(monkeypatch, provider):
    monkeypatch.setattr(static, "_loaded", [])
    monkeypatch.setattr(static, "find_spec", lambda _name: None)
    with pytest.raises(ResourceNotFound, match="wordllama"):
        await provider.create_embedding("hello")


async def test_bulk_speed(provider):
    texts = [f"On day {n} we walked to the market and bought fresh bread" for n in range(2048)]
    await provider.create_embedding("warm up")
    started = perf_counter()
    for at in range(0, len(texts), provider.max_batch_size):
        await provider.create_embeddings_batch(texts[at : at + provider.max_batch_size])
    rate = len(texts) / (perf_counter() - started)
    assert rate > 1500  # about 15,000 on two idle cores; a busy machine must not fail the suite
