"""Retention: a filled log is archived, read back and purged, and nothing that is still needed leaves."""

import errno
import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from factories import World, world_on
from pydantic import SecretStr

from impact_in_pipelines.db.retention import archives, leaving
from impact_in_pipelines.db.retention.months import (
    drop_oldest_month,
    make_months,
    month_of,
    months_made,
    next_month,
)
from impact_in_pipelines.db.schema.months import MONTHS_AHEAD
from impact_in_pipelines.errors.retention import ArchiveUnwritable, LogBusy
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.operating.retention import retain

BENEVITY = Platform.BENEVITY
COMPANIES = 3
FIRST = datetime(2024, 1, 15, 6, tzinfo=UTC)
"""When the log's oldest delivery was due; from then on one of each company a month."""
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""25 months before it, October 2024 begins."""

_FILL = """
INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end, scheduled_for,
    idempotency_key, attempt_count, payload, payload_hash, payload_bytes, transaction_id, recorded_at,
    created_at, delivered_at, updated_at)
SELECT c.id, 'benevity', 'schedule', 'success', CAST(at AS date) - 1, CAST(at AS date) - 1, at,
       gen_random_uuid(), 1, jsonb_build_object('at', at, 'name', 'Grønn'), repeat('a', 64), 12,
       'tx-' || c.slug, at, at, at, at
FROM companies c, generate_series(CAST(:first AS timestamptz), :now, interval '1 month') at;
INSERT INTO delivery_attempts (delivery_id, due_at, number, started_at, finished_at, outcome, latency_ms)
SELECT id, CASE WHEN scheduled_for > '2024-03-01' THEN scheduled_for ELSE '-infinity' END, 1, scheduled_for,
       scheduled_for, 'delivered', 12.5 FROM impact_deliveries;
INSERT INTO audit_log (at, actor, action, company_id, subject, after)
SELECT at, 'somebody', 'schedule.set', c.id, 'schedule', jsonb_build_object('at', at)
FROM companies c,
     generate_series(CAST(:first AS timestamptz) - interval '1 year', :now, interval '1 month') at;
INSERT INTO company_impact (company_id, day, participants, volunteers, volunteer_hours, sessions, events,
    activities, outcomes, quality, computed_at)
