"""What is said of a drain's work to whoever traces it; nothing where nobody does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.delivery.ports import Prepared, Settlement
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.traces.ids import trace_hex
from impact_in_pipelines.traces.tracing import traces

Interval = tuple[datetime, datetime]


def trace_id_of(delivery: UUID) -> str | None:
    """The trace of a delivery, 32 hex digits; None: nothing is traced."""
    return None if traces() is None else trace_hex(delivery)


def traceparent_of(prepared: Prepared) -> str | None:
    """What goes to the platform with an attempt, of a batch with its first member's."""
    spans = traces()
    return None if spans is None else spans.traceparent(prepared.claimed.id, prepared.attempt_id)


def trace_plan(platform: Platform, took: Interval) -> None:
    """Something that was due has been planned."""
    if (spans := traces()) is not None:
        spans.planned(platform.value, took)


def trace_taken(
    platform: Platform, ready: Sequence[Prepared], claim: Interval, freeze: Interval
) -> None:
    """A chunk was claimed and frozen; what it was planned in, if that was in this process, comes first."""
    spans = traces()
    if spans is None or not ready:
        return
    steps = {"claim": claim, "freeze": freeze}
    plan = spans.last_plan(platform.value)
    if plan is not None and plan[1] <= claim[0]:
        fresh = [one.attempt_id for one in ready if one.claimed.attempt_number == 1]
        spans.taken(fresh, {"plan": plan, **steps})
        spans.taken([one.attempt_id for one in ready if one.claimed.attempt_number > 1], steps)
    else:
        spans.taken([one.attempt_id for one in ready], steps)


def trace_settled(settlements: Iterable[Settlement], took: Interval) -> None:
    """The results of these attempts are recorded."""
    spans = traces()
    if spans is None:
        return
    from impact_in_pipelines.traces.spans import AttemptSpan  # imported already, being on

    for one in settlements:
        claimed, result = one.prepared.claimed, one.result
        attributes = {
            "impact_in.delivery": str(claimed.id),
            "impact_in.company": claimed.company_slug,
            "impact_in.platform": claimed.platform.value,
            "impact_in.attempt": claimed.attempt_number,
            "impact_in.request": str(one.prepared.attempt_id),
            "impact_in.run": claimed.dagster_run_id,
            "impact_in.batch": str(one.prepared.batch_id) if one.prepared.batch_id else None,
            "http.response.status_code": result.http_status,
            "error.type": result.error_kind.value if result.error_kind else None,
        }
        spans.settled(
            AttemptSpan(
                delivery=claimed.id,
                attempt=one.prepared.attempt_id,
                number=claimed.attempt_number,
                sent=(one.started_at, one.finished_at),
                outcome=result.outcome.value,
                error=result.error,
                attributes={name: value for name, value in attributes.items() if value is not None},
            ),
            took,
        )


@contextmanager
def traced_record(deliveries: Sequence[UUID], clock: Callable[[], datetime]) -> Iterator[None]:
    """While these are shown in Dagster."""
    spans = traces()
    if spans is None:
        yield
        return
    began = clock()
    yield
    spans.recorded(deliveries, (began, clock()))


def flush_traces() -> None:
    """At the end of a run, whose process may end with it."""
    if (spans := traces()) is not None:
        spans.flush()
