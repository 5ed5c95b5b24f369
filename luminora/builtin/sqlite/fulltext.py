"""Full-text search over messages: an FTS5 index of prepared words, kept beside the rows.

The migrations create ``messages_fts``, whose column ``terms`` holds the stems of
:mod:`luminora.providers.lexical`, rowid = ``messages.num``. Every term carries a token of its user
in front, so that a search reads its own user's postings only: it costs the same whether the file
holds ten users or ten thousand, and rarity means rarity among the user's own messages.

A message's score is the sum of ``ln(1 + N / n)`` over the words it shares with the query, where
``n`` of the user's ``N`` messages hold the word. That is BM25 without its corrections for length
and repetition, which only add noise to texts as short as chat turns: on LoCoMo's conversations the
plain sum finds more of the evidence than FTS5's own ``bm25()``, and it needs no second look at the
index.
"""

# ruff: noqa: S608 - names come from the declaration, values are parameters

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from math import log
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import apsw

from luminora.builtin.loading import numpy_lock
from luminora.providers import lexical
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Row
from luminora.providers.sql import Statements

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]
    Points: TypeAlias = NDArray[np.float64]

_COUNTED: Final = 20_000
"""Messages that are looked at for one word, and counted for rarity. A word that more of a user's
messages hold says little about any of them; it counts for the newest ones, so that a search takes
the same time however much there is."""


class Condition(NamedTuple):
    """What a message has to meet besides sharing words.

    Attributes:
        text: SQL with placeholders, the confinement to the user included.
        params: Its parameters.
        bare: Nothing but the confinement.
        indexed: Selective, with an index of its own.
    """

    text: str
    params: tuple[Any, ...]
    bare: bool
    indexed: bool


