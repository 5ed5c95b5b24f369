"""The double itself, driven by the official client: what a real server would do as well."""

from __future__ import annotations

import threading
import time

import pytest
from bson import Int64
from pymongo import ASCENDING, MongoClient, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    WriteError,
)
from pymongo.operations import SearchIndexModel

from tests.servers.mongodb import MongoServer

pytestmark = [
    pytest.mark.backend("mongodb's double", against="mongodb"),
    pytest.mark.xdist_group("mongodb"),
]


@pytest.fixture
def db(mongo_database):
    return mongo_database.client[mongo_database.name]


def test_it_says_that_it_is_a_replica_set(mongo_database):
    hello = mongo_database.client.admin.command("hello")
    assert hello["setName"]
    assert hello["isWritablePrimary"]
    assert mongo_database.client.admin.command("replSetGetStatus")["ok"] == 1


def test_cursors_go_on_where_the_batch_ended(db):
    db.things.insert_many([{"_id": n, "odd": n % 2} for n in range(250)])
    found = db.things.find({"odd": 1}, batch_size=7).sort("_id", -1)
    assert [one["_id"] for one in found] == list(range(249, 0, -2))
    assert [one["_id"] for one in db.things.find().sort("_id").skip(3).limit(2)] == [3, 4]
    assert list(db.things.find({"_id": 3}, {"_id": 0})) == [{"odd": 1}]
    assert db.things.count_documents({"odd": 0}) == 125
    assert db.things.estimated_document_count() == 250


def test_null_matches_absent_and_comes_first(db):
    db.things.insert_many([{"_id": 1, "a": "x"}, {"_id": 2, "a": None}, {"_id": 3}])
    assert [one["_id"] for one in db.things.find({"a": None}).sort("_id")] == [2, 3]
    assert [one["_id"] for one in db.things.find({"a": {"$ne": None}})] == [1]
    assert [one["_id"] for one in db.things.find().sort([("a", 1), ("_id", 1)])] == [2, 3, 1]
    assert [one["_id"] for one in db.things.find({"a": {"$gt": ""}})] == [1]


def test_updates_upserts_and_their_numbers(db):
    made = db.things.update_one({"_id": "a", "u": "x"}, {"$set": {"n": 1}}, upsert=True)
    assert (made.matched_count, made.upserted_id) == (0, "a")
    assert db.things.find_one() == {"_id": "a", "u": "x", "n": 1}
    with pytest.raises(DuplicateKeyError):
        db.things.update_one({"_id": "a", "u": "y"}, {"$set": {"n": 1}}, upsert=True)
    same = db.things.update_one({"_id": "a"}, {"$set": {"n": 1}})
    assert (same.matched_count, same.modified_count) == (1, 0)
    db.things.update_one({"_id": "a"}, {"$inc": {"n": Int64(2**40)}})
    assert db.things.find_one()["n"] == 2**40 + 1
    with pytest.raises(WriteError):
        db.things.update_one({"_id": "a"}, {"$inc": {"n": Int64(2**63 - 1)}})
    capped = [{"$set": {"n": {"$min": [{"$add": ["$n", 5]}, 7]}, "t": {"$literal": "$n"}}}]
    db.things.update_one({"_id": "a"}, capped)
    assert db.things.find_one() == {"_id": "a", "u": "x", "n": 7, "t": "$n"}
    taken = db.things.find_one_and_update(
        {"n": 7}, {"$set": {"n": 8}}, return_document=ReturnDocument.AFTER
    )
    assert taken["n"] == 8
    assert db.things.find_one_and_update({"n": 7}, {"$set": {"n": 8}}) is None
    assert db.things.delete_many({}).deleted_count == 1


def test_bulk_writes_report_each_failure(db):
    db.things.insert_one({"_id": 1})
    with pytest.raises(BulkWriteError) as caught:
        db.things.insert_many([{"_id": 0}, {"_id": 1}, {"_id": 2}])
    assert caught.value.details["nInserted"] == 1
    assert caught.value.details["writeErrors"][0]["index"] == 1
    done = db.things.bulk_write(
        [UpdateOne({"_id": 1}, {"$set": {"x": 1}}), ReplaceOne({"_id": 9}, {"y": 1}, upsert=True)]
    )
    assert (done.matched_count, done.upserted_count) == (1, 1)


