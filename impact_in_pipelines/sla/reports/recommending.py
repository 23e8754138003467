"""Recommendations: rules over a report's facts. Each says what was seen, where, and what to do."""

from collections.abc import Iterator, Sequence

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.model import BreachType
from impact_in_pipelines.sla.reports.report import Cause, Facts, Recommendation
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.wording import duration

LARGE_PAYLOAD_BYTES = 100 * 1024
LATE_MS = 60_000.0
"""A crowded minute is worth spreading when its first attempts start a minute late on average."""

_ITS_OWN_FAULT = ("server_error", "timeout", "network", "bad_response")
_MANY = 3
"""Companies hit by one platform's trouble, from which on it is the platform's rather than theirs."""


def recommend(facts: Facts, thresholds: Thresholds, company: str | None) -> list[Recommendation]:
    """What to do, the urgent first; one line that all is well where no rule finds anything.

    `company` is the slug of the one reported on, None for all.
    """
    found = [
        *_by_cause(facts.causes, company),
        *_missed(facts, company),
        *_failing_schedules(facts, company),
        *_crowded(facts),
        *_payloads(facts, company),
        *_budget(facts, thresholds, company),
        *_replay(facts, company),
    ]
    if not found:
        return [_all_well(facts, company)]
    return sorted(found, key=lambda one: not one.urgent)


def _by_cause(causes: Sequence[Cause], company: str | None) -> Iterator[Recommendation]:
    for platform in Platform:
        of_platform = [cause for cause in causes if cause.platform is platform]
        for kind, rule in _CAUSES.items():
            some = [cause for cause in of_platform if cause.error_kind == kind]
            if some:
                yield _cause_advice(rule, platform, some, company)
        faults = [cause for cause in of_platform if cause.error_kind in _ITS_OWN_FAULT]
        if faults:
            yield _platform_advice(platform, faults, company)


_CAUSES: dict[str, tuple[str, bool, str, str]] = {
    # error kind: rule, urgent, what was seen, what to do
    "authentication": (
        "renew_credential",
        True,
        "{title} refused the credential",
        "Renew the credential in {title}, store it with `impact-in connections set {company} {platform} "
        "--credentials -`, check it with `impact-in connections test {company} {platform}`, then replay.",
    ),
    "configuration": (
        "complete_connection",
        True,
        "no usable connection to {title}",
        "Complete the connection: `impact-in connections set {company} {platform} --base-url URL "
        "--credentials -`.",
    ),
    "data_quality": (
        "correct_data",
        False,
        "the figures for {title} did not pass the data checks",
        "Correct the source rows that the failed check names (asset company_impact, its checks), import "
        "them again, then replay.",
    ),
    "rejected": (
        "correct_data",
        False,
        "{title} rejected the content",
        "Read the platform's answer with `impact-in deliveries show {delivery}`, correct the data or the "
        "organisation id, then replay.",
    ),
    "rate_limited": (
        "raise_or_spread",
        False,
        "{title} refused for its rate limit until no retry was left",
        "Spread the schedules (`impact-in schedules plan --apply`), or agree a higher limit with {title} and "
        "set it: `impact-in connections set {company} {platform} --rate-limit N`.",
    ),
}


def _cause_advice(
    rule: tuple[str, bool, str, str],
    platform: Platform,
    causes: Sequence[Cause],
    company: str | None,
) -> Recommendation:
    name, urgent, seen, action = rule
    worst = max(causes, key=lambda cause: cause.deliveries)
    words = {
        "title": FACTS[platform].title,
        "platform": platform.value,
        "company": company or worst.example_company or "COMPANY",
        "delivery": str(worst.example_delivery or "ID")[:8],
    }
    count = sum(cause.deliveries for cause in causes)
    example = f" (“{worst.example}”)" if worst.example else ""
    return Recommendation(
        rule=name,
        urgent=urgent,
        seen=f"{_deliveries(count)} failed: {seen.format(**words)}{example}, last on "
        f"{max(cause.last_at for cause in causes):%Y-%m-%d %H:%M} UTC.",
        where=_where(platform, worst, company),
        action=action.format(**words),
    )


def _platform_advice(
    platform: Platform, causes: Sequence[Cause], company: str | None
) -> Recommendation:
    title = FACTS[platform].title
    count = sum(cause.deliveries for cause in causes)
    worst = max(causes, key=lambda cause: cause.deliveries)
    hit = max(cause.companies for cause in causes)
    kinds = ", ".join(sorted({cause.error_kind.replace("_", " ") for cause in causes}))
    first, last = min(c.first_at for c in causes), max(c.last_at for c in causes)
    example = f" (“{worst.example}”)" if worst.example else ""
    return Recommendation(
        rule="call_platform",
        urgent=hit >= _MANY,
        seen=f"{_deliveries(count)} failed through {title} itself ({kinds}){example}.",
        where=_where(platform, worst, company),
        action=f"Ask {title}'s support about {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC and give "
        f"them an example (`impact-in deliveries show {str(worst.example_delivery or 'ID')[:8]}`); when it "
        "works again, replay.",
    )


