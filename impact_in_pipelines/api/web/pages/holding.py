"""Connections of a company and, for operators, whole platforms: the state of each; held and resumed (D12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.access.rights import only_all
from impact_in_pipelines.api.web.language.words import CONNECTION_LACKS, Sign
from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, platform_of
from impact_in_pipelines.connectors.credentials import Lack
from impact_in_pipelines.delivery.holding.closures import Closure, HeldPlatform
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.platforms import HoldReasonMissing, PlatformHeld
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.accounts.connections import of_company
from impact_in_pipelines.services.operating import platforms as service
from impact_in_pipelines.wording.marking import N_

_LONGEST_REASON = 500


def routes(pages: Pages) -> list[Route]:
    """A company's connections, all platforms, and the forms of both."""
    own, every = "/{company_id}/connections", "/platforms"
    return [
        pages.route(own, connections, VIEW),
        pages.route(every, platforms, VIEW),
        *(
            route
            for base in (own, every)
            for route in (
                pages.route(f"{base}/{{platform}}/hold", hold_form, MANAGE),
                pages.route(f"{base}/{{platform}}/hold", hold, MANAGE, method="POST"),
                pages.route(f"{base}/{{platform}}/resume", resume, MANAGE, method="POST"),
            )
        ),
    ]


@dataclass(frozen=True)
class HoldingCard:
    """One platform, or a company's connection to it: its state as a `sign`, what holds it, and what it lacks
    in words. `ours` is the hold that whoever looks may end; None: there is none. `others_held`: on a whole
    platform's, how many single connections are held."""

    platform: Platform
    sign: Sign
    status: HeldPlatform
    closures: Sequence[Closure]
    lacks: Sequence[str]
    ours: Closure | None
    others_held: int


def connections(visit: Visit) -> Response:
    """The company's three connections."""
    return connections_page(visit)


def platforms(visit: Visit) -> Response:
    """Every platform, for whoever may see all companies."""
    only_all(visit.caller, "a platform of all companies")
    return connections_page(visit)


def connections_page(
    visit: Visit,
    *,
    refusal: ImpactInError | None = None,
    checked: tuple[Platform, tuple[bool, str]] | None = None,
) -> Response:
    """The connections of the visit's company, or without one all platforms. `checked`: which one was tried
    out just now, whether it can be used, and a sentence on it."""
    company_id = visit.company.id if visit.company else None
    found = service.listed(visit.api.runtime, [company_id] if company_id else None)
    return visit.render(
        "connections.html",
        status=409 if refusal else 200,
        cards=_cards(visit, found),
        problem=visit.told(refusal) if refusal else None,
        checked={checked[0].value: checked[1]} if checked else {},
        section=_section(visit),
    )


def _cards(visit: Visit, found: Sequence[HeldPlatform]) -> list[HoldingCard]:
    own = of_company(visit.api.runtime, visit.company) if visit.company else {}
    company_id = visit.company.id if visit.company else None
    return [_card(visit, one, own[one.platform].lacks if own else (), company_id) for one in found]


def _card(
    visit: Visit, status: HeldPlatform, lacks: Sequence[Lack], company_id: UUID | None
) -> HoldingCard:
    # Operators see a platform's own closures here; those of single companies are on the companies' pages.
    shown = [one for one in status.closures if one.company_id in (None, company_id)]
    return HoldingCard(
        status.platform,
        _sign(lacks, shown),
        status,
        shown,
        [visit.text(CONNECTION_LACKS[lack.value]) for lack in lacks],
        next((one for one in shown if one.company_id == company_id), None),
        len({one.company_id for one in status.closures} - {None, company_id}),
    )


def _sign(lacks: Sequence[Lack], closures: Sequence[Closure]) -> Sign:
    if Lack.ENABLED in lacks:
        return Sign("muted", "pause", N_("Switched off"))
    if lacks:
        return Sign("warn", "warning", N_("Not set up"))
    if closures:
        return Sign("warn", "pause", N_("Held"))
    return Sign("good", "check", N_("Open"))


def hold_form(visit: Visit) -> Response:
    """Asks for the reason."""
    return _form(visit)


def hold(visit: Visit) -> Response:
    """Hold it for a reason, which everybody who waits can read."""
    platform, company_id = _target(visit)
    reason = visit.field("reason")[:_LONGEST_REASON]
    try:
        service.hold(
            visit.api.runtime,
            platform,
            company_id=company_id,
            reason=reason,
            actor=visit.caller.subject,
        )
    except HoldReasonMissing as refusal:
        return _form(visit, refusal=refusal)
    except PlatformHeld as refusal:
        return connections_page(visit, refusal=refusal)
    return visit.go(visit.path(_section(visit), done="held"))


def resume(visit: Visit) -> Response:
    """End a person's hold; what a breaker holds is tried at once."""
    platform, company_id = _target(visit)
    try:
        done = service.resume(
            visit.api.runtime, platform, company_id=company_id, actor=visit.caller.subject
        )
    except ImpactInError as refusal:
        return connections_page(visit, refusal=refusal)
    return visit.go(visit.path(_section(visit), done="resumed", held=done.held))


def _form(visit: Visit, *, refusal: ImpactInError | None = None) -> Response:
    platform, _ = _target(visit)
    template = "parts/hold.html" if visit.is_fragment else "hold.html"
    return visit.render(
        template,
        status=422 if refusal else 200,
        platform=platform,
        section=_section(visit),
        problem=visit.told(refusal) if refusal else None,
    )


def _target(visit: Visit) -> tuple[Platform, UUID | None]:
    """The platform in the address, and whose connection it is (None: all). Raises 403 and 404 problems."""
    platform = platform_of(visit)
    if visit.company is None:
        only_all(visit.caller, "a platform of all companies")
        return platform, None
    return platform, visit.company.id


def _section(visit: Visit) -> str:
    return "connections" if visit.company else "platforms"
