"""`impact-in schedules plan`: level load, and the spread that makes the SLA hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from impact_in_pipelines.cli.output import console, print_json, styled
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.schedules.load_charts import print_chart, write_chart
from impact_in_pipelines.delivery.draining.capacity import concurrency_for
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import (
    Load,
    LoadEntry,
    OverloadedMinute,
    SpreadProposal,
    load_by_minute,
    propose_spread,
)

SLA_MINUTES = 5
MOST_A_MINUTE = 5_000.0
"""Deliveries a minute of one platform that two cores send beside the two others (design, section 10)."""
_USUAL_LATENCY_MS = 500.0
_MINUTE = timedelta(minutes=1)
_SPANS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Capacity:
    """Deliveries a minute that a platform takes from us, and what limits them, in words."""

    per_minute: float
    limited_by: str


def plan_load(
    runtime: Runtime,
    *,
    hours: int,
    max_offset: int,
    apply: bool,
    chart: Path | None,
    throughput: float | None,
    as_json: bool,
) -> None:
    """Print, and with `apply` set, what `scheduling.propose_spread` proposes for the next `hours`."""
    if chart is not None and chart.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"--chart {chart.name!r} must end with .png or .svg")
    now = runtime.clock()
    entries = runtime.schedules.load_entries()
    capacity = capacities(runtime, throughput)
    start, end = now.replace(second=0, microsecond=0), now + timedelta(hours=hours)
    load = load_by_minute(entries, start, end)
    limits = {platform.value: one.per_minute for platform, one in capacity.items()}
    proposal = propose_spread(
        entries, limits, max_offset, start=start, end=end, sla_minutes=SLA_MINUTES
    )
    if chart is not None:
        write_chart(chart, load, limits, proposal.before, SLA_MINUTES)
    if apply and proposal.offsets:
        offsets = {UUID(id_): minutes for id_, minutes in proposal.offsets.items()}
        runtime.schedules.set_spreads(offsets, now=now, actor=actor())
    if as_json:
        print_json(_as_json(entries, load, capacity, proposal, applied=apply))
        return
    _print(entries, load, capacity, proposal, hours)
    if chart is not None:
        console.print(f"Chart: {chart}", markup=False, soft_wrap=True)
    given = f" --throughput {throughput:g}" if throughput is not None else ""
    again = f"impact-in schedules plan --hours {hours} --max-offset {max_offset}{given} --apply"
    _say_what_next(proposal, applied=apply, again=again)


def capacities(runtime: Runtime, throughput: float | None) -> dict[Platform, Capacity]:
    """What each platform takes a minute: the sum of its accounts' rate limits, or what we can send.

    What we can send is `throughput`, or as many as are in flight at once over the latency of the
    latest deliveries, at most `MOST_A_MINUTE`.
    """
    latencies = runtime.schedules.mean_latency_ms()
    return {
        platform: _capacity(runtime, platform, throughput, latencies.get(platform))
        for platform in Platform
    }


def _capacity(
    runtime: Runtime, platform: Platform, throughput: float | None, latency_ms: float | None
) -> Capacity:
    companies = {one.company_id for one in runtime.schedules.listed(platform=platform)}
    connections = runtime.connections.of_companies(platform, list(companies)).values()
    limits = {one.rate_key: one.requests_per_minute for one in connections}
    ours, why = _our_pace(throughput, latency_ms)
    allowed = float(sum(limits.values()))
    if companies and not limits:
        return Capacity(ours, f"{why}; no company here has a usable connection")
    if limits and allowed < ours:
        noun = "account" if len(limits) == 1 else "accounts"
        return Capacity(allowed, f"rate limit of {len(limits)} {noun}")
    return Capacity(ours, why)


def _our_pace(throughput: float | None, latency_ms: float | None) -> tuple[float, str]:
    if throughput is not None:
        return throughput, "throughput given"
    in_flight = concurrency_for(int(MOST_A_MINUTE))
    pace = in_flight * 60_000 / max(latency_ms or _USUAL_LATENCY_MS, 1.0)
    if pace >= MOST_A_MINUTE:
        return MOST_A_MINUTE, "what one machine sends"
    return pace, f"{in_flight} in flight at {latency_ms or _USUAL_LATENCY_MS:.0f} ms each"


def _print(
    entries: Sequence[LoadEntry],
    load: Load,
    capacity: Mapping[Platform, Capacity],
    proposal: SpreadProposal,
    hours: int,
) -> None:
    console.print(
        f"{len(entries)} active schedules, {hours} h from {load.start:%Y-%m-%d %H:%M} UTC, "
        f"SLA {SLA_MINUTES} min",
        style="bold",
    )
    for platform, one in capacity.items():
        counts = load.by_platform.get(platform.value)
        if counts is None:
            console.print(f"\n{FACTS[platform].title}: no active schedule", style="dim")
            continue
        peak = int(np.argmax(counts))
        console.print(
            styled(
                f"\n[bold]{FACTS[platform].title}[/]  {int(counts.sum())} due, at most "
                f"{int(counts[peak])} in a minute ({load.minute(peak):%d %b %H:%M}); takes "
                f"{one.per_minute:.0f} a minute ({one.limited_by})"
            )
        )
        late = [minute for minute in proposal.before if minute.platform == platform.value]
        print_chart(load.start, counts, one.per_minute, late)
        _print_late(late)


def _print_late(late: Sequence[OverloadedMinute]) -> None:
    spans = list(late_spans(late))
    for first, last, due, worst in spans[:_SPANS_SHOWN]:
        until = "" if first == last else f" to {last:%H:%M}"
        console.print(
            styled(
                f"  [red]{first:%d %b %H:%M}{until} UTC[/]: {due} due, the last waits "
                f"{worst:.0f} min; the {SLA_MINUTES}-minute SLA can't hold"
            )
        )
    if len(spans) > _SPANS_SHOWN:
        console.print(f"  and {len(spans) - _SPANS_SHOWN} more spans (--json lists every minute)")


def late_spans(
    late: Sequence[OverloadedMinute],
) -> Iterator[tuple[datetime, datetime, int, float]]:
    """Neighbouring minutes of one platform together: first, last (UTC), due in all, longest wait
    (minutes)."""
    span: list[OverloadedMinute] = []
    for minute in late:
        if span and minute.minute - span[-1].minute > _MINUTE:
            yield _span(span)
            span = []
        span.append(minute)
    if span:
        yield _span(span)


def _span(minutes: Sequence[OverloadedMinute]) -> tuple[datetime, datetime, int, float]:
    due = sum(one.due for one in minutes)
    return minutes[0].minute, minutes[-1].minute, due, max(one.wait_minutes for one in minutes)


def _say_what_next(proposal: SpreadProposal, *, applied: bool, again: str) -> None:
    console.print()
    said = proposal.sentence[0].upper() + proposal.sentence[1:]
    console.print(said, style="green" if proposal.holds else "yellow", markup=False)
    if applied and proposal.offsets:
        console.print(f"Set: {len(proposal.offsets)} schedules have their new offset.")
    elif proposal.offsets:
        console.print(f"To set them: {again}", soft_wrap=True)
    elif applied:
        console.print("Nothing was changed.")


def _as_json(
    entries: Sequence[LoadEntry],
    load: Load,
    capacity: Mapping[Platform, Capacity],
    proposal: SpreadProposal,
    *,
    applied: bool,
) -> dict[str, Any]:
    platforms = {
        platform.value: {
            "capacity_per_minute": one.per_minute,
            "limited_by": one.limited_by,
            "minutes": [
                {"minute": load.minute(int(at)), "due": int(counts[at])}
                for at in np.flatnonzero(counts)
            ]
            if (counts := load.by_platform.get(platform.value)) is not None
            else [],
        }
        for platform, one in capacity.items()
    }
    return {
        "start": load.start,
        "schedules": len(entries),
        "sla_minutes": SLA_MINUTES,
        "platforms": platforms,
        "late_minutes": proposal.before,
        "proposal": {
            "holds": proposal.holds,
            "sentence": proposal.sentence,
            "spread_minutes": [
                {"id": id_, "minutes": minutes} for id_, minutes in proposal.offsets.items()
            ],
            "remaining": proposal.remaining,
            "without_gain": proposal.shortfalls,
            "applied": applied and bool(proposal.offsets),
        },
    }
