"""Sign-in by an OpenID Connect provider, when OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET are set.

The ID token's `roles` and `companies` say what the person may do, as in the API's tokens.
"""

import hmac
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial

import jwt
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.routing import Route

from impact_in_pipelines.api.access.tokens import Authenticator, Principal
from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.web.sign_in.cookie import cookie_of
from impact_in_pipelines.api.web.sign_in.entry import inside, signed_in
from impact_in_pipelines.api.web.visits import NOBODY, Pages, Visit
from impact_in_pipelines.connectors.identity.jwks import JwksClient
from impact_in_pipelines.connectors.identity.oidc import (
    CodeRefused,
    OidcProvider,
    ProviderUnavailable,
)
from impact_in_pipelines.db.access.sessions import SignedInBy
from impact_in_pipelines.errors import ImpactInError, InvalidSetting
from impact_in_pipelines.services.accounts.sessions import open_session
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.wording.marking import N_

_COOKIE = "impact_in_oidc"
_COOKIE_PATH = "/"
_MINUTES_S = 600
_WAITS = 4
_CALLBACK = "/en/cockpit/sign-in/callback"
_log = logging.getLogger(__name__)


def routes(pages: Pages, api: ApiContext) -> list[Route]:
    """The way to the provider and back; none where no provider is set. Raises `InvalidSetting` for half a
    configuration."""
    settings = api.runtime.settings
    provider = provider_of(settings)
    if provider is None:
        return []
    keys: list[JwksClient] = []

    def authenticator() -> Authenticator:
        if not keys:
            keys.append(JwksClient(provider.keys_url))
        return Authenticator(
            keys=keys[0],
            issuer=provider.issuer,
            audience=provider.client_id,
            leeway_s=settings.jwt_leeway_seconds,
        )

    # A provider that hangs keeps no thread from other requests.
    waits = CapacityLimiter(_WAITS)
    come = partial(come_back, provider, authenticator, waits)
    return [
        pages.route("/sign-in/oidc", partial(start, provider, waits), NOBODY),
        pages.route("/sign-in/callback", come, NOBODY),
    ]


def provider_of(settings: Settings) -> OidcProvider | None:
    """The provider that the settings name, None if none. Raises `InvalidSetting` for a part of one."""
    given = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if settings.oidc_issuer is None or settings.oidc_client_id is None or None in given:
        if any(given):
            raise InvalidSetting(
                "OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set together, or none"
            )
        return None
    return OidcProvider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_scopes,
    )


async def start(provider: OidcProvider, waits: CapacityLimiter, visit: Visit) -> Response:
    """Send the browser to the provider. What must come back with it is in an encrypted cookie."""
    kept = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "next": inside(visit.query("next")) or f"/{visit.language.code}/cockpit",
    }
    try:
        address = await run_sync(
            partial(
                provider.sign_in_url,
                _redirect_uri(visit),
                state=kept["state"],
                nonce=kept["nonce"],
                verifier=kept["verifier"],
            ),
            limiter=waits,
        )
    except ProviderUnavailable as error:
        raise _unavailable(visit, error) from None
    response = visit.go(address)
    response.set_cookie(
        _COOKIE,
        visit.api.runtime.vault.encrypt_json(kept).decode(),
        max_age=_MINUTES_S,
        path=_COOKIE_PATH,
        httponly=True,
        samesite="lax",  # the provider sends the browser back from its own site
        secure=visit.api.runtime.settings.cockpit_url.startswith("https:"),
    )
    return response


async def come_back(
    provider: OidcProvider,
    authenticator: Callable[[], Authenticator],
    waits: CapacityLimiter,
    visit: Visit,
) -> Response:
    """Exchange the code for who it is, and open the session."""
    kept = _kept(visit)
    if not hmac.compare_digest(kept["state"].encode(), visit.query("state").encode()):
        raise _start_again(visit)
    if visit.query("error") or not visit.query("code"):
        _log.warning("the identity provider refused a sign-in: %r", visit.query("error")[:100])
        raise _start_again(visit)
    try:
        token = await run_sync(
            partial(provider.id_token, verifier=kept["verifier"]),
            visit.query("code"),
            _redirect_uri(visit),
            limiter=waits,
        )
        principal = await (await run_sync(authenticator, limiter=waits)).principal(token)
    except (CodeRefused, ApiProblem) as refusal:
        _log.warning("a sign-in failed: %s", getattr(refusal, "detail", refusal))
        raise _start_again(visit) from None
    except ProviderUnavailable as error:
        raise _unavailable(visit, error) from None
    # The signature was checked just before; only the nonce is left to compare.
    claims = jwt.decode(token, options={"verify_signature": False})
    if not hmac.compare_digest(kept["nonce"].encode(), str(claims.get("nonce")).encode()):
        raise _start_again(visit)
    response = await run_sync(_signed_in, visit, principal, inside(kept["next"]))
    response.delete_cookie(_COOKIE, path=_COOKIE_PATH)
    return response


def _signed_in(visit: Visit, principal: Principal, address: str) -> Response:
    runtime = visit.api.runtime
    session_id = open_session(
        runtime,
        principal.subject,
        principal.roles,
        principal.companies,
        expires_at=principal.expires_at,
        signed_in_by=SignedInBy.PROVIDER,
        instead_of=cookie_of(visit.request, runtime.settings),
    )
    return signed_in(visit, session_id, principal, address)


def _redirect_uri(visit: Visit) -> str:
    return visit.api.runtime.settings.cockpit_url.rstrip("/") + _CALLBACK


def _kept(visit: Visit) -> Mapping[str, str]:
    cookie = visit.request.cookies.get(_COOKIE, "")
    try:
        return visit.api.runtime.vault.decrypt_json(cookie.encode())
    except ImpactInError:
        raise _start_again(visit) from None


def _start_again(visit: Visit) -> ApiProblem:
    return ApiProblem(403, visit.text(N_("The sign-in wasn't completed. Please start it again.")))


def _unavailable(visit: Visit, error: ProviderUnavailable) -> ApiProblem:
    _log.warning("the identity provider isn't available: %s", error)
    return ApiProblem(503, visit.text(N_("The sign-in service doesn't answer. Please try again.")))
