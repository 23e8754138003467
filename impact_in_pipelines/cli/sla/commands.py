"""`impact-in sla`: how companies stand, reports to read and to hand on, thresholds of their own."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.context import AsJson, PlatformOption
from impact_in_pipelines.cli.output import (
    console,
    print_json,
    print_plain_table,
    print_table,
    styled,
)
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.cli.sla.steps import command_of
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.plurals import count
from impact_in_pipelines.progress import silent
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.reports import make_report, stored_reports_of_all
from impact_in_pipelines.services.sla import set_thresholds, standing, thresholds_of
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.document import document
from impact_in_pipelines.sla.model import Breach, Metrics, SlaStatus
from impact_in_pipelines.sla.reports.said import ENGLISH, for_reader
from impact_in_pipelines.sla.thresholds import OVERRIDABLE, as_values
from impact_in_pipelines.sla.windows import ReportPeriod
from impact_in_pipelines.sla.wire import thresholds_document
from impact_in_pipelines.sla.wording import (
    allowance,
    as_set,
    budget_left,
    duration,
    in_unit,
    percent,
)

app = typer.Typer(help="Service levels: status, reports, thresholds.", no_args_is_help=True)

OptionalCompany = Annotated[
    str | None, typer.Argument(metavar="COMPANY", help="A slug or id; absent: all companies.")
]
_STYLES = {"healthy": "green", "warning": "yellow", "breach": "bold red"}
_MEASURES = (
    *("State", "Due", "Arrived", "Failed for good", "Missed", "Overdue", "Success rate"),
    *("On-time rate", "Retry success", "Latency, average", "Latency, p95", "Failures in a row"),
)


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


@app.command("status")
def status(
    company: OptionalCompany = None,
    start: Annotated[
        str | None, typer.Option(help="From this date or instant (UTC); absent: Monday 00:00 UTC.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="Until this date or instant; absent: now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the service levels of a company or of all: rates, latency, what is outside its target.

    The exit code is 0, whatever the state is.
    """
    since, until = _instant(start, "--start"), _instant(end, "--end")
    with session() as runtime, busy("Reading the log", quiet=as_json):
        found = standing(runtime, _company(runtime, company), since, until)
    if as_json:
        print_json(found.document)
    else:
        _print_status(found.status, found.budget)


@app.command("report")
def report(
    company: OptionalCompany = None,
    period: Annotated[
        ReportPeriod, typer.Option(help="weekly (from Monday) or monthly, in UTC.")
    ] = ReportPeriod.WEEKLY,
    start: Annotated[
        str | None, typer.Option(help="A day of the period; absent: the last complete one.")
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="The form of the output.")
    ] = ReportFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option(help="Write it to this file instead of standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the report of a week or month anew, store it, and print or write it.

    With --format csv and no company there is a line for every company that has a stored report.
    """
    form = ReportFormat.JSON if as_json else form
    with session() as runtime:
        one = _company(runtime, company)
        day = _day(start) if start else None
        # Of one company nothing is counted that would end sooner than the whole.
        shown = (
            busy("Making the report", quiet=as_json)
            if one
            else stepwise("Making reports of companies", quiet=as_json)
        )
        with shown as tell:
            made = make_report(runtime, one, period, day, tell or silent)
        text = _written(runtime, made, form, period)
    if text is None and output is None:
        print_json(made) if form is ReportFormat.JSON else _print_report(made)
    elif output is None:
        typer.echo(text, nl=False)
    else:
        _write(output, text if text is not None else _as_text(made, form))
        console.print(f"Written to {output}")


@app.command("thresholds")
def thresholds(
    company: OptionalCompany = None,
    platform: PlatformOption = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="A number of its own; may be repeated."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Use the numbers of the settings again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the thresholds in force, or give a company or platform its own (--set replaces all of them)."""
    if set_ and clear:
        raise UsageError("--set and --clear exclude each other")
    with session() as runtime:
        one = _company(runtime, company)
        if set_ or clear:
            set_thresholds(runtime, one, platform, _pairs(set_ or []), actor=actor())
        found = thresholds_of(runtime, one, platform)
    in_force, overrides = as_values(found.in_force), found.overrides
    if as_json:
        print_json(
            {
                "inForce": thresholds_document(in_force),
                "overrides": [
                    document(o) | {"thresholds": thresholds_document(o.thresholds)}
                    for o in overrides
                ],
            }
        )
        return
    print_table("Thresholds in force", ("Name", "Value"), in_force.items(), empty="None.")
    print_table(
        "Numbers of their own",
        ("Company", "Platform", "Thresholds", "By", "When"),
        (
            (
                o.company or "all",
                o.platform or "all",
                ", ".join(f"{name} = {as_set(value)}" for name, value in o.thresholds.items()),
                o.updated_by,
                o.updated_at,
            )
            for o in overrides
        ),
        empty="No company or platform has numbers of its own: --set NAME=NUMBER gives it some.",
    )


def _company(runtime: Runtime, text: str | None) -> Company | None:
    return runtime.companies.find(text) if text else None


def _instant(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} must be a date or an instant such as 2026-03-02 or 2026-03-02T08:00:00+01:00; it was "
            f"{text!r}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start must be a date such as 2026-03-02; it was {text!r}") from None


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"--set {text!r} must be NAME=NUMBER; names: {', '.join(OVERRIDABLE)}")
        pairs[name.strip()] = value.strip()
    return pairs


