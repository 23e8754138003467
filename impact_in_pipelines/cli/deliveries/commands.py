"""`impact-in deliveries`: the log, one delivery whole, and sending again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from impact_in_pipelines.cli.context import Actor, AsJson, PlatformOption
from impact_in_pipelines.cli.deliveries.listing import CompanyOption, list_
from impact_in_pipelines.cli.deliveries.text import as_document, print_detail, short
from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.cli.output import console, print_error, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import busy
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.db.deliveries.replays import FAILED_WITHIN
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import Conflict, ImpactInError, UsageError
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.deliveries.cancelling import cancel as cancel_deliveries
from impact_in_pipelines.services.deliveries.cancelling import waiting_like
from impact_in_pipelines.services.deliveries.replaying import Replayed, replay_all_failed
from impact_in_pipelines.services.deliveries.replaying import replay as replay_deliveries

app = typer.Typer(help="Look at deliveries, send them again, call them off.", no_args_is_help=True)

_DAYS = FAILED_WITHIN.days


class WaitingStatus(StrEnum):
    """What can be called off, as an option takes it."""

    PENDING = "pending"
    RETRYING = "retrying"


app.command("list")(list_)


@app.command("show")
def show(
    delivery: Annotated[
        str, typer.Argument(metavar="ID", help="The id, or its unique beginning (4 or more).")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one delivery: its attempts, what was sent (personal data masked) and answered."""
    with session() as runtime:
        reader = DeliveryReader(runtime.database.engine)
        found = reader.whole(reader.resolve([delivery])[0], None)
    if as_json:
        print_json(as_document(found))
    else:
        print_detail(found)


@app.command("replay")
def replay(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids, or their unique beginnings.")
    ] = None,
    all_failed: Annotated[
        bool, typer.Option("--all-failed", help=f"All that failed in the last {_DAYS} days.")
    ] = False,
    company: CompanyOption = None,
    platform: PlatformOption = None,
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="How far back --all-failed reaches.")
    ] = _DAYS,
    force: Annotated[
        bool, typer.Option("--force", help="Send also what has arrived already.")
    ] = False,
    by: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Queue deliveries to be sent again. The next drain sends them.

    A failed delivery is rebuilt from today's data. If nothing has changed it goes
    out under its own key, so that a platform that had received it recognises it.
    One that arrived is sent again as a new delivery; within 24 hours that needs
    --force.

    --all-failed leaves out those whose days have arrived since with another delivery; --force sends them too.

    Exit code 1 if a delivery can't be replayed; the others are queued all the same.
    """
    if bool(deliveries) == all_failed:
        raise UsageError("give the ids of deliveries, or --all-failed for all that failed")
    if deliveries and (company or platform or days != _DAYS):
        raise UsageError("--company, --platform and --days go with --all-failed, not with ids")
    with session() as runtime, busy("Queueing", quiet=as_json):
        if deliveries:
            ids = DeliveryReader(runtime.database.engine).resolve(deliveries)
            done = replay_deliveries(runtime, ids, actor=actor(by), force=force)
        else:
            done = replay_all_failed(
                runtime,
                actor=actor(by),
                company_id=runtime.companies.find(company).id if company else None,
                platform=platform,
                since=runtime.clock() - timedelta(days=days),
                force=force,
            )
        scheduled = runtime.settings.enable_scheduler
    if as_json:
        print_json(_replay_document(done))
        if done.refused:
            raise typer.Exit(1)
        return
    if not (done.queued or done.refused):
        console.print(
            f"Nothing to replay of the last {'day' if days == 1 else count(days, 'day')}."
        )
    _print_replay(done, scheduled=scheduled)


@app.command("cancel")
def cancel(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids, or their unique beginnings.")
    ] = None,
    company: CompanyOption = None,
    platform: PlatformOption = None,
    status: Annotated[
        list[WaitingStatus] | None, typer.Option(help="Only this status; may be repeated.")
    ] = None,
    schedule: Annotated[
        UUID | None, typer.Option(metavar="ID", help="Only deliveries of this schedule.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; for each delivery and the audit log.")
    ] = None,
    by: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Call off deliveries that wait to be sent: by ids, or all that fit the options.

    What is being sent at this moment is never cancelled. If a replay is called off, the delivery stays
    failed. Deliveries of a frozen batch are cancelled together.

    Exit code 1 if one can't be cancelled; the others are cancelled all the same.
    """
    filtered = bool(company or platform or status or schedule)
    if bool(deliveries) == filtered:
        raise UsageError(
            "give the ids of deliveries, or --company, --platform, --status or --schedule"
        )
    with session() as runtime, busy("Calling off", quiet=as_json):
        if deliveries:
            ids = DeliveryReader(runtime.database.engine).resolve(deliveries)
        else:
            wanted = DeliveryFilter(
                platform=platform,
                statuses=[DeliveryStatus(one) for one in status] if status else None,
                schedule_id=schedule,
            )
            company_ids = [runtime.companies.find(company).id] if company else None
            ids = waiting_like(runtime, wanted, company_ids)
        done = cancel_deliveries(runtime, ids, actor=actor(by), reason=reason)
    if as_json:
        print_json(
            {
                "cancelled": done.cancelled,
                "failed_again": done.failed_again,
                "along_in_batch": done.along,
                "refused": refusals(done.refused),
            }
        )
        if done.refused:
            raise typer.Exit(1)
        return
    if not (done.cancelled or done.failed_again or done.refused):
        console.print("Nothing waits that fits.")
    _print_named("Cancelled", done.cancelled)
    _print_named("Called off; failed as before:", done.failed_again)
    raise_refused(done.refused, "cancelled")


