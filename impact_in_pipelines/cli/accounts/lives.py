"""`impact-in companies` after a company was added: rename, deactivate, reactivate, export, offboard."""

from pathlib import Path
from typing import Annotated

import typer

from impact_in_pipelines.cli.accounts.companies import app
from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import In, busy, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.accounts import lives

__all__ = ["app"]

Which = Annotated[str, typer.Argument(metavar="COMPANY", help="Slug or id.")]
_Target = Annotated[
    Path, typer.Option("--to", metavar="FILE.zip", dir_okay=False, help="The file to write.")
]


@app.command("rename")
def rename(
    company: Which,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new full name.")],
    as_json: AsJson = False,
) -> None:
    """Give a company another name. Its slug stays, because files and partitions use it."""
    with session() as runtime:
        made = lives.rename(runtime, runtime.companies.find(company), name, actor=actor())
    if as_json:
        print_json(made)
        return
    console.print(f"{made.slug} is called {made.name} now.", markup=False)


@app.command("deactivate")
def deactivate(
    company: Which,
    reason: Annotated[str | None, typer.Option(help="Why; for the audit log.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop everything of a company: its schedules stop, what waits is cancelled. Its history stays."""
    with session() as runtime, busy("Stopping what is planned", quiet=as_json):
        done = lives.deactivate(
            runtime, runtime.companies.find(company), actor=actor(), reason=reason
        )
    if as_json:
        print_json(done)
        return
    console.print(
        f"{done.company.slug} is switched off: {count(done.schedules, 'schedule')} stopped, "
        f"{count(done.cancelled, 'waiting delivery', 'waiting deliveries')} cancelled.",
        markup=False,
    )
    if done.being_sent:
        sending = count(
            done.being_sent,
            "is being sent at this moment and ends by itself",
            "are being sent at this moment and end by themselves",
        )
        console.print(f"{sending}.")


@app.command("reactivate")
def reactivate(company: Which, as_json: AsJson = False) -> None:
    """Switch a company on again, with the schedules that were stopped when it was switched off."""
    with session() as runtime:
        done = lives.reactivate(runtime, runtime.companies.find(company), actor=actor())
    if as_json:
        print_json(done)
        return
    running = sum(one.active for one in done.schedules)
    console.print(
        f"{done.company.slug} is active again, {count(running, 'schedule goes on', 'schedules go on')}.",
        markup=False,
    )
    for one in done.schedules:
        if not one.active:
            console.print(f"Still stopped: {one.id} ({one.last_error})", markup=False)


@app.command("export")
def export(company: Which, to: _Target, as_json: AsJson = False) -> None:
    """Write all data of a company to a ZIP: tables and archives, as lines of JSON."""
    with session() as runtime:
        found = runtime.companies.find(company)
        with stepwise("Writing tables", quiet=as_json) as tell:
            done = lives.export(runtime, found, to, actor=actor(), tell=tell)
    if as_json:
        print_json(done)
        return
    console.print(_written(done), markup=False, soft_wrap=True)


@app.command("offboard")
def offboard(
    company: Which,
    to: _Target,
    confirm: Annotated[
        str, typer.Option(metavar="SLUG", help="The company's slug, to confirm that it is erased.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Switch a company off, export its data, then erase it everywhere. This can't be undone."""
    with session() as runtime:
        found = runtime.companies.find(company)
        lives.require_confirmed(found, confirm)
        lives.require_archive(runtime)
        with busy("Stopping what is planned", quiet=as_json):
            lives.deactivate(runtime, found, actor=actor(), reason="offboarded")
        with stepwise("Writing tables", quiet=as_json) as tell:
            written = lives.export(runtime, found, to, actor=actor(), tell=tell)
        with stepwise("Erasing", In.SHARE, quiet=as_json) as tell:
            done = lives.erase(
                runtime,
                found,
                confirmed=confirm,
                actor=actor(),
                export_sha256=written.sha256,
                tell=tell,
            )
    if as_json:
        print_json({"export": written, "erased": done})
        return
    console.print(_written(written), markup=False, soft_wrap=True)
    rows, files = count(sum(done.rows.values()), "row"), count(len(done.archives), "archive")
    console.print(f"{found.slug} is erased: {rows}, and what {files} had of it.", markup=False)
    console.print(
        "Backups, and rejects files beside files that were imported here, are yours to erase."
    )


def _written(done: lives.Exported) -> str:
    return (
        f"Written: {done.path} ({count(done.bytes, 'byte')}, {count(sum(done.rows.values()), 'row')}), "
        f"SHA-256 {done.sha256}"
    )
