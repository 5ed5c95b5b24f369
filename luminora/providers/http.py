"""The one way in which our providers speak HTTP: httpx's words over aiohttp.

Measured side by side (``make bench``, table "http"), aiohttp takes a fraction of the processor time
of the other clients, most of all under concurrency; this module gives it the names that httpx made
usual (``post``, ``stream``, ``status_code``, ``aiter_lines``) and adds what every provider needs:

- one connection pool per client and event loop, made when first used, closed explicitly; one TLS
  context for all of them;
- deadlines for connecting, for silence between two pieces, and in total;
- HTTPS only, except to this machine or where the configuration says so; redirects are not
  followed, so that a key never travels to another host;
- failures as :class:`~luminora.errors.ProviderError`, with the secret values blotted out.

Needs aiohttp: a distribution that uses this module depends on ``luminora[http]``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from luminora.errors import (
    ConfigError,
    ConnectionFailed,
    InvalidRequest,
    MalformedResponse,
    ProviderTimeout,
)

if TYPE_CHECKING:
    import aiohttp

MAX_BODY: Final = 64 << 20
"""Bytes of an answer that are read at the most."""
_POOL: Final = 100
_HALF_HIDDEN: Final = re.compile(r"[\w-]{0,80}\*{3,}[\w*-]*")
_KEEP_SECONDS: Final = 60.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_write: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a request may take, in seconds.

    Attributes:
        connect: To a connection, TLS included.
        idle: Without a single byte.
        total: From the first step to the last byte.
    """

    connect: float = 10.0
    idle: float = 60.0
    total: float = 300.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer.

    Attributes:
        status_code: HTTP status.
        headers: By name, in whichever case.
        content: The body.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status_code // 100 == 2  # noqa: PLR2004 - HTTP's own number

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are marked."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not.
        """
        return json.loads(self.content)


class StreamedResponse:
    """An answer that is read as it comes.

    Attributes:
        status_code: HTTP status.
        headers: By lower-case name.
    """

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status_code = answer.status
        self.headers = {name.lower(): value for name, value in answer.headers.items()}

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status_code // 100 == 2  # noqa: PLR2004 - HTTP's own number

    async def aread(self) -> Response:
        """The rest of it, whole."""
        return Response(self.status_code, self.headers, await _body(self._answer))

    async def aiter_lines(self) -> AsyncIterator[str]:
        """The lines as they come, without their ends (LF or CR LF)."""
        rest = b""
        async for chunk in self._answer.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode("utf-8", "replace")
            if len(rest) > MAX_BODY:
                raise MalformedResponse(f"a line of the answer is longer than {MAX_BODY} bytes")
        if rest:
            yield rest.removesuffix(b"\r").decode("utf-8", "replace")


class HttpClient:
    """Requests to one base URL, as one provider.

    Args:
        base_url: What paths are appended to.
        provider: Named in every failure.
        headers: Sent with every request; keys travel here and nowhere else.
        deadlines: Of every request that names none of its own.
        proxy: URL of a proxy; None takes the environment's (``HTTPS_PROXY``, ``NO_PROXY`` …).
        allow_insecure: Permit plain HTTP to another machine.

    Raises:
        ConfigError: The base URL cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
        proxy: str | None = None,
        allow_insecure: bool = False,
    ) -> None:
        self.base_url = checked_url(base_url, provider, allow_insecure=allow_insecure)
        self.provider = provider
        self._headers = dict(headers or {})
        self.deadlines = deadlines or Deadlines()
        self._proxy = proxy
        self._proxies: dict[str, str | None] = {}
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
    ) -> Response:
        """The whole answer to a POST, whatever its status.

        A path may be a whole URL; to another host than the base URL's, the client's own headers
        are not sent. ``json`` may be bytes that are JSON already.

        Raises:
            ConnectionFailed, ProviderTimeout, MalformedResponse: There is none.
        """
        return await self._whole("POST", path, json, headers, deadlines)

    async def get(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
    ) -> Response:
        """The whole answer to a GET, whatever its status; raises as :meth:`post` does."""
        return await self._whole("GET", path, None, headers, deadlines)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        json: Any = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
    ) -> AsyncIterator[StreamedResponse]:
        """An answer to be read as it comes; leaving the block early hangs up.

        Raises:
            ConnectionFailed, ProviderTimeout: Also while it is being read.
        """
        limits = deadlines or self.deadlines
        answer = None
        try:
            answer = await self._sent(method, path, json, headers, limits)
            yield StreamedResponse(answer)
        except _failures() as error:
            self._failed(error, limits)
        finally:
            if answer is not None:
                answer.release()  # hangs up, unless all of it was read

    async def aclose(self) -> None:
        """Close the connections of this event loop; twice is harmless."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _whole(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
        deadlines: Deadlines | None,
    ) -> Response:
        limits = deadlines or self.deadlines
        try:
            answer = await self._sent(method, path, body, headers, limits)
            try:
                return Response(answer.status, answer.headers, await _body(answer))
            finally:
                answer.release()
        except _failures() as error:
            self._failed(error, limits)

    async def _sent(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
        limits: Deadlines,
    ) -> aiohttp.ClientResponse:
        """The beginning of an answer."""
        url, own = self._target(path)
        sent = dict(self._headers) if own else {}
        if headers:
            sent |= headers
        data = None
        if body is not None:
            data = self.encoded(body)
            sent["content-type"] = "application/json"
        answer = await self._session().request(
            method,
            url,
            data=data,
            headers=sent,
            timeout=_timeout(limits),
            allow_redirects=False,
            proxy=self._proxy or self._environments_proxy(url, own=own),
        )
        if answer.status in _REDIRECTS:
            answer.close()
            raise self._redirected(answer)
        return answer

    def encoded(self, body: Any) -> bytes:
        """A body as JSON.

        Raises:
            InvalidRequest: It cannot be written.
        """
        if isinstance(body, bytes):
            return body
        try:
            return _write(body).encode()
        except (
            TypeError,
            ValueError,
            RecursionError,
        ) as error:  # half a surrogate pair is a ValueError, too
            raise InvalidRequest(
                f"the request cannot be written as JSON: {error}", provider=self.provider
            ) from error

    def _target(self, path: str) -> tuple[str, bool]:
        """The URL of a path, and whether it is the host that our headers are meant for."""
        if not path.startswith(("https://", "http://")):
            return f"{self.base_url}{path}", True
        own = urlsplit(path)[:2] == urlsplit(self.base_url)[:2]
        return (path if own else checked_url(path, self.provider)), own

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - see _timeout

        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            connector = aiohttp.TCPConnector(
                ssl=tls(), limit=_POOL, keepalive_timeout=_KEEP_SECONDS, enable_cleanup_closed=False
            )
            # no trust_env: it asks a thread for proxies and passwords with every request
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
        return session

    def _environments_proxy(self, url: str, *, own: bool) -> str | None:
        """What the environment names for a host, looked up once for each."""
        place = self.base_url if own else "://".join(urlsplit(url)[:2])
        if place not in self._proxies:
            self._proxies[place] = environment_proxy(place)
        return self._proxies[place]

    def _redirected(self, answer: aiohttp.ClientResponse) -> MalformedResponse:
        place = urlsplit(answer.headers.get("location", ""))
        return MalformedResponse(
            f"{self.where} redirects to {place.hostname or 'another path'}, which is not "
            "followed: a key might travel along",
            provider=self.provider,
            status=answer.status,
            hint="set the base URL that it redirects to, if you trust it",
        )

    @property
    def where(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc

    def _failed(self, error: Exception, limits: Deadlines) -> NoReturn:
        import aiohttp  # noqa: PLC0415 - see _timeout

        if isinstance(error, TimeoutError):
            within = f"{limits.total:g} s in all, {limits.idle:g} s between two pieces"
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                within = f"{limits.connect:g} s for a connection"
            raise ProviderTimeout(
                f"{self.where} took too long (at most {within})", provider=self.provider
            ) from error
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            raise ConnectionFailed(
                f"{self.where}: TLS failed: {error}",
                provider=self.provider,
                hint="check the certificate, or SSL_CERT_FILE for an authority of your own",
            ) from error
        what = "cannot be reached" if isinstance(error, aiohttp.ClientConnectorError) else "hung up"
        raise ConnectionFailed(
            f"{self.where} {what}: {error or type(error).__name__}", provider=self.provider
        ) from error


def checked_url(url: str, provider: str, *, allow_insecure: bool = False) -> str:
    """``url`` without a slash at its end, if requests with a key may go there.

    Raises:
        ConfigError: It is no HTTP URL, holds a user name, or is plain HTTP to another machine.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # a ValueError where it is no number
    except ValueError as error:
        raise ConfigError(f"the base URL of provider '{provider}' is none: {error}") from None
    problem = None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        problem = "is not an https:// URL"
    elif parts.username or parts.password:
        problem = "holds a user name or password, which belong into a header"
    elif parts.scheme == "http" and not allow_insecure and not _loopback(parts.hostname):
        problem = "is plain http:// to another machine, where anybody on the way can read the key"
    if problem:
        shown = parts._replace(netloc=parts.hostname or "", query="").geturl()
        raise ConfigError(
            f"the base URL of provider '{provider}', {shown!r}, {problem}",
            hint="use https://, or set allow_insecure for a network that you trust",
        )
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def environment_proxy(url: str) -> str | None:
    """The proxy that ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` name for a URL's host.

    On macOS and Windows also the system's own, as :mod:`urllib.request` finds it.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - dear at start-up

    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


@cache
def _timeout(limits: Deadlines) -> aiohttp.ClientTimeout:
    import aiohttp  # noqa: PLC0415 - only who sends something needs it

    idle = limits.idle if limits.idle < limits.total else None  # a timer less for every piece
    return aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect, sock_read=idle)


@cache
def _failures() -> tuple[type[Exception], ...]:
    """What is a failure of the connection, rather than of ours."""
    import aiohttp  # noqa: PLC0415 - see _timeout

    return (TimeoutError, aiohttp.ClientError, OSError)


@cache
def tls() -> ssl.SSLContext:
    """The one TLS context: making one costs as much as a hundred requests."""
    return ssl.create_default_context()


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    length = answer.content_length
    if length is not None and length <= MAX_BODY and "content-encoding" not in answer.headers:
        return await answer.content.read()
    if length is None or length <= MAX_BODY:
        chunks, size = [], 0
        async for chunk in answer.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                break
        else:
            return b"".join(chunks)
    raise MalformedResponse(f"the answer is longer than {MAX_BODY} bytes")


def blotted(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the values of secrets, which vendors like to quote in their errors.

    Keys that a vendor has half hidden itself (``sk-12****89``) go too.
    """
    text = _HALF_HIDDEN.sub("[redacted]", text)
    for secret in secrets:
        if len(secret) > 3:  # noqa: PLR2004 - shorter ones are everywhere
            text = text.replace(secret, "[redacted]")
    return text


__all__: Sequence[str] = [
    "MAX_BODY",
    "Deadlines",
    "HttpClient",
    "Response",
    "StreamedResponse",
    "blotted",
    "checked_url",
    "tls",
]
