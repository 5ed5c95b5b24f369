"""Full-text search in an SQL server, over a column of prepared words beside the messages.

The storage fills the column ``terms`` of ``messages`` with the stems of
:mod:`luminora.providers.lexical`, each behind a token of its user, so that an index reads its own
user's postings only. A score is the sum of ``ln(1 + N / n)`` over the words that a message shares
with the query, where ``n`` of the user's ``N`` messages hold the word: the formula of
:func:`luminora.providers.rows.ranked` and of the embedded full-text index.
"""

# ruff: noqa: S608 - every name in these texts is declared, every value a placeholder

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from luminora.errors import InputError
from luminora.providers import lexical
from luminora.providers.checks import check_text, confined_to, declared
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Row, SearchText, Update, Upsert, Write
from luminora.providers.sql import Derived, Statement, Statements, Steps, unfinished

COUNTED: Final = 20_000
"""Messages that are looked at for one word, and counted for rarity: the newest. A word that more of
a user's messages hold says little about any of them."""
_SPOKEN: Final = ("id", "user_id", *MESSAGES.text)


class WordKeeping(ABC):
    """How one database keeps the words of messages."""

    @abstractmethod
    def words(self, statements: Statements) -> Words:
        """The searches and the upkeep, as statements."""

    @property
    def derived(self) -> dict[str, Derived]:
        """The columns that :class:`~luminora.providers.sql.Statements` fills with words."""
        return {}


