"""A double of Weaviate 1.34: its REST for the schema, its gRPC for everything else.

Written against what the official client sends and what the server's documentation and source say it
answers. gRPC errors carry the code UNKNOWN where the server's do; text filters follow the
property's tokenization, which for ``field`` trims white space; the first vector of a collection
fixes its dimension; a deletion stops at :attr:`WeaviateDouble.most` objects.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from weaviate.proto.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    health_weaviate_pb2,
    properties_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

from luminora.testing.doubles.http import Fault, HttpDouble, Reply, Request
from luminora.testing.servers.base import RUNNING, free_port

NAME = "weaviate-double"
VERSION = "1.34.0"
HNSW = {
    "skip": False,
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": 1_000_000_000_000,
    "flatSearchCutoff": 40_000,
    "distance": "cosine",
    "pq": {
        "enabled": False,
        "bitCompression": False,
        "segments": 0,
        "centroids": 256,
        "trainingLimit": 100_000,
        "encoder": {"type": "kmeans", "distribution": "log-normal"},
    },
    "bq": {"enabled": False},
    "sq": {"enabled": False, "trainingLimit": 100_000, "rescoreLimit": 20},
    "rq": {"enabled": False, "bits": 8, "rescoreLimit": 20},
    "filterStrategy": "sweeping",
    "multivector": {"enabled": False, "aggregation": "maxSim", "muvera": {"enabled": False}},
}
DEFAULTS: dict[str, Any] = {
    "invertedIndexConfig": {
        "bm25": {"b": 0.75, "k1": 1.2},
        "cleanupIntervalSeconds": 60,
        "stopwords": {"preset": "en", "additions": None, "removals": None},
        "indexNullState": False,
        "indexPropertyLength": False,
        "indexTimestamps": False,
        "usingBlockMaxWAND": True,
    },
    "multiTenancyConfig": {
        "enabled": False,
        "autoTenantCreation": False,
        "autoTenantActivation": False,
    },
    "replicationConfig": {
        "factor": 1,
        "asyncEnabled": False,
        "deletionStrategy": "NoAutomatedResolution",
    },
    "shardingConfig": {
        "virtualPerPhysical": 128,
        "desiredCount": 1,
        "actualCount": 1,
        "desiredVirtualCount": 128,
        "actualVirtualCount": 128,
        "key": "_id",
        "strategy": "hash",
        "function": "murmur3",
    },
}
PROPERTY = {
    "indexFilterable": True,
    "indexSearchable": True,
    "indexRangeFilters": False,
    "tokenization": "word",
}


@dataclass
class Thing:
    """One object."""

    properties: dict[str, Any]
    vector: np.ndarray[Any, Any]


@dataclass
class Collection:
    """One collection; its dimension is fixed by the first vector."""

    config: dict[str, Any]
    things: dict[str, Thing] = field(default_factory=dict)
    dimension: int | None = None

    def tokenization(self, name: str) -> str:
        """How a property's text is cut."""
        for known in self.config["properties"]:
            if known["name"] == name:
                return str(known["tokenization"])
        raise Refusal(f"no such prop with name '{name}' found in class")


