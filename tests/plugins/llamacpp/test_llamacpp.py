from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import aclosing
from pathlib import Path

import pytest
from luminora_llamacpp.residence import Residence

from luminora.errors import (
    ConfigError,
    InvalidRequest,
    Overloaded,
    ProviderTimeout,
    ResourceNotFound,
)
from luminora.providers import ChatMessage, ChatRequest, Status
from tests.plugins.building import built
from tests.servers.llama import write_tiny_gguf

pytestmark = pytest.mark.backend("llm llamacpp", against="llama.cpp, a tiny random GGUF")

HELLO = ChatRequest(
    messages=(ChatMessage("user", "Hello, I am Diego."),), temperature=0, max_tokens=20
)
LONG = ChatRequest(messages=HELLO.messages, temperature=0, options={"logit_bias": [[2, False]]})
"""Goes on until the context is full."""


def saying(text, **fields):
    return ChatRequest(
        messages=(ChatMessage("user", text),), **{"temperature": 0, "max_tokens": 20, **fields}
    )


# loading


async def test_building_checking_and_closing_load_nothing(make, tiny_gguf):
    async with make() as llm:
        result = await llm.check()
        assert result.status is Status.OK
        assert result.data["architecture"] == "llama"
        assert result.data["trained_context"] == 4096
        assert result.data["bytes"] == tiny_gguf.stat().st_size
        assert not llm.loaded
        assert not llm.metered


def test_building_imports_no_engine(tiny_gguf):
    code = (
        "import sys\n"
        "from tests.plugins.building import built\n"
        f"built('llm', 'llamacpp', {{'model_path': {str(tiny_gguf)!r}}}, {{}})\n"
        "print({'xllamacpp', 'numpy', 'gguf', 'aiohttp'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "set()"


async def test_the_first_request_loads_and_the_next_find_it_loaded(make):
    async with make() as llm:
        first = await llm.chat(HELLO)
        engine = llm._residence._engine
        assert first.text.strip()
        assert first.model == "tiny"
        assert first.finish_reason == "length"
        assert first.usage.completion_tokens == 20
        assert first.usage.prompt_tokens > 10
        await llm.chat(HELLO)
        assert llm._residence._engine is engine


async def test_five_first_requests_load_once(make, monkeypatch):
    loads = []
    async with make(parallel=3) as llm:
        load = llm._residence._load
        llm._residence._load = lambda: loads.append(1) or load()
        await asyncio.gather(*(llm.chat(HELLO) for _ in range(5)))
    assert loads == [1]


async def test_it_can_be_loaded_beforehand_and_unloaded_on_request(make):
    async with make() as llm:
        await llm.load()
        assert llm.loaded
        assert await llm.unload()
        assert not llm.loaded
        assert not await llm.unload()
        assert (await llm.chat(HELLO)).text.strip()


async def test_it_leaves_after_a_while_without_use(make):
    async with make(unload_after_seconds=0.2) as llm:
        await llm.chat(HELLO)
        assert llm.loaded
        await until(lambda: not llm.loaded)
        assert (await llm.chat(HELLO)).text.strip()


async def test_unloading_waits_for_the_answer_under_way(make):
    async with make(context_length=512) as llm:
        await llm.load()
        answering = asyncio.create_task(llm.chat(LONG))
        await until(lambda: llm._residence._users)
        assert await llm.unload()
        assert answering.done() or await asyncio.wait_for(answering, 5)
        assert (await answering).finish_reason == "length"


async def test_closing_ends_the_answer_under_way(make):
    llm = make()
    stream = llm.stream(LONG)
    async with aclosing(stream):
        await anext(stream)
        await asyncio.wait_for(llm.aclose(), 5)
        assert not llm.loaded


async def test_a_chain_whose_first_link_answers_never_loads_it(tiny_gguf):
    local = {"name": "llamacpp", "config": {"model_path": str(tiny_gguf)}}
    async with built("llm", "gateway", {"chain": ["offline", local]}, {}) as chain:
        assert (await chain.chat(HELLO)).text.strip()
        assert chain.links[1].provider is None


async def test_a_chain_reaches_it_when_the_ones_before_fail(tiny_gguf, tmp_path):
    absent = {"name": "llamacpp", "config": {"model_path": str(tmp_path / "absent.gguf")}}
    local = {"name": "llamacpp", "config": {"model_path": str(tiny_gguf)}}
    async with built("llm", "gateway", {"chain": [absent, local]}, {}) as chain:
        result = await chain.chat(HELLO)
        assert result.model == "tiny"
        assert [one.outcome for one in result.attempts] == ["failed", "ok"]


# answering


async def test_the_pieces_are_the_whole(make):
    async with make() as llm:
        whole = await llm.chat(HELLO)
        deltas = [delta async for delta in llm.stream(HELLO)]
    assert "".join(delta.text for delta in deltas) == whole.text
    assert len(deltas) > 10
    assert deltas[-1].usage == whole.usage
    assert deltas[-1].finish_reason == whole.finish_reason


async def test_the_files_own_template_is_used(make, tmp_path):
    bare = write_tiny_gguf(tmp_path / "bare.gguf", template=False)
    async with make() as own, make(model_path=str(bare)) as chatml:
        counts = [(await llm.chat(HELLO)).usage.prompt_tokens for llm in (own, chatml)]
        result = await chatml.check()
    assert counts[0] < counts[1], "chatml's marks are many tokens here"
    assert result.status is Status.WARNING
    assert "chatml" in result.detail


async def test_a_template_of_the_configuration_wins(make):
    async with make(chat_template="{{ messages[0]['content'] }}") as llm:
        assert (await llm.chat(saying("a"))).usage.prompt_tokens < 5


async def test_a_grammar_holds_the_answer(make):
    async with make() as llm:
        for grammar in ('root ::= "7" | "42"', '%llguidance {}\nstart: "7" | "42"'):
            answer = await llm.chat(saying("Well?", options={"grammar": grammar}))
            assert answer.text in {"7", "42"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {
            "type": "object",
            "properties": {"mood": {"enum": ["happy", "sad"]}, "facts": {"type": "array"}},
            "required": ["mood"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}, "note": {}},
            "required": ["n"],
            "$defs": {"x": {"type": "string", "maxLength": 5}},
        },
    ],
)
async def test_a_schema_holds_the_answer(make, schema):
    async with make() as llm:
        found = await llm.generate_json(
            [{"role": "user", "content": "Analyse: hello"}],
            schema=schema,
            temperature=0,
            max_tokens=1500,
        )
    assert isinstance(found, dict)


