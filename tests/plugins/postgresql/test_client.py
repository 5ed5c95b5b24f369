import json
from pathlib import Path

import pytest

from luminora import LuminoraCoreClient
from luminora.errors import StorageUnavailable
from luminora.testing.servers.proxy import Proxy

pytestmark = [
    pytest.mark.backend("postgresql storage", against="postgresql"),
    pytest.mark.xdist_group("postgresql"),
]


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_commit_and_the_same_key_make_one_message(
    postgres_database, arrives, monkeypatch
):
    with Proxy(postgres_database.config["port"]) as proxy:
        # Without prepared statements COMMIT can be seen on the wire.
        config = {**postgres_database.config, "port": proxy.port, "pgbouncer": True}
        monkeypatch.setenv("DIRECT_URL", postgres_database.url)
        config["migration_url_env"] = "DIRECT_URL"
        stack = {
            "llm_provider": {"name": "offline"},
            "embedding_provider": {"name": "static"},
            "storage_provider": {"name": "postgresql", "config": config},
            "vector_store_provider": {"name": "pgvector"},
        }
        Path("luminora.json").write_text(json.dumps(stack))
        async with await LuminoraCoreClient.from_config("luminora.json") as client:
            session = await client.create_session("diego", "sakura")
            if arrives:
                proxy.cut_behind = b"COMMIT"
            else:
                proxy.cut_before = b"COMMIT"
            with pytest.raises(StorageUnavailable):
                await client.send_message(session, "Hola, soy Diego", idempotency_key="k-1")
            assert proxy.cuts == 1
            await client.send_message(session, "Hola, soy Diego", idempotency_key="k-1")
            await client.send_message(session, "Hola, soy Diego", idempotency_key="k-1")
    said = postgres_database.sql("SELECT content FROM messages WHERE speaker = 'user'")
    assert said == [("Hola, soy Diego",)]
