"""The language model in a GGUF file.

The model is loaded by the first request, in a worker thread, and answers in worker threads, one for
each answer that may be computed at once. A request that is cancelled, or that its deadline ends, is
stopped at the next token, or at the next 512 tokens of its prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from luminora.errors import (
    InvalidRequest,
    LuminoraError,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ResourceNotFound,
)
from luminora.providers import (
    Capability,
    ChatDelta,
    ChatRequest,
    ChatResult,
    CheckResult,
    LLMProvider,
    ProviderContext,
    Status,
    Usage,
)
from luminora.providers.chat import task_settings, unusable
from luminora_llamacpp.engine import Engine, Plan, Xllamacpp
from luminora_llamacpp.gguf import read_head
from luminora_llamacpp.residence import Residence

Piece = Mapping[str, Any]

_GIGA: Final = 10**9
_OWN: Final = frozenset({"messages", "stream", "stream_options", "return_progress", "model"})
"""What a caller's options may not say: it is said here."""


@dataclass(slots=True, eq=False)
class _Under:
    """An answer under way: where its pieces go, and whether anybody still wants them."""

    loop: asyncio.AbstractEventLoop
    pieces: asyncio.Queue[Piece | BaseException | None]
    unwanted: Event

    def take(self, piece: Piece) -> bool:
        """Pass a piece on to the loop; true where nobody wants more. Called in the thread."""
        self._put(piece)
        return self.unwanted.is_set()

    def end(self, error: BaseException | None) -> None:
        """There is no more. Called in the thread."""
        self._put(error)

    def _put(self, what: Piece | BaseException | None) -> None:
        if not self.unwanted.is_set():
            with suppress(RuntimeError):  # the loop has ended: nobody is left to tell
                self.loop.call_soon_threadsafe(self.pieces.put_nowait, what)
                return
            self.unwanted.set()


