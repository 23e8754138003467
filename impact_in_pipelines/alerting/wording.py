"""What alerts say, in words, whatever the channel: the fact, whom it concerns, what to do first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from impact_in_pipelines.anomalies import saying as anomalies
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.incidents import FailedRun, Incident, Notice, NoticeKind
from impact_in_pipelines.sla.model import BreachType, Rule, Severity
from impact_in_pipelines.sla.reports.charts import sparkline
from impact_in_pipelines.sla.wording import as_set, cut, duration, percent

LEVELS = {1: "warning", 2: "SLA breach", 3: "platform outage"}
_TITLES = {
    BreachType.SUCCESS_RATE: "Success rate",
    BreachType.ON_TIME_RATE: "On-time rate",
    BreachType.LATENCY: "Average latency",
    BreachType.RETRY_SUCCESS_RATE: "Retry success rate",
    BreachType.CONSECUTIVE_FAILURES: "Consecutive failures",
    BreachType.OVERDUE: "Overdue deliveries",
    BreachType.BURN_RATE: "Error budget burn",
    BreachType.PLATFORM_OUTAGE: "Platform outage",
    BreachType.CONNECTION_REFUSED: "Account refused",
    BreachType.HELD: "Held by a person",
    BreachType.WIDESPREAD: "Many companies at once",
    BreachType.ANOMALY: "Unusual figures",
    BreachType.NOT_REFRESHED: "Tables not refreshed",
    BreachType.CORRECTION_UNDECIDED: "Correction to decide on",
}

_RULES = {
    Rule.TARGET_MISSED: "the rate is below its target on enough deliveries, which pages",
    Rule.SIGNIFICANT: "so many failures have less than 5 % probability while the target is kept, which pages",
    Rule.NOT_SIGNIFICANT: "so many failures can be chance while the target is kept, so nobody is paged",
    Rule.FEW_DELIVERIES: "too few deliveries to be sure, so nobody is paged",
    Rule.WARNING_LEVEL: "the warning level is passed and the target is kept, so nobody is paged",
    Rule.LATE_DELIVERIES: "too many arrived late, which warns and pages nobody",
    Rule.MEDIAN_LATE: "average and median are later than the target, which pages at any number",
    Rule.AVERAGE_LATE: "the average is late and the median is not, so nobody is paged",
    Rule.FAILURES_IN_A_ROW: "failures in a row are a fact, which pages at any number",
    Rule.OVERDUE_LONG: "an overdue fire is a fact, which pages at any number",
    Rule.OVERDUE_SHORT: "overdue, and not yet for so long that somebody is paged",
    Rule.FAST_BURN: "a fast burn rate in both of its windows, which pages",
    Rule.SLOW_BURN: "a slow burn rate, so nobody is paged",
    Rule.OUTAGE: "no attempt has been delivered for so long, which pages",
    Rule.ACCOUNT_REFUSED: "the platform refuses the account, which somebody must mend; nobody is paged",
    Rule.HELD_BY_PERSON: "a person holds it, and is reminded once a day",
    Rule.HELD_LATE: "what a person holds is late, which pages once for all of it",
    Rule.ANOMALOUS: "a daily series has left its own past before a threshold is missed, so nobody is paged",
    Rule.MANY_AT_ONCE: "many companies at once have one cause, which pages once, as the worst would",
    Rule.ASSETS_OLD: "reports may be out of date, and deliveries go out all the same; nobody is paged",
    Rule.FIGURES_CHANGED: "what was delivered is no longer true, and the company decides; nobody is paged",
}
"""docs/sla.md, "Who is paged"."""


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that messages point to; `runbook` None means the file in the project."""

    dagster: str
    cockpit: str
    runbook: str | None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Links":
        """Those that the settings give."""
        return cls(
            dagster=settings.dagster_ui_url.rstrip("/"),
            cockpit=settings.cockpit_url.rstrip("/"),
            runbook=settings.runbook_url,
        )

    def of_incident(self, incident: Incident) -> list[tuple[str, str]]:
        """Text and URL: the asset in Dagster and the company's deliveries in the cockpit."""
        platform = incident.platform
        asset = f"{platform.value}_export" if platform else "sla_status"
        if incident.type is BreachType.NOT_REFRESHED:
            asset = next(iter(incident.details.get("assets", ())), asset)
        found = [(f"{asset} in Dagster", f"{self.dagster}/assets/{asset}")]
        if incident.company_id is not None:
            page = f"{self.cockpit}/en/cockpit/{incident.company_id}/deliveries"
            found.append(("Deliveries in the cockpit", page))
        return found

    def of_run(self, run: FailedRun) -> list[tuple[str, str]]:
        """Text and URL of the run in Dagster."""
        return [("The run in Dagster", f"{self.dagster}/runs/{run.run_id}")]

    def runbook_entry(self, anchor: str) -> str:
        """Where the runbook treats it."""
        return f"{self.runbook or 'docs/runbook.md'}#{anchor}"


