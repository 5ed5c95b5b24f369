"""The language-model contract: one abstract method, the rest given."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from luminora.errors import MalformedResponse
from luminora.providers.base import Capability, Provider
from luminora.providers.jsontext import parse_object, violations

Role = Literal["system", "user", "assistant"]
Task = Literal["conversation", "analysis"]

_TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn as a model sees it."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """What an answer may rely on, as data beside the prompt.

    Every model gets the same knowledge in the prompt's words; a model that reasons over data
    (the offline responder, a rule engine, a test double) reads it here instead of parsing prose.

    Attributes:
        user_text: The message to answer or to analyse, as the user wrote it.
        language: Two-letter code the reply should be in, ``"es"`` or ``"en"`` and so on.
        persona: Name, traits, trigger responses, parameters, level and mood of the personality.
        facts: What is known of the user: dicts with ``category``, ``key``, ``value`` and
            ``confidence``.
        past: Earlier values of facts, latest first, when the message asks for what was, else None:
            dicts with ``category``, ``key``, ``value``, ``valid_from`` and ``valid_to``.
        memories: Quoted earlier messages, best first: dicts with ``content``, ``speaker``,
            ``timestamp`` and ``score``.
        history: The recent turns, oldest first, without the message itself.
        affinity: Points from 0 to 100.
        events: Names of the interaction types that the persona's affinity rules know.
        moods: Names of the moods the persona can be in.
        unwanted: Categories of facts that must not be noted.
    """

    user_text: str
    language: str = "en"
    persona: Mapping[str, Any] = field(default_factory=dict)
    facts: Sequence[Mapping[str, Any]] = ()
    past: Sequence[Mapping[str, Any]] | None = None
    memories: Sequence[Mapping[str, Any]] = ()
    history: Sequence[ChatMessage] = ()
    affinity: int = 0
    events: Sequence[str] = ()
    moods: Sequence[str] = ()
    unwanted: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One call of a language model.

    Attributes:
        messages: The prompt; a system message, if any, comes first.
        model: The vendor's id of the model, or None for the provider's own default for ``task``.
        temperature: Randomness, usually 0 to 2; None leaves it to the vendor.
        max_tokens: Upper bound of the answer's tokens.
        schema: A JSON Schema the answer must fit; asks for the vendor's JSON mode where it has one.
        strict: Whether JSON that does not fit ``schema`` is asked for again. Off, an object with
            any of its properties will do: for a reader that takes what it can use.
        task: What the call is for; providers may keep a model and settings per task.
        grounding: The knowledge behind the prompt, as data.
        options: Further parameters, passed to the vendor as they are.
    """

    messages: Sequence[ChatMessage]
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool = True
    task: Task = "conversation"
    grounding: Grounding | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the vendor counts them; 0 where it does not say.

    ``cost`` is in US dollars, None where the price of the model is not known.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        costs = [one for one in (self.cost, other.cost) if one is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(costs) if costs else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a gateway to get an answer.

    Attributes:
        provider: Who was asked.
        outcome: ``ok``, ``failed``, or why it was passed over: ``breaker open``, ``deadline`` …
        seconds: How long it took.
        error: What went wrong, in one line.
    """

    provider: str
    outcome: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResult:
    """A finished answer.

    Attributes:
        text: What the model said.
        model: The model that said it.
        usage: Tokens used.
        finish_reason: Why it stopped, in the vendor's word: ``"stop"``, ``"length"`` …
        raw: The vendor's answer, parsed, for those who need more.
        attempts: What a gateway tried to get it; the last one is this answer.
    """

    text: str
    model: str
    usage: Usage = Usage()
    finish_reason: str = "stop"
    raw: Any = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDelta:
    """A piece of a streamed answer; the last one carries usage and finish reason.

    The texts of all deltas joined are the text :meth:`LLMProvider.chat` would have returned.
    ``attempts`` is what a gateway tried to get the answer, on the last one.
    """

    text: str = ""
    model: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    attempts: tuple[Attempt, ...] = ()


class LLMProvider(Provider):
    """A language model.

    A plugin implements :meth:`chat` and ``check``; it overrides :meth:`stream` when the vendor
    streams, and states ``json_mode`` when the vendor can be held to a JSON Schema.

    Attributes:
        json_mode: How far the vendor can be held to a JSON Schema.
        metered: Whether an answer costs something; a gateway whose budget is used up asks only
            those for which it does not.
    """

    json_mode: Capability = Capability.UNSUPPORTED
    metered: bool = True

    @abstractmethod
    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it.
        """

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece; unless overridden, the whole answer in one delta.

        Raises:
            ProviderError: Before the first delta or between two.
        """
        result = await self.chat(request)
        yield ChatDelta(
            text=result.text,
            model=result.model,
            usage=result.usage,
            finish_reason=result.finish_reason,
        )

    async def generate(
        self,
        messages: Sequence[ChatMessage | Mapping[str, str]],
        model: str | None = None,
        temperature: float | None = _TEMPERATURE,
        max_tokens: int = 2000,
        **options: Any,
    ) -> str:
        """The answer's text alone; ``messages`` may be plain ``{"role", "content"}`` dicts.

        A model that accepts no temperature is not told the default one.
        """
        request = ChatRequest(
            messages=as_messages(messages),
            model=model,
            temperature=temperature,
            max_tokens=max_tokens,
            options=options,
        )
        if temperature == _TEMPERATURE and not self.accepts("temperature", request):
            request = replace(request, temperature=None)
        return (await self.chat(request)).text

    def accepts(self, parameter: str, request: ChatRequest) -> bool:  # noqa: ARG002 - overridden
        """Whether the model that would serve the request accepts a parameter, as far as known."""
        return True

    async def generate_json(
        self,
        messages: Sequence[ChatMessage | Mapping[str, str]],
        model: str | None = None,
        schema: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The answer as a JSON object that fits ``schema``.

        ``options`` may hold fields of :class:`ChatRequest` (``task``, ``grounding``,
        ``temperature``, ``max_tokens``); the rest goes to the vendor. See :meth:`chat_json`.
        """
        known = {key: options.pop(key) for key in _REQUEST_FIELDS & options.keys()}
        request = ChatRequest(
            messages=as_messages(messages), model=model, schema=schema, options=options, **known
        )
        return (await self.chat_json(request))[0]

    async def chat_json(self, request: ChatRequest) -> tuple[dict[str, Any], ChatResult]:
        """The parsed object and the answer it was found in.

        JSON is taken from the answer's text even when it is fenced or surrounded by prose; if it
        does not parse or does not fit the schema, the model is told what is wrong and asked once
        more. The usage is that of both answers.

        Raises:
            MalformedResponse: The second answer is no better.
        """
        request = replace(request, schema=request.schema or {"type": "object"})
        result = await self.chat(request)
        found, problem = _checked(result.text, request)
        if found is None:
            first = result.usage
            result = await self.chat(_repair(request, result.text, problem))
            result = replace(result, usage=first + result.usage)
            found, problem = _checked(result.text, request)
        if found is None:
            raise MalformedResponse(
                f"the model did not answer with the JSON it was asked for: {problem}",
                provider=self.name,
                model=result.model,
                hint="try a larger model for the 'processing' task",
            )
        return found, result


_REQUEST_FIELDS = frozenset({"task", "grounding", "temperature", "max_tokens"})


def as_messages(messages: Sequence[ChatMessage | Mapping[str, str]]) -> tuple[ChatMessage, ...]:
    """``messages`` as :class:`ChatMessage`, whichever of the two forms each has."""
    return tuple(
        turn if isinstance(turn, ChatMessage) else ChatMessage(turn["role"], turn["content"])  # type: ignore[arg-type]
        for turn in messages
    )


def _checked(text: str, request: ChatRequest) -> tuple[dict[str, Any] | None, str]:
    found, schema = parse_object(text), request.schema or {}
    if found is None:
        return None, "no JSON object in it"
    if request.strict:
        problems = violations(found, schema)
    else:  # of an answer that was cut off, an inner object is the first that parses
        known = schema.get("properties", found)
        problems = "" if not found or found.keys() & known.keys() else "none of its fields is known"
    return (None, problems) if problems else (found, "")


def _repair(request: ChatRequest, answer: str, problem: str) -> ChatRequest:
    complaint = (
        f"That was not usable: {problem}. Answer again with one JSON object only, without any "
        f"other text, that fits this JSON Schema: {json.dumps(request.schema)}"
    )
    return replace(
        request,
        messages=(
            *request.messages,
            ChatMessage("assistant", answer[:4000]),
            ChatMessage("user", complaint),
        ),
    )
