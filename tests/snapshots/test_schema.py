"""The schema that ships is the one that follows from the collections, and it holds snapshots."""

from __future__ import annotations

import json

import jsonschema_rs

from tests.snapshots.helpers import client_at, lived
from tools.snapshot_schema import TARGET, text


def test_the_file_is_the_one_the_tool_writes():
    assert TARGET.read_text("utf-8") == text()


async def test_a_snapshot_in_one_piece_fits_it():
    async with client_at("a") as client:
        snapshot = await client.export_snapshot(await lived(client), {"vectors": True})
    validator = jsonschema_rs.validator_for(json.loads(TARGET.read_text("utf-8")))
    validator.validate(json.loads(json.dumps(snapshot)))
    assert not validator.is_valid({**snapshot, "passwords": []})
