"""Who may come in: the people who are signed in, and the tokens of the company's programs."""

from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.web.visits import MANAGE, VIEW, Pages, Visit, uuid_of
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.services.accounts import sessions, tokens
from impact_in_pipelines.services.accounts.sessions import Whose

LIFETIMES = (30, 90, 365)
"""Days to choose from."""


def routes(pages: Pages) -> list[Route]:
    """Both lists, and what ends or makes one."""
    base = "/{company_id}/settings"
    return [
        pages.route(f"{base}/people", people, VIEW),
        pages.route(f"{base}/people/{{session_id}}/end", end_session, VIEW, method="POST"),
        pages.route(f"{base}/tokens", listed, MANAGE),
        pages.route(f"{base}/tokens", make, MANAGE, method="POST"),
        pages.route(f"{base}/tokens/{{token_id}}/revoke", revoke, MANAGE, method="POST"),
    ]


def people(visit: Visit) -> Response:
    """Who is signed in: of this company for whoever manages it, one's own sessions for everybody else."""
    return visit.render(
        "settings/people.html",
        found=sessions.sessions(visit.api.runtime, _whose(visit)),
        changing=tokens.CHANGING,
    )


def end_session(visit: Visit) -> Response:
    """End a session; its pages notice within seconds."""
    id_ = uuid_of(visit.request.path_params["session_id"], "session")
    sessions.revoke(visit.api.runtime, id_, _whose(visit), actor=visit.caller.subject)
    return visit.go(visit.path("settings", "people", done="ended"))


def listed(visit: Visit) -> Response:
    """The company's tokens."""
    return _tokens(visit)


def make(visit: Visit) -> Response:
    """Make a token and show it now, or say what is wrong."""
    days = visit.field("days")
    roles = tokens.CHANGING if visit.field("rights") == "change" else tokens.VIEWING
    try:
        made = tokens.make_api_token(
            visit.api.runtime,
            visit.home,
            visit.field("name"),
            roles,
            int(days) if days.isascii() and days.isdecimal() and len(days) < 5 else 0,
            actor=visit.caller.subject,
            held=visit.caller.roles,
        )
    except ImpactInError as refusal:
        return _tokens(visit, problem=visit.told(refusal))
    return _tokens(visit, made=made)


def revoke(visit: Visit) -> Response:
    """Refuse a token from now on."""
    id_ = uuid_of(visit.request.path_params["token_id"], "token")
    tokens.revoke_api_token(visit.api.runtime, visit.home, id_, actor=visit.caller.subject)
    return visit.go(visit.path("settings", "tokens", done="revoked"))


def _tokens(
    visit: Visit, *, made: tokens.MadeToken | None = None, problem: str | None = None
) -> Response:
    return visit.render(
        "settings/tokens.html",
        status=422 if problem else 200,
        found=tokens.api_tokens(visit.api.runtime, visit.home),
        made=made,
        problem=problem,
        lifetimes=LIFETIMES,
        changing=tokens.CHANGING,
        name=visit.field("name") if problem else "",
    )


def _whose(visit: Visit) -> Whose:
    # Sessions that see other companies as well are nobody's here to end but their own.
    return Whose(None if visit.may_manage else visit.caller.subject, [visit.home.id])
