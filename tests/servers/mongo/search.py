"""``$vectorSearch`` and its indexes: exact cosine over everything that passes the filter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.binary import Binary

from tests.servers.mongo.engine import Collection, Key
from tests.servers.mongo.faults import CommandError
from tests.servers.mongo.values import Doc, matches


def listed(live: Collection | None, given: Mapping[str, Any]) -> list[Doc]:
    """What ``$listSearchIndexes`` answers."""
    found = list(live.search.values()) if live else []
    wanted = given.get("name")
    return [
        {
            "id": one["name"],
            "name": one["name"],
            "type": one.get("type", "search"),
            "status": "READY",
            "queryable": True,
            "latestDefinition": one["definition"],
        }
        for one in found
        if wanted in {None, one["name"]}
    ]


def nearest(live: Collection | None, given: Mapping[str, Any], now: datetime) -> dict[Key, float]:
    """The keys of the nearest documents with their scores, best first.

    Raises:
        CommandError: The query does not fit the index.
    """
    index = live.search.get(given["index"]) if live else None
    if live is None or index is None:
        return {}
    fields = {one["path"]: one for one in index["definition"]["fields"]}
    declared = fields[given["path"]]
    query = _floats(given["queryVector"])
    if len(query) != declared["numDimensions"]:
        raise CommandError(
            8,
            "UnknownError",
            f"vector field is indexed with {declared['numDimensions']} dimensions but queried "
            f"with {len(query)}",
        )
    if not given.get("exact") and given["numCandidates"] < given["limit"]:
        raise CommandError(8, "UnknownError", "numCandidates must be at least limit")
    condition = given.get("filter", {})
    for name in condition:
        if fields.get(name, {}).get("type") != "filter":
            raise CommandError(8, "UnknownError", f"Path '{name}' needs to be indexed as filter")
    scores = {
        key: (1 + _cosine(query, _floats(doc[given["path"]]))) / 2
        for key, doc in live.docs.items()
        if given["path"] in doc and matches(condition, doc, now)
    }
    best = sorted(scores, key=lambda key: -scores[key])[: given["limit"]]
    return {key: scores[key] for key in best}


def _floats(value: Any) -> list[float]:
    if isinstance(value, Binary):
        return list(value.as_vector().data)
    return list(value)


def _cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))
