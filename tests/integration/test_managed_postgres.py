"""A managed PostgreSQL (TLS, a role that owns its databases and nothing else), with and without PgBouncer in
transaction mode in front of it. Debian's packages, or skipped."""

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from dagster import DagsterInstance
from debian_postgres import MISSING, OWNER, Managed, managed_postgres, pgbouncer, reconnect
from factories import YESTERDAY, World, environment
from sqlalchemy import URL, text

from impact_in_pipelines.cli.operating.database import bring_up_to_date
from impact_in_pipelines.dagster_instance.upgrading import upgrade_instance
from impact_in_pipelines.db.access.turns import CompanyTurns
from impact_in_pipelines.db.deliveries.listening import DeliveryListener
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.impact.importing import import_events
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.errors.database import ServerUnreachable, SessionsUnprepared
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import Settings, read_settings

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Managed]:
    """A server with empty databases."""
    with managed_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def pooled_url(server: Managed) -> Iterator[URL]:
    """Our database through PgBouncer."""
    with pgbouncer(server) as url:
        yield url


def shown(url: URL) -> str:
    """With its password."""
    return url.render_as_string(hide_password=False)


def settings_for(url: URL, **more: str) -> Settings:
    """A process's settings on the database at `url`."""
    key = Fernet.generate_key().decode()
    return read_settings({"DATABASE_URL": shown(url), "IMPACT_IN_SECRET_KEY": key, **more})


@pytest.fixture
def pooled(server: Managed, pooled_url: URL) -> Settings:
    """Settings of a process that works through PgBouncer."""
    return settings_for(pooled_url, DATABASE_DIRECT_URL=shown(server.url))


def prepare(pooled: Settings, pooled_url: URL) -> None:
    """Upgraded, and the pooler knows of it."""
    bring_up_to_date(pooled)
    reconnect(pooled_url)


def world_with(settings: Settings, sandbox: Sandbox) -> World:
    """A world on the database that `settings` name, with the sandbox's accounts."""
    url = settings.database_url
    assert url is not None
    more = {"DATABASE_URL": url.get_secret_value()}
    if settings.database_direct_url is not None:
        more["DATABASE_DIRECT_URL"] = settings.database_direct_url.get_secret_value()
    world_settings = read_settings(environment(sandbox, **more))
    return World(open_database(world_settings), sandbox, world_settings)


def test_the_owner_of_a_database_needs_no_more_rights_to_upgrade_it(server: Managed) -> None:
    """No superuser, no CREATEDB, no extension, and TLS with a checked certificate."""
    settings = settings_for(server.url)

    first, again = bring_up_to_date(settings), bring_up_to_date(settings)

    assert first.before is None
    assert again.before == again.after == first.after
    assert server.query(
        f"SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = '{OWNER}'"
    ) == [(False, False, False)]
    assert server.query("SELECT extname FROM pg_extension") == [("plpgsql",)]


def test_a_server_that_asks_for_tls_refuses_a_connection_without_in_one_line(
    server: Managed,
) -> None:
    """What the server says is kept; the password isn't."""
    plain = server.url.set(query={"sslmode": "disable"})

    with pytest.raises(ServerUnreachable) as refused:
        open_database(settings_for(plain))

    assert "no encryption" in refused.value.reason
    assert "password" not in refused.value.reason


