"""`impact-in evidence`: what was delivered, for whoever has to believe it without us."""

import sys
from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson, CompanyArgument
from impact_in_pipelines.cli.output import console, errors, print_json
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.progress import In, busy, stepwise
from impact_in_pipelines.cli.sources import read_text
from impact_in_pipelines.evidence.heads import heads_in
from impact_in_pipelines.evidence.verifying import Finding, Verification
from impact_in_pipelines.evidence.verifying import verify as verified
from impact_in_pipelines.plurals import count

app = typer.Typer(
    help="Export evidence of what was delivered, verify such an archive, publish heads.",
    no_args_is_help=True,
)

_STDOUT = "-"
_MOST_HEADS = 64 * 1024 * 1024
_DAY = "%Y-%m-%d"


@app.command("export")
def export_(
    company: CompanyArgument,
    first: Annotated[
        datetime,
        typer.Option("--from", formats=[_DAY], metavar="DATE", help="First day reported on."),
    ],
    last: Annotated[
        datetime, typer.Option("--to", formats=[_DAY], metavar="DATE", help="Last day reported on.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write; - is standard output."
        ),
    ] = None,
) -> None:
    """Write an archive of the deliveries that report on these days.

    It has what was sent, every attempt, the platforms' answers and call-backs, corrections, service levels,
    and the company's chain from the first of them on. Anybody can verify it: impact-in evidence verify.
    """
    from impact_in_pipelines.cli.session import session
    from impact_in_pipelines.services.evidence.exporting import export, file_name

    with session() as runtime:
        found = runtime.companies.find(company)
        days = first.date(), last.date()
        if output == _STDOUT:
            with stepwise("Writing the archive", In.SHARE) as tell:
                for piece in export(runtime, found, *days, actor=actor(), tell=tell):
                    sys.stdout.buffer.write(piece)
            return
        path = Path(output or file_name(found, *days))
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file, stepwise("Writing the archive", In.SHARE) as tell:
                file.writelines(export(runtime, found, *days, actor=actor(), tell=tell))
            part.chmod(0o600)
            part.replace(path)
        except OSError as error:
            raise typer.BadParameter(
                f"{path} can't be written: {error.strerror}", param_hint="--output"
            ) from error
        finally:
            part.unlink(missing_ok=True)
    console.print(f"Wrote {path} ({count(path.stat().st_size, 'byte')}).", soft_wrap=True)
    console.print(f"Verify it: impact-in evidence verify {path}", soft_wrap=True)


@app.command("verify")
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The archive.")
    ],
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="FILE|-", help="A file of heads that were published earlier."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an archive: every row against its link, every link against the one before.

    Needs no database. With --head, the chain must contain the published head. Without it, somebody who can
    write to the database may have written the whole chain anew.
    """
    text = read_text(head, "published heads", most=_MOST_HEADS) if head is not None else None
    heads = heads_in(text, Path(head)) if text is not None and head is not None else None
    with stepwise("Verifying", In.BYTES, quiet=as_json) as tell:
        verdict = verified(file, heads, tell)
    if as_json:
        print_json({**asdict(verdict), "holds": verdict.holds})
    else:
        _print(verdict, with_head=head is not None)
    if not verdict.holds:
        raise typer.Exit(1)


@app.command("heads")
def heads(
    _as_json: Annotated[
        bool, typer.Option("--json", help="It is one JSON document anyway.")
    ] = False,
) -> None:
    """Print the head (the last link) of every company's chain, as it is published every day."""
    from impact_in_pipelines.cli.session import session
    from impact_in_pipelines.services.evidence.publishing import current

    with session() as runtime:
        print_json(current(runtime))


@app.command("publish")
def publish_(as_json: AsJson = False) -> None:
    """Publish the heads of all chains now, as the daily job does.

    They go into EVIDENCE_HEADS_FOLDER and to EVIDENCE_HEADS_WEBHOOK_URL. Before that, deliveries that have
    ended without a link get one.
    """
    from impact_in_pipelines.cli.session import session
    from impact_in_pipelines.services.evidence.publishing import publish

    with session() as runtime, busy("Linking and publishing", quiet=as_json):
        done = publish(runtime)
    if as_json:
        print_json(done)
    else:
        where = [str(done.file)] if done.file else []
        where += ["the receiver"] if done.posted else []
        said = f"{count(done.companies, 'head')} published: {' and '.join(where)}."
        if not where:
            said = "No head is published: set EVIDENCE_HEADS_FOLDER or EVIDENCE_HEADS_WEBHOOK_URL."
        console.print(said, soft_wrap=True)
        if done.linked:
            console.print(
                f"{count(done.linked, 'delivery', 'deliveries')} had no link and got one."
            )
    for company in done.strays:
        errors.print(
            f"The chain of company {company} no longer leads through what was published last.",
            soft_wrap=True,
        )
    if done.strays:
        raise typer.Exit(1)


def _print(verdict: Verification, *, with_head: bool) -> None:
    console.print(
        f"{verdict.company}, {_day(verdict.first)} to {_day(verdict.last)}: {count(verdict.links, 'link')}, "
        f"{count(verdict.deliveries, 'delivery', 'deliveries')}.",
        soft_wrap=True,
    )
    if verdict.left:
        left = count(
            verdict.left,
            "more had left the database: of it the archive has the links alone",
            "more had left the database: of them the archive has the links alone",
        )
        console.print(f"{left}.")
    if verdict.open:
        again = count(
            verdict.open,
            "more was being sent again: of it only the links are proven",
            "more were being sent again: of them only the links are proven",
        )
        console.print(f"{again}.")
    for finding in verdict.findings:
        console.print(_in_words(finding), style="red", soft_wrap=True)
    if verdict.findings:
        counts = Counter(finding.fault.value for finding in verdict.findings)
        console.print(
            "It doesn't hold: " + ", ".join(f"{n} {fault}" for fault, n in counts.items()) + "."
        )
    elif verdict.pinned is not None:
        console.print(f"It holds, and link {verdict.pinned} is the one that was published.")
    else:
        console.print("It holds." if with_head else "It holds. Nothing published was compared.")


def _in_words(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.fault.value}: {finding.what} in {finding.file}{detail}"


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()
