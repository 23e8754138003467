"""Coming in and going out: sign-in by a token (development) or by OIDC."""

import hmac
import secrets
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.access.tokens import Principal, token_claims, token_revoked
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.web.sign_in.cookie import clear_cookie, cookie_of, set_cookie
from impact_in_pipelines.api.web.visits import NOBODY, VIEW, Pages, Visit
from impact_in_pipelines.errors.access import TokenNotForSigningIn, TokenSpent
from impact_in_pipelines.services.accounts.sessions import sign_in_with_token
from impact_in_pipelines.services.accounts.sessions import sign_out as end_session
from impact_in_pipelines.wording.marking import N_

_FORM_COOKIE = "impact_in_form"


def routes(pages: Pages) -> list[Route]:
    """Sign-in and sign-out."""
    return [
        pages.route("/sign-in", sign_in_form, NOBODY),
        pages.route("/sign-in", sign_in, NOBODY, method="POST"),
        pages.route("/sign-out", sign_out, VIEW, method="POST"),
    ]


def sign_in_form(visit: Visit) -> Response:
    """The form; a token in the address is filled in, for the button to be pressed."""
    return _form(visit, token=visit.query("token"), problem=None)


def _form(visit: Visit, *, token: str, problem: str | None, status: int = 200) -> Response:
    settings = visit.api.runtime.settings
    # Nobody is signed in yet: the form's token lives in a cookie that no other site can send along.
    form_token = visit.request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(24)
    response = visit.render(
        "sign_in.html",
        status=status,
        token=token,
        problem=problem,
        expired=visit.query("expired") == "1",
        next=inside(visit.query("next") or visit.field("next")),
        form_token=form_token,
        by_token=settings.jwt_secret is not None,
        by_oidc=settings.oidc_issuer is not None,
    )
    response.set_cookie(
        _FORM_COOKIE,
        form_token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.cockpit_url.startswith("https:"),
    )
    return response


async def sign_in(visit: Visit) -> Response:
    """Exchange a token for a session; the token leaves the address with it."""
    ours = visit.request.cookies.get(_FORM_COOKIE, "")
    if not ours or not hmac.compare_digest(ours.encode(), visit.field("form_token").encode()):
        problem = visit.text(N_("This form is no longer valid. Please try again."))
        return _form(visit, token="", problem=problem, status=403)
    try:
        principal = await visit.api.authenticator.principal(visit.field("token"))
        if await visit.api.access.revoked(principal):
            raise token_revoked()
        if principal.named:
            refusal = TokenNotForSigningIn()
            return _form(visit, token="", problem=f"{visit.told(refusal)}.", status=401)
    except ApiProblem as refusal:
        problem = visit.text(N_("This token can't be used: %(reason)s.")) % {
            "reason": str(refusal.detail)
        }
        return _form(visit, token="", problem=problem, status=401)
    return await run_sync(_with_token, visit, principal)


def _with_token(visit: Visit, principal: Principal) -> Response:
    runtime = visit.api.runtime
    before = cookie_of(visit.request, runtime.settings)
    try:
        session_id = sign_in_with_token(runtime, token_claims(principal), instead_of=before)
    except TokenSpent as refusal:
        return _form(visit, token="", problem=f"{visit.told(refusal)}.", status=401)
    return signed_in(visit, session_id, principal, inside(visit.field("next")))


def signed_in(visit: Visit, session_id: str, principal: Principal, address: str) -> Response:
    """Have the browser keep the session of `principal`, and go to `address`."""
    response = visit.go(address or f"/{visit.language.code}/cockpit")
    set_cookie(response, visit.api.runtime.settings, session_id, principal.expires_at)
    response.delete_cookie(_FORM_COOKIE, path="/")
    return response


def inside(address: str) -> str:
    """`address` if it is a page of the cockpit's; a link must not lead through here to another site."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if plain and "/cockpit" in address and "\n" not in address else ""


def sign_out(visit: Visit) -> Response:
    """End the session here and in the browser."""
    settings = visit.api.runtime.settings
    if session_id := cookie_of(visit.request, settings):
        end_session(visit.api.runtime, session_id)
    response = visit.go(f"/{visit.language.code}/cockpit/sign-in?" + urlencode({"out": "1"}))
    clear_cookie(response, settings)
    return response