def test_unique_indexes_count_only_what_they_cover(db):
    covered = {"key": {"$type": "string"}}
    db.things.create_index("key", unique=True, partialFilterExpression=covered, name="one")
    db.things.insert_many([{"key": None}, {"key": None}, {}, {"key": "a"}])
    with pytest.raises(DuplicateKeyError) as caught:
        db.things.insert_one({"key": "a"})
    assert caught.value.details["keyValue"] == {"key": "a"}
    with pytest.raises(OperationFailure):
        db.command({"createIndexes": "things", "indexes": [{"key": {"x": 1}, "name": "one"}]})
    assert {one["name"] for one in db.things.list_indexes()} == {"_id_", "one"}
    db.things.drop_index("one")
    db.things.insert_one({"key": "a"})
    with pytest.raises(OperationFailure) as refused:
        db.things.create_index([("key", ASCENDING)], unique=True)
    assert refused.value.code == 11000


def test_validators_refuse_and_can_be_changed(db):
    schema = {
        "bsonType": "object",
        "required": ["a"],
        "properties": {"a": {"bsonType": ["string", "null"], "maxLength": 3, "pattern": "^x"}},
    }
    db.create_collection("things", validator={"$jsonSchema": schema})
    with pytest.raises(OperationFailure):
        db.create_collection("things", check_exists=False)
    db.things.insert_many([{"a": "x"}, {"a": None}])
    for bad in ({"a": 1}, {"a": "y"}, {"a": "xxxx"}, {}):
        with pytest.raises(WriteError) as caught:
            db.things.insert_one(bad)
        assert caught.value.code == 121
    db.command({"collMod": "things", "validator": {}})
    db.things.insert_one({"a": 1})
    (listed,) = db.list_collections()
    assert listed["name"] == "things"
    db.things.drop()
    assert db.list_collection_names() == []


def test_nobody_sees_a_transaction_before_its_commit_or_after_its_abort(db):
    db.things.insert_one({"_id": 1, "n": 0})
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.insert_one({"_id": 2}, session=session)
        db.things.update_one({"_id": 1}, {"$set": {"n": 9}}, session=session)
        assert db.things.count_documents({}, session=session) == 2
        assert list(db.things.find()) == [{"_id": 1, "n": 0}]
        session.abort_transaction()
        assert list(db.things.find()) == [{"_id": 1, "n": 0}]
        session.start_transaction()
        db.things.delete_one({"_id": 1}, session=session)
        session.commit_transaction()
        session.commit_transaction()
    assert db.things.count_documents({}) == 0


def test_a_transaction_reads_the_moment_it_began(db):
    db.things.insert_one({"_id": 1, "n": 0})
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.find_one({"_id": 1}, session=session)
        db.things.update_one({"_id": 1}, {"$set": {"n": 1}})
        assert db.things.find_one({"_id": 1}, session=session)["n"] == 0
        with pytest.raises(OperationFailure) as caught:
            db.things.update_one({"_id": 1}, {"$set": {"n": 2}}, session=session)
        assert caught.value.has_error_label("TransientTransactionError")
        assert caught.value.code == 112
    assert db.things.find_one()["n"] == 1


@pytest.mark.parametrize("unique", [False, True])
def test_of_two_transactions_that_write_the_same_one_loses(db, unique):
    db.things.create_index("u", unique=True)
    db.things.insert_one({"_id": 1, "u": "a"})
    with db.client.start_session() as one, db.client.start_session() as two:
        one.start_transaction()
        two.start_transaction()
        if unique:
            db.things.insert_one({"_id": 2, "u": "b"}, session=one)
            attempt = {"_id": 3, "u": "b"}
            with pytest.raises(OperationFailure) as caught:
                db.things.insert_one(attempt, session=two)
        else:
            db.things.update_one({"_id": 1}, {"$set": {"x": 1}}, session=one)
            with pytest.raises(OperationFailure) as caught:
                db.things.update_one({"_id": 1}, {"$set": {"x": 2}}, session=two)
        assert caught.value.has_error_label("TransientTransactionError")
        one.commit_transaction()
    assert db.things.count_documents({}) == (2 if unique else 1)


def test_a_duplicate_ends_a_transaction(db):
    db.things.insert_one({"_id": 1})
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.insert_one({"_id": 2}, session=session)
        with pytest.raises(DuplicateKeyError):
            db.things.insert_one({"_id": 1}, session=session)
        with pytest.raises(OperationFailure) as caught:
            db.things.insert_one({"_id": 3}, session=session)
        assert caught.value.code == 251
    assert db.things.count_documents({}) == 1


