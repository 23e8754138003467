"""A stored report as a page (self-contained, printable), in the reader's language. It starts from the
document, so that an old report looks as it was."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from jinja2 import Template

from impact_in_pipelines.platforms import TITLES
from impact_in_pipelines.sla.model import RATES
from impact_in_pipelines.sla.reports.drawing import drawn_charts
from impact_in_pipelines.sla.reports.environment import report_environment
from impact_in_pipelines.sla.reports.report import TOP_FAILURES
from impact_in_pipelines.sla.reports.said import (
    ENGLISH,
    N_,
    Figure,
    ReportLanguage,
    recommendations_for,
)
from impact_in_pipelines.sla.wording import as_set, cut, in_percent, instant

_INCIDENTS_SHOWN = 25
_STATE_WORDS = {
    "healthy": N_("On target"),
    "warning": N_("Warning"),
    "breach": N_("Target missed"),
}
_SEVERITIES = {"warning": N_("warning"), "critical": N_("critical")}
_KINDS = {
    "weekly": N_("Delivery report, weekly"),
    "monthly": N_("Delivery report, monthly"),
    "rolling": N_("Delivery report, rolling"),
}
WORDS = {
    "success_rate": N_("success rate"),
    "on_time_rate": N_("on time rate"),
    "latency": N_("latency"),
    "retry_success_rate": N_("retry success rate"),
    "consecutive_failures": N_("consecutive failures"),
    "overdue": N_("overdue"),
    "burn_rate": N_("burn rate"),
    "platform_outage": N_("platform outage"),
    "connection_refused": N_("connection refused"),
    "held": N_("held"),
    "widespread": N_("widespread"),
    "anomaly": N_("anomaly"),
    "not_refreshed": N_("not refreshed"),
    "correction_undecided": N_("correction to decide on"),
    "authentication": N_("authentication"),
    "configuration": N_("configuration"),
    "data_quality": N_("data quality"),
    "rejected": N_("rejected"),
    "rate_limited": N_("rate limited"),
    "server_error": N_("server error"),
    "timeout": N_("timeout"),
    "network": N_("network"),
    "bad_response": N_("bad response"),
    "unknown": N_("unknown"),
}
"""Metrics and kinds of errors in words."""


def render_html(report: Mapping[str, Any], reader: ReportLanguage = ENGLISH) -> str:
    """The report's document as one HTML page without anything to load, as `reader` reads it."""
    overall, text = report["overall"], reader.text
    spread = overall["retryDistribution"]
    span = _span(report, reader)
    title = text(N_("%(company)s: delivery report %(days)s"))
    return _template_of(reader).render(
        title=title % {"company": report["companyName"], "days": span},
        lang=reader.code,
        kind=text(_KINDS.get(report["kind"], _KINDS["rolling"])),
        r=report,
        o=overall,
        advice=recommendations_for(reader, report),
        span=span,
        tiles=_tiles(report, reader),
        charts=drawn_charts(report, reader),
        platforms=TITLES,
        state_words=_STATE_WORDS,
        severities=_SEVERITIES,
        top=TOP_FAILURES,
        incidents_shown=sorted(report["incidents"], key=lambda one: -one["durationMs"])[
            :_INCIDENTS_SHOWN
        ],
        retried=overall["retriedDeliveries"],
        retries=[
            (text(N_("first retry")), spread["first"]),
            (text(N_("second retry")), spread["second"]),
            (text(N_("third retry")), spread["third"]),
            (text(N_("a later one")), spread["later"]),
        ],
        retry_words=_retry_words(overall, reader),
        trend_words=_trend_words(report["trend"], reader),
        latency_words=_latency_words(overall, reader),
        budget_words=_budget_words(report["errorBudget"], reader) if report["errorBudget"] else "",
        footer=_footer(report, reader),
    )


@cache
def _template_of(reader: ReportLanguage) -> Template:
    environment = report_environment("impact_in_pipelines.sla.reports", reader)
    environment.filters |= {
        "instant": instant,
        "duration": reader.duration,
        "share": reader.share,
        "number": reader.number,
        "budget_left": lambda left: _budget_left(left, reader),
        "words": lambda name: reader.text(WORDS.get(name, name.replace("_", " "))),
        "actual": lambda breach: _in_unit(breach["type"], breach["actual"], reader),
        "limit": lambda breach: _in_unit(breach["type"], breach["threshold"], reader),
    }
    return environment.get_template("report.html")