def test_dagsters_own_database_is_made_ready_with_the_owners_rights(
    server: Managed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is empty, and again: `impact-in db upgrade --with-dagster`."""
    bring_up_to_date(settings_for(server.url))
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", shown(server.url.set(database="dagster")))

    for _ in range(2):
        upgrade_instance(settings_for(server.url))

    with DagsterInstance.get() as instance:
        assert instance.get_runs_count() == 0


def test_sessions_behind_a_pooler_are_refused_until_an_upgrade_has_prepared_them(
    server: Managed, pooled: Settings, pooled_url: URL
) -> None:
    """PgBouncer refuses options at connect, so that without DATABASE_DIRECT_URL nothing opens; with it
    sessions would be in the server's own time zone, in which days are cut otherwise."""
    bring_up_to_date(settings_for(server.url))
    server.query(f"ALTER ROLE {OWNER} IN DATABASE impact_in RESET ALL")
    reconnect(pooled_url)

    with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter"):
        open_database(settings_for(pooled_url)).close()
    with pytest.raises(SessionsUnprepared) as unprepared:
        open_database(pooled).close()
    bring_up_to_date(pooled)
    # PgBouncer keeps open what it has, and tells new ones the old zone.
    reconnect(pooled_url)
    opened = open_database(pooled)
    with opened.engine.connect() as connection:
        found = connection.execute(
            text("SELECT current_setting('TimeZone'), current_setting('statement_timeout')")
        ).one()
    opened.close()

    assert unprepared.value.zone == "America/New_York"
    assert tuple(found) == ("UTC", "1min")


def test_drains_imports_and_reads_work_through_a_pooler_in_transaction_mode(
    pooled: Settings, pooled_url: URL, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Two drains at once, each with more connections of its own than PgBouncer has to the server: everything
    arrives once, and no session keeps what one of ours has set for a transaction."""
    prepare(pooled, pooled_url)
    sandbox.client.reset()
    world = world_with(pooled, sandbox)
    companies = world.due(Platform.BENEVITY, 60, prefix=f"p{uuid4().hex[:6]}")
    events = tmp_path / "events.csv"
    slug = world.rows("SELECT slug FROM companies WHERE id = :id", id=companies[0])[0]["slug"]
    events.write_text(
        f"{','.join(HEADER)}\ne9,{slug},{YESTERDAY}T10:00:00Z,session,P9,V9,1.5,language,7\n"
    )
    done = import_events(world.database.engine, events, now=world.clock())
    drains = [world.another_runtime(seed=n).drain(Platform.BENEVITY) for n in range(2)]
    threads = [threading.Thread(target=drain.run) for drain in drains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.database.reads.connect() as connection:
        status = connection.execute(
            text("SELECT status, count(*) FROM impact_deliveries GROUP BY 1")
        )
        found = [tuple(row) for row in status]
    with world.database.engine.connect() as connection:
        kept = {
            tuple(
                connection.execute(
                    text(
                        "SELECT current_setting('statement_timeout'), current_setting('work_mem'), "
                        "current_setting('default_transaction_read_only'), current_setting('TimeZone')"
                    )
                ).one()
            )
            for _ in range(8)
        }

    assert done.imported == 1
    assert found == [("success", 60)]
    assert len(world.accepted(Platform.BENEVITY)) == 60
    assert world.doubled(Platform.BENEVITY) == []
    assert kept == {("1min", "4MB", "off", "UTC")}


def test_what_needs_a_session_goes_to_the_server_itself(
    pooled: Settings, pooled_url: URL, sandbox: Sandbox
) -> None:
    """Through the pooler LISTEN is accepted and nothing is ever heard, and a lock of the session's is
    nobody's in particular; by the direct URL both hold."""
    prepare(pooled, pooled_url)
    world = world_with(pooled, sandbox)
    company = world.companies(1, prefix=f"l{uuid4().hex[:6]}")[0]
    deaf = DeliveryListener(pooled_url)
    listener = DeliveryListener(world.database.direct_url)
    try:
        (made,) = world.deliveries(Platform.GOODERA, company)
        heard = next(batch for batch in islice(listener.notices(), 20) if batch)
        unheard = [batch for batch in islice(deaf.notices(), 3) if batch]
    finally:
        listener.close()
        deaf.close()
    turns = CompanyTurns(world.database.direct_url, "connection-test")
    with turns.taken(company) as first, turns.taken(company) as second:
        held = (first, second)
    with turns.taken(company) as third:
        pass

    assert [notice["id"] for notice in heard] == [str(made)]
    assert unheard == []
    assert (held, third) == ((True, False), True)