class Refusal(Exception):
    """A gRPC error; the code is UNKNOWN unless said otherwise, as the server's is."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        super().__init__(message)
        self.code = code


class WeaviateDouble(HttpDouble):
    """Everything in memory; collections survive :meth:`kill`.

    Attributes:
        keys: API keys that are let in; empty for everybody.
        readers: Keys that may not write.
        most: How many objects one query may answer and one deletion may delete.
        refused: Says why an object of a batch is refused, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.grpc_port = free_port()
        self.collections: dict[str, Collection] = {}
        self.keys: set[str] = set()
        self.readers: set[str] = set()
        self.version = VERSION
        self.most = 10_000
        self.refused: Callable[[dict[str, Any]], str | None] = lambda _: None
        self.called: list[str] = []
        self.grpc_faults: list[tuple[Fault, grpc.StatusCode | None, str]] = []
        self._grpc: grpc.Server | None = None

    def start(self) -> None:
        super().start()
        self.start_grpc()
        RUNNING[NAME] = f"a double of Weaviate {VERSION}"

    def start_grpc(self) -> None:
        """Let the gRPC half listen."""
        server = grpc.server(ThreadPoolExecutor(16))
        weaviate_pb2_grpc.add_WeaviateServicer_to_server(Servicer(self), server)
        check = grpc.unary_unary_rpc_method_handler(
            lambda _request, _context: health_weaviate_pb2.WeaviateHealthCheckResponse(
                status=health_weaviate_pb2.WeaviateHealthCheckResponse.SERVING
            ),
            request_deserializer=health_weaviate_pb2.WeaviateHealthCheckRequest.FromString,
            response_serializer=health_weaviate_pb2.WeaviateHealthCheckResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})
        server.add_generic_rpc_handlers((handlers,))
        server.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        server.start()
        self._grpc = server

    def kill(self) -> None:
        super().kill()
        self.kill_grpc()

    def kill_grpc(self) -> None:
        """Stop the gRPC half alone."""
        server, self._grpc = self._grpc, None
        if server is not None:
            server.stop(None).wait(5)

    @contextmanager
    def grpc_failing(
        self,
        code: grpc.StatusCode | None,
        details: str = "",
        method: str = "",
        *,
        times: int | None = None,
        skip: int = 0,
    ) -> Iterator[None]:
        """With gRPC calls failing for as long as the block runs; no code means: hanging."""
        entry = (Fault(None, method, times, skip), code, details)
        self.grpc_faults.append(entry)
        try:
            yield
        finally:
            self.grpc_faults.remove(entry)
            self._released.set()
            self._released.clear()

    def called_with(self, method: str) -> None:
        """Note a gRPC call, and fail it if it is to fail."""
        with self.lock:
            self.called.append(method)
            entry = next((one for one in self.grpc_faults if one[0].hits(method)), None)
        if entry is None:
            return
        if entry[1] is None:
            self.hang()
        else:
            raise Refusal(entry[2], entry[1])

    def clear(self) -> None:
        """Hold nothing, fail nowhere, let everybody in."""
        for held in (self.collections, self.keys, self.readers):
            held.clear()
        for log in (self.faults, self.seen, self.called, self.grpc_faults):
            log.clear()
        self.version, self.most = VERSION, 10_000
        self.refused = lambda _: None

    # REST

    def answer(self, request: Request) -> Reply:
        parts = request.parts[1:]
        if parts[0] == ".well-known":
            return Reply(404 if parts[1] == "openid-configuration" else 200)
        denied = self._denied(request)
        if denied is not None:
            return denied
        if parts == ["meta"]:
            grpc_size = {"grpcMaxMessageSize": 104_858_000}
            return Reply(
                200, {"hostname": self.url, "version": self.version, "modules": {}, **grpc_size}
            )
        if parts[0] == "schema":
            return self._schema(request, parts[1] if len(parts) > 1 else None)
        return _error(501, f"not in the double: {request.method} {request.path}")

    def _denied(self, request: Request) -> Reply | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys and not given:
            return Reply(401, {"code": 401, "message": "anonymous access not enabled"})
        if self.keys and given not in self.keys:
            return Reply(401, {"code": 401, "message": "unauthorized: invalid api key"})
        if given in self.readers and request.method != "GET":
            return _error(403, "rbac: authorization, forbidden action: insufficient permissions")
        return None

    def _schema(self, request: Request, name: str | None) -> Reply:
        if name is None and request.method == "POST":
            return self._create(request.body)
        if name is None:
            return Reply(200, {"classes": [held.config for held in self.collections.values()]})
        if request.method == "DELETE":
            self.collections.pop(name, None)
            return Reply(200)
        if name not in self.collections:
            return Reply(404)
        if request.method == "PUT":
            self.collections[name].config = request.body
        return Reply(200, self.collections[name].config)

    def _create(self, config: dict[str, Any]) -> Reply:
        name = config["class"]
        if not re.fullmatch(r"[A-Z][_0-9A-Za-z]{0,254}", name):
            return _error(422, f"'{name}' is not a valid class name")
        if name in self.collections:
            return _error(422, f"class name {name} already exists")
        for section, defaults in DEFAULTS.items():
            config[section] = {**defaults, **config.get(section, {})}
        for known in config.setdefault("properties", []):
            known.update({**PROPERTY, **known})
        for vector in config["vectorConfig"].values():
            vector["vectorIndexConfig"] = {**HNSW, **vector.get("vectorIndexConfig", {})}
        self.collections[name] = Collection(config)
        return Reply(200, config)


