"""A result is never forgotten: what has arrived is recorded, whatever the database does meanwhile (D4)."""

import pytest
from factories import World, world_on
from sqlalchemy.exc import DBAPIError

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

BENEVITY = Platform.BENEVITY

_FAILING = """
CREATE SEQUENCE settlings;
CREATE FUNCTION fail_settling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {when} THEN RAISE EXCEPTION 'the database failed in the middle of a settle'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fail_settling BEFORE UPDATE OF outcome ON delivery_attempts
FOR EACH ROW WHEN (NEW.outcome = 'delivered') EXECUTE FUNCTION fail_settling()
"""


def fail_settling(world: World, when: str) -> None:
    """Let the database refuse to record an arrival as long as `when` holds."""
    world.execute(_FAILING.format(when=when))


def test_results_that_the_log_could_not_take_are_kept_and_recorded(world: World) -> None:
    """One failed settle once made twenty arrived deliveries go out again as lost."""
    companies = world.companies(20)
    world.events(companies)
    ids = world.deliveries(BENEVITY, *companies)
    fail_settling(world, "nextval('settlings') <= 2")

    summary = world.drain(BENEVITY)

    assert summary.delivered == 20
    assert world.statuses() == {"success": 20}
    assert all(world.outcomes(id_) == ["delivered"] for id_ in ids)
    assert world.sandbox.client.stats()["benevity"]["received"] == 20


def test_one_result_that_is_refused_takes_no_other_along(
    database: Database, sandbox: Sandbox
) -> None:
    """At the end each is tried by itself: the others must not go out again because of it."""
    with world_on(database.url, sandbox, IMPACT_IN_LEASE_SECONDS="5") as world:
        companies = world.companies(5)
        world.events(companies)
        bad, *good = world.deliveries(BENEVITY, *companies)
        fail_settling(world, f"NEW.delivery_id = '{bad}'")

        with pytest.raises(DBAPIError, match="in the middle of a settle"):
            world.drain(BENEVITY)

        assert [world.delivery(id_)["status"] for id_ in good] == ["success"] * 4
        assert world.outcomes(bad) == ["started"]
