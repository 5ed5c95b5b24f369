"""The clients of the "http" table, in a process: ``python http_worker.py URL CLIENT …``.

Writes which of them it has, as ``{client: null or why not}``. Then reads a line
``CLIENT KIND CALLS CONCURRENCY`` at a time (``chat`` or ``stream``), makes the calls and writes
``{"wall": …, "cpu": …}``, both in seconds. It imports nothing but what its clients need, so that it
runs in an environment that has only those.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

Call = Callable[[], Awaitable[str]]
Client = Callable[[str, AsyncExitStack], Awaitable[tuple[Call, Call]]]

KEY = "sk-benchmark"
MODEL = "stub"
TURNS = [
    {"role": "system", "content": "You are a friendly companion. " * 20},
    {"role": "user", "content": "Hello, I am Diego and I have a dog."},
]
BODY: dict[str, Any] = {"model": MODEL, "messages": TURNS, "temperature": 0.7, "max_tokens": 200}
STREAM = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
HEADERS = {"authorization": f"Bearer {KEY}"}


def piece(line: str) -> str:
    """The text of one line of a stream; what everybody has to do who reads one."""
    if not line.startswith("data: ") or line.startswith("data: [DONE]"):
        return ""
    choices = json.loads(line[6:])["choices"]
    return (choices[0]["delta"].get("content") or "") if choices else ""


async def aiohttp_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """Bare aiohttp."""
    import aiohttp

    session = await stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))

    async def chat() -> str:
        async with session.post(f"{url}/chat/completions", json=BODY) as answer:
            document = await answer.json()
        return str(document["choices"][0]["message"]["content"])

    async def stream() -> str:
        async with session.post(f"{url}/chat/completions", json=STREAM) as answer:
            return "".join([piece(line.decode().rstrip("\n")) async for line in answer.content])

    return chat, stream


async def _httpx(module: str, url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    library: Any = import_module(module)
    client = await stack.enter_async_context(library.AsyncClient(headers=HEADERS, timeout=60))

    async def chat() -> str:
        answer = await client.post(f"{url}/chat/completions", json=BODY)
        return str(answer.json()["choices"][0]["message"]["content"])

    async def stream() -> str:
        async with client.stream("POST", f"{url}/chat/completions", json=STREAM) as answer:
            return "".join([piece(line) async for line in answer.aiter_lines()])

    return chat, stream


async def httpx_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """Bare httpx."""
    return await _httpx("httpx", url, stack)


async def httpx2_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """Its maintained successor, bare."""
    return await _httpx("httpx2", url, stack)


async def _ours(name: str, config: dict[str, Any], stack: AsyncExitStack) -> tuple[Call, Call]:
    from luminora._index import Index
    from luminora.config import load_config
    from luminora.plugins import activate
    from luminora.providers import ChatRequest
    from luminora.providers.llm import as_messages

    index = Index.load()
    section = {"llm_provider": {"name": name, "config": config}}
    loaded = load_config(section, env={"KEY": KEY}, index=index)
    provider: Any = activate(loaded, index).build("llm")
    await stack.enter_async_context(provider)
    request = ChatRequest(messages=as_messages(TURNS), temperature=0.7, max_tokens=200)

    async def chat() -> str:
        return str((await provider.chat(request)).text)

    async def stream() -> str:
        return "".join([delta.text async for delta in provider.stream(request)])

    return chat, stream


def _settings(url: str) -> dict[str, Any]:
    return {"api_base": url, "api_key_env": "KEY", "models": {"main": MODEL}}


async def luminora_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """The provider openai-compatible."""
    return await _ours("openai-compatible", _settings(url), stack)


async def gateway_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """The gateway before it, with a chain of two."""
    first = {"name": "openai-compatible", "config": _settings(url)}
    return await _ours("gateway", {"chain": [first, "offline"]}, stack)


async def openai_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """OpenAI's own SDK."""
    openai: Any = import_module("openai")
    client = await stack.enter_async_context(openai.AsyncOpenAI(api_key=KEY, base_url=url))

    async def chat() -> str:
        answer = await client.chat.completions.create(**BODY)
        return str(answer.choices[0].message.content)

    async def stream() -> str:
        return await _joined(await client.chat.completions.create(**STREAM))

    return chat, stream


async def litellm_(url: str, stack: AsyncExitStack) -> tuple[Call, Call]:
    """The function of litellm that makes one call."""
    del stack
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True
    place = {"api_base": url, "api_key": KEY}

    async def chat() -> str:
        answer = await litellm.acompletion(**{**BODY, **place, "model": f"openai/{MODEL}"})
        return str(answer.choices[0].message.content)

    async def stream() -> str:
        return await _joined(
            await litellm.acompletion(**{**STREAM, **place, "model": f"openai/{MODEL}"})
        )

    return chat, stream


async def _joined(chunks: AsyncIterator[Any]) -> str:
    return "".join(
        [(chunk.choices[0].delta.content or "") if chunk.choices else "" async for chunk in chunks]
    )


CLIENTS: dict[str, Client] = {
    "aiohttp": aiohttp_,
    "httpx": httpx_,
    "httpx2": httpx2_,
    "luminora": luminora_,
    "gateway": gateway_,
    "openai": openai_,
    "litellm": litellm_,
}


async def serve(url: str, *names: str) -> None:
    """Do as the lines on standard input say."""
    calls: dict[str, dict[str, Call]] = {}
    problems: dict[str, str | None] = {}
    async with AsyncExitStack() as stack:
        for name in names:
            try:
                chat, stream = await CLIENTS[name](url, stack)
            except ImportError as error:
                problems[name] = str(error)
                continue
            calls[name] = {"chat": chat, "stream": stream}
            problems[name] = None
        print(json.dumps(problems), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, kind, count, concurrency = line.split()
            spent = await measured(calls[name][kind], int(count), int(concurrency))
            print(json.dumps(spent), flush=True)


async def measured(call: Call, calls: int, concurrency: int) -> dict[str, float]:
    """Seconds of ``calls`` calls, ``concurrency`` at once."""

    async def some() -> None:
        for _ in range(calls // concurrency):
            await call()

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(some() for _ in range(concurrency)))
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