def title_of(type_: BreachType) -> str:
    """What it is called; a type of a newer program has only its name."""
    return _TITLES.get(type_) or type_.words.capitalize()


def level(notice: Notice) -> int:
    """The escalation level; a failed run is a warning."""
    return notice.incident.level if notice.incident else 1


def headline(notice: Notice) -> str:
    """What happened, in a few words."""
    incident = notice.incident
    if incident is None:
        return f"Level 1 · run failed: {notice.run.job if notice.run else 'unknown'}"
    title = title_of(incident.type)
    if notice.kind is NoticeKind.RECOVERED:
        return f"Recovered: {title.lower()}"
    if notice.kind is NoticeKind.ACKNOWLEDGED:
        return f"Acknowledged: {title.lower()}"
    raised = {NoticeKind.RAISED: "Raised to level", NoticeKind.REMINDED: "Still level"}.get(
        notice.kind, "Level"
    )
    what = "" if incident.level == 3 else f": {title.lower()}"
    return f"{raised} {incident.level} · {LEVELS[incident.level]}{what}"


def summary(notice: Notice) -> str:
    """The whole notice in one line."""
    incident = notice.incident
    if incident is None:
        error = f": {notice.run.error}" if notice.run else ""
        return f"{headline(notice)}{error}"
    return f"{headline(notice)} · {whom(incident)} · {fact(incident)}"


def whom(incident: Incident) -> str:
    """The company and the platform."""
    if incident.type is BreachType.WIDESPREAD:
        return f"{_companies(incident)} on {platforms(incident)}"
    return (
        f"{incident.company} on {platforms(incident)}" if incident.company else platforms(incident)
    )


def platforms(incident: Incident) -> str:
    """The platform, those that a cause concerns, or all."""
    named = [FACTS[Platform(name)].title for name in incident.details.get("platforms", ())]
    if incident.platform is not None:
        named = [FACTS[incident.platform].title]
    return ", ".join(named) or "all platforms"


def companies(incident: Incident) -> str:
    """The company, those that a cause has made late (the first few, and how many more), or all."""
    if incident.company:
        return incident.company
    names = incident.details.get("names", ())
    if not names:
        return "all companies"
    more = incident.details.get("companies_late", 0) - len(names)
    return f"{_companies(incident)}: {', '.join(names)}" + (f" and {more} more" if more > 0 else "")


def _companies(incident: Incident) -> str:
    return _company_count(incident.details.get("companies_late", 0))


def _company_count(number: int) -> str:
    return count(number, "company", "companies")


def _late(incident: Incident) -> str:
    """Whom a cause has made late, after the fact itself."""
    if incident.company or not incident.details.get("names"):
        return ""
    verb = "were" if incident.closed_at is not None else "are"
    return f"; {verb} late: {companies(incident)}"


