"""`impact-in deliveries list`: the log as filtered, as a table or to take along."""

import re
import sys
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from impact_in_pipelines.cli.context import AsJson, PlatformOption
from impact_in_pipelines.cli.deliveries.text import as_document, print_list
from impact_in_pipelines.cli.output import print_json
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.services.deliveries.exporting import ExportForm, export

CompanyOption = Annotated[
    str | None, typer.Option("--company", metavar="COMPANY", help="Only this slug or id.")
]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SHOWN = 20


class ListForm(StrEnum):
    """How the list is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def list_(
    company: CompanyOption = None,
    platform: PlatformOption = None,
    status: Annotated[
        list[DeliveryStatus] | None,
        typer.Option(help="Only this status; may be repeated."),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="An id or its beginning, a transaction id, or text in the last error.",
        ),
    ] = None,
    trigger: Annotated[Trigger | None, typer.Option(help="Only deliveries made by this.")] = None,
    schedule: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Only deliveries of this schedule.")
    ] = None,
    due_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="Due at or after: a date or a time.")
    ] = None,
    due_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Due before; a date is included.")
    ] = None,
    period_from: Annotated[
        str | None, typer.Option(metavar="DATE", help="Reports this day or a later one.")
    ] = None,
    period_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Reports this day or an earlier one.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"At most so many: {_SHOWN}, or all of them as CSV or JSON by --format."
        ),
    ] = None,
    form: Annotated[
        ListForm,
        typer.Option("--format", help="csv and json: the whole log as filtered, streamed."),
    ] = ListForm.TABLE,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the latest due first. Times without an offset are UTC."""
    if as_json and form is not ListForm.TABLE:
        raise UsageError("give either --json or --format")
    wanted = DeliveryFilter(
        platform=platform,
        statuses=status,
        trigger=trigger,
        schedule_id=schedule,
        start=_instant(due_from, "--due-from"),
        end=_instant(due_until, "--due-until", end_of_day=True),
        search=search.strip() if search else None,
        period_from=_day(period_from, "--period-from"),
        period_until=_day(period_until, "--period-until"),
    )
    _check_spans(wanted)
    with session() as runtime:
        company_ids = [runtime.companies.find(company).id] if company else None
        reader = DeliveryReader(runtime.database.engine)
        if form is not ListForm.TABLE:
            for text in export(reader, company_ids, wanted, ExportForm(form), limit=limit):
                sys.stdout.write(text)
            return
        rows = reader.listed(company_ids, wanted, limit=limit or _SHOWN)
    if as_json:
        print_json([as_document(row) for row in rows])
        return
    print_list(
        rows,
        empty="No delivery is like that."
        if company or wanted != DeliveryFilter()
        else "No deliveries yet: they are made when a schedule is due (impact-in schedules list), or now by "
        "impact-in deliver --company … --platform … --from DAY --to DAY",
    )


def _check_spans(wanted: DeliveryFilter) -> None:
    if wanted.start and wanted.end and wanted.start >= wanted.end:
        raise UsageError("--due-until must lie after --due-from")
    if wanted.period_from and wanted.period_until and wanted.period_from > wanted.period_until:
        raise UsageError("--period-until must not lie before --period-from")


def _instant(text: str | None, option: str, *, end_of_day: bool = False) -> datetime | None:
    """An instant; of a date its first one, or, with `end_of_day`, the first of the next date."""
    if text is None:
        return None
    if _DAY.fullmatch(text):
        day = _day(text, option)
        assert day is not None
        if end_of_day and day < date.max:
            day = date.fromordinal(day.toordinal() + 1)
        return datetime.combine(day, time(), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} must be a date or a time such as 2026-03-09T08:00, not {text!r}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} must be a date such as 2026-03-09, not {text!r}") from None
