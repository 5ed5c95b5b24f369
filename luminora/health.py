"""Ask every provider how it is, all at once and none for too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from luminora.errors import LuminoraError
from luminora.providers import CheckResult, Provider, Status


async def check_all(
    providers: Mapping[str, Provider], *, within: float = 10.0
) -> dict[str, CheckResult]:
    """What each provider says of itself, by the keys of ``providers``.

    Never raises for a provider: one that raises, takes longer than ``within`` seconds or answers
    something else gets an error result that names it.
    """
    results = await asyncio.gather(*(_check(one, within) for one in providers.values()))
    return dict(zip(providers, results, strict=True))


def summary(checks: Mapping[str, CheckResult]) -> dict[str, Any]:
    """The results as plain data.

    Returns:
        ``status`` (``ok``, ``warning`` or ``error``: the worst of them), ``checks`` by key, and
        ``errors``: one line per check that failed.
    """
    worst = Status.OK
    for status in (Status.WARNING, Status.ERROR):
        if any(result.status is status for result in checks.values()):
            worst = status
    return {
        "status": worst.value,
        "checks": {
            name: {
                "status": result.status.value,
                "detail": result.detail,
                "latency_ms": result.latency_ms,
                **({"data": dict(result.data)} if result.data else {}),
            }
            for name, result in checks.items()
        },
        "errors": [
            f"{name}: {result.detail}"
            for name, result in checks.items()
            if result.status is Status.ERROR
        ],
    }


async def _check(provider: Provider, within: float) -> CheckResult:
    name = getattr(provider, "name", type(provider).__name__)
    start = time.perf_counter()
    try:
        async with asyncio.timeout(within):
            result = await provider.check()
    except TimeoutError:
        return CheckResult(Status.ERROR, f"'{name}' did not answer within {within:g} seconds")
    except LuminoraError as problem:
        return CheckResult(Status.ERROR, f"'{name}': {problem.message}")
    except Exception as problem:  # noqa: BLE001 - a provider is anybody's code
        return CheckResult(
            Status.ERROR, f"'{name}' failed with {type(problem).__name__}: {problem}"
        )
    if not isinstance(result, CheckResult):
        return CheckResult(Status.ERROR, f"'{name}' answered its check with no CheckResult")
    if result.latency_ms is None:
        return replace(result, latency_ms=round((time.perf_counter() - start) * 1000, 1))
    return result
