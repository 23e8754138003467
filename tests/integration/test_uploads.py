"""Files of events that are uploaded: checked, shown row by row, imported when a person says yes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from factories import World
from sqlalchemy import text

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.impact.importing import _IMPORT_LOCK, import_events
from impact_in_pipelines.db.impact.uploads import UploadStore
from impact_in_pipelines.errors.accounts import CompanyInactive
from impact_in_pipelines.errors.impact import (
    EventsFileHeader,
    UploadDecided,
    UploadsWaiting,
    UploadUnknown,
)
from impact_in_pipelines.impact.csv_dialect import HEADER as COLUMNS
from impact_in_pipelines.services.accounts import lives
from impact_in_pipelines.services.impact import uploads

HEADER = ",".join(COLUMNS)
GOOD = "e1,c-1,2026-03-09T10:00:00Z,session,p1,v1,1.5,,"
LATE = "e2,c-1,2026-03-09T10:00,session,p2,,2,,"
OTHERS = "e3,c-2,2026-03-09T10:00:00Z,session,p3,,2,,"


@pytest.fixture
def company(world: World) -> Company:
    world.companies(2)
    return world.runtime.companies.find("c-1")


def _file(tmp_path: Path, *rows: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "march.csv"
    path.write_bytes("\r\n".join([HEADER, *rows, ""]).encode(encoding))
    return path


def _checked(world: World, company: Company, path: Path) -> uploads.Upload:
    return uploads.check(world.runtime, company, path, file_name="march.csv", actor="ingrid")


def _events(world: World) -> list[str]:
    return world.scalars("SELECT event_id FROM impact_events ORDER BY event_id")


def test_a_check_says_what_an_import_would_do_and_imports_nothing(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Row by row with the rule; another company's row is as good as one of nobody."""
    upload = _checked(world, company, _file(tmp_path, GOOD, GOOD, LATE, OTHERS))
    assert (upload.state, upload.rows, upload.imported, upload.duplicates, upload.rejected) == (
        *("checked", 4, 1, 1, 2),
    )
    rows = uploads.first_rejects(world.runtime, upload)
    assert [(row.line, row.fields[0]) for row in rows] == [(4, "e2"), (5, "e3")]
    assert "has no offset" in rows[0].reason
    assert rows[1].reason == "unknown company 'c-2'"
    assert _events(world) == []
    assert world.scalars("SELECT count(*) FROM impact_touched_days") == [0]


def test_yes_imports_what_was_shown_and_keeps_the_rejects(
    world: World, company: Company, tmp_path: Path
) -> None:
    """The file itself goes; its rejects can be downloaded, mended and uploaded as they are."""
    upload = _checked(world, company, _file(tmp_path, GOOD, LATE))
    done = uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    assert (done.state, done.imported, done.rejected, done.decided_by) == (
        "imported",
        1,
        1,
        "ingrid",
    )
    assert _events(world) == ["e1"]
    assert world.scalars("SELECT DISTINCT kind FROM event_upload_parts") == ["rejects"]
    mended = b"".join(uploads.rejects(world.runtime, done)).replace(b"T10:00,", b"T10:00Z,")
    path = tmp_path / "mended.csv"
    path.write_bytes(mended)
    again = _checked(world, company, path)
    assert (again.rows, again.imported, again.rejected) == (1, 1, 0)
    with pytest.raises(UploadDecided):
        uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    actions = world.scalars(
        "SELECT action FROM audit_log WHERE company_id = :id ORDER BY at, action", id=company.id
    )
    assert actions == ["events.import", "events.upload", "events.upload"]


def test_no_drops_the_file(world: World, company: Company, tmp_path: Path) -> None:
    """Nothing of it is kept but that it was there."""
    upload = _checked(world, company, _file(tmp_path, GOOD, LATE))
    done = uploads.discard(world.runtime, company, upload.id, actor="ingrid")
    assert (done.state, done.rejects_kept) == ("discarded", False)
    assert world.scalars("SELECT count(*) FROM event_upload_parts") == [0]
    assert _events(world) == []


def test_as_excel_writes_it(world: World, company: Company, tmp_path: Path) -> None:
    """The import's own rules: UTF-16 with semicolons and decimal commas."""
    path = tmp_path / "excel.csv"
    row = "e1;c-1;2026-03-09T10:00:00Z;session;p1;v1;1,5;;"
    bad = "e2;c-1;2026-03-09T10:00:00Z;session;p1;v1;-1,5;;"
    path.write_bytes("\r\n".join([HEADER.replace(",", ";"), row, bad, ""]).encode("utf-16"))
    upload = _checked(world, company, path)
    assert (upload.imported, upload.rejected) == (1, 1)
    assert [row.line for row in uploads.first_rejects(world.runtime, upload)] == [3]
    uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    assert world.scalars("SELECT hours FROM impact_events") == [1.5]


