"""Recommendations: rules over a report's facts. Each says what was seen, where, and what to do.

Every breach has at least one that fits it. No sentence names a command: tenants read them.
"""

from collections.abc import Iterator

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.model import Breach, BreachType, Scope
from impact_in_pipelines.sla.reports.causes import by_cause, in_deliveries
from impact_in_pipelines.sla.reports.report import Facts, Recommendation
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.wording import duration, in_unit, multiple, percent, share

LARGE_PAYLOAD_BYTES = 100 * 1024
LATE_MS = 60_000.0
"""A crowded minute is worth spreading when its first attempts start a minute late on average."""


def recommend(facts: Facts, thresholds: Thresholds, company: str | None) -> list[Recommendation]:
    """What to do, the urgent first; one line that all is well where no rule finds anything.

    `company` is the slug of the one reported on, None for all.
    """
    found = [
        *by_cause(facts.causes, company),
        *_missed(facts, company),
        *_failing_schedules(facts, company),
        *_late(facts, company),
        *_burning(facts, company),
        *_retries_in_vain(facts, company),
        *_crowded(facts, company),
        *_payloads(facts, company),
        *_budget(facts, thresholds, company),
        *_replay(facts, company),
    ]
    if not found:
        return [_all_well(facts, company)]
    return sorted(found, key=lambda one: not one.urgent)


