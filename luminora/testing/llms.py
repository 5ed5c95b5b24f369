"""The conformance suite of language models."""

# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import asyncio
from typing import Any, Final

from luminora.providers.base import Status
from luminora.providers.llm import ChatDelta, ChatMessage, ChatRequest, LLMProvider
from luminora.testing.kit import Conformance, capability

GREETING: Final = ChatRequest(
    messages=(
        ChatMessage("system", "You are a friendly companion. Answer in one short sentence."),
        ChatMessage("user", "Hello, I am Diego and I have a dog."),
    ),
    temperature=0.0,
    max_tokens=200,
)
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"mood": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["mood", "score"],
}


class LLMConformance(Conformance[LLMProvider]):
    """What every language model provider has to do; see :mod:`luminora.testing`.

    Models answer as they please, so the tests look at the form of answers only; ``deterministic``
    (the same request, the same answer) is for doubles and rule engines: call it ``unsupported``
    for a real model.

    Capabilities: ``chat``, ``streaming``, ``deterministic``, ``json_schema``, ``concurrency``,
    ``lifecycle``.
    """

    @capability("lifecycle")
    async def test_check_and_close(self, provider: LLMProvider) -> None:
        """A usable provider says so; closing twice is harmless."""
        result = await provider.check()
        assert result.status is Status.OK, result.detail
        await provider.aclose()
        await provider.aclose()

    @capability("chat")
    async def test_chat_answers_with_text(self, provider: LLMProvider) -> None:
        """And says which model spoke, why it stopped, and what it used."""
        result = await provider.chat(GREETING)
        assert result.text.strip()
        assert result.model
        assert result.finish_reason
        assert min(result.usage.prompt_tokens, result.usage.completion_tokens) >= 0

    @capability("chat")
    async def test_generate_takes_plain_messages(self, provider: LLMProvider) -> None:
        """Dicts and :class:`ChatMessage` alike."""
        for messages in ([{"role": "user", "content": "Hello!"}], [ChatMessage("user", "Hello!")]):
            text = await provider.generate(messages, temperature=0.0, max_tokens=100)
            assert text.strip()

    @capability("chat")
    async def test_a_conversation_may_be_long_and_of_any_script(
        self, provider: LLMProvider
    ) -> None:
        """Turns alternate; text is not only English."""
        turns = [
            ChatMessage(
                "user" if n % 2 == 0 else "assistant", f"¿Qué tal? こんにちは \U0001f600 {n}"
            )
            for n in range(21)
        ]
        result = await provider.chat(ChatRequest(messages=turns, temperature=0.0, max_tokens=100))
        assert result.text.strip()

    @capability("streaming")
    async def test_a_stream_ends_with_reason_and_usage(self, provider: LLMProvider) -> None:
        """In its last delta; the texts before it are the answer."""
        deltas = [delta async for delta in provider.stream(GREETING)]
        assert "".join(delta.text for delta in deltas).strip()
        assert deltas[-1].finish_reason
        assert all(isinstance(delta, ChatDelta) for delta in deltas)

    @capability("streaming")
    async def test_a_stream_can_be_left_early(self, provider: LLMProvider) -> None:
        """And the provider still answers."""
        stream = provider.stream(GREETING)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        assert (await provider.chat(GREETING)).text.strip()

    @capability("deterministic")
    async def test_stream_and_chat_say_the_same(self, provider: LLMProvider) -> None:
        """Joined, the deltas are the answer."""
        said = (await provider.chat(GREETING)).text
        joined = "".join([delta.text async for delta in provider.stream(GREETING)])
        assert joined == said

    @capability("json_schema")
    async def test_generate_json_fits_the_schema(self, provider: LLMProvider) -> None:
        """Parsed, with the required fields, of the right types."""
        found = await provider.generate_json(
            [
                {"role": "system", "content": "Classify the mood of the message. Answer in JSON."},
                {"role": "user", "content": "I am so happy today! mood: text, score: 0 to 10"},
            ],
            schema=SCHEMA,
            temperature=0.0,
            max_tokens=300,
        )
        assert isinstance(found["mood"], str)
        assert isinstance(found["score"], int)

    @capability("concurrency")
    async def test_concurrent_calls(self, provider: LLMProvider) -> None:
        """All of them are answered."""
        results = await asyncio.gather(*(provider.chat(GREETING) for _ in range(5)))
        assert all(result.text.strip() for result in results)

    @capability("concurrency")
    async def test_a_cancelled_call_leaves_the_provider_usable(self, provider: LLMProvider) -> None:
        """For the next one."""
        task = asyncio.create_task(provider.chat(GREETING))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert (await provider.chat(GREETING)).text.strip()
