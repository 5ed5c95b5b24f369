"""The embedding dimension is a contract: another model is refused before anything is written."""

# ruff: noqa: S608 - the names are the test's own

from __future__ import annotations

import asyncio
import json

import pytest

from luminora.cli import main
from luminora.client import LuminoraCoreClient
from luminora.errors import DimensionMismatch
from tests.fakeplugins import make as make_plugin
from tests.fakeplugins import manifest, site

pytestmark = [
    pytest.mark.backend("pgvector vector store", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]

MODELS = {"wide": 1536, "narrow": 1024, "narrow-too": 1024}

CODE = """
import random
from luminora import hookimpl
from luminora.providers import CheckResult, EmbeddingProvider, Status

class Spread(EmbeddingProvider):
    name = "spread"

    def __init__(self, model, dimension):
        self.model_id, self.dimension = f"spread/{model}", dimension

    async def create_embeddings_batch(self, texts, *, purpose="document"):
        return [[random.Random(f"{text} {n}").gauss(0, 1) for n in range(self.dimension)]
                for text in texts]

    async def check(self):
        return CheckResult(Status.OK)

@hookimpl
def luminora_embedding(name, config, context):
    return Spread(config["model"], MODELS[config["model"]])
"""

__all__ = ["site"]  # a fixture


@pytest.fixture
def configure(site, tmp_path, postgres_database, monkeypatch):
    """Writes luminora.json for an embedding model."""
    data = manifest(
        "lp_spread",
        "spread",
        "embedding",
        config_schema={
            "type": "object",
            "properties": {"model": {"type": "string", "description": "Which.", "default": "wide"}},
        },
        models={"embeddings": "wide"},
        dimensions=MODELS,
    )
    make_plugin(site, "lp_spread", code=CODE.replace("MODELS", repr(MODELS)), data=data)
    for name, value in postgres_database.env.items():
        monkeypatch.setenv(name, value)

    def write(model: str) -> None:
        document = {
            "llm_provider": {"name": "offline"},
            "embedding_provider": {"name": "spread", "config": {"model": model}},
            "storage_provider": {"name": "postgresql", "config": postgres_database.config},
            "vector_store_provider": {"name": "pgvector"},
            "migrations": {"table_prefix": "lum_"},
        }
        (tmp_path / "work" / "luminora.json").write_text(json.dumps(document))

    return write


def content(database) -> dict[str, object]:
    """Every table's rows, as one number each."""
    tables = database.sql("SELECT relname FROM pg_stat_user_tables ORDER BY relname")
    return {
        name: database.sql(
            f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t"
        )
        for (name,) in tables
    }


async def talk(text: str, *, first: bool = False) -> str:
    async with await LuminoraCoreClient.from_config() as client:
        if first:
            await client.create_session("diego", session_id="s")
        await client.send_message("s", text)
        return "\n".join(str(found) for found in await client.search_memories("s", text))


def test_a_model_of_another_dimension_is_refused_before_any_write(
    configure, postgres_database, capsys
):
    configure("wide")
    assert main(["migrate"]) == 0
    assert "004_add_pgvector_extension.sql (dimension=1536)" in capsys.readouterr().out
    assert "Naruto" in asyncio.run(talk("me encanta Naruto", first=True))
    assert postgres_database.sql("SELECT count(*) > 0 FROM lum_message_embeddings") == [(True,)]
    before = content(postgres_database)

    configure("narrow")
    for arguments in (["migrate"], ["migrate", "--dry-run"]):
        assert main(arguments) == 5
        said = capsys.readouterr().err
        assert "1536" in said
        assert "1024" in said
        assert "luminora reembed" in said
    with pytest.raises(DimensionMismatch) as caught:
        asyncio.run(talk("me encanta Bleach"))
    assert (caught.value.expected, caught.value.found) == (1536, 1024)
    assert content(postgres_database) == before

    configure("wide")
    assert "Naruto" in asyncio.run(talk("me encanta Naruto todavía"))


def test_another_model_of_the_same_dimension_is_refused_too(configure, postgres_database):
    configure("narrow")
    assert main(["migrate"]) == 0
    asyncio.run(talk("me encanta Naruto", first=True))
    before = content(postgres_database)
    configure("narrow-too")
    with pytest.raises(DimensionMismatch, match="spread/narrow-too"):
        asyncio.run(talk("me encanta Bleach"))
    assert content(postgres_database) == before


def test_the_first_model_is_refused_even_before_the_first_message(configure, postgres_database):
    """The table is there since the migration, empty."""
    configure("wide")
    assert main(["migrate"]) == 0
    configure("narrow")
    before = content(postgres_database)
    with pytest.raises(DimensionMismatch) as caught:
        asyncio.run(talk("me encanta Naruto", first=True))
    assert (caught.value.expected, caught.value.found) == (1536, 1024)
    assert content(postgres_database) == before


def test_reembed_takes_the_new_model_over_and_back(configure, postgres_database, capsys):
    """From an empty table too; the other dimension is then the one that is refused."""
    configure("wide")
    assert main(["migrate"]) == 0
    configure("narrow")
    assert main(["reembed"]) == 0
    assert "Naruto" in asyncio.run(talk("me encanta Naruto", first=True))
    capsys.readouterr()
    assert main(["migrate"]) == 0
    assert "already up to date" in capsys.readouterr().out

    configure("wide")
    assert main(["migrate"]) == 5
    said = capsys.readouterr().err
    assert "1024" in said
    assert "1536" in said
    assert main(["reembed", "--drop-old", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["indexed"] == 2
    assert "Naruto" in asyncio.run(talk("Naruto otra vez"))
    tables = postgres_database.sql("SELECT relname FROM pg_stat_user_tables ORDER BY relname")
    assert [name for (name,) in tables if "embeddings" in name] == ["lum_message_embeddings_2"]
    assert main(["migrate", "--rollback", "--version", "000", "--yes"]) == 0
