"""What is known of a user, kept by hand: look it up, note it, mend it, strike it out.

The part of :class:`luminora.client.LuminoraCoreClient` for facts. A fact noted here is a fact like
any other: what the user says later may confirm or supersede it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Literal

from luminora.errors import Conflict, InputError, SessionNotFound
from luminora.memory.analysis import CORRECTED, RETRACTED, SUPERSEDED, Analysis
from luminora.memory.clock import now
from luminora.memory.fact_keys import CATEGORIES, canonical, covers, member, normal_key
from luminora.memory.fact_policy import FactPolicy
from luminora.memory.fact_reader import MANUAL, FoundFact, fact_value
from luminora.memory.facts import changed, fact_writes, same_value, taken_back
from luminora.memory.models import Fact, FactVersion, Session
from luminora.memory.recall import Memory
from luminora.memory.validate import checked_id, checked_text
from luminora.providers import Count, Delete, Find, Row, StorageProvider, Update, Write

_ATTEMPTS = 20
_MAX_TAGS = 20
_MAX_TAG = 50
_MAX_CONTEXT = 2_000

Change = Callable[[Sequence[Row]], tuple[list[Write], Row]]
"""From the facts as they are, the writes and the fact row as it will be."""


class Notebook:
    """The facts of one stack's users."""

    _storage: StorageProvider
    _memory: Memory
    _facts: FactPolicy

    @abstractmethod
    async def get_session(self, session_id: str) -> Session:
        """The session of that id."""

    async def get_facts(self, session_id: str, category: str | None = None) -> list[Fact]:
        """What is known of the session's user, latest first."""
        session = await self.get_session(session_id)
        where = {**self._memory.visible(session), "is_active": True}
        if category is not None:
            where["category"] = category
        rows = await self._storage.find(
            "user_facts", session.user_id, where, order=("-last_updated",)
        )
        return [Fact.from_row(row) for row in rows]

    async def get_fact_history(self, session_id: str, key: str | None = None) -> list[FactVersion]:
        """The values that facts had before, the latest first, with why they no longer hold.

        Args:
            session_id: Whose facts, and within which scope.
            key: Only of facts of this name; ``hobby`` is all hobbies, ``ciudad`` is ``location``.
        """
        session = await self.get_session(session_id)
        history, facts = await self._storage.read(
            [
                Find("fact_history", session.user_id, order=("-valid_to",)),
                Find("user_facts", session.user_id, self._memory.visible(session)),
            ]
        )
        visible = {row["id"] for row in facts}
        wanted = None if key is None else _name_of(key)
        return [
            FactVersion.from_row(row)
            for row in history
            if row["fact_id"] in visible and (wanted is None or _is_named(row, wanted))
        ]

    async def add_fact(
        self,
        session_id: str,
        category: str,
        key: str,
        value: Any,
        *,
        confidence: float = 1.0,
        tags: Sequence[str] = (),
        context: str | None = None,
    ) -> Fact:
        """Note something about the session's user; the fact as it is kept.

        Another name of a known thing is that thing: ``nombre`` is kept as ``name``, in the
        category ``personal_info``. A fact that is there already is mentioned again, or, with
        another value, superseded. Its provenance is the tag ``manual`` in place of a message.

        Args:
            session_id: Whose fact.
            category: One of :data:`~luminora.memory.fact_keys.CATEGORIES`.
            key: What it is about, such as ``favorite_food``.
            value: Text of up to 2,000 characters, a finite number, a boolean or a JSON object.
            confidence: From 0 to 1.
            tags: Up to 20, each of up to 50 characters.
            context: Where you have it from, in words.

        Raises:
            InputError: Something cannot be kept, or ``memory.facts`` switched the category off;
                nothing was written.
        """
        found = self._found(category, key, value, confidence, tags, context)
        session = await self.get_session(session_id)

        def add(known: Sequence[Row]) -> tuple[list[Write], Row]:
            writes, rows = fact_writes(session, None, Analysis(facts=[found]), known, now())
            return writes, rows[0]

        return await self._change(session, add)

    async def edit_fact(
        self,
        session_id: str,
        fact: str,
        value: Any = None,
        *,
        confidence: float | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        reason: Literal["corrected", "superseded"] = "corrected",
    ) -> Fact:
        """Change a fact; what is left out stays.

        Args:
            session_id: Whose fact.
            fact: Its id or its key.
            value: The value it should have.
            confidence: From 0 to 1.
            tags: Replace the present ones.
            context: Replaces the present one.
            reason: What the history says of the old value: it was wrong (``corrected``), or it
                was true until now (``superseded``).

        Raises:
            InputError: There is no such fact, or something cannot be kept; nothing was written.
        """
        if reason not in {CORRECTED, SUPERSEDED}:
            raise InputError(
                f"reason is {reason!r:.40}", hint=f"pass '{CORRECTED}' or '{SUPERSEDED}'"
            )
        changes: dict[str, Any] = {}
        if value is not None:
            changes["value"] = _checked_value(value)
        if confidence is not None:
            changes["confidence"] = _checked_confidence(confidence, self._facts)
        if tags is not None:
            changes["tags"] = _checked_tags(tags)
        if context is not None:
            changes["context"] = checked_text(context, _MAX_CONTEXT, "context")
        if not changes:
            raise InputError("there is nothing to change", hint="pass a value, tags, …")
        session = await self.get_session(session_id)

        def edit(known: Sequence[Row]) -> tuple[list[Write], Row]:
            old = _one_of(known, fact, session)
            self._allow(old["category"])
            at = max(now(), old["last_updated"])
            new: dict[str, Any] = {**changes, "last_updated": at}
            past = None
            if "value" in changes:
                new["source_message_id"] = None
                new["tags"] = _by_hand(list(changes.get("tags", old["tags"]) or ()))
                if not same_value(old["value"], changes["value"]):
                    new |= {"first_mentioned": at, "mention_count": 1}
                    past = reason
            return changed(session.user_id, old, new, at, past), {**old, **new}

        return await self._change(session, edit)

    async def delete_fact(self, session_id: str, fact: str, *, erase: bool = False) -> Fact:
        """Take a fact back; what it was.

        Args:
            session_id: Whose fact.
            fact: Its id or its key.
            erase: Delete it and its history for good. Otherwise it moves to the history, as if
                the user had asked to forget it.

        Raises:
            InputError: There is no such fact.
        """
        session = await self.get_session(session_id)

        def delete(known: Sequence[Row]) -> tuple[list[Write], Row]:
            old = _one_of(known, fact, session, retired=erase)
            gone = {**old, "is_active": False}
            if not erase:
                return taken_back(session.user_id, old, now(), RETRACTED), gone
            # the update makes sure that the row is still the one that was read
            found = {"id": old["id"], "revision": old["revision"]}
            return [
                Update("user_facts", session.user_id, found, set={"is_active": False}, expect=1),
                Delete("user_facts", session.user_id, {"id": old["id"]}),
                Delete("fact_history", session.user_id, {"fact_id": old["id"]}),
            ], gone

        return await self._change(session, delete)

    async def _change(self, session: Session, change: Change) -> Fact:
        """Write a change of facts, worked out anew whenever somebody else was quicker."""
        own = {"session_id": session.session_id}
        for attempt in range(_ATTEMPTS):
            known, there = await self._storage.read(
                [
                    Find(
                        "user_facts",
                        session.user_id,
                        self._memory.visible(session),
                        order=("is_active", "last_updated"),
                    ),
                    Count("sessions", session.user_id, own),
                ]
            )
            if not there:
                raise SessionNotFound(
                    f"the session '{session.session_id}' is gone: its user was forgotten",
                    hint="create_session() begins a new one",
                )
            writes, row = change(known)
            # a user who is forgotten meanwhile gets no fact back
            alive = Update("sessions", session.user_id, own, set={"last_activity": now()}, expect=1)
            try:
                await self._storage.transaction([alive, *writes])
            except Conflict:
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return Fact.from_row(row)
        raise AssertionError("unreachable")

    def _allow(self, category: str) -> None:
        if category in self._facts.disabled:
            raise InputError(
                f"facts of the category '{category}' are switched off",
                where="memory.facts.disabled_categories",
                hint="take it off that list in luminora.json to keep them",
            )

    def _found(
        self,
        category: str,
        key: str,
        value: Any,
        confidence: float,
        tags: Sequence[str],
        context: str | None,
    ) -> FoundFact:
        name = normal_key(key)
        if name is None:
            raise InputError(f"the key {key!r:.60} names nothing", hint="as in favorite_food")
        if category not in CATEGORIES:
            close = get_close_matches(str(category), CATEGORIES, n=1)
            raise InputError(
                f"there is no category {category!r:.60}",
                where="category",
                hint=f"did you mean '{close[0]}'?" if close else f"one of {', '.join(CATEGORIES)}",
            )
        home, name = canonical(category, name)
        name, kept = member(name, _checked_value(value))
        self._allow(home)
        return FoundFact(
            category=home,
            key=name,
            value=kept,
            confidence=_checked_confidence(confidence, self._facts),
            quote=None if context is None else checked_text(context, _MAX_CONTEXT, "context"),
            tags=_by_hand(_checked_tags(tags)),
        )


