"""Reads as rounds of commands, so that several of them share their rounds.

A read is a generator: it yields commands, is sent their answers and returns what was asked for.
:func:`together` drives any number of them, with one round trip for what all of them want next.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from redis.exceptions import RedisError

from luminora.errors import InputError
from luminora.providers import lexical
from luminora.providers.checks import check_text, confined_to, declared, order_of, own_where
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Count, Find, Is, Read, Row, SearchText, Where
from luminora.providers.rows import Order, arranged, matches, ranked
from luminora_redis.access import Path, by_key, choose, key_range
from luminora_redis.connection import Command, Link
from luminora_redis.errors import translate
from luminora_redis.layout import NUMBER, Layout, Table
from luminora_redis.scripts import POSTINGS, ROWS

Steps = Generator[list[Command], list[Any], Any]

_BATCH: Final = 5_000
"""Rows of one answer when all users' rows are asked for: nobody else waits for long."""
_PATIENCE: Final = 4
"""How much larger each portion is than the one before."""
_COUNTED: Final = 10_000
"""Messages that are looked at for one word, the newest: a search takes the same time however much
there is."""


async def together(link: Link, reads: Sequence[Steps], where: str) -> list[Any]:
    """The answers of several reads, in as many round trips as the longest of them takes.

    Raises:
        LuminoraError: One of the answers is an error.
    """
    results: list[Any] = [None] * len(reads)
    wanted: dict[int, list[Command]] = {}

    def advance(number: int, answers: list[Any] | None) -> None:
        try:
            wanted[number] = reads[number].send(answers)  # type: ignore[arg-type]  # None begins
        except StopIteration as end:
            results[number] = end.value

    for number in range(len(reads)):
        advance(number, None)
    while wanted:
        asked, wanted = wanted, {}
        answers = iter(await link.evaluated([*chain.from_iterable(asked.values())]))
        for number, commands in asked.items():
            mine = [next(answers) for _ in commands]
            for answer in mine:
                if isinstance(answer, RedisError):
                    raise translate(answer, where)
            advance(number, mine)
    return results