async def test_settings_by_task_and_of_the_provider(make):
    tasks = {"analysis": {"max_tokens": 3}}
    async with make(max_tokens=7, task_configs=tasks, temperature=0) as llm:
        for task, tokens in (("conversation", 7), ("analysis", 3)):
            request = ChatRequest(messages=HELLO.messages, task=task)
            assert (await llm.chat(request)).usage.completion_tokens == tokens


async def test_options_go_to_the_engine(make):
    async with make(options={"temperature": 1.5, "seed": 1}) as llm:
        request = ChatRequest(messages=HELLO.messages, max_tokens=20)
        said = {(await llm.chat(request)).text for _ in range(2)}
        other = ChatRequest(messages=HELLO.messages, max_tokens=20, options={"seed": 2})
        assert (await llm.chat(other)).text not in said


async def test_two_models_in_one_process(make, tmp_path):
    other = write_tiny_gguf(tmp_path / "other.gguf")
    async with make() as one:
        async with make(model_path=str(other)) as two:
            said = await asyncio.gather(one.chat(HELLO), two.chat(HELLO))
        assert [result.model for result in said] == ["tiny", "other"]
        assert (await one.chat(HELLO)).text == said[0].text


def test_two_loops_in_a_row(make):
    llm = make()
    said = [asyncio.run(llm.chat(HELLO)).text for _ in range(2)]
    asyncio.run(llm.aclose())
    assert said[0] == said[1]
    assert asyncio.run(closing(llm)) == said[0], "closed, it opens again"


async def closing(llm):
    async with llm:
        return (await llm.chat(HELLO)).text


# stopping


async def test_a_stream_that_is_left_stops_the_engine(make):
    async with make() as llm:
        async with aclosing(llm.stream(LONG)) as deltas:
            async for _ in deltas:
                break
        await until(lambda: not llm._residence._users)
        assert (await llm.chat(HELLO)).text.strip()


async def test_a_cancelled_call_stops_the_engine_between_tokens(make):
    async with make(context_length=100_000) as llm:
        await llm.load()
        task = asyncio.create_task(llm.chat(LONG))
        await until(lambda: llm._residence._users)
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        started = time.monotonic()
        await until(lambda: not llm._residence._users)
        assert time.monotonic() - started < 1


async def test_a_call_that_waits_can_be_cancelled(make):
    async with make(context_length=512) as llm:
        busy = asyncio.create_task(llm.chat(LONG))
        await until(lambda: llm._residence._users)
        waiting = asyncio.create_task(llm.chat(HELLO))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert (await busy).finish_reason == "length"