def _one_of(known: Sequence[Row], fact: str, session: Session, *, retired: bool = False) -> Row:
    """The fact of that id, or of that key; a retired one only if asked for."""
    checked_id(fact, "fact")
    rows = [row for row in known if row["is_active"] or retired]
    named = [row for row in rows if row["id"] == fact] or [
        row for row in rows if row["key"] == fact or row["key"] == _name_of(fact)
    ]
    if not named:
        raise InputError(
            f"there is no fact {fact!r:.80} of '{session.user_id:.80}'",
            hint="get_facts() or 'luminora facts' lists them",
        )
    return named[-1]  # an active one before a retired one, the latest before an older one


def _name_of(key: str) -> str:
    return canonical("other", normal_key(key) or key)[1]


def _is_named(row: Row, wanted: str) -> bool:
    return covers(wanted, canonical(row["category"], row["key"])[1])


def _by_hand(tags: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*tags, MANUAL]))


def _checked_value(value: Any) -> Any:
    if isinstance(value, str):
        return checked_text(value, 2_000, "value").strip() or checked_text("", 1, "value")
    kept = fact_value(value)
    if kept is None:
        raise InputError(
            f"a {type(value).__name__} like {value!r:.60} cannot be kept as a fact",
            where="value",
            hint="pass text, a finite number, a boolean, or a JSON object of 2,000 characters",
        )
    return kept


def _checked_confidence(value: Any, policy: FactPolicy) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"confidence is {value!r:.40}", hint="pass a number from 0 to 1")
    if value < policy.least:
        raise InputError(
            f"a confidence of {value} is below the least that is kept, {policy.least}",
            where="memory.facts.min_confidence",
        )
    return float(value)


def _checked_tags(tags: Sequence[str]) -> list[str]:
    if isinstance(tags, str) or len(tags) > _MAX_TAGS:
        raise InputError("tags have to be a list of at most 20", where="tags")
    return [checked_text(tag, _MAX_TAG, "tag") for tag in tags]
