"""A double of Pinecone: the HTTP of API 2026-07 as the official SDK speaks it, nothing else.

Control plane and data plane share one port: an index's host is ``…/i/<index>`` below it. What
is checked as the service does: keys, names, dimensions, sizes of requests, filters, whether an
index is ready. Writes can be made visible late (``lag``), as the service's are.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from luminora.testing.doubles.http import HttpDouble, Reply, Request
from luminora.testing.servers.base import RUNNING

KEY = "pc-double-key"
NAME = "pinecone-double"


@dataclass
class Vector:
    """One record."""

    values: list[float]
    metadata: dict[str, Any]


@dataclass
class Index:
    """One index; ``pending`` are writes that become visible at their time."""

    schema: dict[str, Any]
    deployment: dict[str, Any]
    tags: dict[str, str] | None
    ready_at: float
    protected: bool = False
    gone_at: float | None = None
    spaces: dict[str, dict[str, Vector]] = field(default_factory=dict)
    pending: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    @property
    def dimension(self) -> int:
        dimension: int = self.schema["fields"]["_values"]["dimension"]
        return dimension


class Refusal(Exception):
    """An error reply."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"error": {"code": code, "message": message}, "status": status})


class PineconeDouble(HttpDouble):
    """Everything in memory; indexes survive :meth:`kill`.

    Attributes:
        lag: Seconds until a write is seen by reads.
        build_seconds: Seconds until a new index is ready, and until a deleted one is gone.
        namespaces: How many namespaces an index may have.
    """

    def __init__(self) -> None:
        super().__init__()
        self.indexes: dict[str, Index] = {}
        self.lag = 0.0
        self.build_seconds = 0.0
        self.namespaces = 10_000
        self.read_only = False
        self.shown_host: str | None = None

    def start(self) -> None:
        super().start()
        RUNNING[NAME] = "a double of Pinecone's API 2026-07"

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except Refusal as refusal:
            return refusal.reply

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("api-key") != KEY:
            raise Refusal(401, "UNAUTHENTICATED", "Invalid API Key")
        if request.headers.get("x-pinecone-api-version") != "2026-07":
            raise Refusal(400, "INVALID_ARGUMENT", "unknown API version")
        if request.parts[0] == "indexes":
            return self._control(request)
        if request.parts[0] == "i":
            return self._data(self._living(request.parts[1], ready=True), request)
        raise Refusal(404, "NOT_FOUND", "no such route")

    # Control plane

    def _living(self, name: str, *, ready: bool = False) -> Index:
        index = self.indexes.get(name)
        if index is not None and index.gone_at is not None and index.gone_at <= time.monotonic():
            del self.indexes[name]
            index = None
        if index is None or (ready and index.ready_at > time.monotonic()):
            raise Refusal(404, "NOT_FOUND", f"Resource {name} not found")
        return index

    def _control(self, request: Request) -> Reply:
        name = request.parts[1] if len(request.parts) > 1 else None
        if request.method != "GET" and self.read_only:
            raise Refusal(403, "FORBIDDEN", "the key's roles do not allow this")
        if name is None and request.method == "POST":
            return self._create(request.body)
        if name is None:
            living = [n for n in list(self.indexes) if self._lives(n)]
            return Reply(200, {"indexes": [self._described(n) for n in living]})
        index = self._living(name)
        if request.method == "DELETE":
            if index.protected:
                raise Refusal(403, "FORBIDDEN", "Deletion protection is enabled for this index")
            index.gone_at = time.monotonic() + self.build_seconds
            return Reply(202)
        if request.method == "PATCH":
            tags = {**(index.tags or {}), **(request.body.get("tags") or {})}
            index.tags = {key: value for key, value in tags.items() if value != ""} or None
        return Reply(200, self._described(name))

    def _lives(self, name: str) -> bool:
        try:
            self._living(name)
        except Refusal:
            return False
        return True

    def _create(self, body: dict[str, Any]) -> Reply:
        name = body["name"]
        if self._lives(name):
            raise Refusal(409, "ALREADY_EXISTS", f"Resource {name} already exists")
        if body["schema"]["fields"].keys() != {"_values"}:
            raise Refusal(400, "INVALID_ARGUMENT", "the double makes vector indexes only")
        if not 1 <= body["schema"]["fields"]["_values"]["dimension"] <= 20_000:
            raise Refusal(400, "INVALID_ARGUMENT", "dimension out of range")
        self.indexes[name] = Index(
            body["schema"],
            body.get("deployment")
            or {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
            body.get("tags"),
            time.monotonic() + self.build_seconds,
            body.get("deletion_protection") == "enabled",
        )
        return Reply(201, self._described(name))

    def _described(self, name: str) -> dict[str, Any]:
        index = self.indexes[name]
        ready = index.ready_at <= time.monotonic()
        state = "Terminating" if index.gone_at is not None else "Ready"
        return {
            "name": name,
            "host": self.shown_host or f"{self.url}/i/{name}",
            "schema": index.schema,
            "deployment": index.deployment,
            "deletion_protection": "enabled" if index.protected else "disabled",
            "tags": index.tags,
            "status": {
                "ready": ready and index.gone_at is None,
                "state": state if ready else "Initializing",
            },
        }

    # Data plane

    def _data(self, index: Index, request: Request) -> Reply:
        now = time.monotonic()
        due = [write for at, write in index.pending if at <= now]
        index.pending = [(at, write) for at, write in index.pending if at > now]
        for write in due:
            write()
        action = "/".join(
            request.parts[2:3] if request.parts[2] == "namespaces" else request.parts[2:]
        )
        routes = {
            ("POST", "vectors/upsert"): self._upsert,
            ("POST", "query"): self._query,
            ("GET", "vectors/fetch"): self._fetch,
            ("POST", "vectors/fetch_by_metadata"): self._fetch_by_metadata,
            ("GET", "vectors/list"): self._list,
            ("POST", "vectors/delete"): self._delete,
            ("POST", "describe_index_stats"): self._stats,
            ("GET", "namespaces"): self._namespace,
            ("DELETE", "namespaces"): self._delete_namespace,
        }
        if (request.method, action) not in routes:
            raise Refusal(404, "NOT_FOUND", f"no such route: {request.method} {action}")
        return routes[request.method, action](index, request)

    def _later(self, index: Index, write: Callable[[], None]) -> None:
        if self.lag:
            index.pending.append((time.monotonic() + self.lag, write))
        else:
            write()

    def _upsert(self, index: Index, request: Request) -> Reply:
        vectors, space = request.body["vectors"], request.body.get("namespace", "")
        if len(vectors) > 1_000:
            raise Refusal(400, "INVALID_ARGUMENT", "at most 1000 vectors per request")
        if len(json.dumps(request.body, ensure_ascii=False).encode()) > 2 * 1024 * 1024:
            raise Refusal(413, "PAYLOAD_TOO_LARGE", "Request size exceeds 2MB")
        for vector in vectors:
            _check(vector, index.dimension)
        if space not in index.spaces and len(index.spaces) >= self.namespaces:
            raise Refusal(403, "QUOTA_EXCEEDED", "you have reached the max namespaces allowed")

        def write() -> None:
            kept = index.spaces.setdefault(space, {})
            for vector in vectors:
                kept[vector["id"]] = Vector(vector["values"], vector.get("metadata") or {})

        self._later(index, write)
        return Reply(200, {"upsertedCount": len(vectors)})

    def _query(self, index: Index, request: Request) -> Reply:
        body = request.body
        if not 1 <= body["topK"] <= 10_000:
            raise Refusal(400, "INVALID_ARGUMENT", "topK out of range")
        if len(body["vector"]) != index.dimension:
            raise Refusal(
                400,
                "INVALID_ARGUMENT",
                f"Vector dimension {len(body['vector'])} does not match the dimension of the "
                f"index {index.dimension}",
            )
        space = index.spaces.get(body.get("namespace", ""), {})
        scored = [
            (_cosine(vector.values, body["vector"]), key, vector)
            for key, vector in space.items()
            if _fits(vector.metadata, body.get("filter"))
        ]
        scored.sort(key=lambda found: -found[0])
        matches = []
        for score, key, vector in scored[: body["topK"]]:
            match: dict[str, Any] = {"id": key, "score": score, "values": []}
            if body.get("includeValues"):
                match["values"] = vector.values
            if body.get("includeMetadata"):
                match["metadata"] = vector.metadata
            matches.append(match)
        answer = {"matches": matches, "namespace": body.get("namespace", "")}
        return Reply(200, {**answer, "usage": {"readUnits": 1}})

    def _fetch(self, index: Index, request: Request) -> Reply:
        space = request.query.get("namespace", [""])[0]
        wanted = request.query.get("ids", [])
        if len(wanted) > 1_000:
            raise Refusal(400, "INVALID_ARGUMENT", "at most 1000 ids per request")
        kept = index.spaces.get(space, {})
        vectors = {key: _shown(key, kept[key]) for key in wanted if key in kept}
        return Reply(200, {"vectors": vectors, "namespace": space, "usage": {"readUnits": 1}})

    def _fetch_by_metadata(self, index: Index, request: Request) -> Reply:
        body = request.body
        kept = index.spaces.get(body.get("namespace", ""), {})
        keys = sorted(key for key, vector in kept.items() if _fits(vector.metadata, body["filter"]))
        page, token = _page(keys, body.get("paginationToken"), body.get("limit", 100))
        answer: dict[str, Any] = {
            "vectors": {key: _shown(key, kept[key]) for key in page},
            "namespace": body.get("namespace", ""),
            "usage": {"readUnits": 1},
        }
        if token:
            answer["pagination"] = {"next": token}
        return Reply(200, answer)

    def _list(self, index: Index, request: Request) -> Reply:
        query = {name: values[0] for name, values in request.query.items()}
        kept = index.spaces.get(query.get("namespace", ""), {})
        keys = sorted(key for key in kept if key.startswith(query.get("prefix", "")))
        page, token = _page(keys, query.get("paginationToken"), int(query.get("limit", 100)))
        answer: dict[str, Any] = {
            "vectors": [{"id": key} for key in page],
            "namespace": query.get("namespace", ""),
            "usage": {"readUnits": 1},
        }
        if token:
            answer["pagination"] = {"next": token}
        return Reply(200, answer)

    def _delete(self, index: Index, request: Request) -> Reply:
        body = request.body
        space = body.get("namespace", "")
        chosen = [name for name in ("ids", "deleteAll", "filter") if body.get(name)]
        if len(chosen) != 1:
            raise Refusal(400, "INVALID_ARGUMENT", "one of ids, deleteAll and filter")
        if len(body.get("ids", [])) > 1_000:
            raise Refusal(400, "INVALID_ARGUMENT", "at most 1000 ids per request")

        def write() -> None:
            kept = index.spaces.get(space, {})
            for key in list(kept):
                wanted = body.get("deleteAll") or key in body.get("ids", ())
                if wanted or ("filter" in body and _fits(kept[key].metadata, body["filter"])):
                    del kept[key]

        self._later(index, write)
        return Reply(200, {})

    def _stats(self, index: Index, request: Request) -> Reply:
        counts = {
            name or "__default__": {"vectorCount": len(kept)} for name, kept in index.spaces.items()
        }
        return Reply(
            200,
            {
                "namespaces": counts,
                "dimension": index.dimension,
                "indexFullness": 0,
                "totalVectorCount": sum(len(kept) for kept in index.spaces.values()),
                "metric": index.schema["fields"]["_values"].get("metric", "cosine"),
                "vectorType": "dense",
            },
        )

    def _namespace(self, index: Index, request: Request) -> Reply:
        if len(request.parts) == 3:
            listed = [
                {"name": name, "record_count": str(len(kept))}
                for name, kept in sorted(index.spaces.items())
            ]
            return Reply(200, {"namespaces": listed, "total_count": len(listed)})
        name = request.parts[3]
        if name not in index.spaces:
            raise Refusal(404, "NOT_FOUND", f"Namespace {name} not found")
        return Reply(200, {"name": name, "record_count": str(len(index.spaces[name]))})

    def _delete_namespace(self, index: Index, request: Request) -> Reply:
        name = request.parts[3]
        if name not in index.spaces and not index.pending:
            raise Refusal(404, "NOT_FOUND", f"Namespace {name} not found")
        self._later(index, lambda: index.spaces.pop(name, None))
        return Reply(202, {})


def _check(vector: Mapping[str, Any], dimension: int) -> None:
    """Refuse a vector as the service does."""
    values, key = vector["values"], vector["id"]
    if len(values) != dimension:
        raise Refusal(
            400,
            "INVALID_ARGUMENT",
            f"Vector dimension {len(values)} does not match the dimension of the index {dimension}",
        )
    if not any(values):
        raise Refusal(400, "INVALID_ARGUMENT", "dense vectors must not be all zeros")
    if not key.isascii() or not 1 <= len(key) <= 512:
        raise Refusal(400, "INVALID_ARGUMENT", "bad vector ID")
    if len(json.dumps(vector.get("metadata"), ensure_ascii=False).encode()) > 40_960:
        raise Refusal(400, "INVALID_ARGUMENT", "metadata size exceeds 40960 bytes")


def _shown(key: str, vector: Vector) -> dict[str, Any]:
    return {"id": key, "values": vector.values, "metadata": vector.metadata}


def _page(keys: list[str], token: str | None, limit: int) -> tuple[list[str], str | None]:
    start = int(token) if token else 0
    end = start + limit
    return keys[start:end], str(end) if end < len(keys) else None


def _fits(metadata: Mapping[str, Any], condition: Mapping[str, Any] | None) -> bool:
    for name, wanted in (condition or {}).items():
        if name == "$and":
            if not all(_fits(metadata, part) for part in wanted):
                return False
        elif not isinstance(wanted, dict):
            if metadata.get(name) != wanted:
                return False
        elif wanted.keys() == {"$eq"}:
            if metadata.get(name) != wanted["$eq"]:
                return False
        elif wanted.keys() == {"$in"}:
            if metadata.get(name) not in wanted["$in"]:
                return False
        else:
            raise Refusal(400, "INVALID_ARGUMENT", f"unsupported operator in {wanted}")
    return True


def _cosine(one: list[float], other: list[float]) -> float:
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


@pytest.fixture(scope="session")
def _pinecone_server() -> Iterator[PineconeDouble]:
    double = PineconeDouble()
    double.start()
    yield double
    double.kill()


@pytest.fixture
def pinecone_double(_pinecone_server: PineconeDouble) -> PineconeDouble:
    """The double, empty and without faults."""
    double = _pinecone_server
    double.indexes.clear()
    double.faults.clear()
    double.seen.clear()
    double.lag = double.build_seconds = 0.0
    double.namespaces, double.read_only, double.shown_host = 10_000, False, None
    return double