def _in_unit(type_: str, value: float, reader: ReportLanguage) -> str:
    if type_ in RATES:
        return reader.share(value)
    if type_ == "latency":
        return reader.duration(value)
    return reader.figure(Figure("times", value)) if type_ == "burn_rate" else f"{value:.0f}"


def _budget_left(left: float | None, reader: ReportLanguage) -> str:
    if left is not None and left < 0:
        return reader.text(N_("overspent"))
    return reader.share(left, 0)


def target_words(fraction: float) -> str:
    """A target as people write it: `98 %`."""
    return f"{as_set(in_percent(fraction))} %"


def _span(report: Mapping[str, Any], reader: ReportLanguage) -> str:
    """`2 March to 8 March 2026`; with the time where it isn't whole days."""
    start = datetime.fromisoformat(report["period"]["start"])
    end = datetime.fromisoformat(report["period"]["end"])
    whole = all(at.time() == time() for at in (start, end))
    last = end - timedelta(days=1) if whole else end
    return reader.days(start, last, with_time=not whole)


def _tiles(report: Mapping[str, Any], reader: ReportLanguage) -> list[dict[str, Any]]:
    m, limits, budget = report["overall"], report["thresholds"], report["errorBudget"]
    interval, latency, text = m["successRateInterval"], m["latencyMs"], reader.text
    left = budget["left"] if budget else None
    # Reports of before the on-time rate have neither it nor its target.
    on_time_target = limits.get("onTimeRateTarget")
    target, bounds = N_("target %(target)s"), N_("; %(low)s to %(high)s")
    within = N_("target %(target)s; within %(limit)s")
    counts = N_("%(arrived)s arrived, %(failed)s failed, %(missed)s never started")
    return [
        {
            "name": text(N_("Success rate")),
            "value": reader.share(m["successRate"]),
            "note": text(target) % {"target": target_words(limits["successRateTarget"])}
            + (
                text(bounds)
                % {
                    "low": reader.share(interval["low"], 1),
                    "high": reader.share(interval["high"], 1),
                }
                if interval
                else ""
            ),
            "off": _below(m["successRate"], limits["successRateTarget"]),
        },
        {
            "name": text(N_("On time")),
            "value": reader.share(m["onTimeRate"]),
            "note": text(within)
            % {
                "target": target_words(on_time_target),
                "limit": reader.duration(limits["latencyTargetMs"]),
            }
            if on_time_target is not None
            else text(N_("not measured then")),
            "off": _below(m["onTimeRate"], on_time_target),
        },
        {
            "name": text(N_("Deliveries due")),
            "value": reader.number(m["dueDeliveries"]),
            "note": text(counts)
            % {
                "arrived": reader.number(m["successfulDeliveries"]),
                "failed": reader.number(m["failedDeliveries"]),
                "missed": reader.number(m["missedDeliveries"] + m["overdueDeliveries"]),
            },
            "off": False,
        },
        {
            "name": text(N_("Average latency")),
            "value": reader.duration(m["avgDeliveryLatencyMs"]),
            "note": text(N_("target %(target)s; p95 %(p95)s"))
            % {
                "target": reader.duration(limits["latencyTargetMs"]),
                "p95": reader.duration(latency and latency["p95"]),
            },
            "off": bool(latency and latency["avg"] > limits["latencyTargetMs"]),
        },
        {
            "name": text(N_("Retry success")),
            "value": reader.share(m["retrySuccessRate"]),
            "note": text(N_("target %(target)s; %(retried)s retried"))
            % {
                "target": target_words(limits["retrySuccessRateTarget"]),
                "retried": reader.number(m["retriedDeliveries"]),
            },
            "off": _below(m["retrySuccessRate"], limits["retrySuccessRateTarget"]),
        },
        {
            "name": text(N_("Error budget left")),
            "value": text(N_("spent")) if left is not None and left <= 0 else reader.share(left, 0),
            "note": _budget_note(budget, reader),
            "off": left is not None and left <= 0,
        },
    ]


def _below(value: float | None, target: float | None) -> bool:
    return value is not None and target is not None and value < target


def _budget_note(budget: Mapping[str, Any] | None, reader: ReportLanguage) -> str:
    if not budget:
        return reader.text(N_("nothing was due"))
    left = budget["left"]
    values = {"days": budget["days"]}
    if left is not None and left < 0:
        values |= {
            "errors": reader.number(budget["errors"]),
            "allowed": reader.number(float(cut(budget["allowed"], 1)), 1),
        }
        return reader.text(N_("%(errors)s failed, %(allowed)s allowed in %(days)s days")) % values
    return reader.text(N_("of %(days)s days")) % values


