"""`impact-in platforms`: what is held, holding a platform or one connection by hand, and resuming it."""

from typing import Annotated, Any

import typer

from impact_in_pipelines.cli.context import AsJson, PlatformArgument
from impact_in_pipelines.cli.output import console, print_json, print_table
from impact_in_pipelines.cli.people import actor
from impact_in_pipelines.cli.session import session
from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.platforms import FACTS
from impact_in_pipelines.services.operating import platforms as service

app = typer.Typer(
    help="List, hold and resume platforms and connections. What is due waits, and nothing fails.",
    no_args_is_help=True,
)

OfCompany = Annotated[
    str | None,
    typer.Option(
        "--company", metavar="COMPANY", help="This company's connection only; slug or id."
    ),
]
By = Annotated[str | None, typer.Option(metavar="WHO", help="Who does it; you, if not given.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List every platform: what holds it, how many deliveries that are due wait, when it is tried again."""
    with session() as runtime:
        found = service.listed(runtime)
        slugs = {one.id: one.slug for one in runtime.companies.listed()}
    if as_json:
        print_json(
            [
                {
                    "platform": one.platform,
                    "held": one.held,
                    "oldestDue": one.oldest,
                    "closures": [_document(c, slugs) for c in one.closures],
                }
                for one in found
            ]
        )
        return
    rows: list[tuple[Any, ...]] = []
    for one in found:
        if not one.closures:
            rows.append((FACTS[one.platform].title, "all", "sending", "", "", one.held, ""))
        for closure in one.closures:
            rows.append(
                (
                    FACTS[one.platform].title,
                    slugs.get(closure.company_id, "all") if closure.company_id else "all",
                    how(closure),
                    closure.since,
                    closure.next_probe_at,
                    one.held if closure is one.closures[0] else "",
                    sanitised(closure.reason),
                )
            )
    print_table(
        "Platforms (UTC)",
        ["Platform", "Company", "State", "Since", "Next try", "Held", "Why"],
        rows,
        empty="",
    )


@app.command("hold")
def hold(
    platform: PlatformArgument,
    reason: Annotated[str, typer.Option(help="Why, for others to read.")],
    company: OfCompany = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing to a platform, or on one company's connection, until it is resumed."""
    with session() as runtime:
        company_id = runtime.companies.find(company).id if company else None
        made = service.hold(
            runtime, platform, company_id=company_id, reason=reason, actor=actor(by)
        )
    if as_json:
        print_json(_document(made, {company_id: company} if company_id else {}))
        return
    only = f" --company {company}" if company else ""
    console.print(
        f"{FACTS[platform].title}{f' of {company}' if company else ''} is held. What falls due waits; end it "
        f"with: impact-in platforms resume {platform.value}{only}",
        markup=False,
        soft_wrap=True,
    )


@app.command("resume")
def resume(
    platform: PlatformArgument,
    company: OfCompany = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """End a hold. What a breaker holds is tried at once, by one delivery, and follows step by step."""
    with session() as runtime:
        company_id = runtime.companies.find(company).id if company else None
        done = service.resume(runtime, platform, company_id=company_id, actor=actor(by))
    if as_json:
        print_json({"platform": platform, "company": company, "held": done.held})
        return
    noun = "delivery was" if done.held == 1 else "deliveries were"
    console.print(
        f"{FACTS[platform].title}{f' of {company}' if company else ''} is resumed. {done.held} {noun} held.",
        markup=False,
        soft_wrap=True,
    )


def how(closure: Closure) -> str:
    """What a closure is, in a few words."""
    match closure.kind:
        case "person":
            return f"held by {closure.held_by}"
        case "breaker":
            return "coming back" if closure.state == "half_open" else "held, being tried"
        case _:
            return "asked to wait"


def _document(closure: Closure, slugs: Any) -> dict[str, Any]:
    return {
        "company": slugs.get(closure.company_id),
        "by": closure.by,
        "heldBy": closure.held_by,
        "state": closure.state,
        "cause": closure.cause,
        "since": closure.since,
        "reason": sanitised(closure.reason),
        "nextProbeAt": closure.next_probe_at,
    }