def test_no_file_of_events_is_refused_under_its_own_name(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Not under that of the temporary file that it came in."""
    path = tmp_path / "x"
    path.write_text("name,age\nada,36\n")
    with pytest.raises(EventsFileHeader) as refused:
        uploads.check(world.runtime, company, path, file_name="people.csv", actor="ingrid")
    assert refused.value.path.name == "people.csv"
    assert world.scalars("SELECT count(*) FROM event_uploads") == [0]


def test_another_companys_upload_is_not_there(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Neither to see nor to decide on."""
    upload = _checked(world, company, _file(tmp_path, GOOD))
    other = world.runtime.companies.find("c-2")
    with pytest.raises(UploadUnknown):
        uploads.confirm(world.runtime, other, upload.id, actor="eve")
    assert uploads.listed(world.runtime, other, limit=10) == []


def test_what_nobody_decides_on_is_discarded_after_a_day(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Files of people's data don't lie about; rejects go after a month."""
    waiting = _checked(world, company, _file(tmp_path, GOOD, LATE))
    done = _checked(world, company, _file(tmp_path, GOOD, LATE))
    uploads.confirm(world.runtime, company, done.id, actor="ingrid")
    world.clock.advance(timedelta(days=1, seconds=1))
    uploads.purge(world.runtime)
    assert uploads.find(world.runtime, company, waiting.id).state == "discarded"
    assert uploads.find(world.runtime, company, done.id).rejects_kept
    world.clock.advance(timedelta(days=30))
    uploads.purge(world.runtime)
    assert not uploads.find(world.runtime, company, done.id).rejects_kept


def test_a_company_that_is_switched_off_takes_no_files(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Its data are on their way out."""
    off = lives.deactivate(world.runtime, company, actor="ops").company
    with pytest.raises(CompanyInactive):
        _checked(world, off, _file(tmp_path, GOOD))


def test_a_file_with_an_erased_person_brings_nobody_back(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Not into the events, nor into the rejects, which say why without saying who."""
    path = _file(tmp_path, GOOD, GOOD.replace("e1", "e4").replace("p1", "p4"))
    upload = _checked(world, company, path)
    uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    lives.erase_participant(world.runtime, company, "p1", actor="ops")
    again = _checked(world, company, path)
    assert (again.imported, again.unchanged, again.rejected) == (0, 1, 1)
    [row] = uploads.first_rejects(world.runtime, again)
    assert "was erased" in row.reason
    assert "p1" not in ",".join(row.fields)


def test_who_is_erased_during_an_import_does_not_come_back_with_it(
    world: World, company: Company, tmp_path: Path
) -> None:
    """The erasure waits for the import, whose rows nobody else sees before it ends."""
    erasing = threading.Thread(
        target=lives.erase_participant,
        args=(world.runtime, company, "p1"),
        kwargs={"actor": "ops"},
    )

    def erase_meanwhile(_done: int, _total: int) -> None:
        erasing.start()
        while erasing.is_alive() and not world.scalars(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            time.sleep(0.01)

    path = _file(tmp_path, GOOD)
    import_events(world.database.engine, path, now=world.clock(), tell=erase_meanwhile)
    erasing.join()
    [kept] = world.scalars("SELECT participant_ref FROM impact_events")
    assert kept.startswith("erased-")


def test_an_upload_that_lost_its_content_while_it_was_read_is_not_imported(
    world: World, company: Company, tmp_path: Path
) -> None:
    """A person's erasure drops the content of every upload: half a file is none."""
    upload = _checked(world, company, _file(tmp_path, GOOD))
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE event_upload_parts SET content = substr(content, 1, 90)")
    with pytest.raises(UploadDecided):
        uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    assert uploads.find(world.runtime, company, upload.id).state == "discarded"
    assert _events(world) == []


def test_rejects_from_before_an_erasure_are_not_kept_after_it(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Rows that don't hold may be the person's too; a check is made once more, an import keeps none."""
    store = UploadStore(world.database.engine)
    path = _file(tmp_path, GOOD, LATE)
    upload = _checked(world, company, path)
    before = store.erased(company.id)
    rejects = tmp_path / "rejects.csv"
    summary = import_events(
        world.database.engine, path, now=world.clock(), rejects_path=rejects, dry_run=True
    )
    lives.erase_participant(world.runtime, company, "p2", actor="ops")
    added = store.add(
        *(company.id, path, summary),
        file_name="a.csv",
        sha256="0" * 64,
        erased=before,
        actor="ingrid",
        now=world.clock(),
    )
    assert added is None
    store.imported(upload, summary, erased=before)
    assert world.scalars("SELECT count(*) FROM event_upload_parts") == [0]


def test_an_import_that_is_killed_leaves_the_upload_to_be_decided_on(
    world: World, company: Company, tmp_path: Path
) -> None:
    """While an import is under way the upload isn't imported yet; when its session is ended, it never was."""
    upload = _checked(world, company, _file(tmp_path, GOOD))
    with ThreadPoolExecutor() as threads, world.database.engine.begin() as holding:
        holding.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _IMPORT_LOCK})
        importing = threads.submit(
            uploads.confirm, world.another_runtime(), company, upload.id, actor="ingrid"
        )
        pid = _waiting_import(world)
        assert uploads.find(world.runtime, company, upload.id).state == "checked"
        with pytest.raises(UploadDecided):
            uploads.discard(world.runtime, company, upload.id, actor="kari")
        world.scalars("SELECT pg_terminate_backend(:pid)", pid=pid)
        assert importing.exception() is not None
    found = uploads.find(world.runtime, company, upload.id)
    assert (found.state, found.decided_by) == ("checked", None)
    done = uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    assert (done.state, _events(world)) == ("imported", ["e1"])


def test_of_two_clicks_one_imports(world: World, company: Company, tmp_path: Path) -> None:
    """The second waits for the first, and is refused."""
    upload = _checked(world, company, _file(tmp_path, GOOD))
    with ThreadPoolExecutor() as threads:
        clicks = [
            threads.submit(
                uploads.confirm, world.another_runtime(), company, upload.id, actor="ingrid"
            )
            for _ in range(2)
        ]
    refused = [one.exception() for one in clicks if one.exception()]
    assert [type(one) for one in refused] == [UploadDecided]
    assert _events(world) == ["e1"]


def _waiting_import(world: World) -> int:
    """The server's process that waits for its turn to import."""
    for _ in range(600):
        found = world.scalars(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :n AND NOT granted",
            n=_IMPORT_LOCK,
        )
        if found:
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no import came so far")


def test_who_decides_on_nothing_brings_no_more_files(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Five wait at most; the next one is taken when one of them is decided on, or a day old."""
    path = _file(tmp_path, GOOD)
    first, *_ = [_checked(world, company, path) for _ in range(uploads.MOST_UNDECIDED)]
    with pytest.raises(UploadsWaiting):
        _checked(world, company, path)
    other = world.runtime.companies.find("c-2")
    _checked(world, other, path)
    uploads.discard(world.runtime, company, first.id, actor="ingrid")
    _checked(world, company, path)
    with pytest.raises(UploadsWaiting):
        uploads.require_room(world.runtime, company)
    world.clock.advance(uploads.UNDECIDED_FOR + timedelta(seconds=1))
    uploads.require_room(world.runtime, company)


def test_a_rejected_row_that_is_too_long_to_read_is_shown_in_part(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Its beginning, and the rows after it whole."""
    endless = GOOD.replace("e1", "e9").replace("p1", "p" * 140_000)
    upload = _checked(world, company, _file(tmp_path, endless, LATE))
    rows = uploads.first_rejects(world.runtime, upload)
    assert [(row.line, row.fields[0]) for row in rows] == [(2, "e9"), (3, "e2")]


def test_rejects_whose_letters_tell_no_encoding_are_shown(
    world: World, company: Company, tmp_path: Path
) -> None:
    """The file told it by a word that isn't among the rejected rows."""
    good = GOOD.replace("session", "Bjørnetjeneste")
    path = _file(tmp_path, good, LATE.replace("session", "a – b"), encoding="cp1252")
    upload = _checked(world, company, path)
    assert upload.rejected == 1
    [row] = uploads.first_rejects(world.runtime, upload)
    assert (row.line, row.fields[0], row.fields[3]) == (3, "e2", "a � b")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("..", ".."),
        ("/", "/"),
        ("rejects.csv", "rejects.csv"),
        ("rejects.csv.part", "rejects.csv.part"),
        ("мартівський" * 15, "мартівський" * 15),
        ("a\0b\n.csv", "ab.csv"),
        ("\0", "events.csv"),
    ],
)
def test_any_name_of_a_file_will_do(
    world: World, company: Company, tmp_path: Path, name: str, shown: str
) -> None:
    """It is only shown: on disk the file has another."""
    path = _file(tmp_path, GOOD, LATE)
    upload = uploads.check(world.runtime, company, path, file_name=name, actor="ingrid")
    assert (upload.file_name, upload.rejected) == (shown, 1)
    done = uploads.confirm(world.runtime, company, upload.id, actor="ingrid")
    assert (done.imported, done.rejected) == (1, 1)
