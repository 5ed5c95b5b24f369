"""One message, from door to door: save, recall, compile, generate, save, digest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid4, uuid5

from luminora._steps import step
from luminora.errors import Conflict, InputError, SessionNotFound
from luminora.memory.affinity import affinity_info
from luminora.memory.analyst import Analyst
from luminora.memory.announce import Emit, announce
from luminora.memory.clock import Sequence as Order
from luminora.memory.clock import now
from luminora.memory.digest import Batch, Digester
from luminora.memory.episodes import EpisodeRules, Episodes
from luminora.memory.explain import Explanation, explained
from luminora.memory.fact_policy import FactPolicy
from luminora.memory.jobs import JobQueue
from luminora.memory.learning import Exchange, Learner, Lesson
from luminora.memory.models import AffinityEvent, Fact, Response, ResponseChunk, Session
from luminora.memory.mood import mood_at
from luminora.memory.prompt import (
    PROMPT_BUDGET,
    conversation_request,
    ground,
    memories,
    names_in,
)
from luminora.memory.recall import Memory, Recall
from luminora.memory.semantic import SemanticIndex
from luminora.memory.voice import Spoken, Voice
from luminora.personality import CompiledPersonality, Personality, PersonalityTree
from luminora.providers import (
    EVERY_USER,
    Attempt,
    ChatRequest,
    Find,
    Grounding,
    Is,
    Row,
    StorageProvider,
    Usage,
    Write,
)

_ERROR_CHARS = 200  # of an attempt's error, kept with the answer


class Personalities(Protocol):
    """Gives the personality of a session."""

    def of(self, session: Session) -> tuple[Personality, PersonalityTree]:
        """The personality and its tree."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A saved message and everything its answer needs."""

    exchange: Exchange
    grounding: Grounding
    request: ChatRequest