def test_a_single_write_waits_for_a_transaction(db):
    db.things.insert_one({"_id": 1, "n": 0})
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
        other = threading.Thread(target=db.things.update_one, args=({"_id": 1}, {"$inc": {"n": 1}}))
        other.start()
        time.sleep(0.1)
        assert other.is_alive()
        session.commit_transaction()
        other.join(5)
    assert db.things.find_one()["n"] == 2


def test_the_clock_is_the_servers(db):
    lease = [{"$set": {"until": {"$add": ["$$NOW", 60_000]}}}]
    db.things.update_one({"_id": "lock"}, lease, upsert=True)
    free = {"_id": "lock", "$expr": {"$lt": ["$until", "$$NOW"]}}
    assert db.things.find_one(free) is None
    db.things.update_one({"_id": "lock"}, [{"$set": {"until": {"$add": ["$$NOW", -1]}}}])
    assert db.things.find_one(free) is not None


def test_what_was_acknowledged_survives_a_kill(mongo_server, mongo_database, db):
    db.create_collection("things", validator={"$jsonSchema": {"required": ["n"]}})
    db.things.create_index("n", unique=True)
    with db.client.start_session() as session, session.start_transaction():
        db.things.insert_many([{"_id": n, "n": n} for n in range(5)], session=session)
    with db.client.start_session() as session:
        session.start_transaction()
        db.things.insert_one({"_id": 99, "n": 99}, session=session)
        mongo_server.restart()
        with pytest.raises(AutoReconnect):
            db.things.insert_one({"_id": 98, "n": 98}, session=session)
    assert sorted(one["_id"] for one in db.things.find()) == [0, 1, 2, 3, 4]
    with pytest.raises(DuplicateKeyError):
        db.things.insert_one({"n": 3})
    with pytest.raises(WriteError):
        db.things.insert_one({"m": 3})


def test_a_retried_write_happens_once(mongo_database, db):
    db.things.insert_one({"_id": 1, "n": 0})
    mongo_database.fail("update", closeAfter=True)
    db.things.update_one({"_id": 1}, {"$inc": {"n": 1}})
    assert db.things.find_one()["n"] == 1


def test_fail_points_fail_as_told(mongo_database, db):
    mongo_database.fail("insert", times=2, errorCode=13)
    for _ in range(2):
        with pytest.raises(OperationFailure):
            db.things.insert_one({})
    db.things.insert_one({})
    mongo_database.fail("find", times=2, closeConnection=True)
    with pytest.raises(AutoReconnect):
        db.things.find_one()


def test_passwords_are_asked_for_and_checked():
    users = {"diego": {"password": "s3cret,=", "role": "read"}}
    with MongoServer(users=users).running() as server:
        good = {"username": "diego", "password": "s3cret,="}
        with MongoClient(server.url, **good) as client:
            assert client.x.things.find_one() is None
            with pytest.raises(OperationFailure) as caught:
                client.x.things.insert_one({})
            assert caught.value.code == 13
        for bad in ({"username": "diego", "password": "x"}, {"username": "eve", "password": "x"}):
            with MongoClient(server.url, **bad) as client:
                with pytest.raises(OperationFailure) as caught:
                    client.x.things.find_one()
                assert caught.value.code == 18
        with MongoClient(server.url) as client:
            with pytest.raises(OperationFailure) as caught:
                client.x.things.find_one()
            assert caught.value.code == 13


def test_vectors_are_searched_exactly(db):
    db.create_collection("things")
    fields = [
        {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "cosine"},
        {"type": "filter", "path": "u"},
    ]
    db.things.create_search_index(
        SearchIndexModel({"fields": fields}, name="index", type="vectorSearch")
    )
    (listed,) = db.things.list_search_indexes("index")
    assert listed["queryable"]
    db.things.insert_many([{"_id": n, "u": "ab"[n % 2], "v": [1.0, float(n)]} for n in range(4)])
    ask = {"index": "index", "path": "v", "queryVector": [1.0, 0.0], "limit": 2, "exact": True}
    stages = [
        {"$vectorSearch": {**ask, "filter": {"u": {"$in": ["a"]}}}},
        {"$project": {"score": {"$meta": "vectorSearchScore"}}},
    ]
    found = list(db.things.aggregate(stages))
    assert [one["_id"] for one in found] == [0, 2]
    assert found[0]["score"] == pytest.approx(1.0)
    assert found[1]["score"] == pytest.approx((1 + 5**-0.5) / 2)
