"""`impact-in events`: raw activity from a file."""

from pathlib import Path
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import In, stepwise
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.cli.sources import STDIN
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.importing import ImportSummary, import_file

app = typer.Typer(help="Import impact events.", no_args_is_help=True)

_REASON_WIDTH = 200


@app.callback()
def events() -> None:
    """Import impact events."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV with the header line.")],
    as_json: AsJson = False,
) -> None:
    """Import a CSV file: all good rows, or none if the file itself is wrong.

    Its header: event_id, company, occurred_at, activity, participant_ref,
    volunteer_ref, hours, outcome_category, outcome_score. Separated by commas, semicolons or
    tabs, with decimal points or commas, as spreadsheets save it.

    Wrong rows go to FILE.csv.rejects.csv with their line and every reason. So do all lines of an event that
    the file has twice with different content. Mend that file and import it as it is. A later file may
    correct an earlier one. Importing a file again changes nothing.

    Exit codes: 0 every row is in; 1 some rows were rejected, the others are in; 2
    the file can't be imported, nothing is in.
    """
    if str(file) == STDIN:
        raise UsageError("events come from a file, which is read twice: write them to one first")
    with (
        session() as runtime,
        stepwise(file.name, In.BYTES, quiet=as_json) as tell,
    ):
        summary = import_file(runtime, file, actor=actor(), tell=tell)
    reasons = [(line, reason[:_REASON_WIDTH]) for line, reason in summary.first_reasons]
    if as_json:
        print_json(
            {
                "rows": summary.rows,
                "imported": summary.imported,
                "updated": summary.updated,
                "unchanged": summary.unchanged,
                "duplicates": summary.duplicates,
                "rejected": summary.rejected,
                "rejects_path": str(summary.rejects_path) if summary.rejects_path else None,
                "first_reasons": [{"line": line, "reason": reason} for line, reason in reasons],
            }
        )
    else:
        _print_summary(file, summary, reasons)
    if summary.rejected:
        raise typer.Exit(1)


def _print_summary(file: Path, summary: ImportSummary, reasons: list[tuple[int, str]]) -> None:
    counts = (
        (summary.imported, "new"),
        (summary.updated, "changed: an earlier file had them otherwise"),
        (summary.unchanged, "known already, unchanged"),
        (summary.duplicates, "repeated in the file, counted once"),
        (summary.rejected, "rejected"),
    )
    console.print(f"{file.name}: {count(summary.rows, 'row')} read.", markup=False, soft_wrap=True)
    for number, what in counts:
        if number:
            style = "bold red" if what == "rejected" else None
            console.print(f"{number:>12,} {what}", style=style, markup=False)
    if not reasons:
        return
    console.print(
        f"Rejected rows, with reasons: {summary.rejects_path}", markup=False, soft_wrap=True
    )
    for line, reason in reasons:
        console.print(f"  line {line}: {reason}", markup=False, soft_wrap=True)
    if (more := summary.rejected - len(reasons)) > 0:
        console.print(f"  and {more:,} more", markup=False)
    console.print("Mend them there and import that file; what is in already stays as it is.")