class LlamaCppLLM(LLMProvider):
    """The ``llamacpp`` provider.

    Args:
        config: Its settings as the manifest describes them, validated and with defaults.
        context: The kernel's.

    Attributes:
        path: The model's file.
    """

    name = "llamacpp"
    json_mode = Capability.FULL
    metered = False

    def __init__(self, config: Mapping[str, Any], context: ProviderContext) -> None:
        self.config = config
        self.path: Path = context.path(config["model_path"], "")
        self.model = self.path.stem
        self._deadline = float(config.get("timeout_seconds", 600.0))
        self._plan = Plan(
            path=self.path,
            context=config.get("context_length", 4096),
            threads=config.get("threads"),
            gpu_layers=config.get("gpu_layers", -1),
            parallel=config.get("parallel", 1),
            template=config.get("chat_template"),
            log=config.get("log", False),
        )
        self._residence = Residence(self._load, config.get("unload_after_seconds", 0.0))
        self._threads: ThreadPoolExecutor | None = None
        self._under: set[_Under] = set()

    # what a caller asks for

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request, loading the model if need be.

        Raises:
            ResourceNotFound: The file is absent or damaged, or another model is asked for.
            InvalidRequest: The prompt does not fit the context, or the engine refuses an option.
            ProviderTimeout: It took longer than ``timeout_seconds``.
        """
        texts: list[str] = []
        end = ChatDelta()
        async with aclosing(self._deltas(request)) as deltas:
            async for delta in deltas:
                texts.append(delta.text)
                end = delta
        return ChatResult(
            text="".join(texts),
            model=self.model,
            usage=end.usage or Usage(),
            finish_reason=end.finish_reason or "stop",
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer token by token; raises as :meth:`chat` does."""
        async with aclosing(self._deltas(request)) as deltas:
            async for delta in deltas:
                yield delta

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._residence.loaded

    async def load(self) -> None:
        """Load the model now, rather than with the first request; raises as :meth:`chat` does."""

        def enter() -> None:
            with self._residence.use():
                pass

        await asyncio.get_running_loop().run_in_executor(self._pool(), enter)

    async def unload(self) -> bool:
        """Give the model's memory back once the answers under way are done.

        Returns:
            Whether it was loaded. The next request loads it again.
        """
        return await asyncio.to_thread(self._residence.unload)

    async def check(self) -> CheckResult:
        """Read the file's head; the model is not loaded for it."""
        try:
            head = await asyncio.to_thread(read_head, self.path, self.name)
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data={"path": str(self.path)})
        data = {
            "model": self.model,
            "name": head.name,
            "architecture": head.architecture,
            "trained_context": head.context,
            "context_length": self._plan.context,
            "bytes": head.size,
            "loaded": self.loaded,
        }
        size = f"{head.size / 1e9:.1f} GB" if head.size >= _GIGA else f"{head.size / 1e6:.1f} MB"
        detail = f"{head.name} ({head.architecture}, {size})"
        detail += ", loaded" if self.loaded else ", loaded when needed"
        if head.context is not None and head.context < self._plan.context:
            detail += f"; trained for {head.context} tokens, not for {self._plan.context}"
            return CheckResult(Status.WARNING, detail, data=data)
        if not head.template and self._plan.template is None:
            detail += "; the file has no chat template, so chatml is assumed: set chat_template"
            return CheckResult(Status.WARNING, detail, data=data)
        return CheckResult(Status.OK, detail, data=data)

    async def aclose(self) -> None:
        """End the answers under way and give the memory back."""
        for under in list(self._under):
            under.unwanted.set()
        await self.unload()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    # one answer

    async def _deltas(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        answer = _Answer(self.model)
        async with aclosing(self._pieces(self._asked(request))) as pieces:
            async for piece in pieces:
                if "error" in piece:
                    raise self._failed(piece["error"])
                if text := answer.take(piece):
                    yield ChatDelta(text=text, model=self.model)
        if answer.end.finish_reason is None:
            raise Overloaded(
                f"{self.model} was closed in the middle of an answer",
                provider=self.name,
                model=self.model,
            )
        yield answer.end

    async def _pieces(self, asked: Piece) -> AsyncGenerator[Piece]:
        """The engine's pieces as they come; closing this stops the engine."""
        loop = asyncio.get_running_loop()
        under = _Under(loop, asyncio.Queue(), Event())
        self._under.add(under)
        work = self._pool().submit(self._run, asked, under)
        late = loop.call_later(self._deadline, under.pieces.put_nowait, self._too_late())
        try:
            while (piece := await under.pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            late.cancel()
            under.unwanted.set()
            self._under.discard(under)
            work.cancel()  # where it has not begun

    def _run(self, asked: Piece, under: _Under) -> None:
        """Load the model and let it answer. Runs in a worker thread."""
        problem: BaseException | None = None
        try:
            if not under.unwanted.is_set():
                with self._residence.use() as engine:
                    engine.answer(asked, under.take)
        except LuminoraError as error:
            problem = error
        except Exception as error:  # noqa: BLE001 - an engine may raise anything
            problem = Overloaded(
                f"llama.cpp failed: {type(error).__name__}: {error}",
                provider=self.name,
                model=self.model,
            )
        under.end(problem)

    def _asked(self, request: ChatRequest) -> Piece:
        """The request in the engine's words.

        Raises:
            InvalidRequest: There is nothing to answer, or a text is no text.
            ResourceNotFound: It is for another model.
        """
        if problem := unusable(request):
            raise InvalidRequest(problem, provider=self.name, model=self.model)
        if request.model not in {None, self.model, self.path.name}:
            raise ResourceNotFound(
                f"'{self.name}' has the model '{self.model}', not '{request.model}'",
                provider=self.name,
                model=request.model,
                hint="leave the model out, or set model_path to the other file",
            )
        for turn in request.messages:
            if not turn.content.isascii():
                self._check_text(turn.content)
        settings = {**self.config, **task_settings(self.config, request)}
        asked: dict[str, Any] = {**self.config.get("options", {}), **request.options}
        if own := sorted(_OWN & asked.keys()):
            raise InvalidRequest(
                f"options may not hold {', '.join(own)}", provider=self.name, model=self.model
            )
        for name in ("temperature", "max_tokens"):
            given = getattr(request, name)
            value = settings.get(name) if given is None else given
            if value is not None:
                asked[name] = value
        if request.schema is not None and not {"grammar", "response_format"} & asked.keys():
            form = {"name": "answer", "schema": dict(request.schema)}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        return {
            **asked,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # a chance to stop while a long prompt is read
        }

    def _check_text(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"a message holds half a character (a lone surrogate) at {error.start}",
                provider=self.name,
                model=self.model,
            ) from error

    def _too_late(self) -> ProviderTimeout:
        return ProviderTimeout(
            f"{self.model} did not finish its answer within {self._deadline:g} s",
            provider=self.name,
            model=self.model,
            hint="raise timeout_seconds, lower max_tokens, or choose a smaller model",
        )

    def _failed(self, error: Mapping[str, Any]) -> ProviderError:
        """The error that the engine's words mean."""
        said, code = str(error.get("message", error)), error.get("type")
        kind: type[ProviderError] = InvalidRequest
        hint = None
        if code == "exceed_context_size_error":
            said = (
                f"the prompt has {error.get('n_prompt_tokens')} tokens, "
                f"the context holds {error.get('n_ctx')}"
            )
            hint = f"raise context_length (it is {self._plan.context}), or send less"
        elif int(error.get("code", 500)) >= 500:  # noqa: PLR2004 - HTTP's own number
            kind = Overloaded
        return kind(
            f"{self.model}: {said}", provider=self.name, model=self.model, code=code, hint=hint
        )

    # the engine

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._plan.parallel, "luminora-llamacpp")
        return self._threads

    def _load(self) -> Engine:
        """Load the model. Runs in a worker thread."""
        read_head(self.path, self.name)
        return Xllamacpp(self._plan, self.name)


class _Answer:
    """What the pieces have said so far.

    Attributes:
        end: The last delta, as far as it is known.
    """

    def __init__(self, model: str) -> None:
        self.end = ChatDelta(model=model, usage=Usage())

    def take(self, piece: Piece) -> str:
        """The text of a piece; a NUL, which no database stores, is marked as unreadable."""
        if usage := piece.get("usage"):
            counted = Usage(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
            self.end = replace(self.end, usage=counted)
        choices = piece.get("choices")
        if not choices:
            return ""
        if reason := choices[0].get("finish_reason"):
            self.end = replace(self.end, finish_reason=reason)
        text = choices[0].get("delta", {}).get("content")
        return str(text).replace("\0", "\N{REPLACEMENT CHARACTER}") if text else ""
