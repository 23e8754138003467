"""`impact-in schedules plan`: level load, and the spread that makes the SLA hold."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from impact_in_pipelines.cli.output import console, print_json, styled
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy
from impact_in_pipelines.cli.schedules.load_charts import print_chart, write_chart
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling.load.levels import OverloadedMinute
from impact_in_pipelines.scheduling.load.spread import SpreadProposal
from impact_in_pipelines.services import load_plans
from impact_in_pipelines.services.load_plans import SLA_MINUTES, Capacity, LoadPlan

_MINUTE = timedelta(minutes=1)
_SPANS_SHOWN = 12


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
    """Print, and with `apply` set, what `propose_spread` proposes for the next `hours`."""
    if chart is not None and chart.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"--chart {chart.name!r} must end with .png or .svg")
    with busy("Looking ahead", quiet=as_json):
        plan = load_plans.plan_load(
            runtime,
            hours=hours,
            max_offset=max_offset,
            actor=actor(),
            apply=apply,
            throughput=throughput,
        )
    if chart is not None:
        write_chart(chart, plan.load, plan.limits, plan.proposal.before, SLA_MINUTES)
    if as_json:
        print_json(_as_json(plan))
        return
    _print(plan, hours)
    if chart is not None:
        console.print(f"Chart: {chart}", markup=False, soft_wrap=True)
    given = f" --throughput {throughput:g}" if throughput is not None else ""
    again = f"impact-in schedules plan --hours {hours} --max-offset {max_offset}{given} --apply"
    _say_what_next(plan.proposal, applied=apply, again=again)


def _limited_by(one: Capacity) -> str:
    match one.limited_by:
        case "rate_limits":
            return f"rate limit of {count(one.accounts, 'account')}"
        case "given":
            why = "throughput given"
        case "machine":
            why = "what one machine sends"
        case "latency":
            why = f"{one.in_flight} in flight at {one.latency_ms:.0f} ms each"
    return why if one.connected else f"{why}; no company here has a usable connection"


def _print(plan: LoadPlan, hours: int) -> None:
    load = plan.load
    console.print(
        f"{count(len(plan.entries), 'active schedule')}, {hours} h from {load.start:%Y-%m-%d %H:%M} UTC, "
        f"SLA {SLA_MINUTES} min",
        style="bold",
    )
    for platform, one in plan.capacity.items():
        counts = load.by_platform.get(platform.value)
        if counts is None:
            console.print(f"\n{FACTS[platform].title}: no active schedule", style="dim")
            continue
        peak = int(np.argmax(counts))
        console.print(
            styled(
                f"\n[bold]{FACTS[platform].title}[/]  {int(counts.sum())} due, at most "
                f"{int(counts[peak])} in a minute ({load.minute(peak):%d %b %H:%M}); takes "
                f"{one.per_minute:.0f} a minute ({_limited_by(one)})"
            )
        )
        late = [minute for minute in plan.proposal.before if minute.platform == platform.value]
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
        console.print(
            f"  and {count(len(spans) - _SPANS_SHOWN, 'more span')} (--json lists every minute)"
        )


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
        console.print(
            f"Set: {count(len(proposal.offsets), 'schedule has its', 'schedules have their')} new offset."
        )
    elif proposal.offsets:
        console.print(f"To set them: {again}", soft_wrap=True)
    elif applied:
        console.print("Nothing was changed.")


def _as_json(plan: LoadPlan) -> dict[str, Any]:
    load, proposal = plan.load, plan.proposal
    platforms = {
        platform.value: {
            "capacity_per_minute": one.per_minute,
            "limited_by": _limited_by(one),
            "minutes": [
                {"minute": load.minute(int(at)), "due": int(counts[at])}
                for at in np.flatnonzero(counts)
            ]
            if (counts := load.by_platform.get(platform.value)) is not None
            else [],
        }
        for platform, one in plan.capacity.items()
    }
    return {
        "start": load.start,
        "schedules": len(plan.entries),
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
            "applied": plan.applied,
        },
    }
