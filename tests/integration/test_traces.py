"""One trace a delivery, from the tick to what Dagster shows, over retries; nothing when off."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from factories import MIDNIGHT, World
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.showing import tracing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.traces.spans import DeliverySpans, _GivenIds, provider_for
from impact_in_pipelines.traces.tracing import traces

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is reported from here on."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=_GivenIds())
    provider.add_span_processor(SimpleSpanProcessor(kept))
    made = DeliverySpans(provider)
    monkeypatch.setattr(tracing, "traces", lambda: made)
    return kept


@pytest.fixture
def parents(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The `traceparent` of each request to a platform."""
    seen: list[str] = []
    post = Transport.post

    def watched(self: Transport, url: str, headers: Any, body: bytes, **others: Any) -> Any:
        seen.append(headers.get("traceparent", ""))
        return post(self, url, headers, body, **others)

    monkeypatch.setattr(Transport, "post", watched)
    return seen


def _named(found: Iterator[ReadableSpan] | tuple[ReadableSpan, ...]) -> dict[str, ReadableSpan]:
    return {span.name: span for span in found}


def test_a_delivery_is_one_trace_over_its_retries(
    world: World, spans: InMemorySpanExporter, parents: list[str]
) -> None:
    """The first attempt is the root, later ones hang on it; the platform is given the sending span; the row
    has the trace's id."""
    (company,) = world.due(BENEVITY, 1)
    world.sandbox.client.add_fault("benevity", "server_error", count=1)
    tracing.trace_tick(BENEVITY, (MIDNIGHT, world.clock()))
    world.drain(BENEVITY)
    first = _named(spans.get_finished_spans())
    spans.clear()
    world.clock.advance(timedelta(minutes=10))
    world.drain(BENEVITY)
    second = _named(spans.get_finished_spans())
    row = world.of_company(company)
    with tracing.traced_record({row["id"]: True}, world.clock):
        pass
    record = spans.get_finished_spans()[-1]

    assert first.keys() == {"delivery", "tick", "plan", "claim", "freeze", "send", "settle"}
    assert second.keys() == {"attempt", "claim", "freeze", "send", "settle"}
    everything = [*first.values(), *second.values(), record]
    trace = row["trace_id"].hex
    assert {f"{span.context.trace_id:032x}" for span in everything} == {trace}
    assert len({span.context.span_id for span in everything}) == len(everything)
    root = first["delivery"]
    assert root.parent is None
    assert root.start_time == first["tick"].start_time == int(MIDNIGHT.timestamp()) * 10**9
    for child in (*(s for s in first.values() if s is not root), second["attempt"], record):
        assert child.parent is not None
        assert child.parent.span_id == root.context.span_id
    assert second["send"].parent is not None
    assert second["send"].parent.span_id == second["attempt"].context.span_id
    sent = [f"00-{trace}-{one['send'].context.span_id:016x}-01" for one in (first, second)]
    assert parents == sent
    assert (first["send"].kind, first["send"].status.status_code) == (
        SpanKind.CLIENT,
        StatusCode.ERROR,
    )
    assert root.attributes is not None
    assert root.attributes["impact_in.delivery"] == str(row["id"])
    assert root.attributes["http.response.status_code"] == 503
    assert second["send"].status.status_code is StatusCode.UNSET
    detail = DeliveryReader(world.database.engine).whole(row["id"], None)
    assert detail.trace_id == trace


def test_what_is_planned_later_in_a_drain_is_not_the_ticks(
    world: World, spans: InMemorySpanExporter
) -> None:
    """A drain lives on, and plans what falls due meanwhile: its trace would begin an hour too early."""
    world.due(BENEVITY, 1)
    tracing.trace_tick(BENEVITY, (MIDNIGHT, world.clock()))
    world.drain(BENEVITY)
    world.due(BENEVITY, 1, prefix="later")
    spans.clear()
    world.drain(BENEVITY)
    assert "plan" in _named(spans.get_finished_spans())
    assert "tick" not in _named(spans.get_finished_spans())