def _missed(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    metrics = facts.overall.metrics
    if metrics.missed + metrics.overdue == 0:
        return
    yield Recommendation(
        rule="keep_scheduler_running",
        urgent=metrics.overdue > 0,
        seen=f"{_fires(metrics.missed)} passed while nothing ran to send them"
        + (f", {_fires(metrics.overdue)} still overdue." if metrics.overdue else "."),
        where=_by_platform(facts) + (f", {company}" if company else ""),
        action="See that the daemon runs and that the deliver_to_… schedules are on (Dagster UI, "
        "Automation); their days have been or will be sent by the catch-up delivery.",
    )


def _by_platform(facts: Facts) -> str:
    """The platforms whose fires did not start, with how many where there are several."""
    counts = {
        FACTS[platform].title: scope.metrics.missed + scope.metrics.overdue
        for platform, scope in facts.by_platform.items()
        if scope.metrics.missed + scope.metrics.overdue
    }
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{title} ({count:,})" for title, count in counts.items())


def _failing_schedules(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, scope in facts.by_platform.items():
        for breach in scope.breaches:
            if breach.type is not BreachType.CONSECUTIVE_FAILURES:
                continue
            schedule = str(breach.details.get("schedule_id", ""))[:13]
            failing = int(breach.details.get("schedules", 1))
            yield Recommendation(
                rule="mend_failing_schedule",
                urgent=True,
                seen=f"{failing} {'schedule' if failing == 1 else 'schedules'} in an unbroken series of "
                f"failures, the longest of {breach.actual:.0f}.",
                where=f"{FACTS[platform].title}, schedule {schedule}"
                + (f" of {company}" if company else ""),
                action=f"`impact-in schedules show {schedule}` names the last error; mend it and replay, or "
                f"pause the schedule with a reason until it is mended.",
            )


def _crowded(facts: Facts) -> Iterator[Recommendation]:
    for minute in facts.crowded:
        if minute.average_lateness_ms < LATE_MS:
            continue
        yield Recommendation(
            rule="spread_minute",
            urgent=False,
            seen=f"{_deliveries(minute.deliveries)} due at {minute.at} UTC started "
            f"{duration(minute.average_lateness_ms)} late on average, the last one "
            f"{duration(minute.max_lateness_ms)}.",
            where=f"{FACTS[minute.platform].title}, {minute.at} UTC",
            action="Spread that minute: `impact-in schedules plan` shows it, and with --apply gives each "
            "schedule an offset.",
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
                action="Report shorter periods (a more frequent schedule) or fewer custom outcome "
                "categories.",
            )


def _budget(facts: Facts, thresholds: Thresholds, company: str | None) -> Iterator[Recommendation]:
    budget = facts.budget
    if budget is None or budget.left_percent is None or budget.runs_out_at is None:
        return
    spent = budget.left_percent <= 0
    target = f"{thresholds.success_rate_target_percent:g} %"
    yield Recommendation(
        rule="protect_budget",
        urgent=spent,
        seen=f"{budget.errors} of {budget.due} deliveries failed in {budget.days} days; {target} allows "
        f"{budget.allowed:.1f}."
        + (
            " The error budget is spent."
            if spent
            else f" {budget.left_percent:.0f} % of the error budget is left, until "
            f"{budget.runs_out_at:%Y-%m-%d} at the present rate."
        ),
        where=company or "all companies",
        action="Mend the causes named here before anything else, and leave the schedules that work alone.",
    )


def _replay(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    metrics = facts.overall.metrics
    waiting = metrics.failed - metrics.recovered
    if waiting <= 0:
        return
    yield Recommendation(
        rule="replay_failed",
        urgent=False,
        seen=f"{_deliveries(waiting)} failed and {'has' if waiting == 1 else 'have'} not been replayed"
        + (
            f"; {metrics.recovered} of {metrics.failed} were recovered."
            if metrics.recovered
            else "."
        ),
        where=company or "all companies",
        action="When their cause is mended: `impact-in deliveries replay --all-failed"
        + (f" --company {company}`." if company else "`."),
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


def _where(platform: Platform, worst: Cause, company: str | None) -> str:
    title = FACTS[platform].title
    if company:
        return f"{title}, {company}"
    if worst.companies == 1 and worst.example_company:
        return f"{title}, {worst.example_company}"
    example = f", among them {worst.example_company}" if worst.example_company else ""
    return f"{title}, {worst.companies} companies{example}"


def _deliveries(count: int) -> str:
    return f"{count:,} {'delivery' if count == 1 else 'deliveries'}"


def _fires(count: int) -> str:
    return f"{count:,} {'fire' if count == 1 else 'fires'}"