class Conversation:
    """Answers messages.

    Args:
        inline: Learn from an exchange before the answer is returned; else a job waits for
            whoever runs :meth:`Digester.run_due`.
        episode_every: See :class:`Learner`.
        episode_rules: How episodes are kept.
        policy: Which facts may be kept.
        prompt_budget: Most tokens that memories take in a prompt.
        batch: How exchanges share an analysis, if they wait for it.
    """

    def __init__(
        self,
        storage: StorageProvider,
        queue: JobQueue,
        index: SemanticIndex,
        memory: Memory,
        voice: Voice,
        analyst: Analyst,
        personalities: Personalities,
        emit: Emit,
        *,
        inline: bool = True,
        episode_every: int = 1,
        episode_rules: EpisodeRules | None = None,
        policy: FactPolicy | None = None,
        prompt_budget: int = PROMPT_BUDGET,
        batch: Batch | None = None,
    ) -> None:
        self._budget = prompt_budget
        self._storage = storage
        self._index = index
        self._memory = memory
        self._voice = voice
        self._personalities = personalities
        self._emit = emit
        self._inline = inline
        self.order = Order()
        self._policy = policy or FactPolicy()
        episodes = Episodes(storage, episode_rules)
        learner = Learner(
            storage, memory, episodes, episode_every=episode_every, policy=self._policy
        )
        self.digester = Digester(queue, index, analyst, learner, self._resume, emit, batch)

    async def send(self, session: Session, text: str, key: str | None = None) -> Response:
        """The answer to ``text``; see :meth:`luminora.client.LuminoraCoreClient.send_message`."""
        turn = await self._begin(session, text, key)
        if isinstance(turn, Response):
            return turn
        with step("generate"):
            spoken = await self._voice.reply(turn.request)
        return await self._finish(turn, spoken)

    async def stream(
        self, session: Session, text: str, key: str | None = None
    ) -> AsyncIterator[ResponseChunk]:
        """The same in pieces; the last one carries the response."""
        turn = await self._begin(session, text, key)
        if isinstance(turn, Response):
            yield ResponseChunk(turn.text)
            yield ResponseChunk("", turn)
            return
        async for piece in self._voice.stream(turn.request):
            if isinstance(piece, Spoken):
                yield ResponseChunk("", await self._finish(turn, piece))
            else:
                yield ResponseChunk(piece)

    async def explain(self, session: Session, text: str) -> Explanation:
        """What an answer to ``text`` would rely on, and why; nothing is saved."""
        await self._index.verify()
        personality, tree = self._personalities.of(session)
        row = self._user_row(session, text, None)
        recall = await self._memory.recall(
            session, text, before=row, names=names_in(session, personality)
        )
        exchange, grounding, compiled = self._ground(session, personality, tree, row, recall)
        chosen = memories(exchange.recall, self._budget)
        request = conversation_request(compiled, grounding, chosen)
        return explained(request, exchange.recall, chosen)

    async def _begin(self, session: Session, text: str, key: str | None) -> Turn | Response:
        await self._index.verify()
        personality, tree = self._personalities.of(session)
        row = self._user_row(session, text, key)
        with step("save"):
            new = await self._save(session, row)
        if not new:
            row, answer = await self._stored(row)
            if answer is not None:
                return _repeated(row, answer)
        await self._emit(
            "luminora_message_received",
            session_id=session.session_id,
            user_id=session.user_id,
            message=text,
        )
        names = names_in(session, personality)
        with step("recall"):
            recall = await self._memory.recall(session, text, before=row, names=names)
        with step("compile"):
            exchange, grounding, compiled = self._ground(session, personality, tree, row, recall)
            chosen = memories(exchange.recall, self._budget)
            request = conversation_request(compiled, grounding, chosen)
        await self._emit(
            "luminora_prompt_compiled",
            session_id=session.session_id,
            user_id=session.user_id,
            messages=request.messages,
        )
        return Turn(exchange, grounding, request)

    async def _save(self, session: Session, row: Row) -> bool:
        """Store the user's message; False if this id is stored already."""
        try:
            return await self._storage.save_message(session.user_id, row)
        except Conflict:
            raise _gone(session) from None

    def _ground(
        self,
        session: Session,
        personality: Personality,
        tree: PersonalityTree,
        row: Row,
        recall: Recall,
    ) -> tuple[Exchange, Grounding, CompiledPersonality]:
        """The state as it is now: what an analysis needs, and what a prompt is made of."""
        recall = recall.at(now(), personality)
        compiled = tree.compile(recall.points, recall.mood.name, recall.mood.intensity)
        grounding = ground(row["content"], recall, personality, compiled)
        grounding = replace(grounding, unwanted=self._policy.disabled)
        return Exchange(session, personality, tree, row, recall), grounding, compiled

    async def _stored(self, row: Row) -> tuple[Row, Row | None]:
        """The message that has this id already, and its answer if there is one."""
        ids = [row["id"], answer_id(row["id"])]
        found = await self._storage.find("messages", row["user_id"], {"id": Is("in", ids)})
        known, answer = ({one["id"]: one for one in found}.get(wanted) for wanted in ids)
        if known is None:
            raise Conflict("the message was deleted while it was sent again", hint="send it anew")
        if known["content"] != row["content"]:
            raise InputError(
                "this idempotency key was used for another text in this session",
                hint="use a new key for every new message; repeat one only to retry",
            )
        return known, answer

    async def _finish(self, turn: Turn, spoken: Spoken) -> Response:
        exchange = turn.exchange
        message = exchange.message
        reply = self._reply_row(exchange, spoken)
        job = self.digester.job(exchange, reply["id"], leased=self._inline)
        indexing = self._start_indexing([message, reply]) if self._inline else None
        writes = [
            *self._storage.message_writes(message["user_id"], [reply]),
            JobQueue.put(job),
        ]
        try:
            with step("save reply"):
                stored = await self._storage.transaction(writes)
        except Conflict:  # forgotten meanwhile: its vectors may have come after those were deleted
            if indexing is not None:
                indexing.cancel()
                await asyncio.wait([indexing])
                await self._index.discard(message["user_id"], [message["id"], reply["id"]])
            raise _gone(exchange.session) from None
        except BaseException:
            if indexing is not None:
                indexing.cancel()
            raise
        if stored[0] == 0:  # another call with the same key was quicker, and indexes
            if indexing is not None:
                indexing.cancel()
            answer = await self._storage.get("messages", message["user_id"], id=reply["id"])
            return _repeated(message, answer or reply)
        lesson = None
        if indexing is not None:
            lesson = await self.digester.digest(exchange, turn.grounding, job, indexing)
        response = self._response(turn, spoken, reply, lesson or Lesson())
        await self._tell(exchange, response, lesson or Lesson())
        return response

    def _start_indexing(self, rows: Sequence[Row]) -> asyncio.Task[list[Write]]:
        return asyncio.create_task(self._index.try_add(rows[0]["user_id"], rows))

    def _response(self, turn: Turn, spoken: Spoken, reply: Row, lesson: Lesson) -> Response:
        exchange = turn.exchange
        session, recall = exchange.session, exchange.recall
        change, moment = lesson.affinity, now()
        row = change.row if change else recall.affinity
        return Response(
            text=spoken.text,
            session_id=session.session_id,
            message_id=exchange.message["id"],
            reply_id=reply["id"],
            model=spoken.model,
            provider=spoken.provider,
            degraded=spoken.degraded,
            degraded_reason=spoken.reason,
            usage=spoken.usage,
            attempts=spoken.attempts,
            affinity=affinity_info(row, session.personality_name, exchange.tree, moment),
            affinity_event=AffinityEvent.from_row(change.logged) if change else None,
            mood=mood_at(lesson.mood or recall.mood_row, exchange.personality, moment),
            facts=[Fact.from_row(fact) for fact in lesson.facts],
            memories=recall.memories,
            analysis=lesson.analysis,
        )

    async def _tell(self, exchange: Exchange, response: Response, lesson: Lesson) -> None:
        session = exchange.session
        who = {"session_id": session.session_id, "user_id": session.user_id}
        await self._emit("luminora_response_generated", **who, response=response)
        await announce(self._emit, exchange, lesson)

    def _user_row(self, session: Session, text: str, key: str | None) -> Row:
        identity = (
            uuid4().hex
            if key is None
            else uuid5(NAMESPACE_URL, f"luminora:{session.session_id}\n{key}").hex
        )
        return {
            **blank_message(session),
            "id": identity,
            "speaker": "user",
            "content": text,
            "seq": self.order.next(),
        }

    def _reply_row(self, exchange: Exchange, spoken: Spoken) -> Row:
        details: dict[str, Any] = {"model": spoken.model, "provider": spoken.provider}
        if spoken.reason:
            details["degraded"] = spoken.reason
        if spoken.usage.total_tokens:
            details["usage"] = {
                "prompt_tokens": spoken.usage.prompt_tokens,
                "completion_tokens": spoken.usage.completion_tokens,
                **({} if spoken.usage.cost is None else {"cost": spoken.usage.cost}),
            }
        if len(spoken.attempts) > 1:
            details["attempts"] = [_brief(attempt) for attempt in spoken.attempts]
        message = exchange.message
        return {
            **blank_message(exchange.session),
            "id": answer_id(message["id"]),
            "speaker": "assistant",
            "speaker_name": exchange.personality.name,
            "content": spoken.text,
            "seq": self.order.next(),
            "reply_to": message["id"],
            "metadata": details,
        }

    async def _resume(self, payload: Row) -> tuple[Exchange, Grounding, list[Row]] | None:
        """An exchange from its job's payload; None if its messages are gone."""
        ids = [payload["message_id"], payload["reply_id"]]
        sessions, rows = await self._storage.read(
            [
                Find("sessions", EVERY_USER, {"session_id": payload["session_id"]}, limit=1),
                Find("messages", EVERY_USER, {"id": Is("in", ids)}, order=("seq",)),
            ]
        )
        asked = [
            row
            for row in rows
            if row["id"] == payload["message_id"] and row["speaker"] == "user"  # not revoked
        ]
        if not sessions or not asked:
            return None
        session = Session.from_row(sessions[0])
        personality, tree = self._personalities.of(session)
        recall = await self._memory.recall(
            session, asked[0]["content"], before=asked[0], names=names_in(session, personality)
        )
        exchange, grounding, _ = self._ground(session, personality, tree, asked[0], recall)
        return exchange, grounding, rows


