"""Anomalies on a real database: found in the rollups, told once, closed when the series is normal again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from impact_in_pipelines.alerting.wording import fact
from impact_in_pipelines.anomalies.kinds import AnomalyKind
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.anomalies.telling import known_series
from impact_in_pipelines.services.anomalies.watching import WatchedAnomalies, watch_anomalies
from integration.alert_worlds import AlertWorld, alert_world
from integration.anomalies.histories import spoil, write_history, write_platform

GOODERA = Platform.GOODERA
DAY = timedelta(days=1)


@pytest.fixture
def made(database: Database, sandbox: Sandbox) -> Iterator[AlertWorld]:
    """A clean database and sandbox with both channels configured."""
    with alert_world(database.url, sandbox) as alerts:
        yield alerts


def look(made: AlertWorld) -> WatchedAnomalies:
    """What the daily run does, after the hourly one has computed yesterday."""
    made.world.execute(
        """INSERT INTO sla_days (day, computed_at, mark, calls_at)
           SELECT CAST(:now AS date) - 1, :now, CAST(pg_current_snapshot() AS text), :now
           ON CONFLICT (day) DO UPDATE SET mark = excluded.mark""",
        now=made.world.clock(),
    )
    return watch_anomalies(made.world.another_runtime())


def kinds(made: AlertWorld) -> list[tuple[Any, list[str]]]:
    """Of each open incident whose it is, and what is anomalous."""
    return [
        (row["company_id"], row["details"]["what"])
        for row in made.incidents()
        if row["closed_at"] is None
    ]


def test_a_usual_half_year_has_no_anomaly(made: AlertWorld) -> None:
    """Weekends included, and a company that is new is not judged."""
    old, new = made.world.companies(2)
    write_history(made.world, old)
    write_history(made.world, new)
    for table in ("sla_daily", "calls_daily", "company_impact"):
        made.world.execute(
            f"DELETE FROM {table} WHERE company_id = :id AND day < :day",
            id=new,
            day=made.world.clock().date() - timedelta(days=9),
        )

    looked = look(made)

    assert looked.series == 2 * 5
    assert looked.found == []
    assert made.incidents() == []


@pytest.mark.parametrize(
    ("table", "change", "what"),
    [
        (
            "sla_daily",
            "failed = successful / 4, successful = successful - successful / 4",
            "success",
        ),
        ("sla_daily", "successful = successful / 4", "volume"),
        ("calls_daily", "answer_ms_sum = answer_ms_sum * 2.5", "answers"),
        ("company_impact", "events = events / 3", "figures"),
        ("company_impact", "volunteer_hours = volunteer_hours * 60", "figures"),
    ],
)
def test_each_kind_is_found_told_with_its_chart_and_closed(
    made: AlertWorld, table: str, change: str, what: str
) -> None:
    """One incident, a warning that pages nobody, with the last four weeks as a line of blocks; when the
    series is normal again it closes by itself."""
    (company,) = made.world.companies()
    write_history(made.world, company)
    made.world.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")
    spoil(made.world, table, change, days=4, company=company)

    looked = look(made)
    assert (looked.changed.opened, kinds(made)) == (1, [(company, [what])])
    look(made)

    (incident,) = made.incidents()
    assert (incident["type"], incident["severity"], incident["paged"]) == (
        ("anomaly", "warning", False)
    )
    made.alerts.send()
    (message,) = made.slack
    told = str(message["message"])
    assert "expected" in told
    assert any(block in told for block in "▁▂▃▄▅▆▇█")
    assert made.pages == []

    made.world.execute(f"DELETE FROM {table}")
    made.world.execute(f"INSERT INTO {table} SELECT * FROM kept")
    made.world.execute("DROP TABLE kept")
    assert look(made).changed.closed == 1
    assert kinds(made) == []


def test_a_platform_that_slows_down_is_one_incident(made: AlertWorld) -> None:
    """Every company's answers take three times as long: the platform is told of, and nobody else."""
    companies = made.world.companies(6)
    for company in companies:
        write_history(made.world, company)
    write_platform(made.world, GOODERA)
    spoil(made.world, "calls_daily", "answer_ms_sum = answer_ms_sum * 3", days=3)
    spoil(made.world, "platform_daily", "answer_bins = ARRAY[73, 74, 75]", days=3)

    looked = look(made)

    assert len(looked.found) == 7
    assert kinds(made) == [(None, ["answers"])]
    assert [row["platform"] for row in made.incidents()] == ["goodera"]


def test_many_companies_with_one_anomaly_are_one_incident(made: AlertWorld) -> None:
    """An import that went wrong for four of six: told together, with their names; over with the last one."""
    companies = made.world.companies(6)
    # Kept beside, for a quarter of a few, times four, may be too few again: how the days vary is chance.
    for company in companies:
        write_history(made.world, company)
    for company in companies[:4]:
        spoil(
            made.world,
            "company_impact",
            "participants = events, events = events / 4",
            days=4,
            company=company,
        )

    look(made)

    (incident,) = made.incidents()
    assert (incident["company_id"], incident["platform"]) == (None, None)
    assert incident["details"]["companies_late"] == 4
    assert len(incident["details"]["names"]) == 4
    for company in companies[:3]:
        spoil(made.world, "company_impact", "events = participants", days=4, company=company)
    look(made)
    assert len(kinds(made)) == 1
    spoil(made.world, "company_impact", "events = participants", days=4, company=companies[3])
    look(made)
    assert kinds(made) == []


