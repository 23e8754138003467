"""`impact-in deliveries stale`, `correct` and `corrections`: delivered days that have changed since."""

from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from impact_in_pipelines.cli.context import Actor, AsJson, PlatformArgument, PlatformOption
from impact_in_pipelines.cli.deliveries.commands import (
    app,
    raise_refused,
    refusals,
)
from impact_in_pipelines.cli.deliveries.listing import CompanyOption
from impact_in_pipelines.cli.deliveries.text import short
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.corrections.staleness import StaleDay, StaleFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.delivery.resending.correcting import Policy
from impact_in_pipelines.delivery.showing.figures import changed_in_words
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.plain_text import plain
from impact_in_pipelines.platforms import FACTS, SecondReport
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.deliveries import corrections


@app.command("stale")
def stale(
    company: CompanyOption = None,
    platform: PlatformOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List delivered days whose events have changed since.

    First takes in what was imported since the last hourly refresh. Then it compares what was delivered of a
    day with what would be delivered now.
    """
    with session() as runtime, busy("Comparing with today's events", quiet=as_json):
        refreshing.company_impact(runtime)
        corrections.compare(runtime)
        ids = [runtime.companies.find(company).id] if company else None
        found = corrections.stale_days(runtime, StaleFilter(ids, platform), limit=limit)
    if as_json:
        print_json([_document(one) for one in found.days])
        return
    if not found.days:
        console.print("No delivered day has changed since.")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found.days:
        correction = f", correction {short(one.correction_id)}" if one.correction_id else ""
        table.add_row(
            short(one.delivery_id),
            Text.assemble(
                (f"{one.company} on {FACTS[one.platform].title}, {one.day}", "bold"),
                f"\n{plain(changed_in_words(one.delivered or {}, one.current))}\n",
                (f"changed {one.changed_at:%Y-%m-%d %H:%M} UTC{correction}", "dim"),
            ),
        )
    console.print(table)
    if found.total > len(found.days):
        console.print(f"{len(found.days):,} of {found.total:,}; --limit shows more.")
    console.print("Correct them: impact-in deliveries correct ID…, or --all", soft_wrap=True)


@app.command("correct")
def correct(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids, or their unique beginnings.")
    ] = None,
    all_stale: Annotated[bool, typer.Option("--all", help="All that are stale.")] = False,
    company: CompanyOption = None,
    platform: PlatformOption = None,
    by: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Queue corrections of deliveries whose days have changed since.

    A correction is a delivery of its own that supersedes the earlier one. It is
    refused where the platform would count both, unless the company's policy says
    who accepts that (deliveries corrections --help).

    Exit code 1 if one can't be corrected; the others are queued all the same.
    """
    if bool(deliveries) == all_stale:
        raise UsageError("give the ids of deliveries, or --all for all that are stale")
    if deliveries and (company or platform):
        raise UsageError("--company and --platform go with --all, not with ids")
    with session() as runtime, busy("Queueing corrections", quiet=as_json):
        if deliveries:
            ids = DeliveryReader(runtime.database.engine).resolve(deliveries)
        else:
            companies = [runtime.companies.find(company).id] if company else None
            reports = corrections.stale_reports(runtime, StaleFilter(companies, platform))
            ids = [one.example.delivery_id for one in reports]
        done = corrections.correct(runtime, ids, actor=actor(by))
    if as_json:
        print_json(
            {
                "queued": [{"id": new, "corrects": old} for old, new in done.queued.items()],
                "refused": refusals(done.refused),
            }
        )
        if done.refused:
            raise typer.Exit(1)
        return
    if not (done.queued or done.refused):
        console.print("No delivered day has changed since.")
    if done.queued:
        console.print(
            f"Queued {count(len(done.queued), 'correction')}; the scheduler's next tick sends "
            f"{'it' if len(done.queued) == 1 else 'them'}, at once: impact-in deliver",
            soft_wrap=True,
        )
    raise_refused(done.refused, "corrected")


@app.command("corrections")
def policy(
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Slug or id.")],
    platform: PlatformArgument,
    policy: Annotated[
        Policy | None, typer.Option(help="What is done about delivered days that have changed.")
    ] = None,
    quiet_minutes: Annotated[
        int | None,
        typer.Option(
            min=1, help="With automatic: wait until nothing has changed for so many minutes."
        ),
    ] = None,
    at_most_every_minutes: Annotated[
        int | None,
        typer.Option(min=1, help="With automatic: correct at most once in so many minutes."),
    ] = None,
    accept_counting_twice: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="Who accepts that the platform counts both reports."),
    ] = None,
    by: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Show or change what is done about delivered days that have changed."""
    with session() as runtime:
        found = runtime.companies.find(company)
        now = corrections.policy_of(runtime, found, platform)
        changes = {
            "policy": policy,
            "quiet_minutes": quiet_minutes,
            "at_most_every_minutes": at_most_every_minutes,
            "counts_twice_accepted": accept_counting_twice,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        if given:
            now = replace(now, **given)  # type: ignore[arg-type]
            corrections.set_policy(runtime, now, actor=actor(by))
    if as_json:
        print_json(now)
        return
    adds = FACTS[platform].second_report is SecondReport.ADDS
    every = count(now.at_most_every_minutes, "minute")
    console.print(
        f"{found.slug} on {FACTS[platform].title}: {now.policy}; automatic ones after "
        f"{count(now.quiet_minutes, 'quiet minute')}, at most every {every}",
        soft_wrap=True,
    )
    if adds:
        accepted = now.counts_twice_accepted
        console.print(
            f"The platform counts a second report of a period beside the first: "
            f"{f'accepted by {accepted}' if accepted else 'corrections are refused'}",
            markup=False,
            soft_wrap=True,
        )


def _document(one: StaleDay) -> dict[str, Any]:
    names = (
        *(
            "company",
            "platform",
            "day",
            "delivery_id",
            "period_start",
            "period_end",
            "delivered_at",
        ),
        *("changed_at", "found_at", "delivered", "current", "correction_id"),
    )
    return {name: getattr(one, name) for name in names}
