"""What AWS may answer instead of an answer, and what cannot be stored."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from luminora_dynamodb.items import MAX_ITEM
from luminora_dynamodb.settings import Settings, settings_of
from luminora_dynamodb.storage import DynamoDBStorage

from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    Conflict,
    CredentialsMissing,
    InputError,
    PermissionRefused,
    SchemaPending,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from luminora.providers import EVERY_USER, Insert, Is, ProviderContext, Status, Update
from luminora.testing.data import START, message, new_id, session
from luminora.testing.doubles.http import HttpDouble, Reply, Request

SECRET = "wJalrXUtnFEMI-very-secret"


class Answering(HttpDouble):
    """An AWS that finds nothing, and whatever fault a test asks for."""

    def answer(self, request: Request) -> Reply:
        operation = request.headers["x-amz-target"].partition(".")[2]
        return Reply(200, {"Scan": {"Items": []}, "Query": {"Items": []}}.get(operation, {}))

    def settings(self, **changes) -> Settings:
        given = {
            "region": "eu-west-1",
            "credentials": ("AKIA123", SECRET, None),
            "endpoint_url": self.url,
            "max_attempts": 1,
            "read_timeout": 2.0,
        }
        return Settings(**{**given, **changes})


def failure(code, message="told so", status=400, **more):
    return Reply(status, {"__type": f"com.amazonaws#{code}", "message": message, **more})


@pytest.fixture
def aws():
    double = Answering()
    double.start()
    yield double
    double.kill()


@pytest.fixture
async def storage(aws):
    storage = DynamoDBStorage(aws.settings())
    await storage.connect()
    yield storage
    await storage.aclose()


@pytest.mark.parametrize(
    ("reply", "wanted", "words"),
    [
        (failure("ResourceNotFoundException"), SchemaPending, "luminora migrate"),
        (failure("AccessDeniedException"), PermissionRefused, "dynamodb:Query"),
        (failure("UnrecognizedClientException"), AuthenticationFailed, "access_key_env"),
        (failure("InvalidSignatureException"), AuthenticationFailed, "this clock"),
        (failure("ExpiredTokenException"), AuthenticationFailed, "ExpiredTokenException"),
        (failure("ProvisionedThroughputExceededException"), StorageUnavailable, "too busy"),
        (failure("ThrottlingException"), StorageUnavailable, "too busy"),
        (failure("InternalServerError", status=500), StorageUnavailable, "too busy"),
        (failure("ValidationException", "what is this"), StorageError, "what is this"),
        (Reply(503, b"<html>no</html>"), StorageError, "503"),
    ],
)
async def test_answers_are_drawn_as_errors_of_ours(aws, storage, reply, wanted, words):
    with aws.failing(reply), pytest.raises(wanted) as caught:
        await storage.find("messages", "ana")
    text = str(caught.value)
    assert words in text
    assert aws.url in text
    assert SECRET not in text
    assert "AKIA123" not in text
    assert type(caught.value) is wanted


@pytest.mark.parametrize(
    ("reasons", "wanted"),
    [
        (["None", "ItemCollectionSizeLimitExceeded"], StorageFull),
        (["ThrottlingError", "None"], StorageUnavailable),
        (["None", "ValidationError"], StorageError),
    ],
)
async def test_reasons_of_a_cancelled_transaction_are_told_apart(aws, storage, reasons, wanted):
    told = [{"Code": code, "Message": "because"} for code in reasons]
    reply = failure("TransactionCanceledException", CancellationReasons=told)
    with aws.failing(reply), pytest.raises(wanted):
        await storage.insert("messages", "ana", message("ana", 1))


async def test_a_throttled_request_is_sent_again(aws):
    storage = DynamoDBStorage(aws.settings(max_attempts=4))
    await storage.connect()
    aws.seen.clear()
    with aws.failing(failure("ProvisionedThroughputExceededException"), times=2):
        assert await storage.find("messages", "ana") == []
    assert len(aws.seen) == 3
    await storage.aclose()


async def test_a_dropped_connection_and_a_silent_server_are_unavailable(aws, storage):
    with aws.down(), pytest.raises(StorageUnavailable, match="cannot be reached"):
        await storage.find("messages", "ana")
    assert await storage.find("messages", "ana") == []
    quick = DynamoDBStorage(aws.settings(read_timeout=0.3))
    await quick.connect()
    with aws.failing(None), pytest.raises(StorageUnavailable, match="deadline"):
        await quick.find("messages", "ana")
    await quick.aclose()


async def test_check_reports_and_raises_nothing(aws, storage):
    with aws.failing(failure("AccessDeniedException")):
        check = await storage.check()
    assert check.status is Status.ERROR
    assert "dynamodb:DescribeTable" in check.detail


async def test_connecting_says_what_is_wrong_and_leaves_nothing_open(aws):
    storage = DynamoDBStorage(aws.settings())
    fault = aws.failing(failure("UnrecognizedClientException"))
    with fault, pytest.raises(AuthenticationFailed) as caught:
        await storage.connect()
    assert caught.value.exit_code == 4
    with pytest.raises(StorageUnavailable, match="not connected"):
        await storage.count("messages", "ana")
    await storage.connect()
    await storage.aclose()
    await storage.aclose()


async def test_keys_go_to_the_server_signed_not_written(aws, storage):
    aws.seen.clear()
    await storage.find("messages", "ana")
    (request,) = aws.seen
    assert "AKIA123" in request.headers["authorization"]
    assert SECRET not in json.dumps(dict(request.headers))


# --- what cannot be stored, on a server that would refuse it as well ------------------------------


@pytest.fixture
async def real(moto):
    storage = await moto.storage()
    yield storage
    await storage.aclose()


moto_tests = [
    pytest.mark.backend("dynamodb storage", against="moto"),
    pytest.mark.xdist_group("moto"),
]


def on_moto(test):
    for mark in moto_tests:
        test = mark(test)
    return test


@on_moto
async def test_a_row_that_is_too_large_is_refused_before_anything_is_written(real):
    user = new_id("user")
    wide = "ñandú " * 70_000
    with pytest.raises(InputError, match=r"'content' 560,007.*at most 409,600") as caught:
        await real.transaction(
            [
                Insert("messages", user, message(user, 1)),
                Insert("messages", user, message(user, 2, content=wide)),
            ]
        )
    assert "split it" in str(caught.value)
    assert await real.count("messages", user) == 0
    row = message(user, 3, content="x" * 400_000)  # moto stops at 405,000
    await real.insert("messages", user, row)
    assert await real.get("messages", user, id=row["id"]) == row
    with pytest.raises(InputError, match="would take"):
        await real.update(Update("messages", user, {}, set={"content": "x" * MAX_ITEM}))
    assert await real.find("messages", user) == [row]


@on_moto
async def test_a_search_finds_the_words_of_a_very_long_message(real):
    user = new_id("user")
    content = " ".join(f"palabra{n}" for n in range(30_000))
    await real.insert("messages", user, message(user, 1, content=content))
    assert await real.search_text("messages", user, "palabra7")
    assert await real.search_text("messages", user, "palabra29999") == []


@on_moto
async def test_an_empty_key_is_refused(real):
    with pytest.raises(InputError, match="empty"):
        await real.insert("messages", "ana", message("ana", 1, id=""))
    with pytest.raises(InputError, match="empty text in a key or index"):
        await real.insert("messages", "ana", message("ana", 1, session_id=""))
    assert await real.count("messages", EVERY_USER) == 0
    assert await real.get("messages", "ana", id="") is None


@on_moto
async def test_everybodys_rows_by_session_state_and_key(real):
    rows = []
    for user in ("ana", "bob"):
        for seq in range(4):
            state = "pending" if seq % 2 else "done"
            rows.append(message(user, seq, session_id=f"s-{user}", embedding_state=state))
            await real.insert("messages", user, rows[-1])
    find = real.find
    bobs, undone = {"session_id": "s-bob"}, {"embedding_state": "pending"}
    assert await find("messages", EVERY_USER, bobs, order=("-seq",), limit=1) == [rows[7]]
    pending = await find("messages", EVERY_USER, undone, order=("seq",), limit=3)
    assert [row["seq"] for row in pending] == [1, 1, 3]
    ids = [rows[0]["id"], rows[5]["id"], "nobody"]
    both = await find("messages", EVERY_USER, {"id": Is("in", ids)}, order=("user_id",))
    assert both == [rows[0], rows[5]]
    either = {"embedding_state": Is("in", ["done", "pending"])}
    assert await real.count("messages", EVERY_USER, either) == 8
    first = await find("messages", EVERY_USER, either, order=("seq", "user_id"), limit=3)
    assert [(row["seq"], row["user_id"]) for row in first] == [(0, "ana"), (0, "bob"), (1, "ana")]
    pages = [page async for page in real.pages("messages", EVERY_USER, size=3)]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert sorted(row["id"] for page in pages for row in page) == sorted(row["id"] for row in rows)
    touched = await real.update(Update("messages", EVERY_USER, {}, set={"embedding_state": "x"}))
    assert touched == 8
    assert await real.count("messages", EVERY_USER, {"embedding_state": "x"}) == 8


@on_moto
async def test_the_orders_that_indexes_give_are_those_of_the_values(real):
    user = new_id("user")
    values = [0.0, -0.0, 1.5, -2.5, 1e300, -1e300, 5e-300, 7.0, 7.0, 0.1]
    for number, importance in enumerate(values):
        row = {
            "id": f"e{number}",
            "session_id": "s",
            "personality_name": "sakura",
            "type": "t",
            "title": "t",
            "summary": "t",
            "importance": importance,
            "sentiment": "s",
            "tags": [],
            "context_messages": [],
            "timestamp": START + timedelta(seconds=number % 3),
            "temporal_decay": 1.0,
            "related_facts": [],
            "related_episodes": [],
            "metadata": None,
            "created_at": START,
            "updated_at": START,
        }
        await real.insert("episodes", user, row)
    for order in (("importance",), ("-importance",), ("timestamp", "-id"), ("-timestamp", "id")):
        everything = await real.find("episodes", user, order=order)
        for limit in range(1, 11):
            assert await real.find("episodes", user, order=order, limit=limit) == everything[:limit]
        rest = await real.find("episodes", user, order=order, limit=4, after=everything[3])
        assert rest == everything[4:8]
    best = await real.find("episodes", user, order=("importance",))
    assert [row["importance"] for row in best] == sorted(values)
    await real.update(Update("episodes", user, {"id": "e0"}, set={"importance": 8.0}))
    (top,) = await real.find("episodes", user, {"importance": 8.0}, order=("-importance",), limit=1)
    assert top["id"] == "e0"


@on_moto
async def test_saving_a_message_is_one_request(real, monkeypatch):
    from luminora_dynamodb.client import Client

    user = new_id("user")
    here = session(user)
    await real.insert("sessions", user, here)
    asked = []
    call = Client.call

    async def counting(self, operation, **parameters):
        asked.append(operation)
        return await call(self, operation, **parameters)

    monkeypatch.setattr(Client, "call", counting)
    assert await real.save_message(user, message(user, 1, session_id=here["session_id"]))
    assert asked == ["transact_write_items"]
    asked.clear()
    assert len(await real.get_history(user, here["session_id"], 20)) == 1
    assert asked == ["query"]
    with pytest.raises(Conflict):
        await real.save_message(user, message(user, 2))


# --- the configuration ----------------------------------------------------------------------------


def context(tmp_path, **env):
    return ProviderContext(data_dir=tmp_path, env=env)


def test_settings_of_the_founding_documents(tmp_path):
    config = {
        "region": "eu-west-1",
        "access_key_env": "A",
        "secret_key_env": "B",
        "table_prefix": "x_",
    }
    found = settings_of(config, context(tmp_path, A="key", B=SECRET))
    assert found.credentials == ("key", SECRET, None)
    assert (found.region, found.table_prefix) == ("eu-west-1", "x_")
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("config", "env", "prefix"),
    [({}, "", "luminora_"), ({}, "app_", "app_"), ({"table_prefix": ""}, "app_", "")],
)
def test_the_prefix_is_the_configs_else_the_migrations_else_ours(tmp_path, config, env, prefix):
    given = ProviderContext(data_dir=tmp_path, env={"AWS_REGION": "x"}, table_prefix=env)
    assert settings_of(config, given).table_prefix == prefix


def test_region_and_credentials_may_come_from_the_environment(tmp_path):
    env = {
        "AWS_DEFAULT_REGION": "sa-east-1",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "t",
    }
    found = settings_of({}, context(tmp_path, **env))
    assert (found.region, found.credentials) == ("sa-east-1", ("k", SECRET, "t"))
    assert settings_of({"profile": "work"}, context(tmp_path, **env)).credentials is None


def test_a_local_server_needs_neither_region_nor_keys(tmp_path):
    found = settings_of({"endpoint_url": "http://localhost:8000/"}, context(tmp_path))
    assert found.endpoint_url == "http://localhost:8000"
    assert found.credentials is not None
    assert found.region


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "no region"),
        ({"region": "r", "access_key_env": "A"}, "belong together"),
        ({"region": "r", "session_token_env": "A"}, "belong together"),
        ({"endpoint_url": "localhost:8000"}, "no address"),
        ({"endpoint_url": "http://[::1"}, "no address"),
        ({"endpoint_url": "ftp://127.0.0.1"}, "no address"),
        ({"endpoint_url": "http://dynamo.example.com"}, "not encrypted"),
        ({"endpoint_url": "https://me:pw@dynamo.example.com"}, "name or password"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, config, words):
    with pytest.raises(ConfigError, match=words) as caught:
        settings_of(config, context(tmp_path))
    assert "pw" not in str(caught.value)


def test_a_named_variable_that_is_unset_is_exit_code_4_and_named(tmp_path):
    config = {"region": "r", "access_key_env": "MY_KEY", "secret_key_env": "MY_SECRET"}
    with pytest.raises(CredentialsMissing, match="MY_SECRET") as caught:
        settings_of(config, context(tmp_path, MY_KEY="k"))
    assert caught.value.exit_code == 4


async def test_no_credentials_anywhere_is_exit_code_4_and_says_which_variables(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    storage = DynamoDBStorage(Settings(region="eu-west-1"))
    with pytest.raises(CredentialsMissing, match="AWS_ACCESS_KEY_ID") as caught:
        await storage.connect()
    assert caught.value.exit_code == 4


async def test_an_unknown_profile_is_told():
    storage = DynamoDBStorage(Settings(profile="nobody"))
    with pytest.raises(ConfigError, match="nobody"):
        await storage.connect()
