"""Replicate's HTTP API for language models.

``POST /v1/models/{owner}/{name}/predictions`` (of an official model) or ``/v1/predictions`` (of one
version of any) with ``input``; ``Prefer: wait=N`` holds the answer back until it is ready, at most
60 seconds. After that ``urls.get`` is asked until it is, and ``urls.cancel`` ends what nobody waits
for any more. With ``stream`` the answer has ``urls.stream``: server-sent events ``output`` (plain
text), ``error`` and ``done``. That is another host, to which Replicate's documentation sends the
token; it is sent to hosts below replicate.com only. Source: https://replicate.com/docs (HTTP API,
Streaming output) and the official client, replicate 1.0.7 (``prediction.py``, ``stream.py``).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from luminora.errors import (
    ConnectionFailed,
    InvalidRequest,
    LuminoraError,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
)
from luminora.providers.chat import Call, HttpLLM, with_key
from luminora.providers.http import Deadlines, Response
from luminora.providers.llm import ChatDelta, ChatRequest, ChatResult
from luminora.providers.wire import parsed, server_events
from luminora_replicate.predictions import UNFINISHED, broken, refusal, text_of, usage_of
from luminora_replicate.prompts import inputs_of

_MODEL: Final = re.compile(r"([\w.-]+)/([\w.-]+)(?::([0-9a-f]{40,64}))?")
_LONGEST_WAIT: Final = 60
_SPARE: Final = 5.0
_CANCELLING: Final = Deadlines(connect=2.0, idle=2.0, total=2.0)


class ReplicateLLM(HttpLLM):
    """A language model that Replicate hosts.

    Beside the common settings it reads ``options`` (inputs of every call), ``wait_seconds``,
    ``poll_seconds`` and what the model calls its inputs: ``prompt_input``, ``system_input``,
    ``max_tokens_input``, ``temperature_input``.
    """

    check_path = "/v1/account"

    def path_of(self, call: Call) -> str:
        """That of the model, or that for versions."""
        owner, name, version = self._named(call.model)
        return "/v1/predictions" if version else f"/v1/models/{owner}/{name}/predictions"

    def body(self, call: Call) -> dict[str, Any]:
        """The call as Replicate's JSON."""
        body: dict[str, Any] = {"input": inputs_of(call.request, self.config)}
        if version := self._named(call.model)[2]:
            body["version"] = version
        if call.stream:
            body["stream"] = True
        return body

    def result(self, document: Any, call: Call) -> ChatResult:
        """The answer of a prediction that is over."""
        self._succeeded(document, call)
        text = text_of(document["output"])
        if not text.strip():
            raise self._nothing(call)
        return ChatResult(
            text=text,
            model=call.model,
            usage=usage_of(document),
            finish_reason=document["status"],
            raw=document,
        )

    async def deltas(self, lines: AsyncIterator[str], call: Call) -> AsyncIterator[ChatDelta]:
        """The pieces; the last, empty one says why it ended."""
        reason, said = None, False
        async for event in server_events(lines):
            if event.name == "output" and event.data and reason is None:
                said = said or bool(event.data.strip())
                yield ChatDelta(text=event.data, model=call.model)
            elif event.name == "error":
                raise broken(event.data, self.name, call.model, self.secrets)
            elif event.name == "done":
                document = parsed(event.data or "{}", self.name, call.model)
                reason = document.get("reason") or "succeeded"
        if reason is None:
            raise ConnectionFailed(
                f"{self.name} stopped in the middle of an answer",
                provider=self.name,
                model=call.model,
            )
        self._succeeded({"status": reason, "error": None}, call)
        if not said:
            raise self._nothing(call)
        yield ChatDelta(model=call.model, finish_reason=reason)

    def failed(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return refusal(response, self.name, model, self.secrets)

    async def chat(self, request: ChatRequest) -> ChatResult:
        """Answer one request; a prediction that nobody waits for any more is cancelled.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it.
        """
        call, until = self.call_of(request), self._until()
        made = await self._created(call, until)
        async with self._cancelled_unless_over(made):
            await self._finished(made, call, until)
        with self._documented(call):
            result = self.result(made, call)
        return replace(result, usage=self._priced(result.usage, call))

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Answer piece by piece, or in one where the model does not stream.

        Raises:
            ProviderError: Before the first delta or between two.
        """
        call, until = self.call_of(request, stream=True), self._until()
        made = await self._created(call, until)
        async with self._cancelled_unless_over(made):
            with self._documented(call):
                url = made["urls"].get("stream")
            if url is None:
                await self._finished(made, call, until)
                with self._documented(call):
                    result = self.result(made, call)
                end = ChatDelta(
                    text=result.text, model=call.model, finish_reason=result.finish_reason
                )
            else:
                async with aclosing(self._streamed(url, call, until)) as deltas:
                    async for delta in deltas:
                        if delta.finish_reason is None:
                            yield delta
                        else:
                            end = delta
                made["status"] = end.finish_reason
                await self._counted(made, call, until)
        yield replace(end, usage=self._priced(usage_of(made), call))

    async def _streamed(
        self, url: str, call: Call, until: float
    ) -> AsyncGenerator[ChatDelta, None]:
        headers = {"accept": "text/event-stream", "cache-control": "no-store", **self._key_for(url)}
        limits = self._left(call, until)
        async with self.http.stream(
            url, method="GET", headers=headers, deadlines=limits
        ) as response:
            if not response.is_success:
                raise with_key(self.failed(await response.aread(), call.model), self.config)
            with self._documented(call):
                async for delta in self.deltas(self._lines(response), call):
                    yield delta

    # predictions

    async def _created(self, call: Call, until: float) -> dict[str, Any]:
        """A prediction; held back by Replicate until it is over, unless it is to be streamed."""
        limits = self._left(call, until)
        spare = min(limits.idle, limits.total) - _SPARE
        wait = int(max(1, min(self.config.get("wait_seconds", 30), spare, _LONGEST_WAIT)))
        response = await self.http.post(
            self.path_of(call),
            json=self.body(call),
            headers={} if call.stream else {"prefer": f"wait={wait}"},
            deadlines=limits,
        )
        return self._prediction(response, call)

    async def _finished(self, made: dict[str, Any], call: Call, until: float) -> None:
        """Ask until it is over."""
        while made["status"] in UNFINISHED:
            await asyncio.sleep(self.config.get("poll_seconds", 0.5))
            made |= await self._asked(made, call, until)

    async def _asked(self, made: Mapping[str, Any], call: Call, until: float) -> dict[str, Any]:
        with self._documented(call):
            url = str(made["urls"]["get"])
        limits = self._left(call, until)
        response = await self.http.get(url, headers=self._key_for(url), deadlines=limits)
        return self._prediction(response, call)

    async def _counted(self, made: dict[str, Any], call: Call, until: float) -> None:
        """What a streamed prediction used; an answer is not lost because nobody says."""
        with suppress(LuminoraError):
            for _ in range(2):
                found = await self._asked(made, call, until)
                if found["status"] not in UNFINISHED:
                    made["metrics"] = found.get("metrics")
                    return
                await asyncio.sleep(self.config.get("poll_seconds", 0.5))

    @asynccontextmanager
    async def _cancelled_unless_over(self, made: Mapping[str, Any]) -> AsyncIterator[None]:
        """Cancel what is still running when the block is left: it costs money."""
        try:
            yield
        finally:
            url = (made.get("urls") or {}).get("cancel")
            if url and made["status"] in UNFINISHED:
                with suppress(LuminoraError):
                    await self.http.post(url, headers=self._key_for(url), deadlines=_CANCELLING)

    def _prediction(self, response: Response, call: Call) -> dict[str, Any]:
        if not response.is_success:
            raise with_key(self.failed(response, call.model), self.config)
        with self._documented(call):
            found = dict(parsed(response.content, self.name, call.model))
            if not isinstance(found["status"], str):
                raise TypeError("a prediction without a status")
        return found

    def _succeeded(self, prediction: Mapping[str, Any], call: Call) -> None:
        """Pass on what succeeded.

        Raises:
            ProviderError: It failed, or was cancelled.
        """
        status = prediction["status"]
        if status == "succeeded":
            return
        if status in {"canceled", "aborted"}:
            raise Overloaded(
                f"{self.name}: the prediction was cancelled before it was over",
                provider=self.name,
                model=call.model,
                code=status,
            )
        raise broken(prediction.get("error") or status, self.name, call.model, self.secrets)

    # means

    def _named(self, model: str) -> tuple[str, str, str | None]:
        """Owner, name and version of a model.

        Raises:
            InvalidRequest: It is not ``owner/name`` or ``owner/name:version``.
        """
        found = _MODEL.fullmatch(model)
        if found is None:
            raise InvalidRequest(
                f"'{model}' is no model of Replicate's: they are called owner/name, or "
                "owner/name:version",
                provider=self.name,
                model=model,
                hint="look it up at https://replicate.com/explore",
            )
        return found[1], found[2], found[3]

    def _key_for(self, url: str) -> dict[str, str]:
        """The token, for another of Replicate's hosts than the API's; to no other it is sent."""
        base, other = urlsplit(self.http.base_url), urlsplit(url)
        ours = all(_replicates(part.hostname) for part in (base, other))
        return self.headers(self._key) if ours and other.scheme == "https" else {}

    def _until(self) -> float:
        limit: float = self.config.get("timeout_seconds", 300.0)
        return asyncio.get_running_loop().time() + limit

    def _left(self, call: Call, until: float) -> Deadlines:
        """What is left of a call's time."""
        total = until - asyncio.get_running_loop().time()
        if total <= 0:
            raise ProviderTimeout(
                f"{self.name} took longer than {self.config.get('timeout_seconds', 300.0):g} s",
                provider=self.name,
                model=call.model,
            )
        settings = self.config.get
        return Deadlines(
            connect=settings("connect_timeout_seconds", 10.0),
            idle=settings("idle_timeout_seconds", 60.0),
            total=total,
        )

    @contextmanager
    def _documented(self, call: Call) -> Iterator[None]:
        """A strange answer is malformed."""
        try:
            yield
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            if isinstance(error, LuminoraError):
                raise
            raise self._strange(error, call) from error

    def _nothing(self, call: Call) -> MalformedResponse:
        return MalformedResponse(
            f"{self.name} answered with nothing but blanks",
            provider=self.name,
            model=call.model,
            hint="try another model",
        )


def _replicates(host: str | None) -> bool:
    return host is not None and (host == "replicate.com" or host.endswith(".replicate.com"))
