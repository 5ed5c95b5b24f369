"""Collections, transactions and a journal on disk."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import bson
from mongomock.filtering import filter_applies

from tests.servers.mongo.faults import Busy, CommandError, duplicate, no_transaction, write_conflict
from tests.servers.mongo.values import Doc, matches, violation

Key = Any
_ID_INDEX = {"v": 2, "key": {"_id": 1}, "name": "_id_"}


def key_of(identity: Any) -> Key:
    """Something hashable that stands for an ``_id``."""
    return identity if isinstance(identity, str) else bson.encode({"": identity})


class Collection:
    """Committed documents and what is declared about them; documents are never changed in place."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = dict(options)
        self.docs: dict[Key, Doc] = {}
        self.indexes: dict[str, Doc] = {"_id_": dict(_ID_INDEX)}
        self.search: dict[str, Doc] = {}
        self.owners: dict[str, dict[Any, Key]] = {}

    @property
    def unique(self) -> Iterator[Doc]:
        return (index for index in self.indexes.values() if index.get("unique"))

    def put(self, key: Key, doc: Doc | None) -> None:
        """Store or remove a committed document."""
        before = self.docs.pop(key, None)
        if doc is not None:
            self.docs[key] = doc
        for index in self.unique:
            owners = self.owners[index["name"]]
            if before is not None and owners.get(value := value_in(index, before)) == key:
                del owners[value]
            if doc is not None and (value := value_in(index, doc)) is not None:
                owners[value] = key

    def add_index(self, namespace: str, index: Doc) -> None:
        """Declare an index.

        Raises:
            CommandError: Documents stand in the way of a unique one.
        """
        if index.get("unique"):
            owners: dict[Any, Key] = {}
            for key, doc in self.docs.items():
                value = value_in(index, doc)
                if value is not None and owners.setdefault(value, key) != key:
                    raise duplicate(namespace, index["name"], shown(index, doc))
            self.owners[index["name"]] = owners
        self.indexes[index["name"]] = index


def value_in(index: Doc, doc: Doc) -> Any:
    """What a document stands under in an index; None if the index leaves it out."""
    partial = index.get("partialFilterExpression")
    if partial and not filter_applies(partial, doc):
        return None
    return tuple(key_of(doc.get(name)) for name in index["key"])


def shown(index: Doc, doc: Doc) -> Doc:
    return {name: doc.get(name) for name in index["key"]}


class Transaction:
    """Writes that nobody else sees yet.

    Explicit ones read a snapshot of when they began and lose against whoever wrote first; implicit
    ones are a single statement, read what is committed and wait for others.
    """

    def __init__(self, engine: Engine, number: int = 0, *, explicit: bool = False) -> None:
        self.engine, self.number, self.explicit = engine, number, explicit
        self.began = monotonic()
        self.written: dict[str, dict[Key, Doc | None]] = {}
        self.views = (
            {name: dict(found.docs) for name, found in engine.collections.items()}
            if explicit
            else {}
        )

    def docs(self, namespace: str) -> dict[Key, Doc]:
        """What this transaction sees."""
        if self.explicit:
            return self.views.setdefault(namespace, {})
        return self.engine.docs(namespace)

    def find(self, namespace: str, condition: Mapping[str, Any]) -> list[Doc]:
        """The documents that match."""
        docs, now = self.docs(namespace), datetime.now(UTC)
        identity = condition.get("_id")
        if isinstance(identity, str):
            candidates = [docs[identity]] if identity in docs else []
        else:
            candidates = list(docs.values())
        return [doc for doc in candidates if matches(condition, doc, now)]

    def insert(self, namespace: str, doc: Doc) -> None:
        """Add a document."""
        key = key_of(doc["_id"])
        if key in self.docs(namespace):
            raise duplicate(namespace, "_id_", {"_id": doc["_id"]})
        self.put(namespace, key, doc)

    def put(self, namespace: str, key: Key, doc: Doc | None) -> None:
        """Write or, with None, remove a document."""
        live = self.engine.ensure(namespace)
        pending = self.written.setdefault(namespace, {})
        if key not in pending:
            if any(key in other.written.get(namespace, ()) for other in self._others()):
                self._lose()
            if self.explicit and live.docs.get(key) is not self.docs(namespace).get(key):
                self._lose()
        if doc is not None:
            self._validate(namespace, live, doc)
            for index in live.unique:
                self._check_unique(namespace, live, index, key, doc)
        pending[key] = doc
        if self.explicit:
            if doc is None:
                self.views[namespace].pop(key, None)
            else:
                self.docs(namespace)[key] = doc

    def _others(self) -> list[Transaction]:
        return [other for other in self.engine.open_transactions() if other is not self]

    def _lose(self) -> None:
        raise write_conflict() if self.explicit else Busy

    def _validate(self, namespace: str, live: Collection, doc: Doc) -> None:
        schema = live.options.get("validator", {}).get("$jsonSchema")
        if schema and (place := violation(schema, doc)):
            details = {"failingDocumentId": doc["_id"], "details": {"propertyPath": place}}
            raise CommandError(
                121, "DocumentValidationFailure", "Document failed validation", errInfo=details
            )
        if len(bson.encode(doc)) > 16 << 20:
            raise CommandError(10334, "BSONObjectTooLarge", f"too large for {namespace}")

    def _check_unique(
        self, namespace: str, live: Collection, index: Doc, key: Key, doc: Doc
    ) -> None:
        value = value_in(index, doc)
        if value is None:
            return
        mine = self.written.get(namespace, {})
        for other_key, other in mine.items():
            if other is not None and other_key != key and value_in(index, other) == value:
                raise duplicate(namespace, index["name"], shown(index, doc))
        owner = live.owners[index["name"]].get(value)
        if owner is not None and owner != key and owner not in mine:
            if self.explicit and live.docs[owner] is not self.docs(namespace).get(owner):
                self._lose()  # committed since this transaction began
            raise duplicate(namespace, index["name"], shown(index, doc))
        for other in self._others():
            for waiting in other.written.get(namespace, {}).values():
                if waiting is not None and value_in(index, waiting) == value:
                    self._lose()


