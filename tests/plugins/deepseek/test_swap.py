"""One word of ``luminora.json`` changes the vendor of conversation, analysis and embeddings."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.errors import DimensionMismatch
from luminora.testing.doubles.openai import OpenAIDouble
from luminora.testing.doubles.vendor import KEY
from tests.servers.vendors.imitators import DeepSeekDouble, DeepSeekWithEmbeddings

pytestmark = [
    pytest.mark.backend("llm deepseek", against=DeepSeekDouble.title),
    pytest.mark.backend("llm openai", against=OpenAIDouble.title),
]


@pytest.fixture
def doubles(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with DeepSeekWithEmbeddings().running() as deepseek, OpenAIDouble().running() as openai:
        yield {"deepseek": deepseek, "openai": openai}


def configure(word, doubles, monkeypatch):
    """The file differs in one word; the address is the double's, as a proxy's would be."""
    Path("luminora.json").write_text(json.dumps({"llm_provider": word}))
    monkeypatch.setenv("LUMINORA_LLM_PROVIDER__CONFIG__API_BASE", f"{doubles[word].url}/v1")


def planned_dimension(capsys):
    assert main(["migrate", "--database", "postgresql", "--dry-run"]) == 0
    return int(re.search(r"vector\((\d+)\)", capsys.readouterr().out)[1])


async def converse():
    async with await LuminoraCoreClient.from_config() as client:
        session = await client.create_session("diego", "sakura")
        answer = await client.send_message(session, "Hola, soy Diego y me encanta Naruto")
    assert not answer.degraded
    return answer


def calls(double):
    """Which models were asked at which path, and for what."""
    return {
        (
            asked.path.removeprefix("/v1"),
            asked.json["model"],
            "analysis" if "response_format" in asked.json else "text",
        )
        for asked in double.requests
        if asked.method == "POST"
    }


@pytest.mark.parametrize(
    ("word", "other", "chat", "embedding", "dimension"),
    [
        ("deepseek", "openai", "deepseek-flash", "deepseek-jina-embeddings-v3", 1024),
        ("openai", "deepseek", "gpt-5.4-mini", "text-embedding-3-small", 1536),
    ],
)
def test_one_word_changes_every_call(
    doubles, monkeypatch, capsys, word, other, chat, embedding, dimension
):
    configure(word, doubles, monkeypatch)
    answer = asyncio.run(converse())
    assert answer.text == doubles[word].text
    assert calls(doubles[word]) == {
        ("/chat/completions", chat, "text"),
        ("/chat/completions", chat, "analysis"),
        ("/embeddings", embedding, "text"),
    }
    assert doubles[other].requests == []
    assert planned_dimension(capsys) == dimension


def test_after_the_word_was_changed_the_old_vectors_are_not_mixed_with_new_ones(
    doubles, monkeypatch, capsys
):
    configure("deepseek", doubles, monkeypatch)
    asyncio.run(converse())
    assert planned_dimension(capsys) == 1024
    configure("openai", doubles, monkeypatch)
    doubles["deepseek"].reset()
    assert planned_dimension(capsys) == 1536
    with pytest.raises(DimensionMismatch) as caught:
        asyncio.run(converse())
    assert (caught.value.expected, caught.value.found) == (1024, 1536)
    assert doubles["deepseek"].requests == []


SEEDS = Path(__file__).parents[2] / "data" / "seeds"


@pytest.mark.parametrize(
    "seed",
    [
        "same-provider",
        "config-1-simple",
        "setup-a-deepseek-pgvector",
        "your-setup",
        "generated",
        "deepseek-postgresql-full",
    ],
)
def test_the_founding_documents_configurations_are_valid(monkeypatch, capsys, seed):
    for variable in ("DEEPSEEK_API_KEY", "DB_PASSWORD", "POSTGRES_PASSWORD"):
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    assert main(["config", "validate", "--config", str(SEEDS / f"{seed}.jsonc")]) == 0
    assert capsys.readouterr().out.strip().endswith("ok")
