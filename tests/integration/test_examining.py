"""What `impact-in doctor` and readiness examine, each thing broken in turn."""

import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
from factories import World

from impact_in_pipelines.cli.operating.findings import sentence_of
from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating import health
from impact_in_pipelines.services.operating.health import Diagnosis, Fact

_Usage = namedtuple("_Usage", "total used free")


def about(found: list[Diagnosis], part: str) -> Diagnosis:
    """The one finding about this part."""
    (one,) = [one for one in found if one.fact.about == part]
    return one


@pytest.mark.parametrize(
    ("ahead_s", "fact", "said"),
    [
        (0.0, Fact.CLOCK_RIGHT, "within 0.0 s"),
        (5.0, Fact.CLOCK_OFF, "5 s ahead of the database's"),
        (-300.0, Fact.CLOCK_OFF, "300 s behind the database's"),
    ],
)
def test_a_clock_that_is_off_is_found_with_its_direction(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead_s: float, fact: Fact, said: str
) -> None:
    """What round trips explain isn't."""
    monkeypatch.setattr(health, "utc_now", lambda: utc_now() + timedelta(seconds=ahead_s))
    clock = about(health.of_database(world.database), "clock")
    assert clock.fact is fact
    assert said in sentence_of(clock)


@pytest.mark.parametrize(
    ("version", "usable_from", "fact"),
    [
        ("0020", "0009", Fact.TABLES_OUT_OF_STEP),
        ("9999", "0009", Fact.TABLES_CURRENT),
        ("9999", "9999", Fact.TABLES_OUT_OF_STEP),
    ],
    ids=["behind", "ahead and usable", "ahead"],
)
def test_tables_of_another_version_are_found_unless_they_may_be_used(
    world: World, version: str, usable_from: str, fact: Fact
) -> None:
    """And the revision that is named is the database's."""
    world.execute("UPDATE alembic_version SET version_num = :version", version=version)
    world.execute(f"COMMENT ON TABLE alembic_version IS '{usable_from}'")
    tables = about(health.of_database(world.database), "migrations")
    assert tables.fact is fact
    assert version in sentence_of(tables)


@pytest.mark.parametrize(
    ("free_gb", "fact"),
    [(5.1, Fact.DISK_ROOMY), (4.9, Fact.DISK_LOW), (1.1, Fact.DISK_LOW), (0.9, Fact.DISK_FULL)],
)
def test_a_disk_is_low_before_it_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_gb: float, fact: Fact
) -> None:
    """Two folders on it are one finding, and one that isn't made yet is looked for above."""
    usage = _Usage(0, 0, round(free_gb * 1e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (disk,) = health.of_disk([tmp_path, tmp_path / "not" / "there"])
    assert disk.fact is fact


def test_a_connection_that_can_not_be_used_says_what_it_lacks(world: World) -> None:
    """It is stored without credentials; one that somebody has disabled is what it is meant to be."""
    lacks, disabled = world.companies(2)
    for company in (lacks, disabled):
        world.execute(
            "INSERT INTO platform_connections (company_id, platform, organization_id, base_url, enabled) "
            "VALUES (:company, 'goodera', 'o', 'https://goodera.example', :enabled)",
            company=company,
            enabled=company == lacks,
        )
    found = [one for one in health.of_accounts(world.runtime) if one.fact is Fact.CONNECTION_LACKS]
    assert [(one.values["name"], one.values["lacks"]) for one in found] == [
        (f"c-1/{Platform.GOODERA.value}", ["credentials"])
    ]