class Reader:
    """Reads of one layout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def steps(self, query: Read) -> Steps:
        """The read, checked at once.

        Raises:
            InputError: It can never be answered.
        """
        match query:
            case Find():
                return self.find(query)
            case Count():
                return self._count(query)
            case SearchText():
                return self._search(query)

    def scope(
        self, collection: str, user_id: Any, where: Where
    ) -> tuple[Table, str | None, dict[str, Is]]:
        """The table, whose rows of it (None: all users'), and the conditions.

        Raises:
            InputError: Something is not declared or does not fit.
        """
        found = declared(collection)
        user = confined_to(found, user_id)
        conditions = own_where(found, user, where)
        if not found.per_user:
            user = ""
        elif user is None and "user_id" in conditions:
            one = conditions["user_id"]
            if one.op == "in" and len(one.value) == 1 and one.value[0]:
                user = one.value[0]
        return self._layout.tables[collection], user, conditions

    def find(self, query: Find) -> Steps:
        """The rows that match, in order."""
        table, user, conditions = self.scope(query.collection, query.user_id, query.where)
        order = order_of(table.collection, query.order)
        after = query.after
        arranged([], order, limit=query.limit, after=after)  # refuses what makes no sense
        return self._find(table, user, conditions, order, query.limit, after)

    def _find(
        self,
        table: Table,
        user: str | None,
        conditions: Mapping[str, Is],
        order: Order,
        limit: int | None,
        after: Row | None,
    ) -> Steps:
        if limit == 0:
            return []
        found: list[Row] = []
        path = choose(table, user, conditions, order, after=after, limited=limit is not None)
        enough = limit if path.ordered and by_key(table, conditions) is None else None
        for batch in self._batches(table, user, conditions, path, enough):
            answers = yield batch.commands
            found += [row for row in batch.rows(answers) if matches(row, conditions)]
            if enough is not None:
                kept = arranged(found, order, limit=limit, after=after)
                if len(kept) == limit:
                    return kept
        return arranged(found, order, limit=limit, after=after)

    def candidates(self, table: Table, user: str | None, conditions: Mapping[str, Is]) -> Steps:
        """The rows that match, in no order."""
        path = choose(table, user, conditions)
        found: list[Row] = []
        for batch in self._batches(table, user, conditions, path, None):
            answers = yield batch.commands
            found += [row for row in batch.rows(answers) if matches(row, conditions)]
        return found

    def _batches(
        self,
        table: Table,
        user: str | None,
        conditions: Mapping[str, Is],
        path: Path,
        enough: int | None,
    ) -> Iterable[Batch]:
        """Portions of the candidates; each says by its answers whether there is another."""
        keys = by_key(table, conditions)
        if keys is not None:
            yield self._keyed(table, user, keys)
            return
        if user is not None and enough is None and path.index is table.keys:
            yield Batch([("HVALS", table.rows_key(user))], lambda got: map(table.row, got[0]))
            return
        if enough is None and user is not None:
            yield self._along(table, user, path, path.ranges, -1)
            return
        for low, high in path.ranges:
            size = _BATCH if enough is None else enough + 1
            while True:
                batch = self._along(table, user, path, [(low, high)], size)
                yield batch
                if batch.stopped is None:
                    break
                bound = b"(" + batch.stopped
                low, high = (low, bound) if path.down else (bound, high)  # noqa: PLW2901
                size = min(size * _PATIENCE, _BATCH)

    def _keyed(self, table: Table, user: str | None, keys: Sequence[str]) -> Batch:
        if not keys:
            return Batch([], lambda _: ())
        if user is not None:
            command = ("HMGET", table.rows_key(user), *keys)
            return Batch([command], lambda got: (table.row(text) for text in got[0] if text))
        assert table.owners is not None  # noqa: S101 - rows that belong to users
        ranges = [key_range(key, table.owners) for key in keys]
        return self._along(table, None, Path(table.owners, ()), ranges, -1)

    def _along(
        self,
        table: Table,
        user: str | None,
        path: Path,
        ranges: Sequence[tuple[bytes, bytes]],
        size: int,
    ) -> Batch:
        index = path.index
        command: Command = (
            *("EVALSHA", ROWS, 2),
            table.index_key(index, user or ""),
            table.rows_key((user or "") if index.own else ""),
            *("down" if path.down else "up", size, path.lead if path.ordered else -1),
            "mine" if index.own else "all",
            *(len(table.collection.key), "" if user is None else user),
            *chain.from_iterable(ranges),
        )
        return Batch([command], lambda got: map(table.row, got[0][1:]), scripted=True)

    def _count(self, query: Count) -> Steps:
        table, user, conditions = self.scope(query.collection, query.user_id, query.where)
        return self._number(table, user, conditions)

    def _number(self, table: Table, user: str | None, conditions: Mapping[str, Is]) -> Steps:
        if not conditions.keys() - {"user_id"} and (user is not None or not conditions):
            if user is not None:
                command: Command = ("HLEN", table.rows_key(user))
            else:
                command = ("ZCARD", table.index_key(table.owners or table.keys, ""))
            return (yield [command])[0]
        path = choose(table, user, conditions)
        mine = path.index.own or user is None
        if mine and conditions.keys() <= path.covered and by_key(table, conditions) is None:
            key = table.index_key(path.index, user or "")
            return sum((yield [("ZLEXCOUNT", key, low, high) for low, high in path.ranges]))
        return len((yield from self.candidates(table, user, conditions)))

    def _search(self, query: SearchText) -> Steps:
        table, user, conditions = self.scope(query.collection, query.user_id, query.where)
        if table.collection is not MESSAGES:
            raise InputError(
                f"'{table.collection.name}' has no full-text index, only 'messages' has"
            )
        if user is None or isinstance(query.user_id, str) is False:
            raise InputError("a text search is always among one user's messages")
        if query.limit < 0:
            raise InputError("limit has to be zero or more")
        text = check_text(query.text, "text")
        return self._hits(table, user, conditions, text, query.limit)

    def _hits(
        self, table: Table, user: str, conditions: Mapping[str, Is], text: str, limit: int
    ) -> Steps:
        words = lexical.query_words(text)
        terms = list(dict.fromkeys(chain.from_iterable(words)))
        if not terms or limit == 0:
            return []
        held, total = yield [
            ("EVALSHA", POSTINGS, 1, table.words_key(user), _COUNTED, *terms),
            ("HLEN", table.rows_key(user)),
        ]
        best = ranked(_newest(terms, held), words, total)
        hits: list[tuple[Row, float]] = []
        begin, size = 0, limit
        while begin < len(best) and len(hits) < limit:
            portion = best[begin : begin + size]
            begin, size = begin + size, size * _PATIENCE
            (texts,) = yield [("HMGET", table.rows_key(user), *(one for one, _ in portion))]
            for (_, score), found in zip(portion, texts, strict=True):
                row = table.row(found) if found else None
                if row is not None and matches(row, conditions):
                    hits.append((row, score))
        return hits[:limit]


class Batch:
    """Commands, and the rows in what comes back."""

    def __init__(
        self,
        commands: list[Command],
        rows: Callable[[list[Any]], Iterable[Row]],
        *,
        scripted: bool = False,
    ) -> None:
        self.commands = commands
        self.stopped: bytes | None = None
        self._rows = rows
        self._scripted = scripted

    def rows(self, answers: list[Any]) -> Iterable[Row]:
        """The rows; where the script stopped is noted."""
        if self._scripted:
            self.stopped = answers[0][0]
        return self._rows(answers)


def _newest(terms: Sequence[str], postings: Sequence[bytes]) -> list[tuple[bytes, set[str]]]:
    """The messages that hold one of the terms, and which; the newest first."""
    held: dict[bytes, set[str]] = {}
    for term, places in zip(terms, postings, strict=True):
        for place in places.split(b"\0") if places else ():
            if place in held:
                held[place].add(term)
            else:
                held[place] = {term}
    # A place begins with the message's number.
    return [(place[NUMBER:], held[place]) for place in sorted(held, reverse=True)]