def test_what_was_never_attempted_hangs_on_nothing(
    world: World, spans: InMemorySpanExporter
) -> None:
    """A duplicate, or one that the data checks refuse, has no first attempt to be its root."""
    (id_,) = world.deliveries(BENEVITY, *world.companies(1))
    with tracing.traced_record({id_: False}, world.clock):
        pass
    (record,) = spans.get_finished_spans()
    assert record.parent is None


def test_each_delivery_of_a_batch_has_a_trace_of_its_own(
    world: World, spans: InMemorySpanExporter, parents: list[str]
) -> None:
    """One request carries them; what the platform is given is the first one's."""
    (company,) = world.companies(1)
    world.events([company])
    world.deliveries(GOODERA, company, company)
    world.drain(GOODERA)
    sends = [span for span in spans.get_finished_spans() if span.name == "send"]
    roots = [span for span in spans.get_finished_spans() if span.parent is None]
    assert len(roots) == len(sends)
    assert len({span.context.trace_id for span in roots}) == len(roots)
    assert len(parents) == 1
    assert parents[0].split("-")[2] in {f"{span.context.span_id:016x}" for span in sends}


def test_what_a_sampler_leaves_out_is_not_reported(
    world: World, monkeypatch: pytest.MonkeyPatch, parents: list[str]
) -> None:
    """And the platform is told so, in the flags."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(id_generator=_GivenIds(), sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    made = DeliverySpans(provider)
    monkeypatch.setattr(tracing, "traces", lambda: made)
    world.due(BENEVITY, 1)
    world.drain(BENEVITY)
    assert not kept.get_finished_spans()
    assert parents[0].endswith("-00")


def test_off_it_costs_neither_a_header_nor_an_id(world: World, parents: list[str]) -> None:
    (company,) = world.due(BENEVITY, 1)
    world.drain(BENEVITY)
    assert parents == [""]
    assert world.of_company(company)["trace_id"] is None


def test_off_nothing_of_opentelemetry_is_imported() -> None:
    """Whatever a drain imports."""
    code = (
        "import sys; import impact_in_pipelines.runtime, impact_in_pipelines.connectors.registry; "
        "from impact_in_pipelines.delivery.showing.tracing import flush_traces; flush_traces(); "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    environment = {"PATH": "/usr/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


def test_a_collector_that_speaks_grpc_gets_its_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most listen on 4317 for it; spans were posted there by HTTP, and lost without a word. Headers too."""
    received: list[ExportTraceServiceRequest] = []
    said: list[tuple[str, str]] = []

    class Collector(TraceServiceServicer):
        def Export(  # noqa: N802
            self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
        ) -> ExportTraceServiceResponse:
            received.append(request)
            said.extend(context.invocation_metadata())
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Collector(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=csr")
    provider = provider_for("otlp")
    provider.get_tracer("test").start_span("a span").end()
    provider.force_flush(30_000)
    provider.shutdown()
    server.stop(None)
    (sent,) = received
    assert sent.resource_spans[0].scope_spans[0].spans[0].name == "a span"
    assert ("x-team", "csr") in said


def test_a_protocol_that_nobody_speaks_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing is traced, rather than lost on its way."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    traces.cache_clear()
    try:
        assert traces() is None
    finally:
        traces.cache_clear()
    assert "must be http/protobuf or grpc; it was 'http/json'" in caplog.text


def test_the_standard_variables_name_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans go there by OTLP over HTTP, under our service's name."""
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        provider = provider_for("otlp")
        provider.get_tracer("test").start_span("a span").end()
        provider.force_flush(30_000)
        provider.shutdown()
        server.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    sent = ExportTraceServiceRequest.FromString(body).resource_spans[0]
    assert {one.key: one.value.string_value for one in sent.resource.attributes}[
        "service.name"
    ] == "impact-in"
    assert sent.scope_spans[0].spans[0].name == "a span"
