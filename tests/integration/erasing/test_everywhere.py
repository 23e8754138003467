"""Offboarding and a person's erasure, over every table that there is and every stored file."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factories import YESTERDAY, World, world_on
from hearing import Heard
from sqlalchemy import text

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.erasing.archives import TABLES
from impact_in_pipelines.db.erasing.holdings import HOLDINGS
from impact_in_pipelines.db.retention.archives import archived, manifest_of
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.errors.accounts import (
    CompanyNotConfirmed,
    CompanyNotExported,
    CompanyStillActive,
)
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.accounts import lives

from .filling import Filling

SLUG, NAME, REFERENCE = "zeta-quix", "Zeta Quixotic AS", "p-4711ø"
MONTH, NEXT = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def world(database: Database, sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    with world_on(database.url, sandbox, IMPACT_IN_ARCHIVE=str(tmp_path / "archive")) as made:
        yield made


@pytest.fixture
def company(world: World) -> Company:
    """A company of which every table has something, archives too; the other one has its own."""
    other = world.companies(1, prefix="other")
    world.events(other)
    made = world.runtime.companies.add(SLUG, name=NAME)
    filling = Filling(made.id, SLUG, NAME, REFERENCE)
    with world.database.engine.begin() as connection:
        filling.fill(connection, own=True)
        filling.fill(connection, own=False)
    folder = world.settings.archive_folder
    assert folder is not None
    for table in TABLES:
        assert archived(world.database.engine, folder, table, MONTH, NEXT) is not None
    return made


def found_in(world: World, *words: str) -> dict[str, int]:
    """In which tables and stored files one of `words` stands, in how many rows: as text, and as the bytes of
    binary columns."""
    needles = [*words, *(word.encode().hex() for word in words)]
    found = {}
    for table in metadata.sorted_tables:
        statement = (
            f"SELECT count(*) FROM {table.name} t WHERE EXISTS ("
            "SELECT 1 FROM unnest(CAST(:needles AS text[])) n WHERE strpos(CAST(to_jsonb(t) AS text), n) > 0)"
        )
        [count] = world.scalars(statement, needles=needles)
        found[table.name] = count
    folder = world.settings.archive_folder
    assert folder is not None
    for file in folder.rglob("*.parquet"):
        rows = pq.read_table(file).to_pylist()
        found[f"{file.parent.name}/{file.name}"] = sum(
            any(word in json.dumps(row, default=str, ensure_ascii=False) for word in words)
            for row in rows
        )
        about = json.loads(manifest_of(file).read_text())
        assert about["rows"] == len(rows)
    return {name: count for name, count in found.items() if count}


def test_every_table_says_what_it_has_of_a_company() -> None:
    """Whoever adds a table says whose its rows are, or offboarding would leave them behind."""
    assert set(HOLDINGS) == set(metadata.tables)
    for name, holding in HOLDINGS.items():
        assert holding.rows or holding.shared or holding.why, name
        own = metadata.tables[name].c.get("company_id")
        assert own is None or holding.rows, f"{name} has a company_id"


def test_the_world_of_these_tests_is_full(world: World, company: Company) -> None:
    """What was never there would be missed by nobody."""
    found = found_in(world, REFERENCE, SLUG, NAME, str(company.id))
    assert {name for name, holding in HOLDINGS.items() if not holding.why} <= set(found)
    assert {f"{table}/2026-03.parquet" for table in TABLES} <= set(found)


def _offboarded(world: World, company: Company, path: Path) -> lives.Erased:
    runtime = world.runtime
    lives.deactivate(runtime, company, actor="ops")
    told: list[tuple[int, int]] = []
    written = lives.export(
        runtime, company, path, actor="ops", tell=lambda done, total: told.append((done, total))
    )
    assert [done for done, _ in told] == list(range(told[0][1]))  # a terminal shows how far it is
    heard = Heard()
    done = lives.erase(
        runtime, company, confirmed=SLUG, actor="ops", export_sha256=written.sha256, tell=heard
    )
    # Each row that went, at least, archives' too.
    assert heard.total > sum(done.rows.values()) + sum(done.archives.values())
    return done


def test_of_an_offboarded_company_nothing_is_left_but_that_it_was_erased(
    world: World, company: Company, tmp_path: Path
) -> None:
    """No row, no name in a row of others, no archive: only the record of the erasure, by the company's id."""
    before = _others(world)
    _offboarded(world, company, tmp_path / "all.zip")
    assert found_in(world, SLUG, NAME) == {}
    assert found_in(world, str(company.id)) == {"audit_log": 1}
    [kept] = world.rows("SELECT * FROM audit_log WHERE action = 'company.erase'")
    assert (kept["company_id"], kept["subject"]) == (None, f"company {company.id}")
    assert set(kept["after"]) == {"rows", "archives", "export_sha256"}
    assert _others(world) == before


