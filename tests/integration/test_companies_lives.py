"""A company's life after it was added: renamed, switched off and on; by service and command."""

from pathlib import Path

import pytest
from factories import World
from sqlalchemy import text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors.accounts import CompanyInactive, CompanyUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import ScheduleRule
from impact_in_pipelines.services import schedules
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.deliveries.replaying import replay

from .cli_harness import Cli

_FAILED = "UPDATE impact_deliveries SET status = 'failed', failed_at = now() WHERE id = :id"


def test_a_deactivated_company_sends_nothing_and_keeps_its_history(world: World) -> None:
    """What waits is cancelled, schedules stop, what arrived stays; the neighbour's goes out."""
    [arrived, *_] = due = world.due(Platform.BENEVITY, 2)
    company = world.runtime.companies.find(str(arrived))
    world.drain(Platform.BENEVITY)
    [waiting] = world.deliveries(Platform.WORKDAY, arrived)
    done = lives.deactivate(world.runtime, company, actor="ops", reason="the contract ended")
    assert (done.schedules, done.cancelled, done.being_sent) == (1, 1, 0)
    assert world.delivery(waiting)["status"] == DeliveryStatus.CANCELLED
    assert world.scalars(
        "SELECT active FROM scheduled_deliveries WHERE company_id = :id", id=arrived
    ) == [False]
    assert world.scalars(
        "SELECT count(*) FROM impact_deliveries WHERE company_id = ANY(:ids) AND status = 'success'",
        ids=due,
    ) == [2]
    assert lives.life(world.runtime, company).deactivated_at == world.clock()
    # Once more changes nothing, and is no second change in the audit log.
    again = lives.deactivate(world.runtime, company, actor="ops")
    assert (again.schedules, again.cancelled) == (0, 0)
    assert world.scalars(
        "SELECT after ->> 'reason' FROM audit_log WHERE action = 'company.deactivate'"
    ) == ["the contract ended"]


def test_what_was_being_sent_is_not_tried_again(world: World) -> None:
    """A worker held it when the company was switched off, failed and put it back: nobody takes it up, and the
    next look at companies cancels it."""
    [id_] = world.companies(1)
    world.events([id_])
    [held] = world.deliveries(Platform.BENEVITY, id_)
    world.execute(
        "UPDATE impact_deliveries SET status = 'in_progress', lease_until = now() WHERE id = :id",
        id=held,
    )
    company = world.runtime.companies.find(str(id_))
    done = lives.deactivate(world.runtime, company, actor="ops")
    assert (done.cancelled, done.being_sent) == (0, 1)
    world.execute(
        "UPDATE impact_deliveries SET status = 'retrying', lease_until = NULL WHERE id = :id",
        id=held,
    )
    world.drain(Platform.BENEVITY)
    assert world.accepted(Platform.BENEVITY) == {}
    assert lives.cancel_of_inactive(world.runtime) == 1
    assert world.delivery(held)["status"] == DeliveryStatus.CANCELLED


def test_reactivating_resumes_what_was_stopped_with_it_and_nothing_else(world: World) -> None:
    """A schedule that a person had paused before stays paused for that reason."""
    [id_] = world.companies(1)
    running, paused = (
        world.schedules(Platform.BENEVITY, [id_]),
        world.schedules(Platform.WORKDAY, [id_]),
    )
    schedules.pause(world.runtime, paused[0], "a move", actor="ops")
    company = world.runtime.companies.find(str(id_))
    off = lives.deactivate(world.runtime, company, actor="ops").company
    on = lives.reactivate(world.runtime, off, actor="ops")
    assert on.company.active
    assert [(one.id, one.active) for one in on.schedules] == [(running[0], True)]
    assert schedules.find(world.runtime, paused[0]).paused_reason == "a move"
    assert lives.life(world.runtime, on.company).deactivated_at is None


def test_nothing_is_planned_for_a_company_that_is_switched_off(world: World) -> None:
    """Neither a schedule, nor a run, nor a replay."""
    [id_] = world.companies(1)
    [schedule] = world.schedules(Platform.BENEVITY, [id_])
    [failed] = world.deliveries(Platform.BENEVITY, id_)
    world.execute(_FAILED, id=failed)
    company = world.runtime.companies.find(str(id_))
    off = lives.deactivate(world.runtime, company, actor="ops").company
    with pytest.raises(CompanyInactive):
        schedules.create(world.runtime, off, Platform.GOODERA, ScheduleRule("daily"), actor="ops")
    with pytest.raises(CompanyInactive):
        schedules.resume(world.runtime, schedule, actor="ops")
    with pytest.raises(CompanyInactive):
        schedules.run_now(world.runtime, schedule, actor="ops")
    done = replay(world.runtime, [failed], actor="ops")
    assert isinstance(done.refused[failed], CompanyInactive)
    assert done.queued == ()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    return Cli(monkeypatch, database)


def test_a_companys_life_by_command(cli: Cli, world: World, tmp_path: Path) -> None:
    """From its name to the last row; each refusal says what to do next."""
    cli.good("companies", "add", "acme", "--name", "Acme AS")
    assert cli.good("companies", "rename", "acme", "Acme ASA", "--json").json["name"] == "Acme ASA"
    assert (
        cli.good("companies", "deactivate", "acme", "--reason", "over", "--json").json["schedules"]
        == 0
    )
    assert "active again" in cli.good("companies", "reactivate", "acme").out
    file = tmp_path / "acme.zip"
    refused = cli.refused("companies", "offboard", "acme", "--to", str(file))
    assert "--confirm acme" in refused.err
    done = cli.good(
        "companies", "offboard", "acme", "--to", str(file), "--confirm", "acme", "--json"
    ).json
    assert done["export"]["rows"]["companies"] == 1
    assert done["erased"]["rows"]["companies"] == 1
    assert file.exists()
    assert cli.good("companies", "list", "--json").json == []


def test_a_person_is_erased_by_command_and_the_reference_needn_t_be_typed(
    cli: Cli, world: World
) -> None:
    """On standard input it stands in no shell's history."""
    [id_] = world.companies(1)
    world.events([id_])
    done = cli.good("participants", "erase", str(id_), "-", "--json", stdin="p1\n").json
    assert done["rows"]["impactEvents"] == 1
    assert "empty" in cli.refused("participants", "erase", str(id_), "-", stdin="\n").err


def test_a_company_is_found_by_either_key_by_an_index(world: World) -> None:
    """As ids are written, in either case; the id of another company's slug is none. Compared as text it was
    looked for among all of 10,000."""
    [id_] = world.due(Platform.BENEVITY, 1)
    companies = world.runtime.companies
    company = companies.find(str(id_).upper())
    assert company == companies.find(company.slug) == companies.find(str(id_))
    for unknown in (str(id_).replace("-", ""), f"{{{id_}}}", company.slug.upper(), ""):
        with pytest.raises(CompanyUnknown):
            companies.find(unknown)
    with world.database.engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        values = {"slug": company.slug, "id": company.id}
        statement = text("EXPLAIN " + load("accounts/companies")["find"].text)
        plan = " ".join(connection.scalars(statement, values))
    assert "BitmapOr" in plan
