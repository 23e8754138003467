"""Months that were archived and removed: what was said of them stays, and nothing false is said since."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from factories import World, copied_database, world_on
from sqlalchemy import URL

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.retention.months import note_left
from impact_in_pipelines.errors.retention import ArchiveAway, ArchiveOther
from impact_in_pipelines.errors.sla import WindowLeft
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.operating.retention import retain
from impact_in_pipelines.services.reports import make_report
from impact_in_pipelines.services.sla import standing
from impact_in_pipelines.sla.windows import ReportPeriod

from .cli_harness import Cli

JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
LATER = datetime(2028, 4, 2, tzinfo=UTC)
"""25 months before it March begins."""


@pytest.fixture(scope="module")
def reported(postgres_url: URL, template: str, shared_sandbox: Sandbox) -> Iterator[str]:
    """The name of a database, only copied from here on: a company to which something arrived at the first
    instant of each of three months, and its report on January. A first report counts thirteen months, day by
    day, which takes seconds."""
    with copied_database(postgres_url, template) as url:
        with world_on(url, shared_sandbox) as past:
            (company,) = past.companies()
            for month in (JANUARY, FEBRUARY, MARCH):
                past.clock.now = month
                past.events([company], days=[month.date() - timedelta(days=1)])
                past.deliveries(Platform.BENEVITY, company, days=[month.date() - timedelta(days=1)])
                past.drain(Platform.BENEVITY)
            past.execute(
                "UPDATE impact_deliveries SET recorded_at = scheduled_for, updated_at = scheduled_for"
            )
            make_report(past.runtime, None, ReportPeriod.MONTHLY, JANUARY.date())
        assert url.database is not None
        yield url.database


@pytest.fixture
def past(postgres_url: URL, reported: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    """The same two years later, and an archive of the test's own."""
    archive = str(tmp_path / "archive")
    with (
        copied_database(postgres_url, reported) as url,
        world_on(url, sandbox, IMPACT_IN_ARCHIVE=archive) as past,
    ):
        past.clock.now = LATER
        yield past


def company_of(world: World) -> Company:
    """The one there is."""
    return world.runtime.companies.find("c-1")


def due_in_january(world: World) -> int:
    report = make_report(world.runtime, company_of(world), ReportPeriod.MONTHLY, date(2026, 1, 20))
    return int(report["overall"]["dueDeliveries"])


def test_a_report_on_a_month_that_has_left_stays_as_it_was_made(past: World) -> None:
    """Made again it would say that nothing had been due, and take the place of the true one."""
    assert due_in_january(past) == 1
    done = retain(past.runtime, actor="test")
    assert [one.month for one in done.deliveries] == ["2026-01", "2026-02"]
    assert due_in_january(past) == 1
    overall = make_report(past.runtime, None, ReportPeriod.MONTHLY, JANUARY.date())
    assert overall["overall"]["dueDeliveries"] == 1
    with pytest.raises(WindowLeft) as refused:
        make_report(past.runtime, company_of(past), ReportPeriod.MONTHLY, FEBRUARY.date())
    assert refused.value.kept_from == MARCH


def test_somebodys_own_comment_on_the_log_says_nothing_of_it(past: World) -> None:
    """What has left is noted in the same place; a database's administrator may have written there before."""
    past.execute("COMMENT ON TABLE impact_deliveries IS 'ask the data team'")
    assert due_in_january(past) == 1
    retain(past.runtime, actor="test")
    with pytest.raises(WindowLeft):
        standing(past.runtime, company_of(past), JANUARY, LATER)


@pytest.mark.parametrize("noted", ["NULL", "'left until 2026-02-01T00:00:00+00:00'"])
def test_what_the_note_lacks_the_audit_log_says(past: World, noted: str) -> None:
    """An older program had removed all or the newest months, or only rows were restored: the report was made
    anew, with nothing due. The next removal notes what the audit log says, which leaves as well."""
    retain(past.runtime, actor="test")
    past.execute(f"COMMENT ON TABLE impact_deliveries IS {noted}")
    assert due_in_january(past) == 1
    with pytest.raises(WindowLeft) as refused:
        standing(past.runtime, company_of(past), FEBRUARY, LATER)
    assert refused.value.kept_from == MARCH
    with past.database.engine.begin() as connection:
        note_left(connection, JANUARY)
    past.execute("DELETE FROM audit_log")
    with pytest.raises(WindowLeft):
        standing(past.runtime, company_of(past), FEBRUARY, LATER)


def test_a_window_of_which_something_has_left_is_refused(past: World) -> None:
    """`healthy`, with every target met, was said of it. What begins with the first instant that is there is
    answered, whenever the next month leaves."""
    company = company_of(past)
    retain(past.runtime, actor="test")
    for start in (JANUARY, MARCH - timedelta(microseconds=1)):
        with pytest.raises(WindowLeft):
            standing(past.runtime, company, start, LATER)
    assert standing(past.runtime, company, MARCH, None).status.overall.metrics.due == 1
    past.clock.now = LATER + timedelta(days=31)
    retain(past.runtime, actor="test")
    with pytest.raises(WindowLeft):
        standing(past.runtime, company, MARCH, None)


