"""The whole server is put back to a moment by a base backup and the archived log (docs/operations.md)."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from debian_postgres import ARCHIVING, MISSING, Managed, managed_postgres
from factories import World, environment

from impact_in_pipelines.cli.operating.database import bring_up_to_date
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import Settings, read_settings

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
POINT = "before_the_mistake"


@pytest.fixture
def server() -> Iterator[Managed]:
    """A server that archives its log."""
    with managed_postgres(*ARCHIVING) as running:
        yield running


def until_recovered(server: Managed) -> None:
    """It answers before it is promoted."""
    deadline = time.monotonic() + 60
    while server.query("SELECT pg_is_in_recovery()") != [(False,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def log_of(world: World) -> dict[str, tuple[str, str, str]]:
    """Key, status and the platform's transaction of each delivery."""
    rows = world.rows("SELECT id, idempotency_key, status, transaction_id FROM impact_deliveries")
    return {
        str(row["id"]): (str(row["idempotency_key"]), row["status"], row["transaction_id"])
        for row in rows
    }


def test_what_is_sent_again_after_a_recovery_has_the_keys_that_it_had(
    server: Managed, sandbox: Sandbox
) -> None:
    """Ten deliveries are in the recovered log, five were sent after that moment: those are due again, go out
    under the same keys, and the platform accepts each once. Dagster's database went back with ours, so that
    there is nothing to reconcile from."""
    settings = settings_on(server, sandbox)
    bring_up_to_date(settings)
    world = World(open_database(settings), sandbox, settings)
    world.due(Platform.BENEVITY, 10, prefix="early")
    server.back_up()
    assert world.drain(Platform.BENEVITY).delivered == 10
    later = world.companies(5, prefix="late")
    world.events(later)
    world.schedules(Platform.BENEVITY, later)
    server.query(f"SELECT pg_create_restore_point('{POINT}')")
    assert world.drain(Platform.BENEVITY).delivered == 5
    before = log_of(world)

    server.recover_to(POINT)
    until_recovered(server)
    world.database.engine.dispose()
    upgraded = bring_up_to_date(settings)
    again = World(open_database(settings), sandbox, settings, clock=world.clock)
    kept = log_of(again)
    world.clock.advance(timedelta(hours=1))
    sent = again.drain(Platform.BENEVITY).delivered

    assert upgraded.before == upgraded.after
    assert len(kept) == 10
    assert kept.items() <= before.items()
    assert sent == 5
    assert log_of(again) == before
    lines = sandbox.client.accepted("benevity")["accepted"]
    assert Counter(line["timesAccepted"] for line in lines) == {1: 15}


def settings_on(server: Managed, sandbox: Sandbox) -> Settings:
    """A process's settings."""
    url = server.url.render_as_string(hide_password=False)
    key = Fernet.generate_key().decode()
    return read_settings(environment(sandbox, DATABASE_URL=url, IMPACT_IN_SECRET_KEY=key))