SELECT c.id, CAST(at AS date), 1, 1, 1, 1, 1, '{}', '{}', '{}', at
FROM companies c, generate_series(CAST(:first AS timestamptz), :now, interval '1 month') at;
"""


@pytest.fixture
def filled(world: World, tmp_path: Path) -> Iterator[World]:
    """A log of almost three years, older ones of which lie in `_before`, at a time when much of it is
    over."""
    with world_on(
        world.database.url, world.sandbox, IMPACT_IN_ARCHIVE=str(tmp_path / "archive")
    ) as filled:
        filled.clock.now = NOW
        filled.companies(COMPANIES)
        filled.execute(_FILL, first=FIRST, now=NOW)
        # As if nothing had been written lately: rows are as old as they say.
        filled.execute("UPDATE impact_deliveries SET recorded_at = scheduled_for")
        yield filled


def archive_of(world: World) -> Path:
    folder = world.settings.archive_folder
    assert folder is not None
    return folder


def of_table(world: World, table: str) -> int:
    return int(world.scalars(f"SELECT count(*) FROM {table}")[0])


def test_what_is_over_is_archived_and_read_back_as_it_was(filled: World) -> None:
    """Deliveries, attempts and the audit log; a file for each table and month, with its manifest."""
    gone = filled.rows(
        "SELECT * FROM impact_deliveries WHERE scheduled_for < '2024-10-01Z' ORDER BY scheduled_for, id"
    )
    attempts, audited = of_table(filled, "delivery_attempts"), of_table(filled, "audit_log")
    heard: list[tuple[int, int]] = []

    done = retain(filled.runtime, actor="test", tell=lambda *months: heard.append(months))

    assert heard[:10] == [(month, 9) for month in range(10)]
    assert heard[-1][0] == heard[-1][1] == len(heard) - 11

    assert [one.month for one in done.deliveries] == [f"2024-{month:02}" for month in range(1, 10)]
    assert done.deliveries_kept == []
    assert len(gone) == 9 * COMPANIES
    assert filled.scalars("SELECT min(scheduled_for) FROM impact_deliveries") == [
        datetime(2024, 10, 15, 6, tzinfo=UTC)
    ]
    assert of_table(filled, "delivery_attempts") == attempts - len(gone)

    folder = archive_of(filled)
    read = pd.read_parquet(folder / "impact_deliveries").sort_values(["scheduled_for", "id"])
    assert len(read) == len(gone)
    for row, before in zip(read.to_dict("records"), gone, strict=True):
        assert UUID(row["id"]) == before["id"]
        assert row["scheduled_for"] == before["scheduled_for"]
        assert json.loads(row["payload"]) == before["payload"]
        assert row["period_start"] == before["period_start"]
        assert row["transaction_id"] == before["transaction_id"]
    tried = pd.read_parquet(folder / "delivery_attempts")
    assert set(tried["delivery_id"]) == {str(row["id"]) for row in gone}
    for manifest in folder.glob("*/*.json"):
        said = json.loads(manifest.read_text())
        content = (manifest.parent / said["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == said["sha256"]
        assert len(pd.read_parquet(manifest.parent / said["file"])) == said["rows"]
    # 37 months of the audit log stay; what was removed is in it.
    assert filled.scalars("SELECT min(at) FROM audit_log") == [
        datetime(2023, 10, 15, 6, tzinfo=UTC)
    ]
    removed = sum(one.rows["audit_log"] for one in done.audit)
    noted = filled.scalars("SELECT after FROM audit_log WHERE action = 'retention.removed'")
    assert of_table(filled, "audit_log") == audited - removed + len(noted)
    assert len(noted) == 9 * 2 + len(done.audit)
    assert done.figures == 9 * COMPANIES - COMPANIES  # 800 days
    # Again there is nothing to do.
    again = retain(filled.runtime, actor="test")
    assert (again.deliveries, again.audit, again.figures) == ([], [], 0)


def test_a_dry_run_says_the_same_and_changes_nothing(filled: World) -> None:
    """Neither in the database nor in the archive."""
    tables = ("impact_deliveries", "delivery_attempts", "audit_log", "company_impact")
    before = [of_table(filled, one) for one in tables]
    would = retain(filled.runtime, actor="test", dry_run=True)
    assert [of_table(filled, one) for one in tables] == before
    assert not archive_of(filled).exists()
    done = retain(filled.runtime, actor="test")
    assert [(one.month, one.rows) for one in would.deliveries] == [
        (one.month, one.rows) for one in done.deliveries
    ]
    assert [one.rows for one in would.audit] == [one.rows for one in done.audit]
    assert would.figures == done.figures


@pytest.mark.parametrize(
    "change",
    [
        "status = 'pending', next_attempt_at = '2026-12-01Z'",
        "recorded_at = NULL",
        "delivered_at = '2026-11-20T11:00Z', updated_at = '2026-11-20T11:00Z'",
        "call_back_at = '2026-11-19Z'",
    ],
    ids=["open", "not shown", "replayed within the window", "called back"],
)
def test_a_month_stays_with_one_that_is_still_needed(filled: World, change: str) -> None:
    """The same content again within 24 hours would otherwise be sent twice, a replay would be lost, and a
    cell would never be coloured."""
    filled.execute(
        f"UPDATE impact_deliveries SET {change} WHERE id = ("
        "SELECT id FROM impact_deliveries WHERE scheduled_for = '2024-04-15T06:00Z' LIMIT 1)"
    )
    done = retain(filled.runtime, actor="test")
    assert [(one.month, one.why) for one in done.deliveries_kept] == [("2024-04", "needed")]
    assert filled.scalars(
        "SELECT count(*) FROM impact_deliveries WHERE scheduled_for < '2024-10-01Z'"
    ) == [COMPANIES]


def test_what_the_calendar_shows_stays_whatever_is_set(filled: World) -> None:
    """Two months are less than IMPACT_IN_PARTITION_DAYS: reports and cells go back further."""
    settings = filled.settings.model_copy(update={"retention_deliveries_months": 2})
    filled.runtime.settings = settings
    done = retain(filled.runtime, actor="test", dry_run=True)
    assert done.kept_from == datetime(2025, 9, 1, tzinfo=UTC)  # 431 days back


def test_broken_off_between_archive_and_removal_it_is_done_again(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file stays, nothing is lost and nothing is written over."""

    def power_fails(*_: object) -> None:
        raise RuntimeError("power fails")

    with monkeypatch.context() as broken:
        broken.setattr(leaving.Leaving, "_delete", power_fails)
        with pytest.raises(RuntimeError):
            retain(filled.runtime, actor="test")
    rows = of_table(filled, "impact_deliveries")
    folder = archive_of(filled) / "impact_deliveries"
    first = (folder / "2024-01.parquet").read_bytes()
    retain(filled.runtime, actor="test")
    assert of_table(filled, "impact_deliveries") == rows - 9 * COMPANIES
    assert (folder / "2024-01.parquet").read_bytes() == first
    assert len(pd.read_parquet(folder / "2024-01-2.parquet")) == COMPANIES