class Servicer(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
    """The gRPC half."""

    def __init__(self, double: WeaviateDouble) -> None:
        self.double = double

    def _guarded(self, method: str, context: Any, do: Callable[[], Any], *, writes: bool) -> Any:
        given = dict(context.invocation_metadata()).get("authorization", "")
        try:
            self._let_in(given.removeprefix("Bearer "), writes=writes)
            self.double.called_with(method)
            if not context.is_active():  # the client has given up meanwhile
                return None
            with self.double.lock:
                return do()
        except Refusal as refusal:
            context.abort(refusal.code, str(refusal))

    def _let_in(self, key: str, *, writes: bool) -> None:
        if self.double.keys and key not in self.double.keys:
            raise Refusal("unauthorized: invalid api key", grpc.StatusCode.UNAUTHENTICATED)
        if writes and key in self.double.readers:
            raise Refusal(
                "rbac: authorization, forbidden action", grpc.StatusCode.PERMISSION_DENIED
            )

    def _collection(self, name: str) -> Collection:
        if name not in self.double.collections:
            raise Refusal(f"could not find class {name} in schema")
        return self.double.collections[name]

    def BatchObjects(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return self._guarded("BatchObjects", context, lambda: self._batch(request), writes=True)

    def _batch(self, request: Any) -> Any:
        errors = []
        for number, sent in enumerate(request.objects):
            try:
                self._put(sent)
            except Refusal as refusal:
                error = batch_pb2.BatchObjectsReply.BatchError(index=number, error=str(refusal))
                errors.append(error)
        return batch_pb2.BatchObjectsReply(took=0.001, errors=errors)

    def _put(self, sent: Any) -> None:
        collection = self._collection(sent.collection)
        properties = dict(sent.properties.non_ref_properties)
        why = self.double.refused(properties)
        if why is not None:
            raise Refusal(why)
        vector = _vector(sent)
        if collection.dimension is None:
            collection.dimension = len(vector)
        if collection.dimension != len(vector):
            raise Refusal(
                f"new node has a vector with length {len(vector)}. "
                f"Existing nodes have vectors with length {collection.dimension}"
            )
        collection.things[str(uuid.UUID(sent.uuid))] = Thing(properties, vector)

    def BatchDelete(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return self._guarded("BatchDelete", context, lambda: self._delete(request), writes=True)

    def _delete(self, request: Any) -> Any:
        collection = self._collection(request.collection)
        keys = [key for key in collection.things if _fits(collection, request.filters, key)]
        doomed = keys[: self.double.most]
        if not request.dry_run:
            for key in doomed:
                del collection.things[key]
        return batch_delete_pb2.BatchDeleteReply(
            took=0.001, matches=len(keys), successful=len(doomed)
        )

    def Aggregate(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return self._guarded("Aggregate", context, lambda: self._count(request), writes=False)

    def _count(self, request: Any) -> Any:
        collection = self._collection(request.collection)
        found = [
            key
            for key in collection.things
            if not request.HasField("filters") or _fits(collection, request.filters, key)
        ]
        single = aggregate_pb2.AggregateReply.Single(objects_count=len(found))
        return aggregate_pb2.AggregateReply(took=0.001, single_result=single)

    def Search(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return self._guarded("Search", context, lambda: self._search(request), writes=False)

    def _search(self, request: Any) -> Any:
        collection = self._collection(request.collection)
        if request.offset + request.limit > self.double.most:
            raise Refusal("query maximum results exceeded")
        found: list[tuple[str, float | None]] = [
            (key, None)
            for key in sorted(collection.things)
            if not request.HasField("filters") or _fits(collection, request.filters, key)
        ]
        if request.HasField("near_vector"):
            found = self._nearest(collection, _vector(request.near_vector), found)
        if request.after:
            found = [(key, distance) for key, distance in found if key > request.after]
        found = found[request.offset : request.offset + (request.limit or 10)]
        results = [self._result(collection, request, key, distance) for key, distance in found]
        return search_get_pb2.SearchReply(took=0.001, results=results)

    def _nearest(
        self, collection: Collection, wanted: Any, found: list[tuple[str, float | None]]
    ) -> list[tuple[str, float | None]]:
        if collection.dimension not in {None, len(wanted)}:
            raise Refusal(f"vector lengths don't match: {collection.dimension} vs {len(wanted)}")
        scored = []
        for key, _ in found:
            vector = collection.things[key].vector
            norms = float(np.linalg.norm(vector) * np.linalg.norm(wanted)) or 1.0
            scored.append((key, 1.0 - float(vector @ wanted) / norms))
        return sorted(scored, key=lambda one: one[1])  # type: ignore[return-value]

    def _result(
        self, collection: Collection, request: Any, key: str, distance: float | None
    ) -> Any:
        thing = collection.things[key]
        meta = search_get_pb2.MetadataResult(
            id=key,
            id_as_bytes=uuid.UUID(key).bytes,
            creation_time_unix=1,
            creation_time_unix_present=True,
            last_update_time_unix=1,
            last_update_time_unix_present=True,
        )
        if distance is not None and request.metadata.distance:
            meta.distance, meta.distance_present = distance, True
        if request.metadata.vector or request.metadata.vectors:
            single = base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
            raw = thing.vector.tobytes()
            meta.vectors.append(base_pb2.Vectors(name="default", vector_bytes=raw, type=single))
        wanted = request.properties
        every = not request.HasField("properties") or wanted.return_all_nonref_properties
        fields = {
            name: properties_pb2.Value(text_value=value)
            for name, value in thing.properties.items()
            if every or name in wanted.non_ref_properties
        }
        return search_get_pb2.SearchResult(
            metadata=meta,
            properties=search_get_pb2.PropertiesResult(
                target_collection=request.collection,
                non_ref_props=properties_pb2.Properties(fields=fields),
            ),
        )


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"error": [{"message": message}]})


def _vector(sent: Any) -> np.ndarray[Any, Any]:
    raw = sent.vector_bytes or (sent.vectors[0].vector_bytes if sent.vectors else b"")
    return np.frombuffer(raw, "<f4")


def _fits(collection: Collection, condition: Any, key: str) -> bool:
    operator = base_pb2.Filters.Operator.Name(condition.operator).removeprefix("OPERATOR_")
    if operator in {"AND", "OR"}:
        gather = all if operator == "AND" else any
        return gather(_fits(collection, part, key) for part in condition.filters)
    kind = condition.WhichOneof("test_value")
    value = getattr(condition, kind)
    values = list(value.values) if kind.endswith("_array") else [value]
    name = condition.target.property
    if operator not in {"EQUAL", "CONTAINS_ANY"}:
        raise Refusal(f"not in the double: {operator}")
    if name == "_id":
        return key in values
    tokenization = collection.tokenization(name)
    held = _tokens(collection.things[key].properties.get(name, ""), tokenization)
    return any((wanted := _tokens(value, tokenization)) and wanted <= held for value in values)


def _tokens(text: str, tokenization: str) -> set[str]:
    if tokenization == "field":
        return {text.strip()} - {""}
    if tokenization == "whitespace":
        return set(text.split())
    words = re.findall(r"\w+", text.lower()) if tokenization == "word" else text.lower().split()
    return set(words)
