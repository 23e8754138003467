"""When how many deliveries fall due, what platforms take, and the spread with which the SLA holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from impact_in_pipelines.delivery.draining.options import concurrency_for
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling.load.entries import LoadEntry
from impact_in_pipelines.scheduling.load.levels import Load, load_by_minute
from impact_in_pipelines.scheduling.load.spread import SpreadProposal, propose_spread

SLA_MINUTES = 5
MOST_A_MINUTE = 5_000.0
"""Deliveries a minute of one platform that two cores send beside the two others (docs/capacity.md)."""
_USUAL_LATENCY_MS = 500.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Deliveries a minute that a platform takes from us, and what limits them.

    `limited_by`: the rate limits of `accounts` accounts together, the throughput that was given, what one
    machine sends, or the latency (ms) of the `in_flight` that are sent at once. `connected` is false where
    schedules are and no company of theirs has a usable connection.
    """

    per_minute: float
    limited_by: Literal["rate_limits", "given", "machine", "latency"]
    accounts: int = 0
    in_flight: int = 0
    latency_ms: float = 0.0
    connected: bool = True


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The load of the next hours, what platforms take, and what was proposed; `applied` if it was set."""

    entries: Sequence[LoadEntry]
    load: Load
    capacity: Mapping[Platform, Capacity]
    proposal: SpreadProposal
    applied: bool

    @property
    def limits(self) -> dict[str, float]:
        """Deliveries a minute by platform."""
        return {platform.value: one.per_minute for platform, one in self.capacity.items()}


def plan_load(
    runtime: Runtime,
    *,
    hours: int,
    max_offset: int,
    actor: str,
    apply: bool = False,
    throughput: float | None = None,
) -> LoadPlan:
    """What `propose_spread` proposes for the next `hours`; with `apply` it is set.

    `throughput`: deliveries a minute of one platform; estimated from latencies otherwise.
    """
    now = runtime.clock()
    entries = runtime.schedules.load_entries()
    capacity = _capacities(runtime, throughput)
    start, end = now.replace(second=0, microsecond=0), now + timedelta(hours=hours)
    limits = {platform.value: one.per_minute for platform, one in capacity.items()}
    proposal = propose_spread(
        entries, limits, max_offset, start=start, end=end, sla_minutes=SLA_MINUTES
    )
    if apply and proposal.offsets:
        offsets = {UUID(id_): minutes for id_, minutes in proposal.offsets.items()}
        runtime.schedules.set_spreads(offsets, now=now, actor=actor)
    applied = apply and bool(proposal.offsets)
    return LoadPlan(entries, load_by_minute(entries, start, end), capacity, proposal, applied)


def _capacities(runtime: Runtime, throughput: float | None) -> dict[Platform, Capacity]:
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
    allowed = float(sum(limits.values()))
    ours = _our_pace(throughput, latency_ms, connected=bool(limits) or not companies)
    if limits and allowed < ours.per_minute:
        return Capacity(allowed, "rate_limits", accounts=len(limits))
    return ours


def _our_pace(throughput: float | None, latency_ms: float | None, *, connected: bool) -> Capacity:
    """What we can send: `throughput`, or as many as are in flight at once over the latency of the latest
    deliveries, at most `MOST_A_MINUTE`."""
    if throughput is not None:
        return Capacity(throughput, "given", connected=connected)
    in_flight, latency = concurrency_for(int(MOST_A_MINUTE)), latency_ms or _USUAL_LATENCY_MS
    pace = in_flight * 60_000 / max(latency, 1.0)
    if pace >= MOST_A_MINUTE:
        return Capacity(MOST_A_MINUTE, "machine", connected=connected)
    return Capacity(pace, "latency", in_flight=in_flight, latency_ms=latency, connected=connected)