def _replay_document(done: Replayed) -> dict[str, Any]:
    return {
        "queued": done.queued,
        "along_in_batch": done.along,
        "replay_of": [{"id": new, "replay_of": old} for old, new in done.renewed.items()],
        "refused": refusals(done.refused),
        "arrived_since": done.arrived_since,
    }


def _print_replay(done: Replayed, *, scheduled: bool) -> None:
    if done.queued:
        _print_queued(done, scheduled=scheduled)
    if done.arrived_since:
        left_out = count(len(done.arrived_since), "failed delivery", "failed deliveries")
        console.print(
            f"Left out: {left_out} whose days have arrived since with another one "
            "(--force sends them too).",
            soft_wrap=True,
        )
    raise_refused(done.refused, "replayed")


def refusals(refused: Mapping[UUID, ImpactInError]) -> list[dict[str, Any]]:
    """Those, as `--json` shows them."""
    return [{"id": id_, "code": why.code, "reason": told(why)} for id_, why in refused.items()]


def raise_refused(refused: Mapping[UUID, ImpactInError], what: str) -> None:
    """A line on standard error for each refusal; the last one is raised."""
    if not refused:
        return
    lines = [f"delivery {id_} can't be {what}: {told(why)}" for id_, why in refused.items()]
    for line in lines[:-1]:
        print_error(line)
    raise Conflict(lines[-1])


def _print_named(head: str, ids: Sequence[UUID]) -> None:
    if not ids:
        return
    shown = ", ".join(short(id_) for id_ in ids[:5])
    more = ", …" if len(ids) > 5 else ""
    how_many = count(len(ids), "delivery", "deliveries")
    console.print(f"{head} {how_many}: {shown}{more}", markup=False, soft_wrap=True)


def _print_queued(done: Replayed, *, scheduled: bool) -> None:
    shown = ", ".join(short(id_) for id_ in done.queued[:5])
    more = ", …" if len(done.queued) > 5 else ""
    console.print(
        f"Queued {count(len(done.queued), 'delivery', 'deliveries')} again: {shown}{more}",
        markup=False,
        soft_wrap=True,
    )
    if done.along:
        console.print(
            f"{len(done.along)} of them went out in the same batch, which is repeated whole.",
            soft_wrap=True,
        )
    at_once = "impact-in deliver"
    console.print(
        f"The scheduler's next tick sends what is queued; at once: {at_once}"
        if scheduled
        else f"The scheduler is off (ENABLE_SCHEDULER=false); send what is queued: {at_once}",
        soft_wrap=True,
    )