def _gone(session: Session) -> SessionNotFound:
    return SessionNotFound(
        f"the session '{session.session_id}' is gone: it was forgotten, or its user",
        hint="create_session() begins a new one",
    )


def blank_message(session: Session) -> Row:
    """A message row of this session with everything but its text, speaker, id and order."""
    return {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "personality_name": session.personality_name,
        "speaker_name": None,
        "timestamp": now(),
        "external_id": None,
        "reply_to": None,
        "embedding_state": "pending",
        "metadata": None,
    }


def answer_id(message_id: str) -> str:
    """The id of the answer to a message; there is only one."""
    return uuid5(NAMESPACE_URL, f"luminora:answer:{message_id}").hex


def _brief(attempt: Attempt) -> dict[str, Any]:
    """An attempt as it is kept with the answer."""
    kept: dict[str, Any] = {
        "provider": attempt.provider,
        "outcome": attempt.outcome,
        "seconds": round(attempt.seconds, 3),
    }
    return kept | {"error": attempt.error[:_ERROR_CHARS]} if attempt.error else kept


def _repeated(message: Row, answer: Row) -> Response:
    """The stored answer to a message that was sent again."""
    details = answer["metadata"] or {}
    return Response(
        text=answer["content"],
        session_id=message["session_id"],
        message_id=message["id"],
        reply_id=answer["id"],
        model=details.get("model", ""),
        provider=details.get("provider", ""),
        degraded="degraded" in details,
        degraded_reason=details.get("degraded"),
        usage=Usage(**details.get("usage", {})),
        attempts=[Attempt(**attempt) for attempt in details.get("attempts", ())],
        duplicate=True,
    )
