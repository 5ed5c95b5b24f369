"""Vendors' SDKs on our own HTTP client.

An SDK on httpx, or on its successor httpx2, lets its caller choose the transport. :func:`client`
gives it one that hands every request to :class:`~luminora.providers.http.HttpClient`, so that an
SDK brings its knowledge of the wire and nothing else: the connections, deadlines, proxies, limits
and refusal of redirects are the same as everywhere, a client survives the end of an event loop, and
a failure is an error of ours before the SDK can retry it or wrap it up with the key inside.

Streams of server-sent events reach the SDK checked and in ASCII: an event that is no JSON is an
error here, where some SDKs would leave it out of the answer with a line in the log.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ClassVar, Final

from luminora.errors import InvalidRequest, LuminoraError, MalformedResponse, ProviderError
from luminora.providers.chat import with_key
from luminora.providers.http import HttpClient, Response, StreamedResponse
from luminora.providers.wire import failure, interrupted, parsed, server_events

_OURS: Final = frozenset({"accept-encoding", "connection", "content-length", "host"})
"""Request headers that the HTTP client sets itself."""
_STREAMED: Final = re.compile(rb'"stream": ?true')
_SPENT: Final = frozenset({"connection", "content-encoding", "content-length", "transfer-encoding"})
"""Headers of an answer that hold no more when it is handed on."""


_heard: ContextVar[list[int]] = ContextVar("_heard")
"""The answers of the call that is under way: what an SDK raises before there is one is about the
request, and afterwards about the answer."""


class Refused(Exception):
    """The vendor answered with no success; :class:`Carried` makes an error of it.

    Attributes:
        response: Its answer.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def client(http: HttpClient, httpx: Any, trouble: Callable[[Any], ProviderError | None]) -> Any:
    """An ``AsyncClient`` whose requests ``http`` carries.

    Args:
        http: Connects, and knows deadlines, proxy and base URL.
        httpx: The module that the SDK is built on, ``httpx`` or ``httpx2``.
        trouble: The error that an event of a stream reports, if it does.
    """

    class Body(httpx.AsyncByteStream):  # type: ignore[misc]
        """An answer as it comes."""

        def __init__(self, response: StreamedResponse, stack: AsyncExitStack) -> None:
            self._response = response
            self._stack = stack

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in _events(self._response, http.provider, trouble):
                    yield chunk
            except Exception as error:
                # The HTTP client says what it means, as at the end of its own block.
                await self._stack.__aexit__(type(error), error, error.__traceback__)
                raise

        async def aclose(self) -> None:
            await self._stack.aclose()

    class Carrier(httpx.AsyncBaseTransport):  # type: ignore[misc]
        """Hands requests over."""

        async def handle_async_request(self, request: Any) -> Any:
            content = await request.aread()
            limits = http.deadlines
            if not _STREAMED.search(content):  # a whole answer may be silent until it comes
                limits = replace(limits, idle=limits.total)
            stack = AsyncExitStack()
            async with stack:
                response = await stack.enter_async_context(
                    http.stream(
                        str(request.url).partition("#")[0],
                        method=request.method,
                        json=content or None,
                        headers=_without(request.headers, _OURS),
                        deadlines=limits,
                    )
                )
                _note(response)
                if not response.is_success:
                    raise Refused(await response.aread())
                kept = _without(response.headers, _SPENT)
                if not kept.get("content-type", "").startswith("text/event-stream"):
                    whole = await response.aread()
                    return httpx.Response(whole.status_code, headers=kept, content=whole.content)
                return httpx.Response(
                    response.status_code, headers=kept, stream=Body(response, stack.pop_all())
                )
            raise AssertionError("unreachable")

    return httpx.AsyncClient(transport=Carrier())


def _without(headers: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def _note(response: StreamedResponse) -> None:
    """That the call under way was answered."""
    if (heard := _heard.get(None)) is not None:
        heard.append(response.status_code)


async def _events(
    response: StreamedResponse, provider: str, trouble: Callable[[Any], ProviderError | None]
) -> AsyncIterator[bytes]:
    """A stream's events, one by one, in ASCII.

    Raises:
        MalformedResponse: One is no JSON.
        ProviderError: One reports a failure.
    """
    done = False
    async for event in server_events(response.aiter_lines()):
        if event.data == "[DONE]":  # an SDK hangs up here: not before all is read
            done = True
            continue
        document = parsed(event.data, provider)
        if error := trouble(document):
            raise error
        name = "" if event.name == "message" else f"event: {event.name}\n"
        yield f"{name}data: {json.dumps(document, separators=(',', ':'))}\n\n".encode("ascii")
    if done:
        yield b"data: [DONE]\n\n"


class Carried:
    """What providers on an SDK have in common, beside :class:`HttpLLM` or :class:`HttpEmbedding`.

    Attributes:
        codes: The vendor's own error codes, in lower case, that say more than a status.
    """

    name: str
    config: Mapping[str, Any]
    http: HttpClient
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {}
    _client: Any = None

    @property
    @abstractmethod
    def secrets(self) -> tuple[str, ...]:
        """Values that no error may quote."""

    @abstractmethod
    def connected(self) -> Any:
        """The SDK's client; the SDK is imported here."""

    def refusal(self, response: Response, model: str | None) -> ProviderError:
        """The error that an unsuccessful answer means."""
        return failure(
            response, provider=self.name, model=model, secrets=self.secrets, codes=self.codes
        )

    def trouble(self, document: Any) -> ProviderError | None:
        """The error that an event of a stream reports, if it does."""
        if not isinstance(document, Mapping):
            return None
        if not document.get("error") and document.get("object") != "error":
            return None
        return interrupted(document, provider=self.name, secrets=self.secrets, codes=self.codes)

    async def sdk(self) -> Any:
        """The SDK's client, made when first asked for; importing it does not stop the loop."""
        if self._client is None:
            self._client = await asyncio.to_thread(self.connected)
        return self._client

    def sendable(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``body`` if it can be written as JSON, which an SDK finds out late or never.

        Raises:
            InvalidRequest: It cannot.
        """
        self.http.encoded(body)
        return dict(body)

    @contextmanager
    def asking(self, model: str) -> Iterator[None]:
        """Whatever an SDK raises, as the error that it means.

        Raises:
            ProviderError: Classified as :mod:`luminora.errors` draws it.
        """
        heard: list[int] = []
        _heard.set(heard)
        try:
            yield
        except Refused as refused:
            raise with_key(self.refusal(refused.response, model), self.config) from None
        except LuminoraError as error:
            if isinstance(error, ProviderError):
                error.provider = error.provider or self.name
                error.model = error.model or model
            raise
        except Exception as error:  # noqa: BLE001 - whatever classes the SDK has
            kind = MalformedResponse if heard else InvalidRequest
            what = "answered in a form" if heard else "was asked in a way"
            raise kind(
                f"{self.name} {what} that its SDK does not know: {_brief(error)}",
                provider=self.name,
                model=model,
            ) from None


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