def test_a_platforms_own_and_its_companies_other_anomaly_are_both_told(made: AlertWorld) -> None:
    """A platform's volume has fallen, and four of its companies wait long for answers: one incident with
    both, which stays as long as one of them does."""
    companies = made.world.companies(6)
    for company in companies:
        write_history(made.world, company)
    write_platform(made.world, GOODERA)
    fall = "planned = planned / 4, succeeded = succeeded / 4"
    spoil(made.world, "platform_daily", fall, days=3)
    for company in companies[:4]:
        spoil(
            made.world, "calls_daily", "answer_ms_sum = answer_ms_sum * 3", days=3, company=company
        )

    look(made)

    assert kinds(made) == [(None, ["answers", "volume"])]
    (incident,) = made.world.another_runtime().incidents.listed()
    own, others = fact(incident).split("; ", 1)
    assert own.startswith("deliveries due")
    assert others.startswith("answer time of 4 companies: ")
    known = known_series([incident])
    assert (None, GOODERA, AnomalyKind.VOLUME, None) in known
    assert len(known) == 1 + 4
    assert look(made).changed.closed == 0
    for company in companies[:4]:
        spoil(
            made.world, "calls_daily", "answer_ms_sum = answer_ms_sum / 3", days=3, company=company
        )
    look(made)
    assert kinds(made) == [(None, ["volume"])]


def test_switched_off_what_is_open_is_closed(made: AlertWorld, database: Database) -> None:
    """By the next look at the SLA: nobody would ever judge it again."""
    (company,) = made.world.companies()
    write_history(made.world, company)
    spoil(made.world, "sla_daily", "successful = successful / 4", days=4)
    look(made)
    made.watch()
    assert kinds(made) == [(company, ["volume"])]

    with alert_world(
        database.url, made.world.sandbox, ENABLE_ANOMALY_DETECTION="false"
    ) as switched_off:
        switched_off.world.clock.now = made.world.clock()
        switched_off.watch()
    assert kinds(made) == []


def test_yesterday_is_judged_when_it_is_complete(made: AlertWorld) -> None:
    """The hourly run stood still since noon: yesterday is computed first, and half a day is no drop."""
    (company,) = made.world.companies()
    write_history(made.world, company, due=10)
    made.settled(company, GOODERA, arrived=48)
    made.world.execute(
        "UPDATE sla_daily SET successful = 1 WHERE day = :day",
        day=made.world.clock().date() - DAY,
    )

    watch_anomalies(made.world.another_runtime())

    (row,) = made.world.rows(
        "SELECT successful, computed_at FROM sla_daily WHERE day = :day",
        day=made.world.clock().date() - DAY,
    )
    assert row["successful"] == 24


def test_what_an_sla_incident_tells_is_not_told_again(made: AlertWorld) -> None:
    """The success rate is below its target and somebody was told: the anomaly is no news."""
    (company,) = made.world.companies()
    write_history(made.world, company)
    made.settled(company, GOODERA, arrived=20, failed=10)
    made.watch()
    before = len(made.incidents())
    spoil(
        made.world,
        "sla_daily",
        "failed = successful / 3, successful = successful - successful / 3",
        days=3,
    )

    looked = look(made)

    assert [one.key[2] for one in looked.found] == ["success"]
    assert len(made.incidents()) == before


def test_a_new_plan_is_no_drop_in_volume(made: AlertWorld) -> None:
    """Somebody has changed the company's schedules: what was due before says nothing of today."""
    (company,) = made.world.companies()
    write_history(made.world, company)
    spoil(made.world, "sla_daily", "successful = successful / 4", days=4)
    made.world.execute(
        """INSERT INTO audit_log (at, actor, action, company_id, subject)
           VALUES (:at, 'somebody', 'schedule.update', :company, 'schedule 1')""",
        at=made.world.clock() - 5 * DAY,
        company=company,
    )

    assert look(made).found == []


def test_events_that_are_not_imported_yet_are_no_anomaly(made: AlertWorld) -> None:
    """Files come once a week; after more than a week without any they are missed."""
    (company,) = made.world.companies()
    write_history(made.world, company)
    made.world.execute(
        "DELETE FROM company_impact WHERE day > :day", day=made.world.clock().date() - 6 * DAY
    )
    assert look(made).found == []

    made.world.execute(
        "DELETE FROM company_impact WHERE day > :day", day=made.world.clock().date() - 11 * DAY
    )
    look(made)
    assert kinds(made) == [(company, ["figures"])]


def test_a_company_does_not_read_everybodys_numbers(made: AlertWorld) -> None:
    """A platform's incident is shown to every company on it: without totals and names."""
    from impact_in_pipelines.sla.wire import incident_document

    for company in made.world.companies(2):
        write_history(made.world, company)
    write_platform(made.world, GOODERA)
    spoil(made.world, "platform_daily", "planned = planned / 4, succeeded = succeeded / 4", days=3)
    look(made)

    (incident,) = made.world.another_runtime().incidents.listed()
    assert incident.details["anomalies"][0]["days"]
    said = incident_document(incident)["details"]
    assert said["what"] == ["volume"]
    assert "anomalies" not in said
