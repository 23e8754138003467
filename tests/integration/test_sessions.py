"""Sessions, sign-in links and tokens: listed, revoked, used once, and what is open with them ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import requests

from impact_in_pipelines.api.access import watching
from impact_in_pipelines.api.deliveries import stream as routes
from impact_in_pipelines.cli.accounts.token import claims_of
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.accounts import sessions
from impact_in_pipelines.services.accounts import tokens as access

from .api_harness import MANAGER, SETTINGS, VIEWER, Held, Served, lent
from .cli_harness import Cli
from .test_api_events import Reader, stream


@pytest.fixture
def api(held: Held, sandbox: Sandbox) -> Iterator[Served]:
    """An API of the test's own that listens already."""
    with lent(held, sandbox) as running:
        assert running.api.hub.listening(10)
        yield running


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks come often, so that nobody waits for them here."""
    monkeypatch.setattr(watching, "FRESH_S", 0.0)
    monkeypatch.setattr(routes, "CHECKED_S", 0.1)


@pytest.fixture
def cli(api: Served, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on the API's database."""
    return Cli(monkeypatch, api.world.database)


def browser_session(api: Served, *, subject: str = "ingrid", companies: Any = ...) -> str:
    """What the browser of somebody who is signed in holds."""
    ids = [api.own.company] if companies is ... else companies
    return api.world.runtime.sessions.open(
        subject,
        MANAGER,
        ids,
        now=api.world.clock(),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


@contextmanager
def cockpit_stream(api: Served, session_id: str) -> Iterator[Reader]:
    """The stream of the own company that a page of the cockpit holds open."""
    answer = requests.get(
        f"{api.url}/en/cockpit/{api.own.company}/events",
        cookies={"impact_in_session": session_id},
        stream=True,
        timeout=30,
    )
    assert answer.status_code == 200
    reader = Reader(answer)
    try:
        yield reader
    finally:
        answer.close()


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM web_sessions",
        "UPDATE web_sessions SET roles = '{}'",
        "UPDATE web_sessions SET companies = '{}'",
        "UPDATE web_sessions SET expires_at = now() - interval '1 second'",
    ],
)
def test_a_page_that_lost_its_right_hears_no_more(api: Served, loss: str) -> None:
    """Signed out in another window or process, revoked, without the role or the company: the stream ends,
    also one that is busy all the time."""
    session_id = browser_session(api)
    with cockpit_stream(api, session_id) as reader:
        api.world.execute(loss)
        assert reader.ended.wait(30)


