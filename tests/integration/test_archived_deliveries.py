"""A delivery whose month was archived is said to be archived, and where, to whoever could see it before."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import UUID, uuid4

import pandas as pd
import pytest
import requests
from factories import World, world_on

from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.errors.deliveries import DeliveryArchived, DeliveryUnknown
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.operating.retention import retain

from .api_harness import MANAGER, SETTINGS, Served, served
from .cli_harness import Cli

ARCHIVED = "urn:impact-in:problem:delivery-archived"


@pytest.fixture
def past(world: World, tmp_path: Path) -> Iterator[Served]:
    """An API whose two companies' deliveries have been archived and have left the log."""
    archive = str(tmp_path / "archive")
    with (
        world_on(
            world.database.url,
            world.sandbox,
            gated=False,
            IMPACT_IN_ARCHIVE=archive,
            **SETTINGS,
        ) as one,
        served(one) as api,
    ):
        one.execute(
            "UPDATE impact_deliveries SET recorded_at = scheduled_for, updated_at = scheduled_for, "
            "delivered_at = CASE WHEN delivered_at IS NOT NULL THEN scheduled_for END"
        )
        one.clock.advance(timedelta(days=900))
        assert retain(one.runtime, actor="test").deliveries
        assert one.scalars("SELECT count(*) FROM impact_deliveries") == [0]
        yield api


def file_of(world: World, id_: UUID) -> str:
    """The file that has a delivery, as the archive calls it."""
    folder = world.settings.archive_folder
    assert folder is not None
    (found,) = [
        file
        for file in folder.glob("impact_deliveries/*.parquet")
        if str(id_) in set(pd.read_parquet(file, columns=["id"])["id"])
    ]
    return f"impact_deliveries/{found.name}"


def test_the_api_says_where_it_is_and_sends_nothing(past: Served) -> None:
    """410 of a type of its own, whether the archive is mounted or not; for another company's it is 404 as for
    any other: that it was there is nobody else's business."""
    world, id_ = past.world, past.own.failed
    file = file_of(world, id_)
    assert world.settings.archive_folder is not None
    shutil.move(world.settings.archive_folder, world.settings.archive_folder.with_name("away"))
    asked = [
        *(("GET", f"/deliveries/{id_}{part}") for part in ("", "/payload", "/receipt")),
        *(("POST", f"/deliveries/{id_}/{verb}") for verb in ("replay", "preview-replay", "cancel")),
    ]
    said = (
        f"delivery {id_} was archived on {world.clock().date()}: month {file[18:25]}, file {file}"
    )
    for method, path in asked:
        for companies in ([past.own.company], ["*"]):
            answer = past.call(method, path, token=past.token(MANAGER, companies))
            assert answer.status_code == 410, (method, path, answer.text)
            assert (answer.json()["type"], answer.json()["detail"]) == (ARCHIVED, said)
        stranger = past.token(MANAGER, [past.other.company])
        answer = past.call(method, path, token=stranger)
        unknown = past.call(method, path.replace(str(id_), str(uuid4())), token=stranger)
        assert (answer.status_code, unknown.status_code) == (404, 404)
        assert answer.json()["detail"].replace(str(id_), "") == "no such delivery" or (
            answer.json()["detail"] == f"no delivery '{id_}'"
        )
    ids = [str(id_), str(past.other.failed)]
    for path in ("/deliveries/bulk-replay", "/deliveries/cancel"):
        many = past.post(path, {"ids": ids}).json()
        assert {one["id"]: one["code"] for one in many["refused"]} == {
            ids[0]: "delivery.archived",
            ids[1]: "delivery.unknown",
        }
    assert past.post("/deliveries/preview-replay", {"ids": ids[:1]}).status_code == 410
    assert world.scalars("SELECT count(*) FROM impact_deliveries") == [0]


TITLES = {"en": "Archived", "nb": "Arkivert", "es": "Archivada", "uk": "Заархівовано"}


