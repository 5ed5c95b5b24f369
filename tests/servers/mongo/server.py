"""The commands: what a client asks, done on the engine."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import Int64, ObjectId

from tests.servers.mongo import search
from tests.servers.mongo.engine import Engine, Transaction, fresh, key_of
from tests.servers.mongo.faults import Busy, CommandError, FailPoints, Hangup, bad
from tests.servers.mongo.values import Doc, arrange, change, evaluate, matches, project

_OPEN = {"hello", "ismaster", "ping", "saslstart", "saslcontinue", "endsessions", "buildinfo"}
_WRITES = {
    "insert",
    "update",
    "delete",
    "findandmodify",
    "create",
    "createindexes",
    "collmod",
    "drop",
    "dropindexes",
    "dropdatabase",
    "createsearchindexes",
    "dropsearchindex",
}


@dataclass
class Shape:
    """What kind of server the double claims to be."""

    port: int = 0
    standalone: bool = False
    search: bool = False
    wire_version: int = 21
    users: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Server:
    """Commands by name. Everything happens on one thread, one command after the other."""

    def __init__(self, engine: Engine, shape: Shape) -> None:
        self.engine, self.shape = engine, shape
        self.fail = FailPoints()
        self.cursors: dict[int, tuple[str, list[Doc]]] = {}
        self.ids = itertools.count(1)

    async def run(self, command: Doc, user: str | None) -> Doc:
        """Answer a command; the wire has settled who is asking.

        Raises:
            CommandError: It fails.
            Hangup: A fail point cuts the connection.
        """
        name = next(iter(command))
        struck = await self._strike(name)
        if struck is not None and "writeConcernError" not in struck and "errorCode" in struck:
            self._abort_of(command)
            raise CommandError(
                struck["errorCode"],
                "FailPoint",
                "Failing command via 'failCommand' failpoint",
                labels=struck.get("errorLabels", ()),
            )
        handler = getattr(self, f"do_{name.lower()}", None)
        if handler is None:
            raise CommandError(59, "CommandNotFound", f"no such command: '{name}'")
        self._authorise(name, user)
        reply = await self._within({**command, "$user": user}, name, handler)
        if struck is not None and "writeConcernError" in struck:
            reply["writeConcernError"] = struck["writeConcernError"]
        if struck is not None and struck.get("closeAfter"):  # our own: done, but nobody is told
            raise Hangup
        return {**reply, "ok": 1.0}

    async def _strike(self, name: str) -> Mapping[str, Any] | None:
        struck = self.fail.strike(name)
        if struck is not None:
            if struck.get("blockConnection"):
                await asyncio.sleep(struck["blockTimeMS"] / 1000)
            if struck.get("closeConnection"):
                raise Hangup
        return struck

    def _authorise(self, name: str, user: str | None) -> None:
        lowered = name.lower()
        if not self.shape.users or lowered in _OPEN:
            return
        if user is None:
            raise CommandError(13, "Unauthorized", f"Command {name} requires authentication")
        if lowered in _WRITES and self.shape.users[user]["role"] == "read":
            raise CommandError(13, "Unauthorized", f"not authorized to execute command {name}")

    async def _within(
        self, command: Doc, name: str, handler: Callable[[Doc, Transaction], Awaitable[Doc]]
    ) -> Doc:
        """Run a command in its transaction, or in one of its own."""
        engine, number = self.engine, command.get("txnNumber")
        if number is not None and self.shape.standalone:
            text = "Transaction numbers are only allowed on a replica set member or mongos"
            raise CommandError(20, "IllegalOperation", text)
        if number is None or name in {"commitTransaction", "abortTransaction"}:
            return await handler(command, Transaction(engine))
        session = bytes(command["lsid"]["id"])
        if command.get("autocommit") is not False:
            known = engine.replies.get(session)
            if known is not None and known[0] == number:
                return dict(known[1])
            reply = await handler(command, Transaction(engine))
            memory = {"session": session, "number": number, "reply": reply}
            engine.remember(memory)
            engine.commit(Transaction(engine), memory)
            return reply
        begin = command.get("startTransaction")
        found = engine.begin(session, number) if begin else engine.current(session, number)
        try:
            reply = await handler(command, found)
        except CommandError:
            engine.end(session, "aborted")
            raise
        if reply.get("writeErrors"):
            engine.end(session, "aborted")
        return reply

    def _abort_of(self, command: Doc) -> None:
        if command.get("autocommit") is False and next(iter(command)) != "commitTransaction":
            self.engine.end(bytes(command["lsid"]["id"]), "aborted")

    async def _statement(self, outer: Transaction, work: Callable[[Transaction], Any]) -> Any:
        """One statement: inside the client's transaction, or committed at once."""
        if outer.explicit:
            return work(outer)
        while True:
            own = Transaction(self.engine)
            try:
                answer = work(own)
            except Busy:
                await self.engine.wait()
                continue
            self.engine.commit(own)
            return answer

    # --- sessions and the server itself -----------------------------------------------------------

    async def do_hello(self, command: Doc, _: Transaction) -> Doc:
        here = f"127.0.0.1:{self.shape.port}"
        reply = {
            "ismaster": True,
            "isWritablePrimary": True,
            "helloOk": True,
            "maxBsonObjectSize": 16 << 20,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "localTime": datetime.now(UTC),
            "minWireVersion": 0,
            "maxWireVersion": self.shape.wire_version,
            "logicalSessionTimeoutMinutes": 30,
            "readOnly": False,
        }
        if "saslSupportedMechs" in command:
            reply["saslSupportedMechs"] = ["SCRAM-SHA-256"]
        if not self.shape.standalone:
            reply |= {
                "setName": "rs0",
                "setVersion": 1,
                "hosts": [here],
                "primary": here,
                "me": here,
            }
            reply["secondary"] = False
        return reply

    do_ismaster = do_hello

    async def do_ping(self, _: Doc, __: Transaction) -> Doc:
        return {}

    do_endsessions = do_ping

    async def do_buildinfo(self, _: Doc, __: Transaction) -> Doc:
        return {"version": "7.0.0", "versionArray": [7, 0, 0, 0]}

    async def do_connectionstatus(self, command: Doc, _: Transaction) -> Doc:
        user = command.get("$user")
        if user is None:
            return {"authInfo": {"authenticatedUsers": [], "authenticatedUserPrivileges": []}}
        writes = self.shape.users[user]["role"] != "read"
        actions = ["find", *(["insert", "update", "remove"] if writes else [])]
        return {
            "authInfo": {
                "authenticatedUsers": [{"user": user, "db": "admin"}],
                "authenticatedUserPrivileges": [
                    {"resource": {"db": command["$db"], "collection": ""}, "actions": actions}
                ],
            }
        }

    async def do_replsetgetstatus(self, _: Doc, __: Transaction) -> Doc:
        if self.shape.standalone:
            raise CommandError(76, "NoReplicationEnabled", "not running with --replSet")
        return {"set": "rs0", "myState": 1}

    async def do_configurefailpoint(self, command: Doc, _: Transaction) -> Doc:
        self.fail.configure(command["mode"], command.get("data", {}))
        return {}

    async def do_committransaction(self, command: Doc, _: Transaction) -> Doc:
        session, number = bytes(command["lsid"]["id"]), command["txnNumber"]
        if self.engine.finished.get(session) == (number, "committed"):
            return {}
        self.engine.commit(
            self.engine.current(session, number), {"session": session, "number": number}
        )
        self.engine.end(session, "committed")
        return {}

    async def do_aborttransaction(self, command: Doc, _: Transaction) -> Doc:
        session, number = bytes(command["lsid"]["id"]), command["txnNumber"]
        self.engine.current(session, number)
        self.engine.end(session, "aborted")
        return {}

    # --- documents --------------------------------------------------------------------------------

    async def do_insert(self, command: Doc, outer: Transaction) -> Doc:
        namespace = _namespace(command)

        def insert(doc: Doc) -> Callable[[Transaction], None]:
            whole = doc if "_id" in doc else {"_id": ObjectId(), **doc}
            return lambda own: own.insert(namespace, whole)

        return await self._each(command, outer, [insert(doc) for doc in command["documents"]])

    async def do_delete(self, command: Doc, outer: Transaction) -> Doc:
        namespace = _namespace(command)

        def delete(one: Doc) -> Callable[[Transaction], int]:
            def work(own: Transaction) -> int:
                found = own.find(namespace, one["q"])
                found = found[:1] if one["limit"] == 1 else found
                for doc in found:
                    own.put(namespace, key_of(doc["_id"]), None)
                return len(found)

            return work

        return await self._each(command, outer, [delete(one) for one in command["deletes"]])

    async def _each(
        self, command: Doc, outer: Transaction, works: list[Callable[[Transaction], Any]]
    ) -> Doc:
        count, errors = 0, []
        for index, work in enumerate(works):
            try:
                done = await self._statement(outer, work)
            except CommandError as error:
                if error.code not in {11000, 121, 10334}:
                    raise
                errors.append(_write_error(index, error))
                if command.get("ordered", True) or outer.explicit:
                    break
            else:
                count += 1 if done is None else done
        return {"n": count, **({"writeErrors": errors} if errors else {})}

    async def do_update(self, command: Doc, outer: Transaction) -> Doc:
        reply: Doc = {"n": 0, "nModified": 0}
        upserted, errors = [], []
        for index, one in enumerate(command["updates"]):
            try:
                matched, modified, made = await self._statement(
                    outer, lambda own, one=one: _update(own, _namespace(command), one)
                )
            except CommandError as error:
                if error.code in {112, 251}:
                    raise
                errors.append(_write_error(index, error))
                if command.get("ordered", True) or outer.explicit:
                    break
                continue
            reply["n"] += matched + (made is not None)
            reply["nModified"] += modified
            if made is not None:
                upserted.append({"index": index, "_id": made})
        if upserted:
            reply["upserted"] = upserted
        return {**reply, "writeErrors": errors} if errors else reply

    async def do_findandmodify(self, command: Doc, outer: Transaction) -> Doc:
        namespace, now = _namespace(command), datetime.now(UTC)

        def work(own: Transaction) -> Doc:
            found = arrange(
                own.find(namespace, command.get("query", {})), command.get("sort") or {}
            )
            if not found and not command.get("upsert"):
                return {"value": None, "lastErrorObject": {"n": 0, "updatedExisting": False}}
            if command.get("remove"):
                own.put(namespace, key_of(found[0]["_id"]), None)
                return {"value": found[0], "lastErrorObject": {"n": 1}}
            if found:
                before, after = found[0], change(found[0], command["update"], now)
                own.put(namespace, key_of(after["_id"]), after)
            else:
                before, after = None, _made(command.get("query", {}), command["update"], now)
                own.insert(namespace, after)
            value = after if command.get("new") else before
            shown = project(value, command.get("fields"), now) if value else None
            return {"value": shown, "lastErrorObject": {"n": 1, "updatedExisting": bool(found)}}

        reply: Doc = await self._statement(outer, work)
        return reply

    # --- reads ------------------------------------------------------------------------------------

    async def do_find(self, command: Doc, outer: Transaction) -> Doc:
        namespace, now = _namespace(command), datetime.now(UTC)
        found = arrange(outer.find(namespace, command.get("filter", {})), command.get("sort") or {})
        found = found[command.get("skip", 0) :]
        if limit := abs(command.get("limit", 0)):
            found = found[:limit]
        shown = [project(doc, command.get("projection"), now) for doc in found]
        return self._cursor(namespace, shown, command.get("batchSize", 101))

    def _cursor(self, namespace: str, docs: list[Doc], size: int) -> Doc:
        first, rest, number = docs[:size], docs[size:], 0
        if rest:
            number = next(self.ids)
            self.cursors[number] = (namespace, rest)
        return {"cursor": {"firstBatch": first, "id": Int64(number), "ns": namespace}}

    async def do_getmore(self, command: Doc, _: Transaction) -> Doc:
        number = int(command["getMore"])
        if number not in self.cursors:
            raise CommandError(43, "CursorNotFound", f"cursor id {number} not found")
        namespace, rest = self.cursors.pop(number)
        size = command.get("batchSize") or 5_000
        batch, rest = rest[:size], rest[size:]
        if rest:
            self.cursors[number] = (namespace, rest)
        left = Int64(number if rest else 0)
        return {"cursor": {"nextBatch": batch, "id": left, "ns": namespace}}

    async def do_killcursors(self, command: Doc, _: Transaction) -> Doc:
        for number in command["cursors"]:
            self.cursors.pop(int(number), None)
        return {"cursorsKilled": command["cursors"]}

    async def do_count(self, command: Doc, outer: Transaction) -> Doc:
        return {"n": len(outer.find(_namespace(command), command.get("query", {})))}

    async def do_aggregate(  # noqa: C901 - a stage each
        self, command: Doc, outer: Transaction
    ) -> Doc:
        namespace, now = _namespace(command), datetime.now(UTC)
        docs: list[Doc] | None = None
        scores: dict[Any, float] = {}
        for stage in command["pipeline"]:
            ((operator, given),) = stage.items()
            if operator in {"$vectorSearch", "$listSearchIndexes"}:
                live = self.engine.collections.get(namespace)
                self._search_only(f"{operator} stage is only allowed on MongoDB Atlas", 6047401)
                if operator == "$listSearchIndexes":
                    docs = search.listed(live, given)
                else:
                    scores = search.nearest(live, given, now)
                    docs = [live.docs[key] for key in scores] if live else []
                continue
            if docs is None:
                docs = outer.find(namespace, {})
            match operator:
                case "$match":
                    docs = [doc for doc in docs if matches(given, doc, now)]
                case "$sort":
                    docs = arrange(docs, given)
                case "$limit":
                    docs = docs[:given]
                case "$skip":
                    docs = docs[given:]
                case "$project":
                    docs = [
                        project(doc, given, now, scores.get(key_of(doc.get("_id")), 0))
                        for doc in docs
                    ]
                case "$group" if given == {"_id": 1, "n": {"$sum": 1}}:
                    docs = [{"_id": 1, "n": len(docs)}] if docs else []
                case _:
                    raise CommandError(40324, "Location40324", f"Unrecognized stage: {operator}")
        return self._cursor(namespace, docs or [], command.get("cursor", {}).get("batchSize", 101))

    # --- collections and indexes ------------------------------------------------------------------

    async def do_create(self, command: Doc, _: Transaction) -> Doc:
        namespace = _namespace(command)
        if namespace in self.engine.collections:
            raise CommandError(48, "NamespaceExists", f"Collection {namespace} already exists.")
        options = {name: command[name] for name in ("validator",) if name in command}
        self.engine.declare(["create", namespace, options])
        return {}

    async def do_collmod(self, command: Doc, _: Transaction) -> Doc:
        live = self._existing(command)
        self.engine.declare(
            ["options", _namespace(command), {**live.options, "validator": command["validator"]}]
        )
        return {}

    async def do_drop(self, command: Doc, _: Transaction) -> Doc:
        if _namespace(command) in self.engine.collections:
            self.engine.declare(["drop", _namespace(command)])
        return {}

    async def do_dropdatabase(self, command: Doc, _: Transaction) -> Doc:
        names = [one for one in self.engine.collections if one.startswith(f"{command['$db']}.")]
        self.engine.declare(*(["drop", name] for name in names))
        return {}

    async def do_createindexes(self, command: Doc, _: Transaction) -> Doc:
        namespace = _namespace(command)
        live = self.engine.ensure(namespace)
        for index in command["indexes"]:
            there = live.indexes.get(index["name"])
            if there is not None and _plain(there) != _plain(index):
                text = f"An existing index has the same name: {index['name']}"
                raise CommandError(86, "IndexKeySpecsConflict", text)
            if there is None:
                fresh_copy = fresh(index)
                live.add_index(namespace, fresh_copy)  # raises before it is written down
                self.engine.declare(["index", namespace, fresh_copy])
        return {"numIndexesAfter": len(live.indexes)}

    async def do_dropindexes(self, command: Doc, _: Transaction) -> Doc:
        live, named = self._existing(command), command["index"]
        names = named if isinstance(named, list) else [named]
        for name in names:
            if name not in live.indexes:
                raise CommandError(27, "IndexNotFound", f"index not found with name [{name}]")
        self.engine.declare(*(["unindex", _namespace(command), name] for name in names))
        return {}

    async def do_listindexes(self, command: Doc, _: Transaction) -> Doc:
        live = self._existing(command)
        return self._cursor(_namespace(command), list(live.indexes.values()), 101)

    async def do_listcollections(self, command: Doc, _: Transaction) -> Doc:
        base = f"{command['$db']}."
        now, wanted = datetime.now(UTC), command.get("filter", {})
        docs = [
            {"name": name.removeprefix(base), "type": "collection", "options": live.options}
            for name, live in self.engine.collections.items()
            if name.startswith(base)
        ]
        docs = [doc for doc in docs if matches(wanted, doc, now)]
        return self._cursor(f"{base}$cmd.listCollections", docs, 1_000)

    async def do_createsearchindexes(self, command: Doc, _: Transaction) -> Doc:
        self._search_only("Using Atlas Search Database Commands requires Atlas", 31082)
        live = self._existing(command)
        for index in command["indexes"]:
            if index["name"] in live.search:
                raise CommandError(68, "IndexAlreadyExists", f"index {index['name']} exists")
            self.engine.declare(["search", _namespace(command), fresh(index)])
        return {
            "indexesCreated": [
                {"id": one["name"], "name": one["name"]} for one in command["indexes"]
            ]
        }

    async def do_dropsearchindex(self, command: Doc, _: Transaction) -> Doc:
        self._search_only("Using Atlas Search Database Commands requires Atlas", 31082)
        self.engine.declare(["unsearch", _namespace(command), command["name"]])
        return {}

    def _search_only(self, message: str, code: int) -> None:
        if not self.shape.search:
            raise CommandError(code, "SearchNotEnabled", message)

    def _existing(self, command: Doc) -> Any:
        live = self.engine.collections.get(_namespace(command))
        if live is None:
            raise CommandError(26, "NamespaceNotFound", f"ns does not exist: {_namespace(command)}")
        return live


