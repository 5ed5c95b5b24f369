"""What a gateway tells OpenTelemetry: a span and two measurements for every attempt.

Nothing is imported here until the application has imported the OpenTelemetry API itself and set a
provider; until then an operation costs two look-ups. Names and attributes are those of the
semantic conventions for generative AI (opentelemetry-semantic-conventions 0.66b2,
``_incubating/attributes/gen_ai_attributes.py`` and ``_incubating/metrics/gen_ai_metrics.py``).

What was said is recorded only if ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` asks for
it on spans (``true``, ``SPAN_ONLY`` or ``SPAN_AND_EVENT``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

from luminora._version import __version__
from luminora.providers import ChatMessage, ChatRequest, ChatResult, LLMProvider

CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SCOPE: Final = "luminora.gateway"
_WELL_KNOWN: Final[Mapping[str, str]] = {
    "anthropic": "anthropic",
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
}
"""Providers that the conventions know by another name."""
_TOKEN_BUCKETS: Final = tuple(float(4**power) for power in range(14))
_SECOND_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
"""Boundaries of the histograms, as the conventions recommend them."""
_QUIET: Final = nullcontext()
_API: Final = ("opentelemetry.trace", "opentelemetry.metrics")
"""Where the providers come from that record nothing."""
_made: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
"""The tracer or the instruments of each provider."""


class Operation:
    """One attempt as telemetry sees it; this class itself is the one that tells nobody."""

    __slots__ = ()

    @staticmethod
    def begun(label: str, provider: LLMProvider, request: ChatRequest) -> Operation:
        """An operation that begins now.

        Args:
            label: The provider as the configuration spells it.
            provider: Who is asked.
            request: What it is asked.
        """
        tracer, meters = _tracer(), _meters()
        if tracer is None and meters is None:
            return _SILENT
        named = getattr(provider, "model_for", None)  # as those behind HTTP have it
        model = request.model or (named(request) if named else None)
        return _Told(tracer, meters, label, model, request)

    def current(self) -> AbstractContextManager[Any]:
        """While this lasts, other spans are part of this one."""
        return _QUIET

    def answered(self, result: ChatResult) -> None:
        """It ended with an answer."""

    def failed(self, error: BaseException) -> None:
        """It ended with an error, or was given up."""


_SILENT: Final = Operation()


class _Meters:
    """The two instruments."""

    def __init__(self, meter: Any) -> None:
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )
        self.seconds = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECOND_BUCKETS,
        )


class _Told(Operation):
    """An operation that is recorded."""

    __slots__ = ("_attributes", "_meters", "_span", "_started")

    def __init__(
        self,
        tracer: Any,
        meters: _Meters | None,
        label: str,
        model: str | None,
        request: ChatRequest,
    ) -> None:
        plain = label.partition("#")[0]
        name = _WELL_KNOWN.get(plain, plain)
        self._attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": name,
        }
        if model:
            self._attributes["gen_ai.request.model"] = model
        self._meters = meters
        self._started = monotonic()
        self._span: Any = None
        if tracer is not None:
            trace = sys.modules["opentelemetry.trace"]
            self._span = tracer.start_span(
                f"chat {model}" if model else "chat",
                kind=trace.SpanKind.CLIENT,
                attributes=self._attributes | {"gen_ai.system": name} | _asked(request),
            )

    def current(self) -> AbstractContextManager[Any]:
        if self._span is None:
            return _QUIET
        used: AbstractContextManager[Any] = sys.modules["opentelemetry.trace"].use_span(
            self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        )
        return used

    def answered(self, result: ChatResult) -> None:
        used = result.usage
        attributes: dict[str, Any] = {
            "gen_ai.response.model": result.model,
            "gen_ai.response.finish_reasons": (result.finish_reason,),
        }
        if used.total_tokens:
            attributes["gen_ai.usage.input_tokens"] = used.prompt_tokens
            attributes["gen_ai.usage.output_tokens"] = used.completion_tokens
        if _captures():
            reply = [ChatMessage("assistant", result.text)]
            attributes["gen_ai.output.messages"] = _told(reply, reason=result.finish_reason)
        if self._span is not None:
            if "gen_ai.request.model" not in self._attributes:
                self._span.update_name(f"chat {result.model}")
            self._span.set_attributes(attributes)
        self._attributes["gen_ai.response.model"] = result.model
        if self._meters is not None and used.total_tokens:
            for kind, count in (("input", used.prompt_tokens), ("output", used.completion_tokens)):
                self._meters.tokens.record(count, self._attributes | {"gen_ai.token.type": kind})
        self._end()

    def failed(self, error: BaseException) -> None:
        self._attributes["error.type"] = type(error).__name__
        if self._span is not None:
            trace = sys.modules["opentelemetry.trace"]
            self._span.set_attribute("error.type", type(error).__name__)
            status = getattr(error, "status", None)
            if status:
                self._span.set_attribute("http.response.status_code", status)
            said = getattr(error, "message", type(error).__name__)
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, said))
        self._end()

    def _end(self) -> None:
        if self._meters is not None:
            self._meters.seconds.record(monotonic() - self._started, self._attributes)
        if self._span is not None:
            self._span.end()


def _tracer() -> Any:
    """The application's tracer, or None where it has set no provider."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if type(provider).__module__.startswith(_API):
        return None
    if provider not in _made:
        _made[provider] = provider.get_tracer(_SCOPE, __version__)
    return _made[provider]


def _meters() -> _Meters | None:
    """The application's instruments, or None where it has set no provider."""
    metrics = sys.modules.get("opentelemetry.metrics")
    if metrics is None:
        return None
    provider = metrics.get_meter_provider()
    if type(provider).__module__.startswith(_API):
        return None
    if provider not in _made:
        _made[provider] = _Meters(provider.get_meter(_SCOPE, __version__))
    found: _Meters = _made[provider]
    return found


def _asked(request: ChatRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request.temperature is not None:
        found["gen_ai.request.temperature"] = request.temperature
    if request.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = request.max_tokens
    if request.schema is not None:
        found["gen_ai.output.type"] = "json"
    if _captures():
        system = [turn for turn in request.messages if turn.role == "system"]
        said = [turn for turn in request.messages if turn.role != "system"]
        found["gen_ai.input.messages"] = _told(said)
        if system:
            parts = [{"type": "text", "content": turn.content} for turn in system]
            found["gen_ai.system_instructions"] = json.dumps(parts, ensure_ascii=False)
    return found


def _captures() -> bool:
    wish = os.environ.get(CAPTURE, "").strip().lower()
    return wish in {"true", "span_only", "span_and_event"}


def _told(turns: Sequence[ChatMessage], reason: str | None = None) -> str:
    """Messages in the JSON form that the conventions give them."""
    told: list[dict[str, Any]] = [
        {"role": turn.role, "parts": [{"type": "text", "content": turn.content}]} for turn in turns
    ]
    if reason is not None:
        told = [one | {"finish_reason": reason} for one in told]
    return json.dumps(told, ensure_ascii=False)