class WordColumn(WordKeeping):
    """Words in a column of the messages.

    Attributes:
        expression: What fills the column, with one question mark.
        logarithm: The function of the natural logarithm.
    """

    expression: ClassVar[str] = "?"
    logarithm: ClassVar[str] = "ln"

    @abstractmethod
    def value(self, terms: Sequence[str]) -> Any:
        """The parameter for a message that holds these distinct terms, user's token included."""

    @abstractmethod
    def match(self, column: str, terms: Sequence[str]) -> tuple[str, Any]:
        """A condition, with one question mark, that holds one of these terms; its parameter."""

    def words(self, statements: Statements) -> Words:
        """The searches and the upkeep, as statements."""
        return MessageWords(statements, self)

    def of(self, row: Row) -> Any:
        """The parameter for a message."""
        spoken = f"{row.get('speaker_name') or ''} {row['content']}"
        token = lexical.token_of(row["user_id"])
        return self.value([f"{token}{stem}" for stem in dict.fromkeys(lexical.terms(spoken))])

    @property
    def derived(self) -> dict[str, Derived]:
        """The column as :class:`~luminora.providers.sql.Statements` fills it."""
        return {MESSAGES.name: Derived(column="terms", expression=self.expression, of=self.of)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, checked.

    Attributes:
        words: Each as the terms it may be kept under.
        condition: What messages, called ``m``, have to meet, the confinement to the user included.
        params: Its parameters.
        bare: Whether it is nothing but that confinement.
    """

    user: str
    words: Sequence[Sequence[str]]
    condition: str
    params: tuple[Any, ...]
    limit: int
    bare: bool


class Words(ABC):
    """The searches and the upkeep of the words, as statements."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._table = statements.table(MESSAGES.name)
        self._name = statements.dialect.name_of

    def search(self, query: SearchText) -> Statement | None:
        """The SELECT, whose rows are the message's columns and its score; None: nothing to find.

        Raises:
            InputError: Another collection than messages, no user, or an unusable text or limit.
        """
        collection = declared(query.collection)
        if collection is not MESSAGES:
            raise InputError(f"'{collection.name}' has no full-text index, only 'messages' has")
        if not isinstance(query.limit, int) or query.limit < 0:
            raise InputError("limit has to be zero or more")
        user = confined_to(collection, query.user_id)
        if user is None:
            raise InputError("a text search is always among one user's messages")
        condition, params = self._statements.where(collection, user, query.where, alias="m.")
        words = lexical.query_words(check_text(query.text, "text"))
        if not words or query.limit == 0:
            return None
        bare = not query.where.keys() - {"user_id"}
        return self.matching(Asked(user, words, condition, params, query.limit, bare))

    @abstractmethod
    def matching(self, asked: Asked) -> Statement:
        """The SELECT of :meth:`search`."""

    @abstractmethod
    def upheld(self, operation: Write, begin: Callable[[], Steps]) -> Callable[[], Steps]:
        """The steps of a write to messages, with those that keep the words in step."""

    def rows(self, raw: Sequence[Sequence[Any]]) -> list[tuple[Row, float]]:
        """What the SELECT answered, as rows with scores."""
        found = self._statements.rows(MESSAGES.name, (values[:-1] for values in raw))
        return [(row, float(values[-1])) for row, values in zip(found, raw, strict=True)]


class MessageWords(Words):
    """Words in a column, found through the database's own index of it."""

    def __init__(self, statements: Statements, column: WordColumn) -> None:
        super().__init__(statements)
        self._column = column

    def matching(self, asked: Asked) -> Statement:
        """The words' matches one below the other, weighed and summed up."""
        hits, given = self._hits(asked.user, asked.words)
        scored = self._scored(hits, asked.condition, bare=asked.bare)
        early = (asked.limit,) if asked.bare else ()
        given = (*given, asked.user, COUNTED, 1.0, *early, *asked.params, asked.limit)
        return Statement(self._statements.dialect.finish(scored), given, rows=True, final=True)

    def _hits(self, user: str, words: Sequence[Sequence[str]]) -> tuple[str, tuple[Any, ...]]:
        """For each word the newest messages that hold it, one below the other."""
        token = lexical.token_of(user)
        key, order, owner = (self._name(name) for name in ("id", "seq", "user_id"))
        parts: list[str] = []
        params: list[Any] = []
        for number, stems in enumerate(words):
            match, value = self._column.match(
                self._name("terms"), [f"{token}{stem}" for stem in stems]
            )
            parts.append(
                f"(SELECT {key} AS id, {order} AS seq, {number} AS word FROM {self._table} "
                f"WHERE {owner} = ? AND {match} ORDER BY {order} DESC LIMIT {COUNTED})"
            )
            params += [user, value]
        return " UNION ALL ".join(parts), tuple(params)

    def _scored(self, hits: str, condition: str, *, bare: bool) -> str:
        """The whole SELECT; where the user alone confines it, the best are picked first."""
        columns = self._statements.columns(MESSAGES.name, "m.")
        best = " ORDER BY score DESC, seq DESC, id DESC LIMIT ?" if bare else ""
        return (
            f"WITH hits AS ({hits}), "
            "counts AS (SELECT word, count(*) AS held FROM hits GROUP BY word), "
            f"everything AS (SELECT count(*) AS total FROM (SELECT 1 AS one FROM {self._table} "
            f"WHERE {self._name('user_id')} = ? LIMIT ?) AS newest), "
            "most AS (SELECT max(held) AS held FROM counts), "
            f"weights AS (SELECT word, {self._column.logarithm}(1 + ? * "
            "CASE WHEN total < most.held THEN most.held ELSE total END / counts.held) AS weight "
            "FROM counts, everything, most), "
            "scores AS (SELECT id, max(seq) AS seq, sum(weight) AS score "
            f"FROM hits JOIN weights ON weights.word = hits.word GROUP BY id{best}) "
            f"SELECT {columns}, scores.score FROM scores JOIN {self._table} m "
            f"ON m.{self._name('id')} = scores.id WHERE {condition} "
            "ORDER BY scores.score DESC, scores.seq DESC, scores.id DESC LIMIT ?"
        )

    def upheld(self, operation: Write, begin: Callable[[], Steps]) -> Callable[[], Steps]:
        """The operation's steps, followed by those that renew the words it may have changed."""
        if not isinstance(operation, Upsert | Update):
            return begin
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

    def _renewed(self, found: Sequence[Sequence[Any]], changed: Mapping[str, Any]) -> Steps:
        text = self._statements.dialect.finish(
            f"UPDATE {self._table} SET {self._name('terms')} = {self._column.expression} "
            f"WHERE {self._name('id')} = ?"
        )
        for values in found:
            row = {**dict(zip(_SPOKEN, values, strict=True)), **changed}
            yield Statement(text, (self._column.of(row), row["id"]))
        return len(found)

    def _chosen(self, where: str, params: tuple[Any, ...]) -> Statement:
        columns = ", ".join(self._name(name) for name in _SPOKEN)
        text = f"SELECT {columns} FROM {self._table} WHERE {where} FOR UPDATE"
        return Statement(self._statements.dialect.finish(text), params, rows=True)
