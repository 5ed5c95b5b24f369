"""What Replicate says of a prediction: its state, its output, its failures, what it used.

A prediction has ``id``, ``status`` (starting, processing, succeeded, failed, canceled, aborted),
``output`` (a text, or a list of pieces), ``error``, ``urls`` (``get``, ``cancel`` and, where the
model streams, ``stream``) and ``metrics``. Source: https://replicate.com/docs/reference/http and
the official client, replicate 1.0.7 (``prediction.py``, ``exceptions.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from luminora.errors import (
    ContentFiltered,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
)
from luminora.providers.http import Response, blotted
from luminora.providers.llm import Usage
from luminora.providers.wire import failure

UNFINISHED: Final = frozenset({"starting", "processing", "queued"})
_CODE: Final = re.compile(r"\b(?:E\d{3,4}|PA)\b")
_KINDS: Final[Mapping[str, type[ProviderError]]] = {
    "E005": ContentFiltered,  # input or output flagged as sensitive
    "E006": InvalidRequest,  # invalid input
}
_WORDS: Final = 500


def refusal(
    response: Response, provider: str, model: str | None, secrets: tuple[str, ...]
) -> ProviderError:
    """The error that an unsuccessful answer means: a problem document, ``detail`` and all."""
    error = failure(response, provider=provider, model=model, secrets=secrets)
    if isinstance(error, RateLimited) and error.retry_after is None:
        error.retry_after = _said_wait(response)
    if isinstance(error, QuotaExceeded):
        error.hint = "add credit at https://replicate.com/account/billing, or configure a fallback"
    return error


def broken(error: Any, provider: str, model: str, secrets: tuple[str, ...]) -> ProviderError:
    """The error of a prediction that failed, or of a stream that says so.

    The model's own words; a failure without a known code is the vendor's and may be tried again.
    """
    words = error
    if isinstance(error, str) and error.startswith("{"):
        try:
            words = json.loads(error)
        except ValueError:
            words = error
    if isinstance(words, Mapping):
        words = words.get("detail") or words.get("error") or words.get("message") or error
    text = str(words or "no reason given")
    found = _CODE.search(text)
    code = found.group() if found else "failed"
    return _KINDS.get(code, Overloaded)(
        f"{provider}: the prediction failed: {blotted(text, secrets)[:_WORDS]}",
        provider=provider,
        model=model,
        code=code,
    )


def text_of(output: Any) -> str:
    """The whole output of a language model.

    Raises:
        TypeError: It is neither a text nor a list of texts.
    """
    if isinstance(output, str):
        return output
    if not isinstance(output, list) or not all(isinstance(piece, str) for piece in output):
        raise TypeError(f"the output is {type(output).__name__}, not a text")
    return "".join(output)


def usage_of(prediction: Mapping[str, Any]) -> Usage:
    """The tokens, which official models count and others do not."""
    metrics = prediction.get("metrics") or {}
    return Usage(
        int(metrics.get("input_token_count") or 0), int(metrics.get("output_token_count") or 0)
    )


def _said_wait(response: Response) -> float | None:
    """Seconds to wait as the body says, where no header does."""
    try:
        seconds = response.json()["retry_after"]
    except (ValueError, KeyError, TypeError):
        return None
    return float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else None