def _others(world: World) -> Sequence[object]:
    return world.rows(
        "SELECT e.* FROM impact_events e JOIN companies c ON c.id = e.company_id "
        "WHERE c.slug = 'other-1' ORDER BY e.event_id"
    )


def test_the_export_has_every_row_and_no_secret(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Whoever leaves takes along all there is; credentials are of use to nobody, and shown to nobody."""
    lives.deactivate(world.runtime, company, actor="ops")
    path = tmp_path / "all.zip"
    written = lives.export(world.runtime, company, path, actor="ops")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        about = json.loads(archive.read("manifest.json"))
        assert about["rows"] == written.rows
        for name, holding in HOLDINGS.items():
            if holding.rows is None:
                continue
            lines = [json.loads(line) for line in archive.read(f"tables/{name}.jsonl").splitlines()]
            assert len(lines) == written.rows[name] >= 1, name
            for line in lines:
                assert set(holding.hidden).isdisjoint(line)
                assert set(line) | set(holding.hidden) == set(metadata.tables[name].c.keys())
        archives = [json.loads(line) for line in archive.read("archives.jsonl").splitlines()]
        assert {one["archive"].partition("/")[0] for one in archives} == set(TABLES)
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_is_erased_without_its_name_a_stop_and_an_export(
    world: World, company: Company, tmp_path: Path
) -> None:
    """There is no way back: each of the three could be forgotten."""
    runtime = world.runtime
    with pytest.raises(CompanyNotConfirmed):
        lives.erase(runtime, company, confirmed=NAME, actor="ops")
    with pytest.raises(CompanyStillActive):
        lives.erase(runtime, company, confirmed=SLUG, actor="ops")
    lives.export(runtime, company, tmp_path / "early.zip", actor="ops")
    lives.deactivate(runtime, company, actor="ops")
    with pytest.raises(CompanyNotExported):
        lives.erase(runtime, company, confirmed=SLUG, actor="ops")
    lives.export(runtime, company, tmp_path / "all.zip", actor="ops")
    with pytest.raises(CompanyNotExported):
        lives.erase(runtime, company, confirmed=SLUG, actor="ops", export_sha256="0" * 64)
    assert runtime.companies.find(SLUG).id == company.id


def test_what_changes_while_an_erasure_begins_stops_it(
    world: World, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken up again or exported anew after it was looked at, nothing of it goes, from archives neither."""
    runtime = world.runtime
    before = found_in(world, str(company.id))["impact_events"]
    stored = {name for name in found_in(world, str(company.id)) if name.endswith(".parquet")}

    lives.deactivate(runtime, company, actor="ops")
    lives.export(runtime, company, tmp_path / "all.zip", actor="ops")
    for change, refusal in (
        (
            lambda: lives.export(runtime, company, tmp_path / "new.zip", actor="kari"),
            CompanyNotExported,
        ),
        (lambda: lives.reactivate(runtime, company, actor="kari"), CompanyStillActive),
    ):
        monkeypatch.setattr(lives, "_forget_tokens", lambda *_, change=change: change())
        with pytest.raises(refusal):
            lives.erase(runtime, company, confirmed=SLUG, actor="ops")
    found = found_in(world, str(company.id))
    assert found["impact_events"] == before
    assert stored <= set(found)


def test_an_export_counts_once_somebody_has_it(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Written it is audited; handed over it allows erasing, and never if it was begun before the stop."""
    runtime = world.runtime
    early = lives.write_export(runtime, company, tmp_path / "early.zip", actor="ops")
    world.clock.now += timedelta(seconds=1)
    lives.deactivate(runtime, company, actor="ops")
    early()
    handed_over = lives.write_export(runtime, company, tmp_path / "all.zip", actor="ops")
    assert lives.life(runtime, company).exported_at is None
    assert world.scalars("SELECT count(*) FROM audit_log WHERE action = 'company.export'") == [2]
    with pytest.raises(CompanyNotExported):
        lives.erase(runtime, company, confirmed=SLUG, actor="ops")
    written = handed_over()
    assert lives.life(runtime, company).export_sha256 == written.sha256


def test_an_export_that_is_broken_off_leaves_what_was_there(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Ctrl-C in its midst: half a ZIP would be taken for a whole one."""
    path = tmp_path / "all.zip"
    path.write_text("yesterday's")
    with pytest.raises(KeyboardInterrupt):
        lives.export(world.runtime, company, path, actor="ops", tell=_break_off)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir() if one.is_file()] == [
        ("all.zip", "yesterday's")
    ]


def test_erasing_that_is_broken_off_leaves_no_copy(world: World, company: Company) -> None:
    """Of an archive that it was about to write anew; run again, it ends."""
    folder = world.runtime.settings.archive_folder
    assert folder is not None
    with pytest.raises(KeyboardInterrupt):
        lives.erase_participant(world.runtime, company, REFERENCE, actor="ops", tell=_break_off)
    assert list(folder.rglob("*.part")) == list(folder.rglob(".*")) == []
    lives.erase_participant(world.runtime, company, REFERENCE, actor="ops")
    assert found_in(world, REFERENCE) == {}


def _break_off(done: int, _total: int) -> None:
    if done:
        raise KeyboardInterrupt


def test_of_an_erased_person_no_reference_is_left_anywhere(world: World, company: Company) -> None:
    """Events, answers, rejects, payloads, errors, archives; the company's own name stays where it was."""
    before = set(found_in(world, NAME))
    heard = Heard()
    lives.erase_participant(world.runtime, company, REFERENCE, actor="ops", tell=heard)
    assert found_in(world, REFERENCE) == {}
    assert heard.total >= sum(not one.why for one in HOLDINGS.values())
    assert before - set(found_in(world, NAME)) <= {"idempotency_keys", "event_upload_parts"}
    [noted] = world.rows("SELECT * FROM audit_log WHERE action = 'participant.erase'")
    assert noted["company_id"] == company.id
    assert noted["after"]["rows"]["impact_events"] == 1


def test_an_erased_persons_days_keep_their_figures(world: World) -> None:
    """What was delivered stays true: the person is counted, under a name that leads nowhere."""
    [id_] = world.companies(1)
    world.events([id_])
    company = world.runtime.companies.find(str(id_))
    figures = (
        "SELECT count(*), count(DISTINCT participant_ref), count(DISTINCT volunteer_ref), sum(hours), "
        "sum(outcome_score) FROM impact_events WHERE company_id = :id"
    )
    before = world.rows(figures, id=id_)
    lives.erase_participant(world.runtime, company, "p1", actor="ops")
    lives.erase_participant(world.runtime, company, "v1", actor="ops")
    assert world.rows(figures, id=id_) == before
    assert found_in(world, '"p1"', '"v1"') == {}
    # The source knows the two people's events by their ids: those are gone too, a third one's is as it was.
    ids = world.scalars(
        "SELECT event_id FROM impact_events WHERE event_id LIKE :day", day=f"{YESTERDAY}%"
    )
    assert ids == [f"{YESTERDAY}-2"]


def test_another_companys_person_of_the_same_name_stays(world: World) -> None:
    """References are each company's own."""
    one, other = world.companies(2)
    world.events([one, other])
    lives.erase_participant(
        world.runtime, world.runtime.companies.find(str(one)), "p1", actor="ops"
    )
    left = world.scalars("SELECT company_id FROM impact_events WHERE participant_ref = 'p1'")
    assert left == [other]


def test_a_revoked_token_of_an_erased_company_stays_revoked(
    world: World, company: Company, tmp_path: Path
) -> None:
    """Its row is what says so; without it the token would be good again."""
    before = world.scalars("SELECT token_hash FROM access_tokens WHERE revoked_at IS NOT NULL")
    _offboarded(world, company, tmp_path / "all.zip")
    assert (
        world.scalars("SELECT token_hash FROM access_tokens WHERE revoked_at IS NOT NULL") == before
    )
    assert world.scalars("SELECT companies FROM access_tokens") == [[]]
    with world.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM companies")) == 1
