"""`impact-in analytics`: trends, platforms compared, hours and costs."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.progress import busy
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.services.analytics import ALL_COMPANIES, COMPANIES, DAYS, MOST_DAYS, about


class AnalyticsForm(StrEnum):
    """How analytics are written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


def analytics(
    company: Annotated[
        str | None, typer.Argument(metavar="COMPANY", help="A slug or id; absent: all companies.")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=MOST_DAYS, help="How many UTC days, up to today.")
    ] = DAYS,
    form: Annotated[
        AnalyticsForm, typer.Option("--format", help="The form of the output.")
    ] = AnalyticsForm.TEXT,
    output: Annotated[
        Path | None, typer.Option(help="Write it to this file instead of standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare platforms, hours of the day and what calls cost; trends of success, latency and volume.

    The figures are those of the last hourly run.
    """
    form = AnalyticsForm.JSON if as_json else form
    most = ALL_COMPANIES if form in (AnalyticsForm.CSV, AnalyticsForm.JSON) else COMPANIES
    quiet = form is AnalyticsForm.JSON
    with session() as runtime, busy("Adding up", quiet=quiet):
        one = runtime.companies.find(company) if company else None
        document = about(runtime, one, days, companies=most)
    if output is not None:
        _write(output, _text(document, form))
        console.print(f"Written to {output}")
    elif form is AnalyticsForm.JSON:
        print_json(document)
    elif form is AnalyticsForm.TEXT:
        from impact_in_pipelines.cli.analytics.tables import LegibleMarkdown  # slow to import

        console.print(LegibleMarkdown(_text(document, form)))
    else:
        typer.echo(_text(document, form), nl=False)


def _text(document: dict[str, Any], form: AnalyticsForm) -> str:
    if form is AnalyticsForm.JSON:
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if form is AnalyticsForm.CSV:
        from impact_in_pipelines.analytics.written.tables import render_csv

        return render_csv(document)
    from impact_in_pipelines.analytics.written.rendering import (  # jinja2
        render_html,
        render_markdown,
    )

    if form is AnalyticsForm.HTML:
        return render_html(document)
    return render_markdown(document, charts=form is AnalyticsForm.MARKDOWN) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from error
