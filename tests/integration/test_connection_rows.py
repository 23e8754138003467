"""Rows of `platform_connections`: where their credentials may go, what a broken one costs, keys replaced."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from factories import World
from hearing import Heard

from impact_in_pipelines.connectors.credentials import Lack
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.accounts.rotating import KeyRotation
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.errors.accounts import (
    AddressMalformed,
    AddressNotEncrypted,
    AddressNotPublic,
    ConnectionMissing,
    CredentialsMeantElsewhere,
    NoKeyFits,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts import connections
from impact_in_pipelines.services.accounts.companies import add_company
from impact_in_pipelines.services.accounts.connections import ConnectionChange
from impact_in_pipelines.settings import Settings, read_settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
HERE, ELSEWHERE = "https://api.example.org/v1", "https://api.elsewhere.example"
KEY = {"api_key": "a-key-of-its-own"}
BENEVITY = Platform.BENEVITY


def settings(**environment: str) -> Settings:
    """A deployment's settings."""
    return read_settings({"IMPACT_IN_SECRET_KEY": OLD, **environment})


@pytest.fixture
def runtime(database: Database) -> Runtime:
    """On a clean database, with the old key only."""
    return Runtime(settings(), database=database)


@pytest.fixture
def acme(runtime: Runtime) -> Company:
    return add_company(runtime, "acme", name="Acme", actor="test")


def set_(
    runtime: Runtime, company: Company, *, by_operator: bool = True, **change: object
) -> connections.ShownConnection:
    return connections.set_connection(
        runtime,
        company,
        BENEVITY,
        ConnectionChange(**change),  # type: ignore[arg-type]
        actor="test",
        by_operator=by_operator,
    )


@pytest.mark.parametrize(
    "url",
    [
        ELSEWHERE,
        "https://api.example.org:8443/v1",
        "https://api.example.org.evil.example/v1",
        "https://sub.api.example.org/v1",
    ],
)
def test_stored_credentials_stay_where_they_were_meant_for(
    runtime: Runtime, acme: Company, url: str
) -> None:
    """Another origin needs them entered anew; another path on it, or the same one again, doesn't."""
    set_(runtime, acme, base_url=HERE, credentials=KEY)
    with pytest.raises(CredentialsMeantElsewhere):
        set_(runtime, acme, base_url=url)
    assert connections.stored(runtime, acme, BENEVITY).base_url == HERE
    set_(runtime, acme, base_url="https://API.example.org:443/v2")
    assert connections.usable(runtime, acme, BENEVITY).credentials == KEY
    set_(runtime, acme, base_url=url, credentials={"api_key": "another-key"})
    assert connections.usable(runtime, acme, BENEVITY).credentials["api_key"] == "another-key"


def test_credentials_do_not_follow_the_environments_address(
    runtime: Runtime, database: Database, acme: Company
) -> None:
    """A row without a URL uses the environment's; when that moves, the row's key doesn't move along."""
    first = Runtime(settings(BENEVITY_API_URL=HERE), database=database)
    set_(first, acme, credentials=KEY)
    assert connections.usable(first, acme, BENEVITY).base_url == HERE
    moved = Runtime(settings(BENEVITY_API_URL=ELSEWHERE), database=database)
    with pytest.raises(ConnectionMissing):
        connections.usable(moved, acme, BENEVITY)
    assert connections.stored(moved, acme, BENEVITY).lacks == (Lack.ELSEWHERE,)
    set_(moved, acme, credentials=KEY)
    assert connections.usable(moved, acme, BENEVITY).base_url == ELSEWHERE


def test_credentials_without_a_url_are_bound_by_the_first_one(
    runtime: Runtime, acme: Company
) -> None:
    """They were meant for the URL that was still to come, and for no other after it."""
    set_(runtime, acme, credentials=KEY)
    set_(runtime, acme, base_url=HERE)
    assert connections.usable(runtime, acme, BENEVITY).credentials == KEY
    with pytest.raises(CredentialsMeantElsewhere):
        set_(runtime, acme, base_url=ELSEWHERE)


def test_a_tenant_never_names_a_private_address(runtime: Runtime, acme: Company) -> None:
    """The operator may, on the embedded database; elsewhere only what the setting allows."""
    for url, refusal in (
        ("http://api.example.org", AddressNotEncrypted),
        ("http://127.0.0.1:3999/benevity", AddressNotEncrypted),
        ("https://127.0.0.1", AddressNotPublic),
        ("https://169.254.169.254/latest", AddressNotPublic),
    ):
        with pytest.raises(refusal):
            set_(runtime, acme, by_operator=False, base_url=url, credentials=KEY)
    assert set_(runtime, acme, base_url="http://127.0.0.1:3999/benevity").base_url is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://who:pw@api.example.org/v1",
        "https://elsewhere.example\\@api.example.org/v1",
        "https://api.example.org/v1?key=pw",
        "https://api.example.org/\u202ev1",
    ],
)
def test_no_door_stores_what_is_no_plain_address(runtime: Runtime, acme: Company, url: str) -> None:
    """The cockpit looked at the scheme only, so that a password in an address was stored in clear and shown,
    and one address could read as two hosts."""
    set_(runtime, acme, base_url=HERE, credentials=KEY)
    with pytest.raises(AddressMalformed) as caught:
        set_(runtime, acme, base_url=url)
    assert "pw" not in f"{caught.value}"
    assert connections.stored(runtime, acme, BENEVITY).base_url == HERE