def test_nobody_is_erased_or_exported_where_the_archive_is_not(past: World, tmp_path: Path) -> None:
    """The API's pods mounted none: what they called erased stayed in it, and their exports lacked it."""
    company = company_of(past)
    away = past.settings.model_copy(update={"archive": tmp_path / "not mounted"})
    here, past.runtime.settings = past.settings, away
    lives.erase_participant(past.runtime, company, "p1", actor="test")  # nothing was archived yet
    past.runtime.settings = here
    retain(past.runtime, actor="test")
    past.runtime.settings = away
    lives.deactivate(past.runtime, company, actor="test")
    for refused in (
        lambda: lives.erase_participant(past.runtime, company, "p2", actor="test"),
        lambda: lives.export(past.runtime, company, tmp_path / "export.zip", actor="test"),
    ):
        with pytest.raises(ArchiveAway):
            refused()
    past.runtime.settings = here
    lives.export(past.runtime, company, tmp_path / "export.zip", actor="test")
    past.runtime.settings = away
    with pytest.raises(ArchiveAway):
        lives.erase(past.runtime, company, confirmed=company.slug, actor="test")
    past.runtime.settings = here
    erased = lives.erase(past.runtime, company, confirmed=company.slug, actor="test")
    assert erased.archives


@pytest.mark.parametrize("told", [True, False])
def test_an_empty_mount_point_is_not_the_archive(past: World, tmp_path: Path, told: bool) -> None:
    """The folder is there where the volume isn't: the person stayed in the archive and was called erased. An
    archive that erasing has emptied is one, whether the audit log still tells of it or has left."""
    company = company_of(past)
    retain(past.runtime, actor="test")
    if not told:
        past.execute("DELETE FROM audit_log")
    (empty := tmp_path / "mount point").mkdir()
    here, past.runtime.settings = past.settings, past.settings.model_copy(update={"archive": empty})
    with pytest.raises(ArchiveAway):
        lives.erase_participant(past.runtime, company, "p1", actor="test")
    past.runtime.settings = here
    lives.deactivate(past.runtime, company, actor="test")
    lives.export(past.runtime, company, tmp_path / "export.zip", actor="test")
    lives.erase(past.runtime, company, confirmed=company.slug, actor="test")
    assert here.archive_folder is not None
    assert list(here.archive_folder.glob("*/*.parquet")) == []
    past.companies(1, prefix="other")
    other = past.runtime.companies.find("other-1")
    lives.erase_participant(past.runtime, other, "p1", actor="test")


def test_another_volume_is_not_the_archive(past: World, tmp_path: Path) -> None:
    """One that was mounted in its place got the newest month and counted as the archive: what an erasure
    cleaned there stayed in the real one. Whoever has lost it for good says so by its id."""
    company, here = company_of(past), past.settings
    assert here.archive_folder is not None
    retain(past.runtime, actor="test")
    past.clock.now = LATER + timedelta(days=31)
    wrong = tmp_path / "wrong"
    past.runtime.settings = here.model_copy(update={"archive": wrong})
    with pytest.raises(ArchiveOther, match=r"archive\.json"):
        retain(past.runtime, actor="test")
    assert past.scalars("SELECT count(*) FROM impact_deliveries") == [1]
    assert not wrong.exists()
    shutil.copytree(here.archive_folder, wrong)
    (wrong / "archive.json").write_text('{"archive": "00000000-0000-4000-8000-000000000000"}')
    with pytest.raises(ArchiveAway) as refused:
        lives.erase_participant(past.runtime, company, "p1", actor="test")
    assert refused.value.missing.startswith("archive.json (")
    shutil.copy(here.archive_folder / "archive.json", wrong)
    lives.erase_participant(past.runtime, company, "p1", actor="test")
    assert retain(past.runtime, actor="test").deliveries


def test_an_archive_from_before_there_were_ids_has_the_files_of_all_passes(
    past: World, tmp_path: Path
) -> None:
    """A volume that has those of the newest pass only isn't it. The next pass gives the archive its id."""
    company, here = company_of(past), past.settings
    assert here.archive_folder is not None
    mark = here.archive_folder / "archive.json"
    for days in (0, 31):
        past.clock.now = LATER + timedelta(days=days)
        retain(past.runtime, actor="test")
        assert mark.is_file()
        mark.unlink()
        past.execute("DELETE FROM archive_marks")
    wrong = tmp_path / "wrong"
    shutil.copytree(here.archive_folder, wrong, ignore=lambda _, names: [*filter(_is_old, names)])
    assert len(list(wrong.glob("*/*.parquet"))) == 2
    past.runtime.settings = here.model_copy(update={"archive": wrong})
    with pytest.raises(ArchiveAway) as refused:
        lives.erase_participant(past.runtime, company, "p1", actor="test")
    assert refused.value.missing == "delivery_attempts/2026-01.parquet"
    past.runtime.settings = here
    lives.erase_participant(past.runtime, company, "p1", actor="test")


def _is_old(name: str) -> bool:
    return "2026-01" in name or "2026-02" in name


def test_offboarding_refuses_before_anything_is_stopped(
    past: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the archive it had cancelled what waits, for good, when its export was refused."""
    company = company_of(past)
    retain(past.runtime, actor="test")
    monkeypatch.setenv("IMPACT_IN_ARCHIVE", str(tmp_path / "not mounted"))
    cli = Cli(monkeypatch, past.database)
    words = ("companies", "offboard", company.slug, "--to", str(tmp_path / "export.zip"))
    refused = cli.refused(*words, "--confirm", company.slug)
    assert "archive" in refused.err
    assert lives.life(past.runtime, company).deactivated_at is None
    away = past.settings.model_copy(update={"archive": tmp_path / "not mounted"})
    past.runtime.settings = away
    with pytest.raises(ArchiveAway):  # before it asks whether anything was exported
        lives.erase(past.runtime, company, confirmed=company.slug, actor="test")
