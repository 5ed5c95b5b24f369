"""What a gateway tells OpenTelemetry, through the SDK's in-memory exporters."""

from __future__ import annotations

import asyncio
import json

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from luminora import _telemetry
from luminora.errors import ConnectionFailed, Overloaded
from luminora.providers import ChatMessage, ChatRequest, Usage
from tests.test_gateway import Scripted, chain, listen
from tests.test_imports import loaded

ASKED = ChatRequest(
    messages=(ChatMessage("system", "Sé breve."), ChatMessage("user", "un secreto")),
    model="claude-x",
    temperature=0.5,
    max_tokens=20,
)


@pytest.fixture
def spans(monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.delenv(_telemetry.CAPTURE, raising=False)
    return exporter


@pytest.fixture
def measured(monkeypatch):
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)

    def points() -> dict[str, list]:
        data = reader.get_metrics_data()
        found = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return {metric.name: list(metric.data.data_points) for metric in found}

    return points


def fallback():
    return chain(
        Scripted("claude", Overloaded("busy", status=529)), Scripted("mistral", "hola"), retries=0
    )


def test_every_attempt_is_a_span_with_the_conventions_names(spans):
    asyncio.run(fallback().chat(ASKED))

    failed, answered = spans.get_finished_spans()
    assert failed.name == "chat claude-x"
    assert failed.kind is trace.SpanKind.CLIENT
    assert dict(failed.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-x",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 20,
        "error.type": "Overloaded",
        "http.response.status_code": 529,
    }
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert answered.name == "chat mistral-1"
    assert answered.attributes["gen_ai.provider.name"] == "mistral_ai"
    assert answered.attributes["gen_ai.response.model"] == "mistral-1"
    assert answered.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert answered.attributes["gen_ai.usage.input_tokens"] == 10
    assert answered.attributes["gen_ai.usage.output_tokens"] == 5
    assert "gen_ai.request.model" not in answered.attributes  # it was another vendor's


def test_the_providers_own_spans_are_part_of_it(spans):
    class Traced(Scripted):
        async def chat(self, request):
            with trace.get_tracer_provider().get_tracer("inside").start_as_current_span("http"):
                return await super().chat(request)

    asyncio.run(chain(Traced("a", "hola")).chat(ASKED))
    inner, outer = spans.get_finished_spans()
    assert inner.parent.span_id == outer.context.span_id


@pytest.mark.parametrize("streaming", [False, True])
def test_what_was_said_is_recorded_only_on_request(spans, monkeypatch, streaming):
    gateway = chain(Scripted("a", ["ho", "la"] if streaming else "hola"))

    def ask():
        spans.clear()
        asyncio.run(listen(gateway, ASKED) if streaming else gateway.chat(ASKED))
        (span,) = spans.get_finished_spans()
        return span.attributes

    assert "secreto" not in str(dict(ask()))
    assert "hola" not in str(dict(ask()))
    monkeypatch.setenv(_telemetry.CAPTURE, "SPAN_ONLY")
    found = ask()
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "un secreto"}]}
    ]
    assert json.loads(found["gen_ai.system_instructions"])[0]["content"] == "Sé breve."
    assert json.loads(found["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "hola"}],
            "finish_reason": "stop",
        }
    ]


def test_a_stream_that_breaks_off_or_is_left_ends_its_span(spans):
    broken = chain(Scripted("a", ["ho", ConnectionFailed("cut")]))
    with pytest.raises(ConnectionFailed):
        asyncio.run(listen(broken, ASKED))

    async def leave():
        stream = chain(Scripted("a", ["ho", "la"])).stream(ASKED)
        await anext(stream)
        await stream.aclose()

    asyncio.run(leave())
    first, second = spans.get_finished_spans()
    assert first.attributes["error.type"] == "ConnectionFailed"
    assert second.attributes["error.type"] == "GeneratorExit"


def test_tokens_and_seconds_are_measured(measured):
    asyncio.run(fallback().chat(ASKED))

    found = measured()
    tokens = {
        point.attributes["gen_ai.token.type"]: (point.sum, dict(point.attributes))
        for point in found["gen_ai.client.token.usage"]
    }
    assert tokens["input"][0] == 10
    assert tokens["output"][0] == 5
    assert tokens["input"][1] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.response.model": "mistral-1",
        "gen_ai.token.type": "input",
    }
    seconds = {
        point.attributes["gen_ai.provider.name"]: point.attributes.get("error.type")
        for point in found["gen_ai.client.operation.duration"]
    }
    assert seconds == {"anthropic": "Overloaded", "mistral_ai": None}


def test_an_answer_without_usage_measures_no_tokens(measured):
    asyncio.run(chain(Scripted("a", "hola", usage=Usage())).chat(ASKED))
    assert list(measured()) == ["gen_ai.client.operation.duration"]


def test_without_a_provider_nothing_is_recorded():
    operation = _telemetry.Operation.begun("a", Scripted("a"), ASKED)
    assert operation is _telemetry._SILENT


def test_where_opentelemetry_is_not_used_it_is_not_even_imported():
    code = (
        "import asyncio; from luminora.gateway import Gateway; "
        "from luminora.builtin.offline import OfflineLLM; "
        "from luminora.providers import ChatMessage, ChatRequest; "
        "gateway = Gateway({'chain': ['offline']}, lambda section: OfflineLLM()); "
        "asyncio.run(gateway.chat(ChatRequest(messages=[ChatMessage('user', 'hola')])))"
    )
    modules = loaded(code)
    assert "luminora._telemetry" in modules
    assert not {name for name in modules if name.startswith("opentelemetry")}