class Engine:
    """All databases, the open transactions, and the journal they are brought back from."""

    def __init__(self, path: Path, lifetime: float = 60.0) -> None:
        self.collections: dict[str, Collection] = {}
        self.lifetime = lifetime
        self.sessions: dict[bytes, Transaction] = {}
        self.finished: dict[bytes, tuple[int, str]] = {}
        self.replies: dict[bytes, tuple[int, Doc]] = {}
        self._released = asyncio.Event()
        self._replay(path)
        self._journal = path.open("ab", buffering=0)

    def docs(self, namespace: str) -> dict[Key, Doc]:
        """The committed documents."""
        found = self.collections.get(namespace)
        return found.docs if found else {}

    def ensure(self, namespace: str) -> Collection:
        """The collection, made implicitly if it is absent."""
        if namespace not in self.collections:
            self.declare(["create", namespace, {}])
        return self.collections[namespace]

    def declare(self, *changes: list[Any]) -> None:
        """Change what is declared, durably."""
        for one in changes:
            self._redo(one)
        self._write({"changes": list(changes)})

    def open_transactions(self) -> list[Transaction]:
        """Those in progress; what lived too long is aborted."""
        for session, one in list(self.sessions.items()):
            if monotonic() - one.began > self.lifetime:
                self.end(session, "expired")
        return list(self.sessions.values())

    def begin(self, session: bytes, number: int) -> Transaction:
        """Start a transaction, in place of an earlier one of that session."""
        self.sessions.pop(session, None)
        found = self.sessions[session] = Transaction(self, number, explicit=True)
        return found

    def current(self, session: bytes, number: int) -> Transaction:
        """The session's transaction.

        Raises:
            CommandError: It is over, or was never begun.
        """
        self.open_transactions()
        found = self.sessions.get(session)
        if found is None or found.number != number:
            raise no_transaction(number)
        return found

    def end(self, session: bytes, how: str) -> None:
        """Forget a transaction, and let those that wait for it go on."""
        found = self.sessions.pop(session, None)
        if found is not None:
            self.finished[session] = (found.number, how)
        self.release()

    def release(self) -> None:
        released, self._released = self._released, asyncio.Event()
        released.set()

    async def wait(self) -> None:
        """Until some transaction ends."""
        try:
            async with asyncio.timeout(0.5):
                await self._released.wait()
        except TimeoutError:
            self.open_transactions()

    def commit(self, done: Transaction, memory: Doc | None = None) -> None:
        """Make a transaction's writes visible and durable.

        Args:
            done: The transaction.
            memory: What to remember of it for a driver that asks again: session, number, reply.
        """
        changes = [
            ["put", namespace, key if doc is None else "", doc]
            for namespace, docs in done.written.items()
            for key, doc in docs.items()
        ]
        for namespace, docs in done.written.items():
            live = self.ensure(namespace)
            for key, doc in docs.items():
                live.put(key, doc)
        if changes or memory:
            self._write({"changes": changes, "memory": memory})

    def _write(self, record: Doc) -> None:
        self._journal.write(bson.encode(record))

    def _replay(self, path: Path) -> None:
        raw = path.read_bytes() if path.exists() else b""
        place = 0
        while place + 4 <= len(raw):
            size = int.from_bytes(raw[place : place + 4], "little")
            if size < 5 or place + size > len(raw):
                break  # torn by a kill: nobody was told that it is there
            record = bson.decode(raw[place : place + size])
            for one in record["changes"]:
                self._redo(one)
            if memory := record.get("memory"):
                self.remember(memory)
            place += size
        if place < len(raw):
            path.write_bytes(raw[:place])

    def remember(self, memory: Doc) -> None:
        """Keep the outcome of a retryable write or of a commit."""
        session = bytes(memory["session"])
        if "reply" in memory:
            self.replies[session] = (memory["number"], memory["reply"])
        else:
            self.finished[session] = (memory["number"], "committed")

    def _redo(self, one: list[Any]) -> None:
        verb, namespace, *rest = one
        match verb:
            case "create":
                self.collections[namespace] = Collection(rest[0])
            case "options":
                self.collections[namespace].options = rest[0]
            case "drop":
                self.collections.pop(namespace, None)
            case "index":
                self.collections[namespace].add_index(namespace, rest[0])
            case "unindex":
                self.collections[namespace].indexes.pop(rest[0], None)
            case "search":
                self.collections[namespace].search[rest[0]["name"]] = rest[0]
            case "unsearch":
                self.collections[namespace].search.pop(rest[0], None)
            case "put":
                key, doc = rest
                self.collections[namespace].put(key if doc is None else key_of(doc["_id"]), doc)


def fresh(doc: Doc) -> Doc:
    """A copy that shares nothing."""
    return copy.deepcopy(doc)