def _trend_words(trend: Sequence[Mapping[str, Any]], reader: ReportLanguage = ENGLISH) -> str:
    text = reader.text
    known = [point["successRate"] for point in trend if point["successRate"] is not None]
    if len(known) < 2 or trend[-1]["successRate"] is None:
        return text(N_("No earlier period to compare with."))
    change = in_percent(known[-1]) - in_percent(known[-2])
    if abs(change) < 0.005:
        return text(N_("As in the period before."))
    up, down = (
        N_("Up %(points)s points on the period before."),
        N_("Down %(points)s points on the period before."),
    )
    return text(up if change > 0 else down) % {"points": reader.number(abs(change), 2)}


def _latency_words(overall: Mapping[str, Any], reader: ReportLanguage) -> str:
    latency, lateness, text = overall["latencyMs"], overall["latenessMs"], reader.text
    if not latency:
        return text(N_("From when it was due to the platform's acceptance."))
    words = text(
        N_(
            "From when it was due to the platform's acceptance; half within %(half)s, the slowest "
            "%(slowest)s."
        )
    ) % {"half": reader.duration(latency["p50"]), "slowest": reader.duration(latency["max"])}
    if lateness:
        late = text(N_(" First attempts started %(late)s after their time on average."))
        words += late % {"late": reader.duration(lateness["avg"])}
    return words


def _retry_words(overall: Mapping[str, Any], reader: ReportLanguage) -> str:
    words = reader.text(N_("Deliveries that needed a retry: %(retried)s of %(total)s")) % {
        "retried": reader.number(overall["retriedDeliveries"]),
        "total": reader.number(overall["totalDeliveries"]),
    }
    if overall["retriedFailedDeliveries"]:
        words += reader.text(N_("; %(failed)s of them failed for good")) % {
            "failed": reader.number(overall["retriedFailedDeliveries"])
        }
    return words + "."


def _budget_words(budget: Mapping[str, Any], reader: ReportLanguage = ENGLISH) -> str:
    text = reader.text
    words = text(
        N_(
            "In %(days)s days the only delivery that was due did not arrive; the target allows %(allowed)s."
        )
        if budget["due"] == budget["errors"] == 1
        else N_(
            "In %(days)s days %(errors)s of %(due)s that were due did not arrive; the target allows "
            "%(allowed)s."
        )
    ) % {
        "days": budget["days"],
        "errors": reader.number(budget["errors"]),
        "due": reader.number(budget["due"]),
        "allowed": reader.number(float(cut(budget["allowed"], 1)), 1),
    }
    left = budget["left"]
    if left is None:
        return words
    if left == 0:
        return words + text(N_(" The budget is spent."))
    if left < 0:
        over = text(N_(" The budget is overspent by %(share)s."))
        return words + over % {"share": reader.share(-left, 0)}
    if budget["runsOutAt"]:
        until = N_(
            " %(left)s of the budget is left; at the rate of the last 7 days it is spent on %(day)s."
        )
        values = {"left": reader.share(left, 0), "day": budget["runsOutAt"][:10]}
        return words + text(until) % values
    lasts = N_(" %(left)s of the budget is left, and lasts at the rate of the last 7 days.")
    return words + text(lasts) % {"left": reader.share(left, 0)}


def _footer(report: Mapping[str, Any], reader: ReportLanguage) -> str:
    text, limits, overall = reader.text, report["thresholds"], report["overall"]
    timely = limits.get("onTimeRateTarget")
    targets = text(N_("Targets: success ≥ %(success)s")) % {
        "success": target_words(limits["successRateTarget"])
    }
    if timely is not None:
        targets += text(N_(", on time ≥ %(on_time)s")) % {"on_time": target_words(timely)}
    targets += text(
        N_(
            ", average latency ≤ %(latency)s, retry success ≥ %(retry)s, fewer than %(failures)s failures "
            "in a row."
        )
    ) % {
        "latency": reader.duration(limits["latencyTargetMs"]),
        "retry": target_words(limits["retrySuccessRateTarget"]),
        "failures": limits["consecutiveFailuresCritical"],
    }
    due = text(
        N_(
            "Due is what was planned: arrived, failed (also when a replay recovered it), missed and overdue. "
            "Skipped duplicates (%(skipped)s) had arrived before, and what had arrived and was replayed "
            "(%(replayed)s) arrived twice: both are left out of the rates."
        )
    ) % {
        "skipped": reader.number(overall["skippedDeliveries"]),
        "replayed": reader.number(overall["replayedDeliveries"]),
    }
    return f"{targets} {due}"
