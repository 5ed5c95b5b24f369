"""Full-text search over a table of postings: which of a user's messages holds which word.

InnoDB's own full-text index was measured against it (50,000 messages, MariaDB 10.11): the table
answers ordinary questions some ten times sooner, knows no stop words or least lengths that a server
is configured with, and sees each transaction as it sees itself. It takes the same space.

A term is a word's stem together with its user, as a hash of 64 bits; a posting is a term and the
number of a message, ``messages.num``. As everywhere, a score is the sum of ``ln(1 + N / n)`` over
the words that a message shares with the query, where ``n`` of the user's ``N`` messages hold the
word.
"""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder or a number

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from luminora.providers import lexical
from luminora.providers.checks import confined_to
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Delete, Insert, Row, Update, Upsert, Write
from luminora.providers.sql import Statement, Statements, Steps, unfinished
from luminora.providers.sqlwords import COUNTED, Asked, WordKeeping, Words
from luminora_mysql.dialect import accompanied

TABLE: Final = "message_terms"

_SPOKEN: Final = ("num", "user_id", *MESSAGES.text)
_LAST: Final = "LAST_INSERT_ID()"


def term_of(user_id: str, stem: str) -> int:
    """The stem of one user as a number of 64 bits, signed."""
    digest = blake2b(f"{user_id}\0{stem}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def terms_of(row: Mapping[str, Any]) -> list[int]:
    """The distinct terms of a message."""
    spoken = f"{row.get('speaker_name') or ''} {row['content']}"
    user = row["user_id"]
    return [term_of(user, stem) for stem in dict.fromkeys(lexical.terms(spoken))]


class Postings(WordKeeping):
    """Words in a table of their own."""

    def words(self, statements: Statements) -> Words:
        """The searches and the upkeep, as statements."""
        return PostingWords(statements)


class PostingWords(Words):
    """The searches and the upkeep of the postings, as statements."""

    def __init__(self, statements: Statements) -> None:
        super().__init__(statements)
        self._postings = statements.table(TABLE)

    def matching(self, asked: Asked) -> Statement:
        """The words' postings one below the other, weighed and summed up."""
        words = [[term_of(asked.user, stem) for stem in stems] for stems in asked.words]
        held, hits = [], []
        for number, terms in enumerate(words):
            found = self._found(len(terms))
            held.append(f"SELECT {number} AS word, count(*) AS held FROM ({found}) AS w{number}")
            hits.append(f"SELECT num, {number} AS word FROM ({found}) AS h{number}")
        terms = [term for stems in words for term in stems]
        best = " ORDER BY score DESC, num DESC LIMIT ?" if asked.bare else ""
        text = (
            f"WITH everything AS (SELECT count(*) AS total FROM (SELECT 1 AS one "
            f"FROM {self._table} WHERE {self._name('user_id')} = ? LIMIT {COUNTED}) AS newest), "
            "weights AS (SELECT word, LN(1 + 1E0 * total / held) AS weight "
            f"FROM ({' UNION ALL '.join(held)}) AS counted, everything WHERE held > 0), "
            "scores AS (SELECT num, SUM(weight) AS score "
            f"FROM ({' UNION ALL '.join(hits)}) AS hits JOIN weights ON weights.word = hits.word "
            f"GROUP BY num{best}) "
            f"SELECT {self._statements.columns(MESSAGES.name, 'm.')}, scores.score "
            f"FROM scores JOIN {self._table} m ON m.num = scores.num WHERE {asked.condition} "
            "ORDER BY scores.score DESC, scores.num DESC LIMIT ?"
        )
        early = (asked.limit,) if asked.bare else ()
        params = (asked.user, *terms, *terms, *early, *asked.params, asked.limit)
        return Statement(self._statements.dialect.finish(text), params, rows=True, final=True)

    def upheld(self, operation: Write, begin: Callable[[], Steps]) -> Callable[[], Steps]:
        """The operation's steps, with those that keep the postings in step."""
        match operation:
            case Insert():
                return self._inserted(operation, begin)
            case Delete():
                return self._deleted(operation, begin)
            case Upsert() | Update():
                return self._changed(operation, begin)

    def forgotten(self, user: str, most: int) -> Callable[[], Steps]:
        """Delete a portion of a user's messages if there are at least so many of them."""
        owner = self._name("user_id")
        chosen = Statement(
            self._statements.dialect.finish(
                f"SELECT num FROM {self._table} WHERE {owner} = ? LIMIT {most:d}"
            ),
            (user,),
            rows=True,
        )

        def steps() -> Steps:
            found = yield chosen
            if len(found) < most:
                return 0
            numbers = ", ".join(str(int(num)) for (num,) in found)
            text = f"DELETE FROM {self._table} WHERE {owner} = ? AND num IN ({numbers})"
            remove = Statement(self._statements.dialect.finish(text), (user,), final=True)
            terms = Statement(f"DELETE FROM {self._postings} WHERE num IN ({numbers})")
            touched: int = yield accompanied(remove, before=terms)
            return touched

        return steps

    def _found(self, stems: int) -> str:
        """The newest messages that hold a word, which has so many stems."""
        if stems == 1:
            chosen = f"SELECT num FROM {self._postings} WHERE term = ?"
        else:
            marks = ", ".join("?" * stems)
            chosen = f"SELECT DISTINCT num FROM {self._postings} WHERE term IN ({marks})"
        return f"{chosen} ORDER BY num DESC LIMIT {COUNTED}"

    def _put(self, terms: Iterable[tuple[int, int | str]]) -> Statement | None:
        """Add postings; numbers of our own making need no placeholders."""
        values = ", ".join(f"({term}, {num})" for term, num in terms)
        if not values:
            return None
        return Statement(f"INSERT INTO {self._postings} (term, num) VALUES {values}")

    def _inserted(self, operation: Insert, begin: Callable[[], Steps]) -> Callable[[], Steps]:
        user = confined_to(MESSAGES, operation.user_id)
        row: Row = operation.row if user is None else {**operation.row, "user_id": user}
        behind = self._put((term, _LAST) for term in terms_of(row))

        def steps() -> Steps:
            inner = begin()
            touched = yield accompanied(next(inner), behind=behind)
            return _end(inner, touched)

        return steps

    def _deleted(self, operation: Delete, begin: Callable[[], Steps]) -> Callable[[], Steps]:
        user = confined_to(MESSAGES, operation.user_id)
        where, params = self._statements.where(MESSAGES, user, operation.where, alias="m.")
        text = (
            f"DELETE t FROM {self._postings} AS t JOIN {self._table} AS m ON m.num = t.num "
            f"WHERE {where}"
        )
        before = Statement(self._statements.dialect.finish(text), params)

        def steps() -> Steps:
            inner = begin()
            touched = yield accompanied(next(inner), before=before)
            return _end(inner, touched)

        return steps

    def _changed(
        self, operation: Upsert | Update, begin: Callable[[], Steps]
    ) -> Callable[[], Steps]:
        changed = operation.row if isinstance(operation, Upsert) else operation.set
        if not set(MESSAGES.text) & changed.keys():
            return begin
        if isinstance(operation, Upsert):
            chosen = self._chosen(f"{self._name('id')} = ?", (operation.row["id"],))
        else:
            user = confined_to(MESSAGES, operation.user_id)
            chosen = self._chosen(*self._statements.where(MESSAGES, user, operation.where))

        def upsert() -> Steps:
            touched = yield from unfinished(begin())
            yield from self._renewed((yield chosen), {})
            return touched

        def update() -> Steps:
            # Before it is changed: the conditions may not hold any more afterwards.
            found = yield chosen
            touched = yield from unfinished(begin())
            yield from self._renewed(found, changed)
            return touched

        return upsert if isinstance(operation, Upsert) else update

    def _chosen(self, where: str, params: tuple[Any, ...]) -> Statement:
        columns = ", ".join(self._name(name) for name in _SPOKEN)
        text = f"SELECT {columns} FROM {self._table} WHERE {where} FOR UPDATE"
        return Statement(self._statements.dialect.finish(text), params, rows=True)

    def _renewed(self, found: Sequence[Sequence[Any]], changed: Mapping[str, Any]) -> Steps:
        rows = [{**dict(zip(_SPOKEN, values, strict=True)), **changed} for values in found]
        if not rows:
            return 0
        numbers = ", ".join(str(int(row["num"])) for row in rows)
        put = self._put((term, int(row["num"])) for row in rows for term in terms_of(row))
        remove = Statement(f"DELETE FROM {self._postings} WHERE num IN ({numbers})")
        yield accompanied(remove, behind=put)
        return len(rows)


def _end(inner: Steps, answer: Any) -> int:
    """What steps of a single statement return."""
    try:
        inner.send(answer)
    except StopIteration as end:
        touched: int = end.value
        return touched
    raise RuntimeError("an operation of one statement went on")
