"""Ollama's native wire format for chat.

``POST {api_base}/api/chat`` with ``model``, ``messages``, ``stream`` (on unless it says false),
``format`` (``"json"`` or a JSON Schema) and the sampling parameters inside ``options``, where
``max_tokens`` is called ``num_predict``. An answer is one document; a stream is one document a
line, the last of which has ``done``, ``done_reason``, ``prompt_eval_count`` and ``eval_count``. A
failure in the middle is a line ``{"error": "…"}``. Source: ollama/ollama ``docs/api.md`` and the
official client, ollama 0.6.3 (``_types.py``, ``_client.py``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from luminora.errors import ConnectionFailed, LuminoraError, MalformedResponse, ProviderError
from luminora.providers.base import CheckResult, Status
from luminora.providers.chat import Call, HttpLLM, with_key
from luminora.providers.http import Deadlines, Response
from luminora.providers.llm import ChatDelta, ChatRequest, ChatResult, Usage
from luminora.providers.wire import interrupted, parsed
from luminora_ollama.server import pull, refusal, started

_OUTSIDE: Final = frozenset(
    {"format", "keep_alive", "logprobs", "template", "think", "tools", "top_logprobs"}
)
"""Parameters that stand beside ``options``, not in it."""
_SHOWN: Final = 10


class OllamaLLM(HttpLLM):
    """A language model that Ollama runs.

    Beside the common settings it reads ``options``, ``num_ctx``, ``keep_alive`` and ``think``.
    """

    path = "/api/chat"
    metered = False

    def body(self, call: Call) -> dict[str, Any]:
        """The call as Ollama's JSON."""
        request = call.request
        sampling: dict[str, Any] = {"num_ctx": self.config.get("num_ctx")}
        sampling |= self.config.get("options", {})
        sampling |= {"temperature": request.temperature, "num_predict": request.max_tokens}
        outside = {name: self.config.get(name) for name in ("keep_alive", "think")}
        for name, value in request.options.items():
            (outside if name in _OUTSIDE else sampling)[name] = value
        body: dict[str, Any] = {
            "model": call.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "stream": call.stream,
        }
        if request.schema is not None:
            body["format"] = _format(request.schema)
        body |= {name: value for name, value in outside.items() if value is not None}
        if sampling := {name: value for name, value in sampling.items() if value is not None}:
            body["options"] = sampling
        return body

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer; raises where it says nothing at all."""
        if error := document.get("error"):
            raise self._broken(error, call)
        message = document["message"]
        text = message["content"] or ""
        reason = document.get("done_reason") or "stop"
        if not text.strip() and not message.get("tool_calls"):
            raise self._nothing(reason, call)
        return ChatResult(
            text=text,
            model=document.get("model") or call.model,
            usage=_usage(document),
            finish_reason=reason,
            raw=document,
        )

    async def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; reads to the very end, so that the connection can be used again."""
        end: ChatDelta | None = None
        said, read = False, False
        async for line in lines:
            if not line.strip():
                continue
            read = True
            document = parsed(line, self.name, call.model)
            if error := document.get("error"):
                raise self._broken(error, call)
            message = document.get("message") or {}
            text, model = message.get("content") or "", document.get("model") or call.model
            said = said or bool(text.strip() or message.get("tool_calls"))
            if document["done"]:
                reason = document.get("done_reason") or "stop"
                end = ChatDelta(
                    text=text, model=model, usage=_usage(document), finish_reason=reason
                )
            elif text:
                yield ChatDelta(text=text, model=model)
        if end is None:
            kind = ConnectionFailed if read else MalformedResponse
            raise kind(
                f"{self.name} stopped in the middle of an answer",
                provider=self.name,
                model=call.model,
            )
        if not said:
            raise self._nothing(end.finish_reason or "stop", call)
        yield end

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return refusal(response, self.name, model, self.secrets)

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request; see :class:`HttpLLM`."""
        with started(self.model_for(request)):
            return await super().chat(request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece; see :class:`HttpLLM`."""
        with started(self.model_for(request)):
            async with aclosing(super().stream(request)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    yield delta

    async def check(self) -> CheckResult:
        """Ask which models are there, ``GET /api/tags``; every configured one has to be."""
        main = self.model_for(ChatRequest(messages=()))
        work = self.model_for(ChatRequest(messages=(), task="analysis"))
        data: dict[str, Any] = {"model": main, "base_url": self.http.base_url}
        try:
            with started(main):
                response = await self.http.get("/api/tags", deadlines=Deadlines(5.0, 10.0, 10.0))
            if not response.is_success:
                raise with_key(self.failed(response, None), self.config)
            there = _names(parsed(response.content, self.name))
        except LuminoraError as error:
            return CheckResult(Status.ERROR, str(error), data=data)
        data["models"] = there
        for model in (main, work):
            if _tagged(model) not in there:
                known = ", ".join(there[:_SHOWN]) or "none"
                detail = f"'{model}' is not among the models ({known}); {pull(model)}"
                return CheckResult(Status.ERROR, detail, data=data)
        return CheckResult(Status.OK, f"{main} at {self.http.where}", data=data)

    def _broken(self, error: Any, call: Call) -> ProviderError:
        """What went wrong in the middle: the model's runner, as far as Ollama says."""
        document = error if isinstance(error, Mapping) else {"error": str(error), "code": "error"}
        return interrupted(document, provider=self.name, model=call.model, secrets=self.secrets)

    def _nothing(self, reason: str, call: Call) -> MalformedResponse:
        return MalformedResponse(
            f"{self.name} answered with nothing but blanks (done reason '{reason}')",
            provider=self.name,
            model=call.model,
            hint="raise max_tokens and num_ctx, or set think to false"
            if reason == "length"
            else "try another model",
        )


def _format(schema: Mapping[str, Any]) -> Any:
    """What holds an answer to JSON; a schema that says no more than "object" is plain JSON mode."""
    return schema if schema.keys() - {"type"} else "json"


def _usage(document: Mapping[str, Any]) -> Usage:
    return Usage(int(document.get("prompt_eval_count") or 0), int(document.get("eval_count") or 0))


def _names(document: Any) -> list[str]:
    """The models of ``/api/tags``, tags included."""
    try:
        return sorted(str(one.get("name") or one["model"]) for one in document["models"])
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedResponse("the list of models is none") from error


def _tagged(model: str) -> str:
    """A model's whole name: without a tag, Ollama means ``latest``."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"
