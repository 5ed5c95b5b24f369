"""Every storage with its natural vector store, and every vector store: a luminora.json for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from luminora.testing.servers.base import RUNNING
from tests.servers import pinecone

_ALONE = frozenset({"qdrant"})  # its local mode locks the folder

Sections = dict[str, Any]
Made = tuple[Sections, Mapping[str, str]]
"""Sections of luminora.json, and the environment variables that they name."""


@dataclass(frozen=True)
class StackFile:
    """A stack as its user would configure it.

    Attributes:
        path: Its luminora.json.
        alone: Whether only one client at a time may have it open.
    """

    name: str
    path: Path
    sections: Sections = field(repr=False)

    @property
    def alone(self) -> bool:
        return self.name in _ALONE

    def changed(self, **sections: Any) -> Path:
        """The file of a stack that differs in these sections."""
        path = self.path.with_name(f"{self.path.stem}-{len(list(self.path.parent.iterdir()))}.json")
        path.write_text(json.dumps({**self.sections, **sections}))
        return path


def _sqlite(request: pytest.FixtureRequest) -> Made:
    return {"storage_provider": {"name": "sqlite", "config": {"database_path": "one.db"}}}, {}


def _postgresql(request: pytest.FixtureRequest) -> Made:
    database = request.getfixturevalue("postgres_database")
    return {
        "storage_provider": {"name": "postgresql", "config": database.config},
        "vector_store_provider": {"name": "pgvector"},
    }, database.env


def _mysql(request: pytest.FixtureRequest) -> Made:
    database = request.getfixturevalue("mariadb_database")
    config = {
        "host": database.host,
        "port": database.port,
        "database": database.name,
        "user": database.user,
        "password_env": "DB_PASSWORD",
    }
    storage = {"name": "mysql", "config": config}
    return {"storage_provider": storage}, {"DB_PASSWORD": database.password}


def _mongodb(request: pytest.FixtureRequest) -> Made:
    database = request.getfixturevalue("mongo_database")
    return {"storage_provider": {"name": "mongodb", "config": database.config}}, database.env


def _dynamodb(request: pytest.FixtureRequest) -> Made:
    server = request.getfixturevalue("moto")
    config = {
        "region": "eu-west-1",
        "endpoint_url": server.url,
        "access_key_env": "AWS_KEY",
        "secret_key_env": "AWS_SECRET",
    }
    storage = {"name": "dynamodb", "config": config}
    return {"storage_provider": storage}, {"AWS_KEY": "test", "AWS_SECRET": "test"}


def _redis(request: pytest.FixtureRequest) -> Made:
    place = request.getfixturevalue("redis_place")
    return {
        "storage_provider": {"name": "redis", "config": place.config},
        "cache_provider": {"name": "redis", "config": {"url_env": "REDIS_URL"}},
    }, place.env


def _faiss(request: pytest.FixtureRequest) -> Made:
    return _beside({"name": "faiss", "config": {"persist_directory": "vectors"}})


def _qdrant(request: pytest.FixtureRequest) -> Made:
    return _beside({"name": "qdrant", "config": {"path": "vectors"}})


def _chromadb(request: pytest.FixtureRequest) -> Made:
    return _beside({"name": "chromadb", "config": {"persist_directory": "./vectors"}})


def _weaviate(request: pytest.FixtureRequest) -> Made:
    from tests.servers.weaviate import WeaviateDouble  # loads gRPC

    double = WeaviateDouble()
    double.start()
    request.addfinalizer(double.kill)
    config = {"url": double.url, "grpc_port": double.grpc_port, "timeout_seconds": 10}
    return _beside({"name": "weaviate", "config": config})


def _pinecone(request: pytest.FixtureRequest) -> Made:
    double = request.getfixturevalue("pinecone_double")
    store = {"name": "pinecone", "config": {"host": double.url, "timeout_seconds": 10}}
    return _beside(store, PINECONE_API_KEY=pinecone.KEY)


def _beside(store: dict[str, Any], **env: str) -> Made:
    """A vector store beside a file of messages."""
    storage = {"name": "sqlite", "config": {"database_path": "one.db"}}
    return {"storage_provider": storage, "vector_store_provider": store}, env


STACKS: dict[str, tuple[str, str, Callable[[pytest.FixtureRequest], Made]]] = {
    "sqlite": ("sqlite", "SQLite", _sqlite),
    "postgresql": ("postgresql", "postgresql", _postgresql),
    "mysql": ("mariadb", "mariadb", _mysql),
    "mongodb": ("mongodb", "mongodb", _mongodb),
    "dynamodb": ("dynamodb", "moto", _dynamodb),
    "redis": ("redis", "redis", _redis),
    "faiss": ("faiss", "FAISS", _faiss),
    "qdrant": ("qdrant", "qdrant-client's local mode", _qdrant),
    "chromadb": ("chromadb", "Chroma in a folder", _chromadb),
    "weaviate": ("weaviate", "weaviate-double", _weaviate),
    "pinecone": ("pinecone", pinecone.NAME, _pinecone),
}
"""By name: the group that keeps a server's tests on one worker, what the tests run against (a
server's name or a text), and what makes the sections."""


def every_stack(*names: str) -> list[Any]:
    """Parameters for tests that run on every stack, or on those named."""
    return [
        pytest.param(
            name,
            id=name,
            marks=[
                pytest.mark.xdist_group(group),
                pytest.mark.backend(f"whole stack: {name}", against=against),
            ],
        )
        for name, (group, against, _) in STACKS.items()
        if not names or name in names
    ]


@pytest.fixture
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StackFile:
    """The stack that the test's parameter names, its variables in the environment."""
    name: str = request.param
    sections, env = STACKS[name][2](request)
    for variable, value in env.items():
        monkeypatch.setenv(variable, value)
    path = Path("luminora.json").absolute()
    path.write_text(json.dumps(sections))
    RUNNING.setdefault(STACKS[name][1], STACKS[name][1])
    return StackFile(name, path, sections)