def test_what_changes_while_it_is_archived_stays(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of a delivery that is just being written to the file."""
    archived = archives.archived

    def and_changed(*arguments: object, **named: object) -> object:
        written = archived(*arguments, **named)  # type: ignore[arg-type]
        if named["month"] == datetime(2024, 2, 1, tzinfo=UTC):
            filled.execute(
                "UPDATE impact_deliveries SET status = 'failed', updated_at = '2024-02-16Z' "
                "WHERE scheduled_for = '2024-02-15T06:00Z'"
            )
        return written

    monkeypatch.setattr(leaving, "archived", and_changed)
    done = retain(filled.runtime, actor="test")
    assert [(one.month, one.why) for one in done.deliveries_kept] == [("2024-02", "changed")]
    assert filled.scalars(
        "SELECT count(*) FROM impact_deliveries WHERE scheduled_for < '2024-10-01Z'"
    ) == [COMPANIES]


def test_without_an_archive_that_is_named_nothing_is_removed_that_belongs_in_it(
    filled: World,
) -> None:
    """A pod's home ends with the pod: the archive would be gone, and the rows too."""
    url = SecretStr(filled.database.url.render_as_string(hide_password=False))
    filled.runtime.settings = filled.settings.model_copy(
        update={"archive": None, "database_url": url}
    )
    rows, audited = of_table(filled, "impact_deliveries"), of_table(filled, "audit_log")
    done = retain(filled.runtime, actor="test")
    assert {one.why for one in done.deliveries_kept} == {"no_archive"}
    assert of_table(filled, "impact_deliveries") == rows
    assert of_table(filled, "audit_log") == audited


def test_an_archive_that_can_not_be_written_removes_nothing(filled: World, tmp_path: Path) -> None:
    """A file in the place of the folder, a full disk, a share that is away."""
    (tmp_path / "archive").write_text("")
    rows = of_table(filled, "impact_deliveries")
    with pytest.raises(ArchiveUnwritable):
        retain(filled.runtime, actor="test")
    assert of_table(filled, "impact_deliveries") == rows


def test_a_disk_that_is_full_keeps_nothing_of_half_a_month(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of it would take the room that is left, and the next night writes it anew anyway."""

    def full(_: Path) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "sha256_of", full)
    with pytest.raises(ArchiveUnwritable, match="No space left"):
        retain(filled.runtime, actor="test")
    assert [one for one in archive_of(filled).glob("*/*") if one.is_file()] == []


def test_two_at_once_archive_and_remove_each_month_once(filled: World) -> None:
    """The nightly jobs of two homes on one database, or a person beside one: both wrote to the same file, and
    one of them ended with the other's."""
    runtimes = [filled.runtime, filled.another_runtime()]
    begin = threading.Barrier(len(runtimes))

    def one(runtime: Runtime) -> list[str]:
        begin.wait()
        return [gone.month for gone in retain(runtime, actor="test").deliveries]

    with ThreadPoolExecutor(len(runtimes)) as pool:
        months = [month for found in pool.map(one, runtimes) for month in found]
    assert sorted(months) == [f"2024-{month:02}" for month in range(1, 10)]
    for table in ("impact_deliveries", "delivery_attempts", "audit_log"):
        files = [one.stem for one in (archive_of(filled) / table).glob("*.parquet")]
        assert len(files) == 9
        assert not any(name.endswith("-2") for name in files)


@pytest.mark.parametrize("whom", ["a person", "a company"])
def test_who_is_erased_while_a_month_is_archived_is_not_in_its_archive(
    filled: World, monkeypatch: pytest.MonkeyPatch, whom: str
) -> None:
    """Its rows had been read, its file wasn't there yet to be looked through: what was erased stayed in it
    for good."""
    slug = filled.scalars("SELECT slug FROM companies ORDER BY slug LIMIT 1")[0]
    company = filled.runtime.companies.find(slug)
    filled.execute(
        "UPDATE impact_deliveries SET provider_response = jsonb_build_object('participant_ref', 'p-4711') "
        "WHERE company_id = :company",
        company=company.id,
    )
    if whom == "a company":
        lives.deactivate(filled.runtime, company, reason="leaves", actor="test")
        written = lives.export(
            filled.runtime, company, archive_of(filled).with_name("export.zip"), actor="test"
        )
        assert written.rows
    pool = ThreadPoolExecutor(1)
    erasures: list[Future[object]] = []
    read = archives._chunks

    def and_erased(*arguments: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Whoever erases begins once the rows of the first month have been read."""
        rows = list(read(*arguments))
        if not erasures:
            if whom == "a company":
                erasures.append(
                    pool.submit(lives.erase, filled.runtime, company, confirmed=slug, actor="test")
                )
            else:
                erasures.append(
                    pool.submit(
                        lives.erase_participant, filled.runtime, company, "p-4711", actor="test"
                    )
                )
            wait(erasures, timeout=1)  # it is done by then, or waits for the month
        return iter(rows)

    with monkeypatch.context() as patched:
        patched.setattr(archives, "_chunks", and_erased)
        retain(filled.runtime, actor="test")
    erasures[0].result(timeout=60)
    pool.shutdown()
    read_back = pd.read_parquet(archive_of(filled) / "impact_deliveries")
    assert len(read_back)
    assert not read_back["provider_response"].str.contains("4711").any()
    assert (str(company.id) in set(read_back["company_id"])) == (whom == "a person")


def test_a_month_of_its_own_is_dropped_once_it_is_over(filled: World) -> None:
    """Years later: no row is deleted one by one, and what comes to be due in it has its place. The month
    before it, in which nothing was due, goes first."""
    with filled.database.engine.connect() as connection:
        empty, oldest = months_made(connection)[:2]
    filled.clock.now = oldest + timedelta(days=15, hours=12)
    (id_,) = filled.deliveries(BENEVITY, *filled.scalars("SELECT id FROM companies LIMIT 1"))
    filled.execute(
        "UPDATE impact_deliveries SET status = 'success', next_attempt_at = NULL, recorded_at = now(), "
        "updated_at = scheduled_for WHERE id = :id",
        id=id_,
    )
    filled.clock.now += timedelta(days=800)

    done = retain(filled.runtime, actor="test")

    assert done.deliveries[-1].month == f"{oldest:%Y-%m}"
    assert done.deliveries_kept == []
    with filled.database.engine.connect() as connection:
        made = months_made(connection)
    assert not {empty, oldest} & set(made)
    # Months between then and now were made, and those of them that are over are gone: they had no rows.
    assert made[0] == done.kept_from
    assert made[-1] == next_month(month_of(filled.clock.now))
    assert made == [*_each(made[0], made[-1])]
    filled.clock.now = oldest
    filled.deliveries(BENEVITY, *filled.scalars("SELECT id FROM companies LIMIT 1"))


def _each(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first = next_month(first)


def test_months_are_made_ahead_and_take_what_lay_beyond_them(world: World) -> None:
    """A clock that was wrong had planned a delivery there."""
    world.clock.now = datetime(2031, 5, 3, tzinfo=UTC)
    (company,) = world.companies()
    (id_,) = world.deliveries(BENEVITY, company)
    made = make_months(world.database.engine, datetime(2031, 4, 30, 23, tzinfo=UTC))
    assert len(made) > 12
    assert made[-1] == datetime(2031, 4 + MONTHS_AHEAD, 1, tzinfo=UTC)
    assert make_months(world.database.engine, datetime(2031, 4, 30, tzinfo=UTC)) == []
    name = "SELECT CAST(CAST(tableoid AS regclass) AS text) FROM impact_deliveries"
    assert world.scalars(name) == ["impact_deliveries_2031_05"]
    assert world.delivery(id_)["status"] == "pending"


def test_a_log_that_somebody_holds_is_left_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up before anybody who works on the log does."""
    monkeypatch.setattr("impact_in_pipelines.db.retention.months._TRIES", 1)
    with world.database.engine.begin() as somebody:
        somebody.exec_driver_sql("SELECT 1 FROM impact_deliveries LIMIT 1")
        with pytest.raises(LogBusy):
            make_months(world.database.engine, datetime(2031, 1, 1, tzinfo=UTC))
    with world.database.engine.connect() as connection:
        newest = months_made(connection)[-1]
    with pytest.raises(ValueError, match="oldest"):
        drop_oldest_month(world.database.engine, newest, only_if=lambda _: True)
