"""Spans of deliveries, by OpenTelemetry's SDK. Imported where something is traced, nowhere else.

A span is reported once it has ended, with ids that follow from its subject (`ids`): what is under way needs
no state but the times of its first steps, and a delivery's spans meet in one trace whichever process made
them.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from impact_in_pipelines import __version__
from impact_in_pipelines.traces.ids import ROOT, root_span, span_of, trace_of

Interval = tuple[datetime, datetime]

_MOST_UNDER_WAY = 20_000
"""Attempts whose first steps are remembered: more than a process has in hand."""
_WAIT_S = 3
"""How long the end of a run, and of its process, may wait for a collector; and one request to it, unless the
variables say something else."""
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")

_next: ContextVar[tuple[int, int] | None] = ContextVar("impact_in_span_ids", default=None)


class _GivenIds(IdGenerator):
    """The ids that `DeliverySpans` wants next."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        given = _next.get()
        return given[0] if given else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        given = _next.get()
        return given[1] if given else self._random.generate_span_id()


class _Batches(BatchSpanProcessor):
    """Ends within `_WAIT_S`: the SDK's own waits 30 s for a collector, as the process ends."""

    def shutdown(self) -> None:
        self._batch_processor.shutdown(_WAIT_S * 1000)


def provider_for(exporter: str) -> TracerProvider:
    """What sends spans to `exporter` (`otlp`: by HTTP or gRPC, or `console`), as the OTEL_… variables say.

    Raises `ValueError` for a protocol that we don't speak: posted to a port of gRPC's, spans would be lost
    without a word.
    """
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    attributes = {} if named else {SERVICE_NAME: "impact-in"}
    provider = TracerProvider(resource=Resource.create(attributes), id_generator=_GivenIds())
    provider.add_span_processor(_Batches(_made(exporter)))
    return provider


def _made(exporter: str) -> SpanExporter:
    if exporter == "console":
        return ConsoleSpanExporter()
    said = any(os.environ.get(name, "").strip() for name in _TIMEOUTS)
    timeout = None if said else _WAIT_S
    protocol = next(filter(None, (os.environ.get(name, "").strip() for name in _PROTOCOLS)), _HTTP)
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc

        return grpc.OTLPSpanExporter(timeout=timeout)
    if protocol != _HTTP:
        raise ValueError(f"{_PROTOCOLS[1]} must be {_HTTP} or grpc; it was '{protocol}'")
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http

    return http.OTLPSpanExporter(timeout=timeout)


@dataclass(frozen=True, slots=True)
class AttemptSpan:
    """An attempt that has ended: when it was sent, and what it was about. `error` is redacted."""

    delivery: UUID
    attempt: UUID
    number: int
    sent: Interval
    outcome: str
    error: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class DeliverySpans:
    """Reports the spans of deliveries to `provider`. May be used by several threads."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("impact_in_pipelines", __version__)
        self._first_steps: OrderedDict[UUID, Mapping[str, Interval]] = OrderedDict()
        self._ticks: dict[str, Interval] = {}
        self._planned: dict[str, Mapping[str, Interval]] = {}
        self._flushing: threading.Thread | None = None

    def traceparent(self, delivery: UUID, attempt: UUID) -> str:
        """What is sent with an attempt, so that the platform's spans hang on ours (W3C Trace Context)."""
        flags = "01" if self._is_sampled(delivery) else "00"
        return f"00-{trace_of(delivery):032x}-{span_of('send', attempt):016x}-{flags}"

    def ticked(self, platform: str, took: Interval) -> None:
        """A tick has asked for a drain to `platform`, which begins."""
        self._ticks[platform] = took

    def planned(self, platform: str, took: Interval) -> None:
        """What was due on `platform` has been planned; the first time after a tick, for its sake."""
        tick = self._ticks.pop(platform, None)
        self._planned[platform] = {"tick": tick, "plan": took} if tick else {"plan": took}

    def last_plan(self, platform: str) -> Mapping[str, Interval]:
        """The steps of it when that was last done in this process; empty: it wasn't."""
        return self._planned.get(platform, {})

    def taken(self, attempts: Iterable[UUID], steps: Mapping[str, Interval]) -> None:
        """These attempts are about to be made, after `steps`."""
        for attempt in attempts:
            self._first_steps[attempt] = steps
        while len(self._first_steps) > _MOST_UNDER_WAY:
            self._first_steps.popitem(last=False)

    def settled(self, attempt: AttemptSpan, took: Interval) -> None:
        """Its result is recorded: all up to here is reported, the first attempt as the trace's root."""
        steps = self._first_steps.pop(attempt.attempt, {})
        if not self._is_sampled(attempt.delivery):
            return
        began = min((start for start, _ in steps.values()), default=attempt.sent[0])
        # One that was told to wait, or to be split, counts as none: the next has the same number.
        counts = attempt.outcome not in ("held", "split")
        root, first = root_span(attempt.delivery), attempt.number <= 1 and counts
        span = root if first else span_of("attempt", attempt.attempt)
        failed = attempt.error if attempt.outcome != "delivered" else None
        self._report(
            ROOT if first else "attempt",
            attempt.delivery,
            span,
            None if first else root,
            (began, took[1]),
            {**attempt.attributes, "impact_in.outcome": attempt.outcome},
            error=failed,
        )
        for name, interval in {**steps, "send": attempt.sent, "settle": took}.items():
            self._report(
                name,
                attempt.delivery,
                span_of(name, attempt.attempt),
                span,
                interval,
                attempt.attributes if name == "send" else {},
                kind=SpanKind.CLIENT if name == "send" else SpanKind.INTERNAL,
                error=failed if name == "send" else None,
            )

    def recorded(self, deliveries: Mapping[UUID, bool], took: Interval) -> None:
        """Dagster shows these. One that was never attempted (False), a duplicate, has no root to hang on."""
        for delivery, attempted in deliveries.items():
            if self._is_sampled(delivery):
                root = root_span(delivery) if attempted else None
                self._report("record", delivery, span_of("record", delivery), root, took, {})

    def flush(self) -> None:
        """Send what has ended; a collector that doesn't answer costs `_WAIT_S`, and spans."""
        # The SDK ignores the time limit of `force_flush`: it returns once everything is sent or given up,
        # one request after the other.
        flushing = self._flushing
        if flushing is None or not flushing.is_alive():
            flushing = threading.Thread(
                target=self._provider.force_flush, name="impact-in-spans", daemon=True
            )
            flushing.start()
            self._flushing = flushing
        flushing.join(_WAIT_S)

    def _is_sampled(self, delivery: UUID) -> bool:
        asked = self._provider.sampler.should_sample(None, trace_of(delivery), ROOT)
        return asked.decision is Decision.RECORD_AND_SAMPLE

    def _report(
        self,
        name: str,
        delivery: UUID,
        span: int,
        parent: int | None,
        interval: Interval,
        attributes: Mapping[str, Any],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: str | None = None,
    ) -> None:
        trace = trace_of(delivery)
        around = Context()
        if parent is not None:
            held = SpanContext(
                trace, parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
            )
            around = set_span_in_context(NonRecordingSpan(held), around)
        given = _next.set((trace, span))
        try:
            made = self._tracer.start_span(
                name, around, kind, dict(attributes), start_time=_ns(interval[0])
            )
        finally:
            _next.reset(given)
        if error is not None:
            made.set_status(Status(StatusCode.ERROR, error))
        made.end(_ns(interval[1]))


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