class MessageIndex:
    """The index of one database: upkeep inside the writer's transactions, and search."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._messages = statements.table("messages")
        self._index = statements.table("messages_fts")
        self._put = f"INSERT OR REPLACE INTO {self._index}(rowid, terms) VALUES (?, ?)"

    def add(self, connection: apsw.Connection, num: Any, row: Row) -> None:
        """Index the message whose internal number is ``num``."""
        spoken = f"{row.get('speaker_name') or ''} {row['content']}"
        token = lexical.token_of(row["user_id"])
        terms = " ".join(_term(token, stem) for stem in lexical.terms(spoken))
        connection.execute(self._put, (num, terms))

    def renew(self, connection: apsw.Connection, where: str, params: tuple[Any, ...]) -> None:
        """Index anew the messages that match."""
        found = connection.execute(
            f"SELECT num, user_id, speaker_name, content FROM {self._messages} WHERE {where}",
            params,
        ).fetchall()
        for num, user_id, speaker_name, content in found:
            row = {"user_id": user_id, "speaker_name": speaker_name, "content": content}
            self.add(connection, num, row)

    def numbers(
        self, connection: apsw.Connection, where: str, params: tuple[Any, ...]
    ) -> list[int]:
        """The internal numbers of the messages that match."""
        return _array(
            connection, f"SELECT json_group_array(num) FROM {self._messages} WHERE {where}", params
        )

    def remove(self, connection: apsw.Connection, where: str, params: tuple[Any, ...]) -> None:
        """Forget the messages that match; they must still be there."""
        connection.execute(
            f"DELETE FROM {self._index} WHERE rowid IN "
            f"(SELECT num FROM {self._messages} WHERE {where})",
            params,
        )

    def search(
        self,
        connection: apsw.Connection,
        user: str,
        text: str,
        condition: Condition,
        limit: int,
    ) -> list[tuple[Row, float]]:
        """The best messages that share a word with ``text`` and meet ``condition``."""
        token = lexical.token_of(user)
        found = [self._posting(connection, token, stems) for stems in lexical.query_words(text)]
        postings = sorted(filter(None, found), key=len)
        if not postings or limit == 0:
            return []
        if condition.indexed:
            allowed = set(self.numbers(connection, condition.text, condition.params))
        else:
            allowed = None
        total = max(self._count(connection, user), len(postings[-1]))
        scores = score(postings, total, limit if condition.bare else None, allowed)
        ranked = self._hydrated(connection, _ranked(*scores, limit), condition, limit)
        return list(islice(ranked, limit))

    def _posting(self, connection: apsw.Connection, token: str, stems: Sequence[str]) -> list[int]:
        """The numbers of the user's messages that hold the word, the newest ``_COUNTED`` of them.

        They come as one JSON text: a row each would hand the interpreter's lock to and fro for
        every message.
        """
        match = " OR ".join(f'"{_term(token, stem)}"' for stem in stems)
        newest = _array(
            connection,
            f"SELECT json_group_array(rowid) FROM (SELECT rowid FROM {self._index} "
            f"WHERE {self._index} MATCH ? ORDER BY rowid DESC LIMIT ?)",
            (match, _COUNTED),
        )
        return newest[::-1]

    def _count(self, connection: apsw.Connection, user: str) -> int:
        text = f"SELECT count(*) FROM (SELECT 1 FROM {self._messages} WHERE user_id = ? LIMIT ?)"
        number: int = next(connection.execute(text, (user, _COUNTED)))[0]
        return number

    def _hydrated(
        self,
        connection: apsw.Connection,
        ranked: Iterator[tuple[int, float]],
        condition: Condition,
        limit: int,
    ) -> Iterator[tuple[Row, float]]:
        """Rows in the order of ``ranked``, fetched in growing portions, as few as needed."""
        text = (
            f"SELECT num, {self._statements.columns(MESSAGES.name)} "
            f"FROM (SELECT value AS wanted FROM json_each(?)) "
            f"CROSS JOIN {self._messages} ON num = wanted WHERE {condition.text}"
        )
        size = limit
        while portion := list(islice(ranked, size)):
            numbers = json.dumps([num for num, _ in portion])
            raw = {
                num: values
                for num, *values in connection.execute(text, (numbers, *condition.params))
            }
            met = [(num, points) for num, points in portion if num in raw]
            rows = self._statements.rows(MESSAGES.name, (raw[num] for num, _ in met))
            yield from zip(rows, (points for _, points in met), strict=True)
            size = min(size * 4, 4096)


def score(
    postings: Sequence[Sequence[int]],
    total: int,
    limit: int | None,
    allowed: Collection[int] | None = None,
) -> tuple[Numbers, Points]:
    """The messages that share a word with the query, and the points of each.

    Whole postings are worked on at once: a loop over a hundred thousand messages would hold the
    interpreter's lock, and everybody else up, for as long as the rest of the search takes.

    Args:
        postings: For each word the numbers of the messages that hold it, rising; the rarest word
            first.
        total: How many messages there are.
        limit: If given, only the best ``limit`` need to be there: once the words still to come
            cannot lift a new message among them, no new message is taken up.
        allowed: If given, the only messages that may count.
    """
    with numpy_lock:
        import numpy as np  # noqa: PLC0415 - only who searches pays for it

    weights = [log(1 + total / len(posting)) for posting in postings]
    wanted = None if allowed is None else np.asarray(sorted(allowed), dtype=np.int64)
    numbers, points = np.empty(0, dtype=np.int64), np.empty(0)
    for position, (posting, weight) in enumerate(zip(postings, weights, strict=True)):
        held = np.asarray(posting, dtype=np.int64)
        if wanted is not None:
            held = held[np.isin(held, wanted, assume_unique=True)]
        if limit is None or _open(points, limit, sum(weights[position:])):
            fresh = np.setdiff1d(held, numbers, assume_unique=True)
            numbers = np.concatenate((numbers, fresh))
            points = np.concatenate((points, np.zeros(len(fresh))))
        points[np.isin(numbers, held, assume_unique=True)] += weight
    return numbers, points


def _open(points: Points, limit: int, remaining: float) -> bool:
    """Whether a message without points so far can still come among the best ``limit``."""
    with numpy_lock:
        import numpy as np  # noqa: PLC0415 - see above

    return len(points) < limit or float(np.partition(points, -limit)[-limit]) <= remaining


def _ranked(numbers: Numbers, points: Points, limit: int) -> Iterator[tuple[int, float]]:
    """Best first, the newer of two equals first; sorted only as far as it is read."""
    with numpy_lock:
        import numpy as np  # noqa: PLC0415 - see above

    best = np.arange(len(points))
    if len(points) > limit:
        bar = np.partition(points, -limit)[-limit]
        best = np.flatnonzero(points >= bar)
    for part in (best, None):
        if part is None:
            part = np.setdiff1d(np.arange(len(points)), best, assume_unique=True)  # noqa: PLW2901
        order = part[np.lexsort((-numbers[part], -points[part]))]
        yield from zip(numbers[order].tolist(), points[order].tolist(), strict=True)


def _term(token: str, stem: str) -> str:
    """A term as FTS5's tokenizer leaves it whole: it knows letters up to Unicode 6.1 only."""
    return f"{token}{stem}" if stem.isascii() else f"{token}0x{stem.encode().hex()}"


def _array(connection: apsw.Connection, text: str, params: Iterable[Any]) -> list[int]:
    numbers: list[int] = json.loads(next(connection.execute(text, tuple(params)))[0])
    return numbers