def test_a_broken_row_fails_by_its_name_and_nobody_else(world: World) -> None:
    """Credentials that no key fits, and a row without a URL, stop one company each; lists show all."""
    good, unreadable, homeless = world.due(BENEVITY, 3)
    lost = Vault([Fernet.generate_key().decode()]).encrypt_json(KEY)
    world.execute(
        "INSERT INTO platform_connections (company_id, platform, base_url, credentials) "
        "VALUES (:company, 'benevity', :url, :credentials)",
        company=unreadable,
        url=world.sandbox.benevity_url,
        credentials=lost,
    )
    # Its own key, and nowhere to send it to: the environment's credentials don't stand in for it.
    bare = Runtime(settings(), database=world.runtime.database, clock=world.clock)
    bare.connections.save(homeless, BENEVITY, organization_id="c-3")
    listed = {one.company: one.lacks for one in connections.listed(bare)}
    assert listed == {
        "c-2": (Lack.UNREADABLE,),
        "c-3": (Lack.BASE_URL, Lack.CREDENTIALS),
    }
    world.drain(BENEVITY)
    assert world.of_company(good)["status"] == "success"
    assert world.of_company(homeless)["status"] == "success"  # by the environment's account
    row = world.of_company(unreadable)
    assert (row["status"], row["error_kind"]) == ("failed", ErrorKind.CONFIGURATION)
    assert "c-2" in row["last_error"]
    assert "decrypted" in row["last_error"]


def _encrypted(world_runtime: Runtime) -> list[bytes]:
    with world_runtime.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT credentials FROM platform_connections WHERE credentials IS NOT NULL UNION ALL "
            "SELECT webhook_secret FROM platform_connections WHERE webhook_secret IS NOT NULL UNION ALL "
            "SELECT token FROM provider_tokens"
        ).all()
    return [bytes(row[0]) for row in rows]


def test_keys_are_replaced_in_batches_and_an_old_one_can_be_retired(
    runtime: Runtime, database: Database
) -> None:
    """Everything is encrypted anew, once, and audited; one unreadable row is named and costs nobody else."""
    companies: list[UUID] = []
    for number in range(5):
        company = add_company(runtime, f"co-{number}", name="Co", actor="test")
        companies.append(company.id)
        set_(runtime, company, base_url=HERE, credentials=KEY, webhook_secret="w" * 20)
    runtime.oauth_tokens.put("k" * 64, "token-1", datetime.now(UTC) + timedelta(hours=1))
    lost = Vault([Fernet.generate_key().decode()])
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE platform_connections SET credentials = %s, webhook_secret = NULL WHERE company_id = %s",
            (lost.encrypt_json(KEY), companies[2]),
        )
    both = Vault([NEW, OLD])
    rotation = KeyRotation(database.engine, both, batch=2)
    heard = Heard()
    first = rotation.run(actor="ops", now=datetime.now(UTC), tell=heard)
    again = rotation.run(actor="ops", now=datetime.now(UTC))

    assert (first.connections, first.tokens, first.dropped_tokens) == (4, 1, 0)
    assert [one.company for one in first.unreadable] == ["co-2"]
    assert heard.total == 6  # rows, the one that can't be read too
    assert (again.connections, again.tokens) == (0, 0)
    assert again.unreadable == first.unreadable
    retired = Vault([NEW])
    readable = [one for one in _encrypted(runtime) if not _fails(retired, one)]
    assert len(readable) == 4 + 4 + 1
    with database.engine.connect() as connection:
        audited = connection.exec_driver_sql(
            "SELECT count(*), min(actor) FROM audit_log WHERE action = 'connection.rotate_keys'"
        ).one()
    assert tuple(audited) == (4, "ops")
    after = Runtime(read_settings({"IMPACT_IN_SECRET_KEY": NEW}), database=database)
    usable = after.connections.of_companies(BENEVITY, companies)
    assert set(usable) == {*companies} - {companies[2]}
    assert {one.credentials["api_key"] for one in usable.values()} == {KEY["api_key"]}


def _fails(vault: Vault, encrypted: bytes) -> bool:
    try:
        vault.decrypt_text(encrypted)
    except NoKeyFits:
        return True
    return False
