from __future__ import annotations

import asyncio
import time

from luminora.errors import ConnectionFailed
from luminora.health import check_all, summary
from luminora.providers import CheckResult, Provider, Status


class Made(Provider):
    def __init__(self, name, answer):
        self.name, self.answer = name, answer

    async def check(self):
        if isinstance(self.answer, BaseException):
            raise self.answer
        if isinstance(self.answer, float):
            await asyncio.sleep(self.answer)
            return CheckResult(Status.OK)
        return self.answer


async def statuses(*answers, within=10.0):
    providers = {str(n): Made(f"p{n}", answer) for n, answer in enumerate(answers)}
    return list((await check_all(providers, within=within)).values())


async def test_a_providers_own_words_are_kept():
    said = CheckResult(Status.WARNING, "slow", 12.0, {"model": "m"})
    assert await statuses(said) == [said]


async def test_the_time_is_measured_where_the_provider_did_not():
    (result,) = await statuses(0.01)
    assert 10 <= result.latency_ms < 1000


async def test_all_are_asked_at_once():
    start = time.perf_counter()
    await statuses(*[0.05] * 10)
    assert time.perf_counter() - start < 0.4


async def test_one_that_raises_hangs_or_babbles_is_an_error_that_names_it():
    results = await statuses(
        ConnectionFailed("no route", provider="p0", hint="start it"),
        ZeroDivisionError("by zero"),
        5.0,
        "fine",
        CheckResult(Status.OK),
        within=0.05,
    )
    assert [result.status for result in results] == [Status.ERROR] * 4 + [Status.OK]
    assert [result.detail for result in results[:4]] == [
        "'p0': no route",
        "'p1' failed with ZeroDivisionError: by zero",
        "'p2' did not answer within 0.05 seconds",
        "'p3' answered its check with no CheckResult",
    ]


def test_the_summary_is_as_bad_as_the_worst():
    ok, warning = CheckResult(Status.OK, "fine", 1.0), CheckResult(Status.WARNING, "slow")
    error = CheckResult(Status.ERROR, "down", data={"tables": 3})
    assert summary({})["status"] == "ok"
    assert summary({"a": ok, "b": warning})["status"] == "warning"
    assert summary({"llm": ok, "cache": error, "storage": warning}) == {
        "status": "error",
        "checks": {
            "llm": {"status": "ok", "detail": "fine", "latency_ms": 1.0},
            "cache": {
                "status": "error",
                "detail": "down",
                "latency_ms": None,
                "data": {"tables": 3},
            },
            "storage": {"status": "warning", "detail": "slow", "latency_ms": None},
        },
        "errors": ["cache: down"],
    }