async def test_a_late_answer_is_a_timeout(make):
    async with make(timeout_seconds=0.05, context_length=100_000) as llm:
        with pytest.raises(ProviderTimeout, match="timeout_seconds") as caught:
            await llm.chat(LONG)
        assert caught.value.retryable
        await until(lambda: not llm._residence._users)


async def test_the_loop_is_never_blocked(make):
    worst, running = 0.0, True

    async def watch():
        nonlocal worst
        while running:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = max(worst, time.perf_counter() - before)

    async with make(parallel=2, context_length=512) as llm:
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(llm.chat(LONG) for _ in range(2)))
        await llm.unload()
        running = False
        await watching
    assert worst < 0.5


# what is not a model


def damaged(folder: Path, tiny: Path, how: str) -> Path:
    whole, path = tiny.read_bytes(), folder / "model.gguf"
    contents = {
        "empty": b"",
        "page": b"<!DOCTYPE html><html>Access denied</html>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n",
        "json": b'{"error": "Repository not found"}',
        "zip": b"PK\x03\x04" + b"\0" * 100,
        "old": b"tjgg" + b"\0" * 100,
        "noise": os.urandom(1000).replace(b"GGUF", b"GGUX"),
        "version": whole[:4] + b"\x63\0\0\0" + whole[8:],
        "big-endian": whole[:4] + b"\0\0\0\x03" + whole[8:],
        "cut head": whole[:700],
        "cut body": whole[:-1],
        "cut half": whole[: len(whole) // 2],
        "huge count": whole[:8] + b"\xff" * 8 + whole[16:],
        "huge text": whole[:24] + b"\xff" * 8 + whole[32:],
    }
    path.write_bytes(contents[how])
    return path


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("empty", "empty"),
        ("page", "web page"),
        ("pointer", "Git LFS pointer"),
        ("json", "JSON"),
        ("zip", "PyTorch"),
        ("old", "old GGML"),
        ("noise", "does not begin with GGUF"),
        ("version", "version 99"),
        ("big-endian", "version 50331648"),
        ("cut head", "middle of its description"),
        ("cut body", "bytes of"),
        ("cut half", "bytes of"),
        ("huge count", "middle of its description"),
        ("huge text", "middle of its description"),
    ],
)
async def test_a_damaged_file_is_named_and_so_is_what_is_wrong(
    make, tiny_gguf, tmp_path, how, said
):
    path = damaged(tmp_path, tiny_gguf, how)
    async with make(model_path=str(path)) as llm:
        with pytest.raises(ResourceNotFound) as caught:
            await llm.chat(HELLO)
        assert str(path) in caught.value.message
        assert said in caught.value.message
        assert "download it again" in caught.value.hint
        result = await llm.check()
        assert result.status is Status.ERROR
        assert said in result.detail


async def test_a_missing_file(make, tmp_path):
    async with make(model_path=str(tmp_path / "absent.gguf")) as llm:
        with pytest.raises(ResourceNotFound, match=r"absent\.gguf") as caught:
            await llm.chat(HELLO)
    assert "model_path" in caught.value.hint


async def test_a_folder_is_no_file(make, tiny_gguf):
    async with make(model_path=str(tiny_gguf.parent)) as llm:
        with pytest.raises(ResourceNotFound) as caught:
            await llm.chat(HELLO)
    assert "tiny.gguf" in caught.value.hint


async def test_a_sound_file_that_the_engine_refuses(make, tiny_gguf, tmp_path, capfd):
    strange = tmp_path / "strange.gguf"
    strange.write_bytes(tiny_gguf.read_bytes().replace(b"llama", b"lalma"))
    async with make(model_path=str(strange)) as llm:
        with pytest.raises(ResourceNotFound, match=r"strange\.gguf") as caught:
            await llm.chat(HELLO)
        assert '"log": true' in caught.value.hint
        assert capfd.readouterr().err == ""
    async with make(model_path=str(strange), log=True) as llm:
        with pytest.raises(ResourceNotFound):
            await llm.chat(HELLO)
        assert "lalma" in capfd.readouterr().err
    async with make() as llm:
        assert (await llm.chat(HELLO)).text.strip()
    assert capfd.readouterr().err == ""


async def test_a_file_that_comes_later_is_found(make, tiny_gguf, tmp_path):
    path = tmp_path / "late.gguf"
    async with make(model_path=str(path)) as llm:
        with pytest.raises(ResourceNotFound):
            await llm.chat(HELLO)
        path.write_bytes(tiny_gguf.read_bytes())
        assert (await llm.chat(HELLO)).text.strip()


# what is no request