def _print_status(found: SlaStatus, budget: ErrorBudget | None) -> None:
    whom = found.company or "all companies"
    style = _STYLES[found.overall.state.value]
    between = f"{found.window.start:%Y-%m-%d %H:%M} to {found.window.end:%Y-%m-%d %H:%M} UTC"
    line = "[bold]{whom}[/], {between}: " + f"[{style}]{found.overall.state.value}[/]"
    console.print(styled(line, whom=whom, between=between))
    scopes = [
        ("all", found.overall),
        *((FACTS[p].title, s) for p, s in found.by_platform.items()),
    ]
    # A column for each platform fits a terminal of 80 columns; one for each of eleven measures doesn't.
    columns = [[scope.state.value, *_cells(scope.metrics)] for _, scope in scopes]
    print_plain_table(
        ("", *(name for name, _ in scopes)), zip(_MEASURES, *columns, strict=True), numbers=True
    )
    breaches = [(name, b) for name, scope in scopes for b in scope.breaches]
    if breaches:
        console.print("\nOutside their target", style="bold")
        print_plain_table(
            ("Platform", "Measure", "Severity", "Was", "Limit", "Since (UTC)", "Rests on"),
            [_breach_cells(name, breach) for name, breach in breaches],
        )
    else:
        console.print("\nEvery target is met.")
    if budget and budget.left is not None:
        left = budget_left(budget.left) + (" left" if budget.left >= 0 else "")
        if budget.runs_out_at and budget.left > 0:
            left += f", spent by {budget.runs_out_at:%Y-%m-%d}"
        console.print(
            f"\nError budget of {count(budget.days, 'day')}: {budget.errors} failed, "
            f"{allowance(budget.allowed)} allowed; {left}",
            soft_wrap=True,
        )


def _cells(m: Metrics) -> tuple[Any, ...]:
    rate, on_time, retry = m.success_rate, m.on_time_rate, m.retry_success_rate
    latency = m.latency
    return (
        *(m.due, m.successful, m.failed, m.missed, m.overdue_now),
        percent(rate.percent if rate else None),
        percent(on_time.percent if on_time else None),
        percent(retry.percent if retry else None),
        duration(latency.average if latency else None),
        duration(latency.p95 if latency else None),
        m.consecutive_failures,
    )


def _breach_cells(name: str, breach: Breach) -> tuple[Any, ...]:
    return (
        name,
        breach.type.value.replace("_", " "),
        breach.severity.value,
        in_unit(breach.type, breach.actual),
        in_unit(breach.type, breach.threshold),
        f"{breach.since:%m-%d %H:%M}" if breach.since else None,
        f"{breach.sample_size}{', few' if breach.low_confidence else ''}",
    )


def _written(
    runtime: Runtime, made: dict[str, Any], form: ReportFormat, period: ReportPeriod
) -> str | None:
    """The report as a file's text; None where it is printed instead."""
    if form is ReportFormat.HTML:
        from impact_in_pipelines.sla.reports.rendering import render_html  # jinja2

        return render_html(made)
    if form is ReportFormat.CSV:
        from impact_in_pipelines.sla.reports.tables import render_csv  # pandas

        if made["company"] is not None:
            return render_csv([made])
        starts_on = date.fromisoformat(made["period"]["start"][:10])
        return render_csv(stored_reports_of_all(runtime, period, starts_on))
    return None


def _print_report(made: dict[str, Any]) -> None:
    from rich.markdown import Markdown

    from impact_in_pipelines.sla.reports.summary import report_markdown

    console.print(Markdown(report_markdown(made, command=command_of)))


def _as_text(made: dict[str, Any], form: ReportFormat) -> str:
    if form is ReportFormat.JSON:
        made = for_reader(ENGLISH, made)
        return json.dumps(made, ensure_ascii=False, indent=2) + "\n"
    from impact_in_pipelines.sla.reports.summary import report_markdown

    return report_markdown(made, command=command_of) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from error