def test_the_cockpit_says_so_in_plain_words(past: Served) -> None:
    """The page of a delivery, and the part that a script puts beside the list."""
    world = past.world
    expires = world.clock() + timedelta(hours=1)
    browser = requests.Session()
    browser.cookies.set(
        "impact_in_session",
        world.runtime.sessions.open(
            "ingrid", MANAGER, [past.own.company], now=world.clock(), expires_at=expires
        ),
    )
    for (language, title), headers in product(TITLES.items(), ({}, {"X-Fragment": "/"})):
        pages = f"{past.url}/{language}/cockpit/{past.own.company}/deliveries"
        page = browser.get(f"{pages}/{past.own.failed}", headers=headers, timeout=60)
        assert page.status_code == 410
        assert f">{title}</h" in page.text
        assert str(past.own.failed) in page.text
        assert file_of(world, past.own.failed) in page.text
        strange = browser.get(f"{pages}/{past.other.failed}", headers=headers, timeout=60)
        assert strange.status_code == 404
        assert "impact_deliveries" not in strange.text


@pytest.fixture
def log(world: World, tmp_path: Path) -> Iterator[World]:
    """A company with a delivery in each of two months, of which the first has been archived."""
    archive = str(tmp_path / "archive")
    with world_on(world.database.url, world.sandbox, IMPACT_IN_ARCHIVE=archive) as one:
        one.companies(1)
        one.execute(
            "INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end, "
            "scheduled_for, recorded_at, updated_at, idempotency_key) SELECT c.id, 'benevity', 'schedule', "
            "'failed', CAST(at AS date), CAST(at AS date), at, at, at, gen_random_uuid() FROM companies c, "
            "generate_series(CAST('2026-01-05Z' AS timestamptz), '2026-02-05Z', interval '1 month') at"
        )
        one.clock.now = datetime(2028, 3, 2, tzinfo=UTC)
        retain(one.runtime, actor="test")
        yield one


def archived_of(world: World) -> UUID:
    """The delivery that was archived."""
    (found,) = world.scalars("SELECT id FROM archived_deliveries")
    assert isinstance(found, UUID)
    return found


def whole(world: World, id_: UUID) -> None:
    DeliveryReader(world.database.engine).whole(id_, None)


