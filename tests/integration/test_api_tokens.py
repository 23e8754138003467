"""Tokens that a company names: made once, limited to it and to their rights, revoked within seconds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.api.access import known, watching
from impact_in_pipelines.db.access.tokens import TokenClaims
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.accounts import sessions, tokens
from impact_in_pipelines.services.accounts.sessions import Whose

from .api_harness import MANAGER, VIEWER, Held, Served, lent


@pytest.fixture
def api(held: Held, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An API that looks again each time."""
    monkeypatch.setattr(watching, "FRESH_S", 0.0)
    monkeypatch.setattr(known, "KEPT_FOR_S", 0.0)
    with lent(held, sandbox) as running:
        running.world.clock.now = datetime.now(UTC)  # as the machine's, by which JWTs are judged
        yield running


def made(api: Served, roles: tuple[str, ...] = VIEWER, **options: object) -> dict[str, str]:
    """A token of the own company's, as it was answered."""
    body = {"name": "Nightly export", "roles": list(roles), **options}
    answer = api.post(f"/companies/{api.own.company}/api-tokens", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json() | {"id": answer.json()["listed"]["id"]}
    return found


def test_a_token_sees_its_company_alone_and_does_what_its_roles_say(api: Served) -> None:
    """A viewer's reads and changes nothing; another company's things aren't there for it."""
    token = made(api)["token"]
    assert api.call("GET", "/deliveries", token=token).status_code == 200
    assert str(api.other.company) not in api.call("GET", "/companies", token=token).text
    assert api.call("GET", f"/deliveries/{api.other.arrived}", token=token).status_code == 404
    assert api.post(f"/deliveries/{api.own.failed}/replay", token=token).status_code == 403
    manager = made(api, MANAGER)["token"]
    assert api.post(f"/deliveries/{api.own.failed}/replay", token=manager).status_code == 202
    assert "Nightly export (token of ingrid)" in api.world.scalars("SELECT actor FROM audit_log")


def test_it_is_kept_as_a_digest_and_shown_once(api: Served) -> None:
    """Neither the table, the list, the audit log nor a repeated answer holds it."""
    address = f"/companies/{api.own.company}/api-tokens"
    body = {"name": "Export", "roles": list(VIEWER)}
    first, again = (
        api.post(address, body, headers={"Idempotency-Key": "one"}).json() for _ in range(2)
    )
    token = first["token"]
    assert token.startswith("impactin_")
    assert (again["token"], again["listed"]["id"]) == (None, first["listed"]["id"])
    stored = "".join(
        str(bytes(value) if isinstance(value, memoryview) else value)
        for table in ("api_tokens", "audit_log", "idempotency_keys")
        for row in api.world.rows(f"SELECT * FROM {table}")
        for value in row.values()
    )
    assert token not in stored + api.call("GET", address).text


def test_its_last_use_is_noted_and_an_end_is_an_end(api: Served) -> None:
    """Revoked it is refused at once, and so is one that has expired."""
    one, other = made(api), made(api, days=1)
    address = f"/companies/{api.own.company}/api-tokens"
    assert api.call("GET", "/deliveries", token=one["token"]).status_code == 200
    used = {row["id"]: row["lastUsedAt"] for row in api.get(address)["data"]}
    assert used[one["id"]] is not None
    assert used[other["id"]] is None
    assert api.call("DELETE", f"{address}/{one['id']}").status_code == 200
    assert api.call("GET", "/deliveries", token=one["token"]).status_code == 401
    assert api.call("DELETE", f"{address}/{one['id']}").status_code == 404
    api.world.clock.now += timedelta(days=2)
    assert api.call("GET", "/deliveries", token=other["token"]).status_code == 401


def test_a_token_makes_no_other_and_gives_no_more_than_its_maker_has(api: Served) -> None:
    """It would never end, or have rights that nobody gave it."""
    token = made(api, MANAGER)["token"]
    address = f"/companies/{api.own.company}/api-tokens"
    body = {"name": "Export", "roles": list(VIEWER)}
    assert api.post(address, body, token=token).status_code == 409
    assert api.post(address, body, token=api.token(VIEWER)).status_code == 403
    assert api.post(address, {**body, "roles": ["MANAGE_INTEGRATIONS"]}).status_code == 409
    assert api.post(address, {**body, "name": " "}).status_code == 422
    assert api.post(address, {**body, "days": 400}).status_code == 422


def test_a_company_ends_sessions_that_are_its_own_alone(api: Served) -> None:
    """Those that see another company as well aren't its to see or to end."""
    store, now = api.world.runtime.sessions, api.world.clock()
    until = now + timedelta(hours=1)
    for subject, companies in (
        ("kari", [api.own.company]),
        ("ola", [api.own.company, api.other.company]),
        ("operator", None),
    ):
        store.open(subject, MANAGER, companies, now=now, expires_at=until)
    address = f"/companies/{api.own.company}/sessions"
    found = {row["subject"]: row["id"] for row in api.get(address)["data"]}
    assert set(found) == {"ingrid", "kari"}
    assert api.call("DELETE", f"{address}/{found['kari']}").status_code == 200
    assert {row["subject"] for row in api.get(address)["data"]} == {"ingrid"}
    (other,) = (one.id for one in store.listed(now=now, subject="ola"))
    assert api.call("DELETE", f"{address}/{other}").status_code == 404


def test_what_is_without_a_company_is_no_tenants(api: Served) -> None:
    """A token without companies signs in and sees none; its session and the links to such tokens are neither
    listed to a company nor its to end. They were: nothing is within everything."""
    runtime, now = api.world.runtime, api.world.clock()
    claims = TokenClaims("0" * 64, "nobody", MANAGER, [], now + timedelta(hours=1))
    sessions.sign_in_with_token(runtime, claims, instead_of=None)
    link = sessions.make_link(runtime, replace(claims, token_hash="1" * 64), actor="ops")
    (session,) = runtime.sessions.listed(now=now, subject="nobody")
    address = f"/companies/{api.own.company}/sessions"
    assert {row["subject"] for row in api.get(address)["data"]} == {"ingrid"}
    tenant = Whose(None, [api.own.company])
    assert link not in [one.id for one in sessions.links(runtime, tenant)]
    for id_ in (session.id, link):
        assert api.call("DELETE", f"{address}/{id_}").status_code == 404
    # Its own person sees and ends it still, and so does whoever made the link.
    own = Whose("nobody", [])
    assert [one.id for one in sessions.sessions(runtime, own)] == [session.id]
    sessions.revoke(runtime, session.id, own, actor="nobody")
    sessions.revoke(runtime, link, Whose("ops", []), actor="ops")


def test_whoever_is_revoked_holds_no_token_that_they_made(api: Served) -> None:
    """Made for a program, it was still in its maker's hands. Another's stays."""
    held, others = made(api), made(api)
    api.world.execute(
        "UPDATE api_tokens SET created_by = 'olga' WHERE id = :id", id=UUID(others["id"])
    )
    for one in (held, others):
        assert api.call("GET", "/deliveries", token=one["token"]).status_code == 200
    tokens.revoke_subject(api.world.runtime, "ingrid", actor="kari")
    assert api.call("GET", "/deliveries", token=held["token"]).status_code == 401
    assert api.call("GET", "/deliveries", token=others["token"]).status_code == 200
    (ended,) = api.world.rows(
        "SELECT * FROM api_tokens WHERE revoked_at IS NOT NULL AND id = :id", id=UUID(held["id"])
    )
    assert ended["revoked_by"] == "kari"
    (change,) = api.world.rows(
        "SELECT * FROM audit_log WHERE action = 'api_token.revoke' AND company_id = :id",
        id=api.own.company,
    )
    assert (change["actor"], change["subject"]) == ("kari", "API token Nightly export")
