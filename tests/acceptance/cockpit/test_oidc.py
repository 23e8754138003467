"""Sign-in by an identity provider: the authorization code flow against a provider over HTTP."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from factories import copied_database, world_on
from ports import free_port
from sqlalchemy import URL

from impact_in_pipelines.api.web.sign_in.oidc import provider_of
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import read_settings

from .identity import CLIENT_ID, CLIENT_SECRET, Provider, providing
from .seeding import seed
from .serving import MANAGER, Stage, served


@dataclass
class Sso:
    """A cockpit and its provider."""

    stage: Stage
    provider: Provider

    def sign_in(self, session: requests.Session, page: str = "deliveries") -> requests.Response:
        """Follow the button on the sign-in page until something answers."""
        before = self.stage.path(page).removeprefix(self.stage.url)
        return session.get(
            f"{self.stage.url}/en/cockpit/sign-in/oidc", params={"next": before}, timeout=30
        )

    def sessions(self) -> list[Any]:
        """Who is signed in."""
        return list(self.stage.world.rows("SELECT * FROM web_sessions"))


@pytest.fixture(scope="module")
def running(postgres_url: URL, template: str, sandbox: Sandbox) -> Iterator[Sso]:
    """One cockpit and one provider for all tests here."""
    port = free_port()
    with (
        providing() as provider,
        copied_database(postgres_url, template) as url,
        world_on(
            url,
            sandbox,
            IMPACT_IN_JWT_SECRET=secrets.token_urlsafe(40),
            OIDC_ISSUER=provider.url,
            OIDC_CLIENT_ID=CLIENT_ID,
            OIDC_CLIENT_SECRET=CLIENT_SECRET,
            COCKPIT_URL=f"http://127.0.0.1:{port}",
        ) as world,
        served(world, seed(world), port=port) as stage,
    ):
        yield Sso(stage, provider)


@pytest.fixture
def sso(running: Sso) -> Sso:
    """The same, with nobody signed in and the provider's claims in order."""
    running.stage.world.execute("DELETE FROM web_sessions")
    troubled = str(running.stage.seeded.troubled)
    running.provider.claims = {"roles": list(MANAGER), "companies": [troubled]}
    running.provider.changes = {}
    return running


def test_whoever_the_provider_knows_is_signed_in_with_its_roles(sso: Sso) -> None:
    """The code is exchanged with secret and PKCE, and one lands on the page that one wanted."""
    with requests.Session() as session:
        answer = sso.sign_in(session, "deliveries?status=failed")
        assert answer.status_code == 200
        assert answer.url == sso.stage.path("deliveries?status=failed")
        assert "Retry all" in answer.text
    (row,) = sso.sessions()
    assert row["subject"] == "ingrid@idp"
    assert set(row["roles"]) == set(MANAGER)


def test_the_sign_in_page_offers_the_provider(sso: Sso) -> None:
    """A configured provider is the first way in."""
    page = requests.get(f"{sso.stage.url}/en/cockpit/sign-in", timeout=30).text
    assert "Sign in with your company account" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another sign-in's"},
        {"nonce": None},
        {"iss": "https://another.example"},
        {"aud": "another client"},
        {"exp": 1_600_000_000},
        {"sub": None},
        {"companies": ["no id"]},
    ],
    ids=lambda one: "-".join(one),
)
def test_an_id_token_that_does_not_hold_signs_nobody_in(sso: Sso, changes: dict[str, Any]) -> None:
    """Nonce, issuer, audience, expiry and claims are checked as OpenID Connect Core 3.1.3.7 says."""
    sso.provider.changes = changes
    with requests.Session() as session:
        answer = sso.sign_in(session)
    assert answer.status_code == 403
    assert "The sign-in wasn&#39;t completed" in answer.text
    assert sso.sessions() == []


def test_a_return_that_nobody_asked_for_is_refused(sso: Sso) -> None:
    """A code that another person's browser brought in (login CSRF) opens no session here."""
    callback = f"{sso.stage.url}/en/cockpit/sign-in/callback"
    with requests.Session() as session:
        start = f"{sso.stage.url}/en/cockpit/sign-in/oidc"
        session.get(start, allow_redirects=False, timeout=30)
        forged = {"code": "somebody's", "state": "guessed"}
        assert session.get(callback, params=forged, timeout=30).status_code == 403
    assert requests.get(callback, params=forged, timeout=30).status_code == 403
    assert sso.sessions() == []


def test_a_code_serves_once(sso: Sso) -> None:
    """Coming back twice with the same code signs in once."""
    with requests.Session() as session:
        answer = sso.sign_in(session)
        callback = next(one.url for one in answer.history if "/callback" in one.url)
        again = session.get(callback, timeout=30)
    assert again.status_code == 403
    assert len(sso.sessions()) == 1


def test_half_a_configuration_stops_the_start() -> None:
    """A provider without a secret would fail at the first sign-in: it is refused at the start."""
    settings = read_settings({"OIDC_ISSUER": "https://idp.example", "OIDC_CLIENT_ID": "cockpit"})
    with pytest.raises(InvalidSetting, match="must be set together"):
        provider_of(settings)