def fact(incident: Incident) -> str:
    """Actual against threshold, in the metric's own unit."""
    actual, limit = incident.actual, incident.threshold
    if not incident.type.is_known:
        return (
            f"{as_set(actual)}, threshold {as_set(limit)}; a newer version of the program says more"
        )
    match incident.type:
        case BreachType.SUCCESS_RATE | BreachType.ON_TIME_RATE | BreachType.RETRY_SUCCESS_RATE:
            return f"{percent(actual)}, threshold {as_set(limit)} %"
        case BreachType.LATENCY:
            return f"{duration(actual)}, threshold {duration(limit)}"
        case BreachType.CONSECUTIVE_FAILURES:
            failed = count(actual, "delivery has failed", "deliveries in a row have failed")
            return f"{failed}, threshold {as_set(limit)}"
        case BreachType.OVERDUE:
            late = incident.details.get("oldest_late_minutes")
            by = f", the oldest by {duration(late * 60_000)}" if late is not None else ""
            return f"{count(actual, 'fire')} overdue{by}"
        case BreachType.BURN_RATE:
            return (
                f"the error budget burns {cut(actual, 1)} times too fast, threshold {as_set(limit)}"
            )
        case BreachType.PLATFORM_OUTAGE:
            return _outage(incident)
        case BreachType.CONNECTION_REFUSED:
            return f"refused for {count(actual, 'hour')}; it pauses itself after {as_set(limit)}"
        case BreachType.HELD:
            who, why = incident.details.get("held_by"), incident.details.get("why")
            # Whole hours; one that is over may have been short.
            hours = count(actual, "hour") if actual else "less than an hour"
            return f"held by {who} for {hours}: {why}{_late(incident)}"
        case BreachType.WIDESPREAD:
            return _widespread(incident)
        case BreachType.ANOMALY:
            return _anomaly(incident)
        case BreachType.NOT_REFRESHED:
            return _not_refreshed(incident)
        case BreachType.CORRECTION_UNDECIDED:
            return _undecided(incident)


def _undecided(incident: Incident) -> str:
    if incident.closed_at is not None:
        return "nobody is to decide on a correction any more"
    whose = _company_count(incident.details.get("companies", 0))
    days = count(incident.actual, "delivered day has", "delivered days have")
    return f"figures of {days} changed since; {whose} to decide whether to correct them"


def _anomaly(incident: Incident) -> str:
    own = anomalies.own_anomalies(incident.details)
    said = [anomalies.in_words(one) for one in own]
    if incident.details.get("members"):
        # Of many companies one is shown.
        others = (one for one in _anomalies_of(incident) if one not in own)
        kinds = ", ".join(dict.fromkeys(anomalies.name(one) for one in others))
        said.append(f"{kinds} of {companies(incident)}")
    return "; ".join(said) or "a series left its past"


def evidence(incident: Incident) -> list[tuple[str, str, str]]:
    """Of each anomaly what it is of, and as lines of blocks how its last days were, and were expected."""
    return [(anomalies.name(one), *day_by_day(one)) for one in _anomalies_of(incident)]


def day_by_day(anomaly: Mapping[str, Any]) -> tuple[str, str]:
    """The days as they were and as they were expected, two lines of blocks on one scale."""
    days, usual = anomaly["days"], anomaly["usual"]
    most = max((value for value in [*days, *usual] if value is not None), default=0.0)
    return sparkline(days, high=most), sparkline(usual, high=most)


def _anomalies_of(incident: Incident) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = incident.details.get("anomalies", ())
    return found


def _not_refreshed(incident: Incident) -> str:
    names = ", ".join(incident.details.get("assets", ())) or "assets"
    if incident.closed_at is not None:
        return f"{names}: filled again"
    off = incident.details.get("switched_off", ())
    why = f"; switched off: {', '.join(off)}" if off else ""
    return f"{names}: not filled for {count(incident.actual, 'hour')}{why}"


def _widespread(incident: Incident) -> str:
    details = incident.details
    if details.get("cause") == "scheduler":
        oldest = datetime.fromisoformat(details["oldest_scheduled_for"])
        if incident.closed_at is not None:
            return f"the scheduler works again; {companies(incident)} were late"
        return f"the scheduler has planned nothing that was due since {moment(oldest)}; {companies(incident)}"
    what = ", ".join(title_of(BreachType(name)).lower() for name in details.get("types", ()))
    return f"{what or 'several metrics'}: {companies(incident)}"