def _namespace(command: Doc) -> str:
    target = command.get("collection") if "getMore" in command else next(iter(command.values()))
    if not isinstance(target, str):
        raise bad("collection name has invalid type")
    return f"{command['$db']}.{target}"


def _plain(index: Doc) -> Doc:
    return {name: value for name, value in index.items() if name != "v"}


def _write_error(index: int, error: CommandError) -> Doc:
    return {"index": index, "code": error.code, "errmsg": error.message, **error.extra}


def _update(own: Transaction, namespace: str, one: Doc) -> tuple[int, int, Any]:
    """What one update statement matched, modified and made."""
    now = datetime.now(UTC)
    found = own.find(namespace, one["q"])
    found = found if one.get("multi") else found[:1]
    modified = 0
    for doc in found:
        after = change(doc, one["u"], now)
        if after != doc:
            own.put(namespace, key_of(doc["_id"]), after)
            modified += 1
    if found or not one.get("upsert"):
        return len(found), modified, None
    made = _made(one["q"], one["u"], now)
    own.insert(namespace, made)
    return 0, 0, made["_id"]


def _made(condition: Mapping[str, Any], update: Any, now: datetime) -> Doc:
    """The document that an upsert inserts: what the condition equals, then the update."""
    base = {
        name: value
        for name, value in condition.items()
        if not name.startswith("$") and not isinstance(value, dict)
    }
    made = change(base, update, now, inserting=True)
    return made if "_id" in made else {"_id": ObjectId(), **made}


__all__ = ["Server", "Shape", "evaluate"]
