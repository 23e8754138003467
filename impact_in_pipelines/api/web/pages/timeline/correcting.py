"""Delivered days that have changed since: what was reported, what would be now, and correcting it."""

from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.http.problems import not_found
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.db.corrections.staleness import StaleFilter
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy
from impact_in_pipelines.platforms import FACTS, Platform, SecondReport, installed_platform
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.deliveries.corrections import StaleReport

_MOST_MINUTES = 60 * 24 * 365


@dataclass(frozen=True)
class ReportLine:
    """A report that has changed since, as the page shows it: each figure's name, what was sent and what would
    be, and why it can't be corrected (None: it can)."""

    report: StaleReport
    figures: list[tuple[str, Any, Any]]
    why_not: str | None


def routes(pages: Pages) -> list[Route]:
    """The page, sending corrections, and the policy of a platform."""
    base = "/{company_id}/corrections"
    return [
        pages.route(base, page, VIEW),
        pages.route(base, send, MANAGE, method="POST"),
        pages.route(f"{base}/policy", set_policy, MANAGE, method="POST"),
    ]


def page(visit: Visit) -> Response:
    """Every report of the company that says something else than its events do today."""
    reports = corrections.stale_reports(visit.api.runtime, StaleFilter([visit.home.id]))
    runtime = visit.api.runtime
    return visit.render(
        "corrections.html",
        lines=[_line(visit, one) for one in reports],
        policies=[corrections.policy_of(runtime, visit.home, platform) for platform in Platform],
        adds={
            platform.value: FACTS[platform].second_report is SecondReport.ADDS
            for platform in Platform
        },
        choices=list(Policy),
    )


def _line(visit: Visit, report: StaleReport) -> ReportLine:
    before, after = report.example.delivered or {}, report.example.current
    figures = [
        (name, before.get(name), after[name]) for name in after if before.get(name) != after[name]
    ]
    return ReportLine(report, figures, visit.told(report.refusal) if report.refusal else None)


def send(visit: Visit) -> Response:
    """Queue the corrections of the deliveries named by `id`; a second click finds them on their way."""
    ids = [uuid_of(text, "delivery") for text in visit.fields("id")[:1_000]]
    if not ids:
        raise not_found("delivery")
    done = corrections.correct(
        visit.api.runtime,
        ids,
        actor=visit.caller.subject,
        company_ids=[visit.home.id],
        drains=visit.api.dagster,
    )
    return visit.go(visit.path("corrections", done="sent" if done.queued else "none"))


def set_policy(visit: Visit) -> Response:
    """Keep what is to be done on a platform."""
    try:
        platform, policy = (
            installed_platform(visit.field("platform")),
            Policy(visit.field("policy")),
        )
    except ValueError:
        raise not_found("policy") from None
    now = corrections.policy_of(visit.api.runtime, visit.home, platform)
    wanted = replace(
        now,
        policy=policy,
        quiet_minutes=_minutes(visit, "quiet_minutes", now.quiet_minutes),
        at_most_every_minutes=_minutes(visit, "at_most_every_minutes", now.at_most_every_minutes),
        counts_twice_accepted=_accepted(visit, now),
    )
    corrections.set_policy(visit.api.runtime, wanted, actor=visit.caller.subject)
    return visit.go(visit.path("corrections", done="kept"))


def _minutes(visit: Visit, name: str, before: int) -> int:
    text = visit.field(name)
    return min(max(int(text), 1), _MOST_MINUTES) if text.isdecimal() else before


def _accepted(visit: Visit, now: CorrectionPolicy) -> str | None:
    if not visit.field("counts_twice_accepted"):
        return None
    return now.counts_twice_accepted or visit.caller.subject