def _outage(incident: Incident) -> str:
    details = incident.details
    if incident.closed_at is not None and "went_out" in details:
        latest = duration(float(details.get("latest_ms") or 0.0))
        sent = f"{_deliveries(details['went_out'])} went out, the latest {latest} after it was due"
        return sent + _late(incident)
    held = details.get("held")
    waits = f"; {_deliveries(held)} held" if held else ""
    return (
        f"every attempt has failed for {count(incident.actual, 'minute')}, threshold "
        f"{as_set(incident.threshold)}{waits}{_late(incident)}"
    )


def _deliveries(number: int) -> str:
    return count(number, "delivery", "deliveries")


def sample(incident: Incident) -> str:
    """On how many deliveries it rests."""
    if incident.type is BreachType.PLATFORM_OUTAGE:
        return f"{count(incident.sample_size, 'attempt')}, none delivered"
    if incident.type in (BreachType.CONNECTION_REFUSED, BreachType.HELD):
        return "what holds the connection"
    if incident.type is BreachType.WIDESPREAD:
        return _companies(incident)
    if incident.type is BreachType.ANOMALY:
        days = count(incident.sample_size, "day")
        return (
            f"{days}; {incident.actual:.1f} standard deviations, {incident.threshold:.1f} are told"
        )
    if incident.type is BreachType.NOT_REFRESHED:
        return count(incident.sample_size, "asset")
    if incident.type is BreachType.CORRECTION_UNDECIDED:
        return count(incident.sample_size, "day")
    return _deliveries(incident.sample_size)


def rule(incident: Incident) -> str:
    """The rule that the message and its level rest on; incidents of before have none."""
    named = incident.details.get("rule")
    return _RULES[Rule(named)] if named in set(Rule) else "the target is missed"


def since(incident: Incident) -> str:
    """When it went bad (UTC); of what is over, until when."""
    start = incident.since or incident.opened_at
    if incident.closed_at is None:
        return moment(start)
    lasted = (incident.closed_at - start) / timedelta(milliseconds=1)
    return f"{moment(start)} until {moment(incident.closed_at)} ({duration(lasted)})"


def first_step(incident: Incident) -> str:
    """The command to begin with."""
    company = f" --company {incident.company}" if incident.company else ""
    platform = f" --platform {incident.platform.value}" if incident.platform else ""
    if not incident.type.is_known:
        return "impact-in incidents list"
    match incident.type:
        case BreachType.SUCCESS_RATE:
            # What never started counts against the rate as well (D7).
            return f"impact-in deliveries list{company}{platform} --status failed --status missed"
        case BreachType.CONSECUTIVE_FAILURES:
            return f"impact-in deliveries list{company}{platform} --status failed"
        case BreachType.RETRY_SUCCESS_RATE | BreachType.BURN_RATE:
            return f"impact-in sla status {incident.company or ''}".strip()
        case BreachType.LATENCY | BreachType.ON_TIME_RATE:
            return "impact-in schedules plan"
        case BreachType.OVERDUE:
            # A fire that nobody has planned is no delivery yet.
            return f"impact-in schedules list{company}{platform}"
        case BreachType.PLATFORM_OUTAGE:
            return "impact-in platforms list"
        case BreachType.CONNECTION_REFUSED:
            return (
                f"impact-in connections test {incident.company} {incident.platform or ''}".strip()
            )
        case BreachType.HELD:
            return "impact-in platforms list"
        case BreachType.WIDESPREAD:
            stands = incident.details.get("cause") == "scheduler"
            return "impact-in schedules stats" if stands else "impact-in incidents list"
        case BreachType.ANOMALY:
            return f"impact-in deliveries list{company}{platform}"
        case BreachType.NOT_REFRESHED:
            return "impact-in doctor"
        case BreachType.CORRECTION_UNDECIDED:
            return f"impact-in deliveries stale{company}{platform}"


def anchor(notice: Notice) -> str:
    """The heading of the runbook's entry, as its link."""
    return notice.incident.type.value.replace("_", "-") if notice.incident else "a-failed-run"


def moment(at: datetime) -> str:
    """An instant to the minute, UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def is_critical(notice: Notice) -> bool:
    """Whether it is about a critical breach that isn't over."""
    incident = notice.incident
    over = notice.kind is NoticeKind.RECOVERED
    return incident is not None and incident.severity is Severity.CRITICAL and not over