async def test_a_prompt_beyond_the_context(make):
    async with make(context_length=256) as llm:
        with pytest.raises(InvalidRequest, match="the context holds 256") as caught:
            await llm.chat(saying("word " * 500))
        assert "context_length" in caught.value.hint
        assert not caught.value.retryable
        assert (await llm.chat(HELLO)).text.strip()


async def test_an_answer_at_the_end_of_the_context_is_cut(make):
    async with make(context_length=256) as llm:
        result = await llm.chat(LONG)
    assert result.finish_reason == "length"
    assert result.usage.total_tokens == 256


async def test_a_context_beyond_what_the_model_was_trained_for_is_a_warning(make):
    async with make(context_length=8192) as llm:
        result = await llm.check()
    assert result.status is Status.WARNING
    assert "4096" in result.detail


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest(messages=()),
        ChatRequest(messages=(ChatMessage("user", ""),)),
        ChatRequest(messages=(ChatMessage("wizard", "hi"),)),  # type: ignore[arg-type]
        saying("half \ud83d"),
        saying("hi", options={"grammar": "root ::= ((("}),
        saying("hi", options={"top_k": "many"}),
        saying("hi", options={"stream": False}),
    ],
    ids=["nothing", "blank", "role", "surrogate", "grammar", "option", "own option"],
)
async def test_an_unusable_request(make, request_):
    async with make() as llm:
        with pytest.raises(InvalidRequest) as caught:
            await llm.chat(request_)
        assert caught.value.provider == "llamacpp"
        assert (await llm.chat(HELLO)).text.strip()


async def test_another_model_is_not_here(make):
    async with make() as llm:
        assert (await llm.chat(saying("hi", model="tiny"))).model == "tiny"
        with pytest.raises(ResourceNotFound, match="gpt-9"):
            await llm.chat(saying("hi", model="gpt-9"))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_path": ""},
        {"model_path": "x.gguf", "context_length": 0},
        {"model_path": "x.gguf", "threads": "two"},
        {"model_path": "x.gguf", "temprature": 1},
    ],
)
def test_settings_that_cannot_be(config):
    with pytest.raises(ConfigError):
        built("llm", "llamacpp", config, {})


async def test_a_text_of_any_kind_is_read(make):
    async with make() as llm:
        for text in ("\0", "\u202eabc", "\U0001f468\u200d\U0001f469", "<s></s>[INST]", "{{ x }}"):
            assert (await llm.chat(saying(text))).finish_reason


async def test_what_is_unloaded_at_once_ends(make):
    async with make() as llm:
        for _ in range(10):
            await llm.load()
            assert await llm.unload()


async def test_nobody_else_can_ask_the_engine(make):
    async with make() as llm:
        await llm.load()
        address = llm._residence._engine._server.listening_address
        socket = Path(address.removeprefix("unix://"))
        assert socket.parent.stat().st_mode & 0o077 == 0
        reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert b" 401 " in await reader.readline()
        writer.close()
        await llm.unload()
        assert not socket.parent.exists()


# the engine behind its seam


class Failing:
    def answer(self, request, take):
        raise RuntimeError("the GPU has left")

    def close(self):
        pass


async def test_an_engine_that_raises_is_overloaded(make):
    async with make() as llm:
        llm._residence._load = Failing
        with pytest.raises(Overloaded, match="the GPU has left"):
            await llm.chat(HELLO)


class Silent(Failing):
    def answer(self, request, take):
        take({"choices": [{"delta": {"content": "so far"}}]})


async def test_an_answer_without_an_end_is_no_answer(make):
    async with make() as llm:
        llm._residence._load = Silent
        with pytest.raises(Overloaded, match="in the middle"):
            await llm.chat(HELLO)


class TestResidence:
    def test_a_failed_load_is_tried_again(self):
        ways = iter([RuntimeError("no"), Failing()])

        def load():
            if isinstance(found := next(ways), Exception):
                raise found
            return found

        residence = Residence(load)
        with pytest.raises(RuntimeError, match="no"), residence.use():
            pass
        assert not residence.loaded
        with residence.use() as engine:
            assert isinstance(engine, Failing)

    def test_those_who_come_while_it_is_loading_wait_for_it(self):
        gate, loads = threading.Event(), []

        def load():
            loads.append(1)
            gate.wait(5)
            return Failing()

        residence = Residence(load)
        found = []

        def use():
            with residence.use() as engine:
                found.append(engine)

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        gate.set()
        for thread in threads:
            thread.join(5)
        assert loads == [1]
        assert len(found) == 4
        assert len(set(map(id, found))) == 1


async def until(what, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)
