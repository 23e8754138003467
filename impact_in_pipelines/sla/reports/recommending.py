"""Recommendations: rules over a report's facts. Each says what was seen, where, and what to do.

Every breach has at least one that fits it. No sentence names a command: tenants read them.
"""

from collections.abc import Iterator

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.model import Breach, BreachType, Scope
from impact_in_pipelines.sla.reports.causes import by_cause
from impact_in_pipelines.sla.reports.lateness import burning_seen, latency_action, latency_seen
from impact_in_pipelines.sla.reports.report import Facts, Recommendation
from impact_in_pipelines.sla.reports.said import (
    N_,
    Clause,
    Figure,
    Worded,
    clause,
    counted,
    moment,
    ngettext,
    worded,
)
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.wording import allowance, as_set, in_percent

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
    since = (
        [clause(N_(", the oldest since %(at)s UTC"), at=moment(oldest))]
        if overdue and oldest
        else []
    )
    if not missed:
        late = ngettext("%(n)s send is overdue", "%(n)s sends are overdue")
        seen = [counted(late, overdue), *since]
    else:
        gone = ngettext(
            "%(n)s send passed while nothing ran to make it",
            "%(n)s sends passed while nothing ran to make them",
        )
        still = ngettext(", %(n)s send still overdue", ", %(n)s sends still overdue")
        seen = [counted(gone, missed), *([counted(still, overdue), *since] if overdue else [])]
    yield Recommendation(
        rule="keep_scheduler_running",
        urgent=overdue > 0,
        seen=worded(*seen, "."),
        where=_place(_by_platform(facts), company),
        action=worded(
            clause(
                N_(
                    "See that the daemon runs and that the deliver_to_… schedules are on (Dagster UI, "
                    "Automation); their days have been or will be sent by the catch-up delivery."
                )
            )
        ),
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
        which = [clause(N_(", schedule %(id)s"), id=schedule[:13])] if schedule else []
        yield Recommendation(
            rule="mend_failing_schedule",
            urgent=True,
            seen=worded(
                counted(
                    ngettext(
                        "%(n)s schedule in an unbroken series of failures, the longest of %(longest)s.",
                        "%(n)s schedules in an unbroken series of failures, the longest of %(longest)s.",
                    ),
                    failing,
                    longest=f"{breach.actual:.0f}",
                )
            ),
            where=worded(
                *_title(platform),
                *which,
                *([clause(N_(" of %(company)s"), company=company)] if company else []),
            ),
            action=worded(
                clause(
                    N_(
                        "The schedule names its last error; mend that and replay, or pause the schedule with "
                        "a reason until it is mended."
                    )
                )
            ),
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
            seen=latency_seen(breach, metrics.on_time, metrics.timed),
            where=worded(*_title(platform), f", {company}" if company else ""),
            action=latency_action(platform in crowded, metrics.retried, platform),
            platform=platform,
            company=company,
        )


def _burning(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, breach in _breaches(facts, BreachType.BURN_RATE):
        yield Recommendation(
            rule="stop_burning",
            urgent=breach.pages,
            seen=burning_seen(breach),
            where=worded(*_title(platform), f", {company}" if company else ""),
            action=worded(
                clause(
                    N_(
                        "It goes on now: look at the latest failures first, mend their cause or hold the "
                        "platform until it is mended, then replay."
                    )
                )
            ),
            platform=platform,
            company=company,
        )


def _retries_in_vain(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for platform, breach in _breaches(facts, BreachType.RETRY_SUCCESS_RATE):
        yield Recommendation(
            rule="mend_before_retrying",
            urgent=False,
            seen=worded(
                clause(
                    N_("The only delivery that was retried failed for good.")
                    if breach.sample_size == 1
                    else N_(
                        "%(failed)s of %(retried)s retried deliveries failed for good (%(share)s of the "
                        "retries helped)."
                    ),
                    failed=_scope(facts, platform).metrics.retried_failed,
                    retried=breach.sample_size,
                    share=Figure("percent", breach.actual),
                )
            ),
            where=worded(*_title(platform), f", {company}" if company else ""),
            action=worded(
                clause(
                    N_(
                        "Retries don't mend this: the trouble outlasts them. Find what the last attempts "
                        "answered, and replay when it is over."
                    )
                )
            ),
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


def _title(platform: Platform | None) -> list[Clause | str]:
    return [FACTS[platform].title if platform else clause(N_("All platforms"))]


def _place(*names: str | None) -> Worded:
    """The names that there are; without any, all companies."""
    known = ", ".join(filter(None, names))
    return worded(known or clause(N_("all companies")))


def _crowded(facts: Facts, company: str | None) -> Iterator[Recommendation]:
    for minute in facts.crowded:
        if minute.average_lateness_ms < LATE_MS:
            continue
        yield Recommendation(
            rule="spread_minute",
            urgent=False,
            seen=worded(
                counted(
                    ngettext(
                        "%(n)s delivery due at %(at)s UTC started %(average)s late on average, the last one "
                        "%(most)s.",
                        "%(n)s deliveries due at %(at)s UTC started %(average)s late on average, the last "
                        "one %(most)s.",
                    ),
                    minute.deliveries,
                    at=str(minute.at),
                    average=Figure("ms", minute.average_lateness_ms),
                    most=Figure("ms", minute.max_lateness_ms),
                )
            ),
            where=worded(f"{FACTS[minute.platform].title}, {minute.at} UTC"),
            action=worded(clause(N_("Spread that minute: give each of its schedules an offset."))),
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
                seen=worded(
                    clause(
                        N_("The largest payload had %(size)s KB, over %(limit)s KB."),
                        size=f"{largest / 1024:.0f}",
                        limit=LARGE_PAYLOAD_BYTES // 1024,
                    )
                ),
                where=_place(FACTS[platform].title, company),
                platform=platform,
                company=company,
                action=worded(
                    clause(
                        N_(
                            "Report shorter periods (a more frequent schedule) or fewer custom outcome "
                            "categories."
                        )
                    )
                ),
            )


def _budget(facts: Facts, thresholds: Thresholds, company: str | None) -> Iterator[Recommendation]:
    budget = facts.budget
    if budget is None or budget.left is None or budget.runs_out_at is None:
        return
    spent = budget.left <= 0
    if budget.due == 1 and budget.errors == 1:
        message = N_("The only delivery of %(days)s days failed; %(target)s allows %(allowed)s.")
    else:
        message = N_(
            "%(errors)s of %(due)s deliveries failed in %(days)s days; %(target)s allows %(allowed)s."
        )
    failed = clause(
        message,
        errors=str(budget.errors),
        due=str(budget.due),
        days=budget.days,
        target=f"{as_set(thresholds.success_rate_target_percent)} %",
        allowed=allowance(budget.allowed),
    )
    left = clause(
        N_(" %(left)s of the error budget is left, until %(day)s at the present rate."),
        left=Figure("share", in_percent(budget.left)),
        day=f"{budget.runs_out_at:%Y-%m-%d}",
    )
    yield Recommendation(
        rule="protect_budget",
        urgent=spent,
        seen=worded(failed, clause(N_(" The error budget is spent.")) if spent else left),
        where=_place(company),
        action=worded(
            clause(
                N_(
                    "Mend the causes named here before anything else, and leave the schedules that work "
                    "alone."
                )
            )
        ),
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
        seen=worded(
            counted(
                ngettext(
                    "%(n)s delivery failed and has not been replayed",
                    "%(n)s deliveries failed and have not been replayed",
                ),
                waiting,
            ),
            *(
                [
                    clause(
                        N_("; one of %(failed)s was recovered")
                        if metrics.recovered == 1
                        else N_("; %(recovered)s of %(failed)s were recovered"),
                        recovered=str(metrics.recovered),
                        failed=str(metrics.failed),
                    )
                ]
                if metrics.recovered
                else []
            ),
            ".",
        ),
        where=_place(company),
        action=worded(clause(N_("Replay them when their cause is mended."))),
        company=company,
    )


def _all_well(facts: Facts, company: str | None) -> Recommendation:
    metrics = facts.overall.metrics
    seen = (
        clause(N_("The one delivery that was due arrived."))
        if metrics.due == 1
        else clause(N_("All %(due)s deliveries that were due arrived."), due=str(metrics.due))
        if metrics.due
        else clause(N_("Nothing was due."))
    )
    return Recommendation(
        "nothing_to_do",
        False,
        worded(seen),
        _place(company),
        worded(clause(N_("Nothing to do."))),
    )
