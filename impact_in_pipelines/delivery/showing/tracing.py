"""What is said of a drain's work to whoever traces it; nothing where nobody does.

Nothing here raises: a fault in tracing costs spans, and no delivery.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from uuid import UUID

from impact_in_pipelines.delivery.ports import Prepared, Settlement
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.traces.ids import trace_hex
from impact_in_pipelines.traces.tracing import traces

if TYPE_CHECKING:
    from impact_in_pipelines.traces.spans import DeliverySpans

Interval = tuple[datetime, datetime]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_logged: set[str] = set()
"""The functions whose faults this process has logged already."""


def _without_harm(traced: Callable[_P, _T]) -> Callable[_P, _T | None]:
    """`traced`, with None for whatever it raises, which is logged the first time."""

    @wraps(traced)
    def safe(*args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        try:
            return traced(*args, **kwargs)
        except Exception as error:
            if traced.__name__ not in _logged:
                _logged.add(traced.__name__)
                _log.warning("%s: spans are lost: %s", traced.__name__, error)
            return None

    return safe


def trace_id_of(delivery: UUID) -> str | None:
    """The trace of a delivery, 32 hex digits; None: nothing is traced."""
    return None if traces() is None else trace_hex(delivery)


@_without_harm
def traceparent_of(prepared: Prepared) -> str | None:
    """What goes to the platform with an attempt, of a batch with its first member's."""
    spans = traces()
    return None if spans is None else spans.traceparent(prepared.claimed.id, prepared.attempt_id)


@_without_harm
def trace_tick(platform: Platform, took: Interval) -> None:
    """A drain begins that a tick has asked for: from when the tick was to be until now."""
    if (spans := traces()) is not None:
        spans.ticked(platform.value, took)


@_without_harm
def trace_plan(platform: Platform, took: Interval) -> None:
    """Something that was due has been planned."""
    if (spans := traces()) is not None:
        spans.planned(platform.value, took)


@_without_harm
def trace_taken(
    platform: Platform, ready: Sequence[Prepared], claim: Interval, freeze: Interval
) -> None:
    """A chunk was claimed and frozen; what it was planned in, if that was in this process, comes first."""
    spans = traces()
    if spans is None or not ready:
        return
    steps = {"claim": claim, "freeze": freeze}
    planned = spans.last_plan(platform.value)
    if planned and planned["plan"][1] <= claim[0]:
        fresh = [one.attempt_id for one in ready if one.claimed.attempt_number == 1]
        spans.taken(fresh, {**planned, **steps})
        spans.taken([one.attempt_id for one in ready if one.claimed.attempt_number > 1], steps)
    else:
        spans.taken([one.attempt_id for one in ready], steps)


@_without_harm
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
def traced_record(deliveries: Mapping[UUID, bool], clock: Callable[[], datetime]) -> Iterator[None]:
    """While these are shown in Dagster; each with whether it was ever attempted."""
    spans = traces()
    if spans is None:
        yield
        return
    began = clock()
    yield
    _trace_recorded(spans, deliveries, (began, clock()))


@_without_harm
def _trace_recorded(
    spans: "DeliverySpans", deliveries: Mapping[UUID, bool], took: Interval
) -> None:
    spans.recorded(deliveries, took)


@_without_harm
def flush_traces() -> None:
    """At the end of a run, whose process may end with it."""
    if (spans := traces()) is not None:
        spans.flush()