def test_a_terminal_says_with_what_to_read_it(log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and one line, by the id or its beginning, for whatever would be done with it."""
    id_ = archived_of(log)
    cli = Cli(monkeypatch, log.database)
    for words in (
        ("show", str(id_)),
        ("show", str(id_)[:8]),
        ("replay", str(id_)),
        ("cancel", str(id_)),
    ):
        ran = cli("deliveries", *words)
        assert ran.code == 1
        assert f"delivery {id_} was archived on 2028-03-02: month 2026-01, file" in ran.err
        assert (
            f'pandas.read_parquet("impact_deliveries/2026-01.parquet", filters=[("id", "==", "{id_}")])'
            in (" ".join(ran.err.split()))
        )
    assert log.settings.archive_folder is not None
    file = log.settings.archive_folder / "impact_deliveries/2026-01.parquet"
    read = pd.read_parquet(file, filters=[("id", "==", str(id_))])
    assert [one["status"] for one in read.to_dict("records")] == ["failed"]
    assert "no delivery" in cli.refused("deliveries", "show", str(uuid4())).err


def test_what_was_archived_before_it_was_noted_is_noted_by_the_next_pass(log: World) -> None:
    """With the day on which the audit log says that it was removed."""
    id_ = archived_of(log)
    log.execute("DELETE FROM archived_deliveries")
    log.execute("DELETE FROM archived_files")
    log.execute("DELETE FROM archive_marks")
    with pytest.raises(DeliveryUnknown):
        whole(log, id_)
    log.clock.advance(timedelta(days=1))
    retain(log.runtime, actor="test", dry_run=True)
    with pytest.raises(DeliveryUnknown):
        whole(log, id_)
    retain(log.runtime, actor="test")
    with pytest.raises(DeliveryArchived) as refused:
        whole(log, id_)
    assert (refused.value.archived_on, refused.value.month) == (date(2028, 3, 2), "2026-01")


def test_what_comes_to_a_month_later_is_in_the_second_file(log: World) -> None:
    """A delivery that is in both is in the newest."""
    log.execute(
        "INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start, period_end, "
        "scheduled_for, recorded_at, updated_at, idempotency_key) SELECT d.id, c.id, 'benevity', 'schedule', "
        "'failed', '2026-01-04', '2026-01-04', '2026-01-06Z', '2026-01-06Z', '2026-01-06Z', d.key "
        "FROM companies c, (VALUES (CAST(:again AS uuid), gen_random_uuid()), "
        "(gen_random_uuid(), gen_random_uuid())) AS d(id, key)",
        again=archived_of(log),
    )
    retain(log.runtime, actor="test")
    found = log.rows(
        "SELECT f.file FROM archived_deliveries a JOIN archived_files f ON f.id = a.file"
    )
    assert [row["file"] for row in found] == ["impact_deliveries/2026-01-2.parquet"] * 2


def test_a_pass_that_was_killed_before_its_manifest_is_made_good_by_the_next(log: World) -> None:
    """Its file is written over, so what it has must not be noted before: the next pass failed for that, and
    the one after it archived the month twice."""
    assert log.settings.archive_folder is not None
    folder = log.settings.archive_folder / "impact_deliveries"
    shutil.copy(folder / "2026-01.parquet", folder / "2026-02.parquet")
    log.clock.advance(timedelta(days=31))
    assert [month.month for month in retain(log.runtime, actor="test").deliveries] == ["2026-02"]
    found = log.rows(
        "SELECT f.file FROM archived_deliveries a JOIN archived_files f ON f.id = a.file ORDER BY 1"
    )
    assert [row["file"] for row in found] == [
        f"impact_deliveries/2026-0{month}.parquet" for month in (1, 2)
    ]
    assert not list(folder.glob("2026-02-2*"))


def test_an_archive_that_was_lost_begins_again_with_the_same_names(log: World) -> None:
    """What was noted of the lost file isn't said to be in the new one."""
    assert log.settings.archive_folder is not None
    lost, folder = archived_of(log), log.settings.archive_folder / "impact_deliveries"
    (folder / "2026-01.parquet").unlink()
    (folder / "_2026-01.json").unlink()
    log.execute(
        "INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start, period_end, "
        "scheduled_for, recorded_at, updated_at, idempotency_key) SELECT c.id, 'benevity', 'schedule', "
        "'failed', '2026-01-04', '2026-01-04', '2026-01-06Z', '2026-01-06Z', '2026-01-06Z', "
        "gen_random_uuid() FROM companies c"
    )
    assert retain(log.runtime, actor="test").deliveries
    assert archived_of(log) != lost


def test_files_that_nobody_can_read_hold_up_nothing(
    log: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's is passed over; a broken one of ours is named in one line, in each pass."""
    id_ = archived_of(log)
    assert log.settings.archive_folder is not None
    folder = log.settings.archive_folder / "impact_deliveries"
    shutil.copy(folder / "2026-01.parquet", folder / "all.parquet")
    for month in ("2025-11", "2025-12"):
        shutil.copy(folder / "_2026-01.json", folder / f"_{month}.json")
    pd.DataFrame({"id": ["1"], "company_id": ["2"]}).to_parquet(folder / "2025-11.parquet")
    (folder / "2025-12.parquet").write_bytes((folder / "2026-01.parquet").read_bytes()[:-20])
    log.execute("DELETE FROM archived_files")
    log.execute("DELETE FROM archived_deliveries")
    log.clock.advance(timedelta(days=31))
    assert [month.month for month in retain(log.runtime, actor="test").deliveries] == ["2026-02"]
    for warning, month in zip(caplog.records, ("2025-11", "2025-12"), strict=True):
        assert warning.getMessage().startswith(f"{folder / month}.parquet can't be read")
        assert (warning.exc_info, "\n" in warning.getMessage()) == (None, False)
    assert log.scalars("SELECT count(*) FROM archived_files") == [2]
    assert id_ in log.scalars("SELECT id FROM archived_deliveries")


def test_of_a_company_that_was_erased_nothing_is_known(log: World, tmp_path: Path) -> None:
    """Not even that it had archived deliveries."""
    id_, company = archived_of(log), log.runtime.companies.find("c-1")
    lives.deactivate(log.runtime, company, actor="test")
    lives.export(log.runtime, company, tmp_path / "export.zip", actor="test")
    lives.erase(log.runtime, company, confirmed=company.slug, actor="test")
    with pytest.raises(DeliveryUnknown):
        whole(log, id_)


def test_the_archive_has_an_id_that_the_database_remembers(log: World) -> None:
    """Both were made when something was archived for the first time."""
    assert log.settings.archive_folder is not None
    said = json.loads((log.settings.archive_folder / "archive.json").read_text())
    assert log.scalars("SELECT archive FROM archive_marks") == [UUID(said["archive"])]
