"""A double of Qdrant's REST API: the client's own local mode behind HTTP.

Routes, bodies, statuses and error texts are those of https://api.qdrant.tech. Bodies are parsed
with the client's models, which refuse fields that the API does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from luminora.testing.doubles.http import HttpDouble, Reply, Request
from luminora.testing.servers.base import RUNNING


class QdrantDouble(HttpDouble):
    """A server in this process.

    Attributes:
        version: What it says it is.
        key: The API key it wants, if any.
        forbidden: Methods that a key without rights is refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version = "1.16.2"
        self.key: str | None = None
        self.forbidden: set[str] = set()
        self.client = QdrantClient(":memory:")
        self.indexes: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Reply:
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        if not request.path.strip("/"):
            body = {"title": "qdrant - vector search engine", "version": self.version}
            return Reply(body=body)
        kind, name, *rest = request.parts
        assert kind == "collections", request.path
        making = request.method == "PUT" and not rest
        if not making and name not in self.client._client.collections:
            if request.method == "DELETE":
                return done(result=False)
            return failed(404, f"Not found: Collection `{name}` doesn't exist!")
        handler = getattr(self, f"{request.method.lower()}_{'_'.join(rest) or 'collection'}")
        try:
            result = handler(name, request)
        except ValueError as error:
            return failed(400, f"Wrong input: {error}")
        return result if isinstance(result, Reply) else done(result)

    def refusal(self, request: Request) -> Reply | None:
        if self.key is not None and request.headers.get("api-key") != self.key:
            return Reply(401, b"Must provide an API key or an Authorization bearer token")
        if request.method in self.forbidden:
            return failed(403, "Forbidden: Global manage access is required")
        return None

    def get_collection(self, name: str, request: Request) -> Any:
        info = plain(self.client.get_collection(name))
        info["payload_schema"] = self.indexes[name]
        return info

    def put_collection(self, name: str, request: Request) -> Any:
        wanted = models.CreateCollection(**request.body)
        assert wanted.hnsw_config is not None
        assert (wanted.hnsw_config.m, wanted.hnsw_config.payload_m) == (0, 16)
        if name in self.client._client.collections:
            return failed(409, f"Wrong input: Collection `{name}` already exists!")
        self.indexes[name] = {}
        return self.client.create_collection(
            name,
            vectors_config=wanted.vectors,
            metadata=self.remembered(wanted.metadata),
        )

    def patch_collection(self, name: str, request: Request) -> Any:
        change = models.UpdateCollection(**request.body)
        return self.client.update_collection(name, metadata=self.remembered(change.metadata))

    def delete_collection(self, name: str, request: Request) -> Any:
        return self.client.delete_collection(name)

    def put_index(self, name: str, request: Request) -> Any:
        wanted = models.CreateFieldIndex(**request.body)
        self.indexes[name][wanted.field_name] = {"data_type": "keyword", "points": 0}
        return {"operation_id": 1, "status": "completed"}

    def put_points(self, name: str, request: Request) -> Any:
        assert request.query["wait"] == ["true"]
        points = models.PointsList(**request.body).points
        size = self.size(name)
        for point in points:
            if len(point.vector) != size:
                raise ValueError(
                    f"Vector dimension error: expected dim: {size}, got {len(point.vector)}"
                )
        self.client.upsert(name, points)
        return {"operation_id": 2, "status": "completed"}

    def post_points(self, name: str, request: Request) -> Any:
        wanted = models.PointRequest(**request.body)
        return plain(
            self.client.retrieve(
                name, wanted.ids, with_payload=wanted.with_payload, with_vectors=wanted.with_vector
            )
        )

    def post_points_query(self, name: str, request: Request) -> Any:
        wanted = models.QueryRequest(**request.body)
        vector = wanted.query.nearest
        size = self.size(name)
        if len(vector) != size:
            raise ValueError(f"Vector dimension error: expected dim: {size}, got {len(vector)}")
        found = self.client.query_points(
            name,
            query=vector,
            query_filter=wanted.filter,
            limit=wanted.limit,
            with_payload=wanted.with_payload,
        )
        return plain(found)

    def post_points_count(self, name: str, request: Request) -> Any:
        wanted = models.CountRequest(**request.body)
        return plain(self.client.count(name, count_filter=wanted.filter, exact=True))

    def post_points_delete(self, name: str, request: Request) -> Any:
        assert request.query["wait"] == ["true"]
        wanted = models.FilterSelector(**request.body)
        self.client.delete(name, points_selector=wanted)
        return {"operation_id": 3, "status": "completed"}

    def remembered(self, metadata: Any) -> Any:
        """What is left of metadata: older versions ignore a field that they do not know."""
        known = tuple(int(part) for part in self.version.split(".")[:2]) >= (1, 16)
        return metadata if known else None

    def size(self, name: str) -> int:
        return self.client.get_collection(name).config.params.vectors.size


def plain(model: Any) -> Any:
    """A model or a list of them as JSON."""
    if isinstance(model, list):
        return [plain(one) for one in model]
    return json.loads(model.model_dump_json())


def done(result: Any) -> Reply:
    return Reply(body={"result": result, "status": "ok", "time": 0.001})


def failed(status: int, error: str) -> Reply:
    return Reply(status, {"status": {"error": error}, "time": 0.0})


@pytest.fixture(scope="session")
def qdrant_server() -> Iterator[QdrantDouble]:
    """One double for the whole run; collections are the tests' own."""
    server = QdrantDouble()
    server.start()
    RUNNING["qdrant double"] = "a double of Qdrant's REST API"
    yield server
    server.kill()
    server.client.close()


@pytest.fixture
def qdrant(qdrant_server: QdrantDouble) -> Iterator[QdrantDouble]:
    """The double, without what an earlier test did to it."""
    yield qdrant_server
    qdrant_server.key = None
    qdrant_server.version = "1.16.2"
    qdrant_server.forbidden.clear()
    qdrant_server.seen.clear()