def _missed(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    metrics = facts.overall.metrics
    missed, overdue = metrics.missed, metrics.overdue_now
    if missed + overdue == 0:
        return
    oldest = metrics.oldest_overdue
    since = f", the oldest since {oldest:%Y-%m-%d %H:%M} UTC" if overdue and oldest else ""
    if not missed:
        seen = f"{_fires(overdue)} {'is' if overdue == 1 else 'are'} overdue{since}."
    else:
        still = f", {_fires(overdue)} still overdue{since}" if overdue else ""
        seen = f"{_fires(missed)} passed while nothing ran to send them{still}."
    yield Recommendation(
        rule="keep_scheduler_running",
        urgent=overdue > 0,
        seen=seen,
        where=", ".join(filter(None, (_by_platform(facts), company))) or "all companies",
        action="See that the daemon runs and that the deliver_to_… schedules are on (Dagster UI, "
        "Automation); their days have been or will be sent by the catch-up delivery.",
        company=company,
    )


def _by_platform(facts: Facts) -> str:
    """The platforms whose fires did not start, with how many where there are several."""
    counts = {
        FACTS[platform].title: scope.metrics.missed + scope.metrics.overdue_now
        for platform, scope in facts.by_platform.items()
        if scope.metrics.missed + scope.metrics.overdue_now
    }
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{title} ({count:,})" for title, count in counts.items())


def _failing_schedules(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, breach in _breaches(facts, BreachType.CONSECUTIVE_FAILURES):
        schedule = str(breach.details.get("schedule_id", ""))
        failing = int(breach.details.get("schedules", 1))
        which = f", schedule {schedule[:13]}" if schedule else ""
        yield Recommendation(
            rule="mend_failing_schedule",
            urgent=True,
            seen=f"{failing} {'schedule' if failing == 1 else 'schedules'} in an unbroken series of "
            f"failures, the longest of {breach.actual:.0f}.",
            where=f"{_title(platform)}{which}" + (f" of {company}" if company else ""),
            action="The schedule names its last error; mend that and replay, or pause the schedule with a "
            "reason until it is mended.",
            platform=platform,
            company=company,
            schedule_id=schedule or None,
        )


def _late(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    """One for each platform whose average is late, or on which too little arrives on time."""
    crowded = {minute.platform for minute in facts.crowded if minute.average_lateness_ms >= LATE_MS}
    late = dict(_breaches(facts, BreachType.LATENCY))
    for platform, breach in _breaches(facts, BreachType.ON_TIME_RATE):
        late.setdefault(platform, breach)
    for platform, breach in late.items():
        metrics = _scope(facts, platform).metrics
        yield Recommendation(
            rule="shorten_latency",
            urgent=breach.pages,
            seen=_latency_seen(breach, metrics.on_time, metrics.timed),
            where=_title(platform) + (f", {company}" if company else ""),
            action=_latency_action(platform in crowded, metrics.retried, platform),
            platform=platform,
            company=company,
        )


def _latency_seen(breach: Breach, on_time: int, timed: int) -> str:
    within = f"{on_time:,} of {timed:,} arrived on time"
    if breach.type is BreachType.ON_TIME_RATE:
        return (
            f"Only {within} ({percent(breach.actual)}), the target is {percent(breach.threshold)}."
        )
    half = breach.details.get("p50_ms")
    return (
        f"Deliveries took {duration(breach.actual)} on average"
        + (f", half of them over {duration(half)}" if breach.pages and half else "")
        + f"; the limit is {duration(breach.threshold)}. {within[0].upper()}{within[1:]}."
    )


def _latency_action(crowded: bool, retried: int, platform: Platform | None) -> str:
    if crowded:
        return "Too many are due at the same minute: spread their schedules, as said here."
    waits = " Retries wait 5, 10 and 20 minutes: what makes them necessary makes it late."
    retries = waits if retried else ""
    title = _title(platform) if platform else "the platform"
    return (
        f"See whether they started late (more workers, schedules spread) or {title} answered slowly (ask its "
        f"support).{retries}"
    )


def _burning(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, breach in _breaches(facts, BreachType.BURN_RATE):
        errors = breach.details.get("errors")
        lost = (
            f"{errors:,} of {breach.sample_size:,} deliveries did not arrive: the"
            if errors
            else "The"
        )
        yield Recommendation(
            rule="stop_burning",
            urgent=breach.pages,
            seen=f"{lost} error budget is spent {multiple(breach.actual)} as fast as it bears.",
            where=_title(platform) + (f", {company}" if company else ""),
            action="It goes on now: look at the latest failures first, mend their cause or hold the platform "
            "until it is mended, then replay.",
            platform=platform,
            company=company,
        )


def _retries_in_vain(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, breach in _breaches(facts, BreachType.RETRY_SUCCESS_RATE):
        metrics = _scope(facts, platform).metrics
        yield Recommendation(
            rule="mend_before_retrying",
            urgent=False,
            seen=f"{metrics.retried_failed:,} of {breach.sample_size:,} retried deliveries failed for good "
            f"({in_unit(breach.type, breach.actual)} of the retries helped).",
            where=_title(platform) + (f", {company}" if company else ""),
            action="Retries don't mend this: the trouble outlasts them. Find what the last attempts "
            "answered, and replay when it is over.",
            platform=platform,
            company=company,
        )


def _breaches(facts: Facts, type_: BreachType) -> Iterator[tuple[Platform | None, Breach]]:
    """The breaches of a type on each platform; of all together (None) where no platform says so."""
    found = [
        (platform, breach)
        for platform, scope in facts.by_platform.items()
        for breach in scope.breaches
        if breach.type is type_
    ]
    whole = [(None, breach) for breach in facts.overall.breaches if breach.type is type_]
    yield from found or whole


def _scope(facts: Facts, platform: Platform | None) -> Scope:
    return facts.by_platform[platform] if platform else facts.overall


def _title(platform: Platform | None) -> str:
    return FACTS[platform].title if platform else "All platforms"


def _crowded(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for minute in facts.crowded:
        if minute.average_lateness_ms < LATE_MS:
            continue
        yield Recommendation(
            rule="spread_minute",
            urgent=False,
            seen=f"{in_deliveries(minute.deliveries)} due at {minute.at} UTC started "
            f"{duration(minute.average_lateness_ms)} late on average, the last one "
            f"{duration(minute.max_lateness_ms)}.",
            where=f"{FACTS[minute.platform].title}, {minute.at} UTC",
            action="Spread that minute: give each of its schedules an offset.",
            platform=minute.platform,
            company=company,
        )


def _payloads(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, scope in facts.by_platform.items():
        largest = scope.metrics.max_payload_bytes or 0
        if largest > LARGE_PAYLOAD_BYTES:
            yield Recommendation(
                rule="shrink_payload",
                urgent=False,
                seen=f"The largest payload had {largest / 1024:.0f} KB, over "
                f"{LARGE_PAYLOAD_BYTES // 1024} KB.",
                where=FACTS[platform].title + (f", {company}" if company else ""),
                platform=platform,
                company=company,
                action="Report shorter periods (a more frequent schedule) or fewer custom outcome "
                "categories.",
            )


def _budget(facts: Facts, thresholds: Thresholds, company: str | None) -> Iterator[Recommendation]:
    budget = facts.budget
    if budget is None or budget.left is None or budget.runs_out_at is None:
        return
    spent = budget.left <= 0
    target = f"{thresholds.success_rate_target_percent:g} %"
    yield Recommendation(
        rule="protect_budget",
        urgent=spent,
        seen=f"{budget.errors} of {budget.due} deliveries failed in {budget.days} days; {target} allows "
        f"{budget.allowed:.1f}."
        + (
            " The error budget is spent."
            if spent
            else f" {share(budget.left, 0)} of the error budget is left, until "
            f"{budget.runs_out_at:%Y-%m-%d} at the present rate."
        ),
        where=company or "all companies",
        action="Mend the causes named here before anything else, and leave the schedules that work alone.",
        company=company,
    )


def _replay(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    metrics = facts.overall.metrics
    waiting = metrics.failed - metrics.recovered
    if waiting <= 0:
        return
    yield Recommendation(
        rule="replay_failed",
        urgent=False,
        seen=f"{in_deliveries(waiting)} failed and {'has' if waiting == 1 else 'have'} not been replayed"
        + (
            f"; {metrics.recovered} of {metrics.failed} were recovered."
            if metrics.recovered
            else "."
        ),
        where=company or "all companies",
        action="Replay them when their cause is mended.",
        company=company,
    )


def _all_well(facts: Facts, company: str | None) -> Recommendation:
    metrics = facts.overall.metrics
    seen = (
        f"All {metrics.due} deliveries that were due arrived."
        if metrics.due
        else "Nothing was due."
    )
    return Recommendation(
        "nothing_to_do", False, seen, company or "all companies", "Nothing to do."
    )


def _fires(count: int) -> str:
    return f"{count:,} {'fire' if count == 1 else 'fires'}"