def test_a_busy_stream_is_looked_at_too(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never comes to a heartbeat: only a heartbeat noticed that the session was closed."""
    monkeypatch.setattr(routes, "HEARTBEAT_S", 60.0)
    session_id = browser_session(api)
    with cockpit_stream(api, session_id) as reader:
        api.world.runtime.sessions.close(session_id)
        for number in range(200):
            if reader.ended.wait(0.05):
                break
            api.world.execute(
                "UPDATE impact_deliveries SET status = status, updated_at = now(), "
                "attempt_count = :n WHERE id = :id",
                id=api.own.failed,
                n=number,
            )
        assert reader.ended.is_set()


def test_a_stream_ends_when_its_token_is_revoked(api: Served) -> None:
    """And the next request with it is 401; another token of the same person goes on."""
    token, other = api.token(VIEWER), api.token(VIEWER)
    with stream(api, token=token) as reader, stream(api, token=other) as going_on:
        access.revoke_token(api.world.runtime, claims_of(token), actor="kari")
        assert reader.ended.wait(30)
        assert not going_on.ended.is_set()
    refused = api.call("GET", "/companies", token=token)
    assert refused.status_code == 401
    assert refused.json()["detail"] == "the token was revoked"
    assert api.call("GET", "/companies", token=other).status_code == 200


def test_everything_that_a_person_holds_can_be_revoked(api: Served) -> None:
    """Sessions, streams, tokens; a token issued afterwards is good."""
    token = api.token(VIEWER, subject="olga")
    session_id = browser_session(api, subject="olga")
    with cockpit_stream(api, session_id) as page, stream(api, token=token) as program:
        api.world.execute("SELECT pg_sleep(1.1)")  # a token's iat is in whole seconds
        ended = access.revoke_subject(api.world.runtime, "olga", actor="kari")
        assert len(ended) == 1
        assert page.ended.wait(30)
        assert program.ended.wait(30)
    assert api.call("GET", "/companies", token=token).status_code == 401
    api.world.execute("SELECT pg_sleep(1.1)")
    assert api.call("GET", "/companies", token=api.token(subject="olga")).status_code == 200
    assert api.call("GET", "/companies").status_code == 200


def sign_in(api: Served, token: str) -> requests.Response:
    """What the sign-in form answers to a token."""
    browser = requests.Session()
    address = f"{api.url}/en/cockpit/sign-in"
    form = browser.get(address, params={"token": token}, timeout=30)
    sent = {"form_token": form.cookies["impact_in_form"], "token": token}
    return browser.post(address, data=sent, timeout=30, allow_redirects=False)


def test_a_link_signs_in_once(api: Served) -> None:
    """Whoever finds it in a history or a mail afterwards is refused; the API still takes the token."""
    token = api.token()
    assert sign_in(api, token).status_code == 303
    again = sign_in(api, token)
    assert again.status_code == 401
    assert "ask for a new one" in again.text
    assert api.call("GET", "/companies", token=token).status_code == 200


def test_two_who_press_the_button_at_once_are_one(api: Served) -> None:
    """The database decides: exactly one of many signs in."""
    from concurrent.futures import ThreadPoolExecutor

    token = api.token()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sign_in(api, token).status_code, range(8)))
    assert sorted(answers) == [303] + [401] * 7


def test_a_revoked_link_signs_nobody_in(api: Served) -> None:
    """Nor does the API take the token in it."""
    runtime, token = api.world.runtime, api.token()
    link = sessions.make_link(runtime, claims_of(token), actor="ingrid")
    assert [one["id"] for one in api.get("/sign-in-links")["data"]].count(str(link)) == 1
    assert api.call("DELETE", f"/sign-in-links/{link}").status_code == 200
    assert sign_in(api, token).status_code == 401
    assert api.call("GET", "/companies", token=token).status_code == 401


def test_everybody_sees_and_ends_ones_own_sessions_only(api: Served) -> None:
    """A viewer one's own; another tenant's person of the same name is somebody else; a manager of all
    companies sees everybody's."""
    browser_session(api)
    browser_session(api, companies=[api.other.company])
    browser_session(api, subject="operator", companies=None)
    mine = api.call("GET", "/sessions", token=api.token(VIEWER)).json()["data"]
    assert {one["subject"] for one in mine} == {"ingrid"}
    assert {tuple(one["companies"]) for one in mine} == {(str(api.own.company),)}
    everything = api.token(companies=["*"])
    found = api.call("GET", "/sessions", token=everything).json()["data"]
    assert {one["subject"] for one in found} == {"ingrid", "olena", "operator"}
    theirs = next(one["id"] for one in found if one["subject"] == "operator")
    assert api.call("DELETE", f"/sessions/{theirs}").status_code == 404
    assert api.call("DELETE", f"/sessions/{theirs}", token=everything).status_code == 200
    assert api.call("DELETE", f"/sessions/{theirs}", token=everything).status_code == 404
    assert "session.revoke" in {one["action"] for one in audit(api)}


def audit(api: Served) -> list[dict[str, Any]]:
    """The audit log of everything."""
    answer = api.call("GET", "/audit-log", token=api.token(companies=["*"]))
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_sessions_are_listed_and_revoked_by_command(api: Served, cli: Cli) -> None:
    """`sessions list|link|revoke` and `token revoke`; a second time there is nothing to end."""
    session_id = browser_session(api)
    secret = SETTINGS["IMPACT_IN_JWT_SECRET"]
    made = cli(
        *("sessions", "link", "--role", "ADMIN_CONSOLE", "--company", str(api.own.company)),
        *("--subject", "guest", "--json"),
        IMPACT_IN_JWT_SECRET=secret,
    ).json
    found = cli.good("sessions", "list", "--json").json
    assert {(one["kind"], one["subject"]) for one in found} >= {
        ("session", "ingrid"),
        ("link", "guest"),
    }
    ids = [one["id"] for one in found if one["subject"] in ("ingrid", "guest")]
    assert UUID(made["id"]) in map(UUID, ids)
    with cockpit_stream(api, session_id) as reader:
        assert cli.good("sessions", "revoke", *ids, "--json").json["revoked"] == ids
        assert reader.ended.wait(30)
    again = cli("sessions", "revoke", ids[0])
    assert (again.code, "impact-in sessions list" in again.err) == (1, True)
    assert sign_in(api, made["url"].partition("token=")[2]).status_code == 401

    token = api.token()
    assert cli.good("token", "revoke", "-", "--json", stdin=token).json["subject"] == "ingrid"
    assert api.call("GET", "/companies", token=token).status_code == 401
    assert cli("token", "revoke", "-", stdin="no token").code == 2
    assert cli("sessions", "revoke").code == 2
    assert cli.good("sessions", "revoke", "--subject", "olena", "--json").json["subject"] == "olena"
