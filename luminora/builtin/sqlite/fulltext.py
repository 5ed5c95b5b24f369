"""Full-text search over messages: an FTS5 index of prepared words, kept beside the rows.

The migrations create ``messages_fts`` (columns ``scope`` and ``terms``, no content of its own,
rowid = ``messages.num``). What goes into it are the stems of :mod:`luminora.providers.lexical`, so
FTS5's own tokenizer only splits at spaces.
"""

# ruff: noqa: S608 - names come from the declaration, values are parameters

from __future__ import annotations

from hashlib import sha1
from typing import Any

import apsw

from luminora.providers import lexical
from luminora.providers.collections import MESSAGES
from luminora.providers.operations import Row
from luminora.providers.sql import Statements


def scope_of(user_id: str) -> str:
    """One word that stands for a user in the index; rows are checked against the user again."""
    return f"u{sha1(user_id.encode(), usedforsecurity=False).hexdigest()[:16]}"


class MessageIndex:
    """The index of one database: upkeep inside the writer's transactions, and search."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._messages = statements.table("messages")
        self._index = statements.table("messages_fts")
        self._put = f"INSERT OR REPLACE INTO {self._index}(rowid, scope, terms) VALUES (?, ?, ?)"

    def add(self, connection: apsw.Connection, num: Any, row: Row) -> None:
        """Index the message whose internal number is ``num``."""
        spoken = f"{row.get('speaker_name') or ''} {row['content']}"
        words = " ".join(lexical.terms(spoken))
        connection.execute(self._put, (num, scope_of(row["user_id"]), words))

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
        text = f"SELECT num FROM {self._messages} WHERE {where}"
        return [num for (num,) in connection.execute(text, params)]

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
        scope: str | None,
        text: str,
        condition: tuple[str, tuple[Any, ...]],
        limit: int,
    ) -> list[tuple[Row, float]]:
        """The best messages that share a word with ``text`` and meet ``condition``."""
        wanted = lexical.query_terms(text)
        if not wanted or limit == 0:
            return []
        either = " OR ".join(f'"{term}"' for term in wanted)
        match = f"terms:({either})" if scope is None else f"scope:{scope} AND terms:({either})"
        ranked = connection.execute(
            f"SELECT rowid, -bm25({self._index}, 0.0, 1.0) AS score FROM {self._index} "
            f"WHERE {self._index} MATCH ? ORDER BY score DESC",
            (match,),
        )
        columns = self._statements.columns(MESSAGES.name)
        row_text = f"SELECT {columns} FROM {self._messages} WHERE num = ? AND {condition[0]}"
        hits: list[tuple[Row, float]] = []
        for num, score in ranked:
            raw = connection.execute(row_text, (num, *condition[1])).fetchall()
            hits += [(row, score) for row in self._statements.rows(MESSAGES.name, raw)]
            if len(hits) >= limit:
                break
        return hits
