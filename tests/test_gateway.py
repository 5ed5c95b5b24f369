"""The gateway over scripted providers, in virtual time: nothing here waits for real."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from luminora import _circuits, schema
from luminora.builtin.offline import OfflineLLM
from luminora.client import LuminoraCoreClient
from luminora.config import load_config
from luminora.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectionFailed,
    ContentFiltered,
    CredentialsMissing,
    InputError,
    InvalidRequest,
    MalformedResponse,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ResourceNotFound,
)
from luminora.gateway import Gateway
from luminora.plugins import activate
from luminora.providers import (
    ChatDelta,
    ChatMessage,
    ChatRequest,
    ChatResult,
    CheckResult,
    LLMProvider,
    Status,
    Usage,
)
from luminora.providers.http import Response
from luminora.providers.wire import failure
from luminora.testing import LLMConformance, declared_capabilities
from tests.doubles import stack_with
from tests.fakeplugins import make, manifest, site
from tests.virtual import virtual

__all__ = ["site"]

HELLO = ChatRequest(messages=(ChatMessage("user", "hola"),))
HANG = object()


class Scripted(LLMProvider):
    """Answers by a script: a text, an exception, HANG, or for streams a list of those."""

    def __init__(self, name: str, *script: Any, **facts: Any) -> None:
        self.name = name
        self.script = list(script)
        self.asked: list[ChatRequest] = []
        self.seconds = 0.0
        self.busy = self.most = self.closed = self.left_open = 0
        self.metered = facts.get("metered", True)
        self.refuses = facts.get("refuses", ())
        self.usage = facts.get("usage", Usage(10, 5))

    def _next(self, request: ChatRequest) -> Any:
        self.asked.append(request)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def _said(self, what: Any) -> str:
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.seconds)
            if what is HANG:
                await asyncio.sleep(1e9)
        finally:
            self.busy -= 1
        if isinstance(what, Exception):
            raise what
        return str(what)

    async def chat(self, request: ChatRequest) -> ChatResult:
        text = await self._said(self._next(request))
        return ChatResult(text=text, model=f"{self.name}-1", usage=self.usage)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        script = self._next(request)
        self.left_open += 1
        try:
            for part in script if isinstance(script, list) else [script]:
                yield ChatDelta(text=await self._said(part), model=f"{self.name}-1")
            yield ChatDelta(usage=self.usage, finish_reason="stop")
        finally:
            self.left_open -= 1

    def accepts(self, parameter: str, request: ChatRequest) -> bool:
        return parameter not in self.refuses

    async def check(self) -> CheckResult:
        return CheckResult(Status.ERROR if isinstance(self.script[0], Exception) else Status.OK)

    async def aclose(self) -> None:
        self.closed += 1


def chain(*providers: Scripted, **config: Any) -> Gateway:
    built = {provider.name: provider for provider in providers}
    config = {"chain": list(built), "total_seconds": 60, **config}
    return Gateway(config, lambda section: built[section["name"]])


@pytest.fixture
def timeless(monkeypatch):
    """Runs a coroutine in virtual time."""
    return lambda work: virtual(monkeypatch, work)


def outcomes(attempts: Any) -> list[tuple[str, str]]:
    return [(one.provider, one.outcome) for one in attempts]


async def clock() -> float:
    return asyncio.get_running_loop().time()


def http(status: int, body: Any = None, **headers: str) -> ProviderError:
    """The error that an answer of a vendor becomes."""
    answer = Response(
        status, {n.replace("_", "-"): v for n, v in headers.items()}, json.dumps(body).encode()
    )
    return failure(answer, provider="a")


def quota() -> ProviderError:
    return http(429, {"error": {"code": "insufficient_quota", "message": "no credit"}})


# --- falling back --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "tries", "kind"),
    [
        (lambda: http(500), 3, Overloaded),
        (quota, 1, QuotaExceeded),
        (lambda: http(401), 1, AuthenticationFailed),
        (lambda: http(404), 1, ResourceNotFound),
        (lambda: ContentFiltered("no"), 1, ContentFiltered),
        (lambda: ConnectionFailed("refused"), 3, ConnectionFailed),
        (lambda: MalformedResponse("<html>"), 1, MalformedResponse),
        (lambda: KeyError("a plugin's mistake"), 1, KeyError),
    ],
)
def test_what_fails_is_retried_if_that_may_help_and_then_the_next_answers(
    timeless, trouble, tries, kind
):
    a, b, last = Scripted("a", trouble()), Scripted("b", "hola de b"), Scripted("c", "sin red")

    result = timeless(chain(a, b, last).chat(HELLO))

    assert result.text == "hola de b"
    assert outcomes(result.attempts) == [("a", "failed")] * tries + [("b", "ok")]
    assert result.attempts[0].error.startswith(kind.__name__)
    assert not last.asked


def test_one_that_hangs_leaves_the_others_their_time(timeless):
    async def work():
        began = await clock()
        result = await chain(
            Scripted("a", HANG), Scripted("b", HANG), Scripted("c", "aquí"), total_seconds=2
        ).chat(HELLO)
        return result, await clock() - began

    result, seconds = timeless(work())

    assert result.text == "aquí"
    assert outcomes(result.attempts) == [("a", "failed"), ("b", "failed"), ("c", "ok")]
    assert "ProviderTimeout" in result.attempts[0].error
    assert seconds == pytest.approx(1.5)


def test_all_of_them_hanging_ends_at_the_deadline(timeless):
    async def work():
        began = await clock()
        with pytest.raises(ProviderTimeout) as caught:
            await chain(Scripted("a", HANG), Scripted("b", HANG), total_seconds=2).chat(HELLO)
        return caught.value, await clock() - began

    error, seconds = timeless(work())

    assert seconds == pytest.approx(2, abs=0.01)
    assert [one.provider for one in error.attempts][:2] == ["a", "b"]


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after_ms": "4000"},
        {"retry_after": "4"},
        {"retry_after": "date"},
    ],
    ids=["milliseconds", "seconds", "date"],
)
def test_a_wait_the_provider_asks_for_is_kept(timeless, headers):
    if headers == {"retry_after": "date"}:
        soon = datetime.now(UTC) + timedelta(seconds=4.9)
        headers = {"retry_after": format_datetime(soon, usegmt=True)}
    a, b = Scripted("a", http(429, **headers), "ya"), Scripted("b", "no")

    async def work():
        began = await clock()
        return await chain(a, b).chat(HELLO), await clock() - began

    result, seconds = timeless(work())

    assert result.text == "ya"
    assert 3 <= seconds <= 5.5


@pytest.mark.parametrize(
    ("wait", "config"),
    [(50, {"total_seconds": 40}), (11, {}), (3, {"wait_seconds": 2})],
    ids=["beyond the deadline", "beyond the usual patience", "beyond the configured patience"],
)
def test_a_wait_that_is_too_long_falls_back_at_once(timeless, wait, config):
    a, b = Scripted("a", http(429, retry_after=str(wait))), Scripted("b", "ya")
    gateway = chain(a, b, **config)

    async def work():
        began = await clock()
        first = await gateway.chat(HELLO)
        second = await gateway.chat(HELLO)
        return first, second, await clock() - began

    first, second, seconds = timeless(work())

    assert seconds == 0
    assert outcomes(first.attempts) == [("a", "failed"), ("b", "ok")]
    assert outcomes(second.attempts) == [("a", "breaker open"), ("b", "ok")]


def test_the_last_of_the_chain_is_waited_for_as_long_as_there_is_time(timeless):
    only = Scripted("a", http(429, retry_after="30"), "por fin")

    assert timeless(chain(only).chat(HELLO)).text == "por fin"
    with pytest.raises(RateLimited) as caught:
        timeless(chain(Scripted("a", http(429, retry_after="300"))).chat(HELLO))
    assert caught.value.retry_after == pytest.approx(300)


def test_all_down_lists_every_attempt_and_the_soonest_time(timeless):
    a = Scripted("a", http(503, retry_after="120"))
    b = Scripted("b", quota())

    with pytest.raises(Overloaded) as caught:
        timeless(chain(a, b).chat(HELLO))

    error = caught.value
    assert outcomes(error.attempts) == [("a", "failed"), ("b", "failed")]
    assert error.retry_after == pytest.approx(30)
    assert error.retryable
    assert "a: Overloaded: a answered 503" in error.message
    assert "b: QuotaExceeded" in error.message
    assert "ready again in 30 s" in error.message


def test_a_missing_key_is_an_attempt_like_any_other(timeless):
    def build(section):
        if section["name"] == "a":
            raise CredentialsMissing("A_KEY is not set")
        return Scripted("b", "hola")

    gateway = Gateway({"chain": ["a", "b"]}, build)

    assert timeless(gateway.chat(HELLO)).attempts[0].error == "CredentialsMissing: A_KEY is not set"
    alone = Gateway({"chain": ["a"]}, build)
    with pytest.raises(AuthenticationFailed, match="A_KEY"):
        timeless(alone.chat(HELLO))


def test_the_callers_own_mistakes_are_told_at_once():
    a = Scripted("a", InputError("a lone surrogate"))
    gateway = chain(a, Scripted("b", "no"))
    with pytest.raises(InputError, match="surrogate"):
        asyncio.run(gateway.chat(HELLO))
    with pytest.raises(InputError, match="robot"):
        asyncio.run(gateway.chat(ChatRequest(messages=[ChatMessage("robot", "x")])))
    assert len(a.asked) == 1
    assert gateway.get_status()["providers"]["a"]["failures"] == 0


def test_a_stand_in_is_asked_without_what_was_meant_for_the_first(timeless):
    a = Scripted("a", http(500))
    b = Scripted("b", "ya", refuses={"temperature", "seed"})
    request = ChatRequest(
        messages=HELLO.messages,
        model="a-2",
        temperature=0.2,
        max_tokens=9,
        options={"seed": 1, "n": 2},
    )

    timeless(chain(a, b).chat(request))

    assert a.asked[0] == request
    assert b.asked[0].model is None
    assert b.asked[0].temperature is None
    assert b.asked[0].max_tokens == 9
    assert b.asked[0].options == {"n": 2}


def test_a_model_that_does_not_keep_to_json_is_passed_over_without_being_called_down(timeless):
    a, b = Scripted("a", "no quiero"), Scripted("b", 'Claro: ```json\n{"x": 1}\n```')
    gateway = chain(a, b, breaker={"failures": 1})

    found, result = timeless(gateway.chat_json(HELLO))

    assert found == {"x": 1}
    assert outcomes(result.attempts) == [("a", "failed"), ("b", "ok")]
    assert gateway.get_status()["available_providers"] == ["a", "b"]


def test_a_provider_is_built_when_the_chain_reaches_it(timeless):
    built = []

    def build(section):
        built.append(section["name"])
        return Scripted(section["name"], "hola")

    gateway = Gateway({"chain": ["a", {"name": "b", "config": {"x": 1}}]}, build)
    timeless(gateway.chat(HELLO))

    assert built == ["a"]
    assert [one["built"] for one in gateway.get_status()["providers"].values()] == [True, False]


# --- streams -------------------------------------------------------------------------------------


async def listen(gateway: Gateway, request: ChatRequest = HELLO) -> list[ChatDelta]:
    return [delta async for delta in gateway.stream(request)]


@pytest.mark.parametrize("trouble", [http(500), [ConnectionFailed("cut")], HANG, quota()])
def test_a_stream_falls_back_until_its_first_piece(timeless, trouble):
    a, b = Scripted("a", trouble), Scripted("b", ["ho", "la"])

    deltas = timeless(listen(chain(a, b)))

    assert [delta.text for delta in deltas] == ["ho", "la", ""]
    end = deltas[-1]
    assert end.finish_reason == "stop"
    assert end.model == "b-1"
    assert end.usage == Usage(10, 5)
    assert outcomes(end.attempts)[-1] == ("b", "ok")
    assert a.left_open == b.left_open == 0


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (ConnectionFailed("cut", status=200, request_id="r7"), ConnectionFailed),
        (KeyError("choices"), ProviderError),
        (HANG, ProviderTimeout),
    ],
)
def test_after_the_first_piece_the_error_carries_what_had_come(timeless, trouble, kind):
    a, b = Scripted("a", ["Había ", "una", trouble]), Scripted("b", "no")
    heard = []

    async def work():
        async for delta in chain(a, b).stream(HELLO):
            heard.append(delta.text)  # noqa: PERF401 - it ends with an error

    with pytest.raises(kind) as caught:
        timeless(work())

    assert heard == ["Había ", "una"]
    assert caught.value.partial_text == "Había una"
    assert outcomes(caught.value.attempts) == [("a", "failed")]
    assert not b.asked
    assert a.left_open == 0
    if kind is ConnectionFailed:
        assert caught.value.request_id == "r7"


def test_an_empty_stream_is_an_answer(timeless):
    deltas = timeless(listen(chain(Scripted("a", []), Scripted("b", "no"))))
    assert [delta.text for delta in deltas] == [""]
    assert deltas[0].finish_reason == "stop"


def test_leaving_a_stream_early_closes_the_providers(timeless):
    a = Scripted("a", ["uno", "dos", "tres"])
    gateway = chain(a, limits={"a": {"concurrency": 1}})

    async def work():
        stream = gateway.stream(HELLO)
        assert (await anext(stream)).text == "uno"
        await stream.aclose()
        assert a.left_open == 0
        assert (await gateway.chat(HELLO)).text

    timeless(work())


def test_a_stream_may_be_read_from_one_task_after_the_other():
    async def work():
        stream = chain(Scripted("a", ["uno", "dos"])).stream(HELLO)
        first = await asyncio.create_task(anext(stream))
        rest = [first.text]
        while (delta := await asyncio.create_task(anext(stream, None))) is not None:
            rest.append(delta.text)
        return rest

    assert asyncio.run(work()) == ["uno", "dos", ""]


def test_a_slow_reader_does_not_run_out_of_the_models_time(timeless):
    async def work():
        heard = ""
        async for delta in chain(Scripted("a", ["uno", "dos"]), total_seconds=10).stream(HELLO):
            await asyncio.sleep(4)
            heard += delta.text
        return heard

    assert timeless(work()) == "unodos"


# --- breakers, limits, budgets -------------------------------------------------------------------


def test_a_hundred_calls_through_a_breaker_that_opens(timeless):
    a, b = Scripted("a", http(500)), Scripted("b", "aquí")
    a.seconds = 0.01
    gateway = chain(
        a,
        b,
        retries=0,
        breaker={"failures": 5, "cool_seconds": 30},
        limits={"a": {"concurrency": 5}},
    )

    async def work():
        first = await asyncio.gather(*(gateway.chat(HELLO) for _ in range(100)))
        failed = len(a.asked)
        assert failed <= 10  # those that were waiting for a place hear of it in time
        await asyncio.gather(*(gateway.chat(HELLO) for _ in range(100)))
        assert len(a.asked) == failed  # open: nobody is sent there
        await asyncio.sleep(31)
        assert gateway.get_status()["providers"]["a"]["breaker"] == "half-open"
        a.script = ["ya estoy"]
        await asyncio.gather(*(gateway.chat(HELLO) for _ in range(100)))
        assert len(a.asked) == failed + 1  # exactly one tries it again
        assert (await gateway.chat(HELLO)).text == "ya estoy"
        return first

    first = timeless(work())

    assert {result.text for result in first} == {"aquí"}
    assert a.most <= 5


def test_a_probe_that_fails_or_is_given_up_lets_another_one_try_later(timeless):
    a, b = Scripted("a", http(500)), Scripted("b", "aquí")
    gateway = chain(a, b, retries=0, breaker={"failures": 1, "cool_seconds": 10})

    async def work():
        await gateway.chat(HELLO)
        await asyncio.sleep(11)
        await gateway.chat(HELLO)
        assert gateway.get_status()["providers"]["a"]["breaker"] == "open"
        await asyncio.sleep(11)
        a.script = [HANG]
        task = asyncio.create_task(gateway.chat(HELLO))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        a.script = ["ya"]
        return await gateway.chat(HELLO)

    assert timeless(work()).text == "ya"


def test_the_requests_own_faults_do_not_open_a_breaker(timeless):
    a, b = Scripted("a", InvalidRequest("too long")), Scripted("b", "aquí")
    gateway = chain(a, b, breaker={"failures": 1})
    timeless(gateway.chat(HELLO))
    assert gateway.get_status()["available_providers"] == ["a", "b"]


def test_no_more_at_once_than_the_limit(timeless):
    a = Scripted("a", "hola")
    a.seconds = 1
    gateway = chain(a, limits={"a": {"concurrency": 3}})

    async def work():
        await asyncio.gather(*(gateway.chat(HELLO) for _ in range(9)))
        return await clock()

    assert timeless(work()) == pytest.approx(1003)
    assert a.most == 3


def test_a_place_that_does_not_become_free_in_time_is_not_the_providers_failure(timeless):
    a, b = Scripted("a", HANG), Scripted("b", "aquí")
    gateway = chain(
        a, b, limits={"a": {"concurrency": 1}}, attempt_seconds=5, breaker={"failures": 2}
    )

    async def work():
        return await asyncio.gather(gateway.chat(HELLO), gateway.chat(HELLO))

    first, second = timeless(work())
    assert first.attempts[0].outcome == "failed"
    assert second.attempts[0].outcome in {"busy here", "failed"}
    assert gateway.get_status()["providers"]["a"]["breaker"] == "closed"


def test_no_more_in_a_minute_than_the_limit(timeless):
    times = []

    class Noting(Scripted):
        async def chat(self, request):
            times.append(await clock())
            return await super().chat(request)

    a = Noting("a", "hola")
    gateway = chain(a, limits={"a": {"per_minute": 10}}, total_seconds=600)

    async def work():
        await asyncio.gather(*(gateway.chat(HELLO) for _ in range(25)))

    timeless(work())

    assert Counter(round(moment) for moment in times) == {1000: 10, 1060: 10, 1120: 5}


def test_a_rate_that_would_keep_us_waiting_too_long_falls_back(timeless):
    a, b = Scripted("a", "a"), Scripted("b", "b")
    gateway = chain(a, b, limits={"a": {"per_minute": 1}})

    async def work():
        return [(await gateway.chat(HELLO)).text for _ in range(2)]

    assert timeless(work()) == ["a", "b"]


def test_a_used_up_budget_leaves_only_what_costs_nothing(timeless, monkeypatch):
    a, b = Scripted("a", "caro", usage=Usage(10, 5, 0.6)), Scripted("b", "gratis", metered=False)
    gateway = chain(a, b, budget={"usd_per_day": 1.0})

    async def work():
        return [await gateway.chat(HELLO) for _ in range(3)]

    texts = [result.text for result in timeless(work())]
    assert texts == ["caro", "caro", "gratis"]
    assert gateway.get_status()["spent"] == {"usd": 1.2, "tokens": 45}

    alone = chain(a, budget={"tokens_per_day": 1})
    timeless(alone.chat(HELLO))
    with pytest.raises(QuotaExceeded, match="budget used up") as caught:
        timeless(alone.chat(HELLO))
    assert 0 < caught.value.retry_after <= 86_400

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr(_circuits, "datetime", Tomorrow)
    assert timeless(alone.chat(HELLO)).text == "caro"


def test_streams_count_against_the_budget(timeless):
    gateway = chain(Scripted("a", ["x"]), budget={"tokens_per_day": 15})
    timeless(listen(gateway))
    with pytest.raises(QuotaExceeded):
        timeless(listen(gateway))


@pytest.mark.parametrize("streaming", [False, True])
def test_cancelling_frees_the_place_and_closes_the_stream(timeless, streaming):
    a = Scripted("a", [HANG] if streaming else HANG)
    gateway = chain(a, limits={"a": {"concurrency": 2, "per_minute": 100}})

    async def work():
        tasks = [
            asyncio.create_task(listen(gateway) if streaming else gateway.chat(HELLO))
            for _ in range(6)
        ]
        await asyncio.sleep(1)
        assert a.busy == 2
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert a.busy == a.left_open == 0
        a.script = ["ya"]
        return await asyncio.gather(*(gateway.chat(HELLO) for _ in range(4)))

    assert [result.text for result in timeless(work())] == ["ya"] * 4


def test_it_works_on_one_event_loop_after_the_other():
    a = Scripted("a", "hola")
    a.seconds = 0.001
    gateway = chain(a, limits={"a": {"concurrency": 1}})

    async def work():
        return await asyncio.gather(*(gateway.chat(HELLO) for _ in range(3)))

    for _ in range(2):
        assert len(asyncio.run(work())) == 3


# --- as a provider among others ------------------------------------------------------------------


async def test_health_and_closing():
    a, b = Scripted("a", http(500)), Scripted("b", "hola")
    gateway = chain(a, b)

    health = await gateway.health()
    assert {label: one.status for label, one in health.items()} == {"a": "error", "b": "ok"}
    assert (await gateway.check()).status is Status.WARNING
    assert (await chain(a).check()).status is Status.ERROR
    await gateway.aclose()
    await gateway.aclose()
    assert a.closed == 2


def test_twins_are_told_apart_and_a_limit_for_nobody_is_refused():
    sections = [{"name": "a", "config": {"model": "x"}}, "a"]
    build: Callable[[Any], Any] = lambda section: Scripted("a", "hola")  # noqa: E731
    gateway = Gateway({"chain": sections, "limits": {"a#2": {"concurrency": 1}}}, build)
    assert [link.label for link in gateway.links] == ["a", "a#2"]
    with pytest.raises(ConfigError, match="'opnai', which is not in its chain: a"):
        Gateway({"chain": ["a"], "limits": {"opnai": {"concurrency": 1}}}, build)


class TestConformance(LLMConformance):
    capabilities = declared_capabilities("luminora", "llm", "offline")

    async def make_provider(self):
        config = {"llm_provider": {"name": "gateway", "config": {"chain": ["offline"]}}}
        return activate(load_config(config)).build("llm")


# --- in a configuration --------------------------------------------------------------------------


def checked(*members: Any, **config: Any) -> dict[str, str]:
    """What is wrong with a configuration whose model is this chain, by pointer."""
    section = {"name": "gateway", "config": {"chain": list(members), **config}}
    loaded = load_config({"llm_provider": section}, env={})
    return {one.pointer: one.message for one in schema.validate(loaded)}


def test_a_good_chain_is_valid():
    assert checked("offline", {"name": "offline", "config": {}}) == {}


def test_what_is_wrong_in_a_chain_is_told_with_its_place():
    at = "/llm_provider/config/chain"
    found = checked(
        "offlin",
        {"name": "offline", "config": {"modle": "x"}},
        {"name": "gateway", "config": {"chain": ["offline"]}},
        {"name": "offline", "package": "luminora-nobody"},
        17,
        {"config": {}},
        {"name": "offline", "extra": 1},
    )
    assert "did you mean 'offline'" in found.pop(f"{at}/0/name")
    assert "unknown property 'modle'" in found.pop(f"{at}/1/config/modle")
    assert "cannot be a member of itself" in found.pop(f"{at}/2/name")
    assert "luminora-nobody" in found.pop(f"{at}/3/name")
    assert "'name' is missing" in found.pop(f"{at}/4")
    assert "'name' is missing" in found.pop(f"{at}/5")
    assert "unknown property 'extra'" in found.pop(f"{at}/6/extra")
    assert found == {}


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"retries": -1}, "/retries"),
        ({"total_seconds": 0}, "/total_seconds"),
        ({"breaker": {"failure": 3}}, "/breaker/failure"),
        ({"limits": {"offline": {"concurrency": 0}}}, "/limits/offline/concurrency"),
        ({"budget": {"usd": 3}}, "/budget/usd"),
    ],
)
def test_the_gateways_own_settings_are_checked(config, place):
    assert list(checked("offline", **config)) == [f"/llm_provider/config{place}"]


def test_an_empty_chain_is_refused():
    assert list(checked()) == ["/llm_provider/config/chain"]


def test_a_chain_in_a_file_is_told_by_line(tmp_path):
    (tmp_path / "luminora.json").write_text(
        '{"llm_provider": {"name": "gateway", "config": {"chain": [\n"offline",\n"opnai"]}}}'
    )
    (problem,) = schema.validate(load_config(tmp_path / "luminora.json", env={}))
    assert problem.where.endswith("luminora.json:3 (/llm_provider/config/chain/1/name)")


def test_a_literal_key_in_a_chain_is_refused():
    with pytest.raises(ConfigError, match="'api_key' holds a secret"):
        checked({"name": "offline", "config": {"api_key": "abc"}})


def test_the_keys_of_a_chain_are_missed_before_anything_is_asked(site):
    data = manifest("lp_parrot", "parrot", kind="llm")
    data["providers"]["llm"]["parrot"]["config_schema"]["properties"] = {
        "api_key_env": {
            "description": "Variable that holds the key.",
            "type": "string",
            "default": "PARROT_KEY",
            "x-luminora-secret": True,
        }
    }
    make(site, "lp_parrot", data=data)
    section = {"name": "gateway", "config": {"chain": ["parrot", "offline"]}}
    config = load_config({"llm_provider": section}, env={"PARROT_KEY": ""})
    (problem,) = schema.credentials(config)
    assert problem.pointer == "/llm_provider/config/chain/0/config/api_key_env"
    assert "PARROT_KEY, which should hold a secret, is empty" in problem.message


# --- in a conversation ---------------------------------------------------------------------------


async def test_a_conversation_tells_who_answered_and_what_was_tried():
    a, b = Scripted("a", QuotaExceeded("no credit", provider="a")), Scripted("b", "Hola, Ana")
    async with LuminoraCoreClient(stack_with(llm=chain(a, b))) as client:
        session = await client.create_session("ana", "sakura")
        said = await client.send_message(session, "hola", idempotency_key="1")
        again = await client.send_message(session, "hola", idempotency_key="1")
    assert (said.text, said.provider, said.degraded) == ("Hola, Ana", "b", False)
    assert outcomes(said.attempts) == outcomes(again.attempts) == [("a", "failed"), ("b", "ok")]
    assert again.duplicate
    assert again.attempts[0].error == "QuotaExceeded: no credit"


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_of_the_embedded_responder_at_the_end_of_a_chain_says_so(streaming):
    a, last = Scripted("a", QuotaExceeded("no credit", provider="a")), OfflineLLM()
    built = {"a": a, "offline": last}
    gateway = Gateway({"chain": ["a", "offline"]}, lambda section: built[section["name"]])
    async with LuminoraCoreClient(stack_with(llm=gateway)) as client:
        session = await client.create_session("ana", "sakura")
        if streaming:
            chunks = [chunk async for chunk in client.stream_message(session, "hola")]
            said = chunks[-1].response
        else:
            said = await client.send_message(session, "hola")
    assert said.degraded
    assert said.degraded_reason == "a: QuotaExceeded: no credit"
    assert said.provider == "offline"


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_chain_that_gives_no_answer_is_told_with_its_attempts(streaming):
    gateway = chain(Scripted("a", QuotaExceeded("no credit", provider="a")))
    async with LuminoraCoreClient(stack_with(llm=gateway)) as client:
        session = await client.create_session("ana", "sakura")
        if streaming:
            said = [chunk async for chunk in client.stream_message(session, "hola")][-1].response
        else:
            said = await client.send_message(session, "hola")
    assert said.degraded
    assert outcomes(said.attempts)[0] == ("a", "failed")
