"""An archive of evidence is verified without us, and whatever was tampered with in it is found and named."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import YESTERDAY
from hearing import Heard

from impact_in_pipelines.db.deliveries.call_backs import CallBackResult, CallBackStore, Word
from impact_in_pipelines.errors.retention import NoHeads, NotAnArchive, SpanBackwards
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import link_hash
from impact_in_pipelines.evidence.heads import Head, read_heads
from impact_in_pipelines.evidence.verifying import Fault, verify
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.evidence.exporting import export
from impact_in_pipelines.services.evidence.publishing import current

from .archives import FIRST, Exported, Files, changed, recorded_earlier, write_export


def test_a_fresh_archive_holds_and_has_everything(exported: Exported) -> None:
    """Every file, of this company and these days alone."""
    heard = Heard()
    verdict = verify(exported.path, tell=heard)
    assert verdict.findings == []
    manifest = json.loads("\n".join(exported.files["manifest.json"]))
    assert heard.total == sum(one["bytes"] for one in manifest["files"].values())
    assert (verdict.links, verdict.deliveries, verdict.left, verdict.open) == (9, 7, 0, 0)
    files = exported.files
    lengths = {name: len(lines) for name, lines in files.items() if name.endswith(".jsonl")}
    assert lengths == {
        "deliveries.jsonl": 7,
        "payloads.jsonl": 7,
        "receipts.jsonl": 6,
        "attempts.jsonl": 6,
        "call_backs.jsonl": 2,
        "corrections.jsonl": 0,
    }
    (other,) = exported.world.scalars(
        "SELECT id::text FROM companies WHERE id <> :c", c=exported.company.id
    )
    assert not any(other in line for lines in files.values() for line in lines)
    levels = json.loads("\n".join(files[archive.SERVICE_LEVELS]))
    assert levels["workday"]["successful"] == levels["workday"]["due"] == 3
    assert levels["benevity"]["skipped"] == 1
    assert exported.world.scalars(
        "SELECT actor FROM audit_log WHERE action = 'evidence.export'"
    ) == ["test"]


ROWS = (
    "deliveries.jsonl",
    "payloads.jsonl",
    "receipts.jsonl",
    "attempts.jsonl",
    "call_backs.jsonl",
)


@pytest.mark.parametrize("name", [archive.CHAIN, *ROWS])
@pytest.mark.parametrize("how", ["missing", "added", "reordered"])
def test_a_row_that_is_missing_added_or_moved_is_named(
    exported: Exported, name: str, how: str
) -> None:
    """In every file: its fault, its file, and of which delivery or link it is."""
    files = exported.files
    lines = files[name]
    line = lines[1]
    if how == "missing":
        lines.remove(line)
    elif how == "added":
        lines.insert(1, line)
    else:
        lines[0], lines[1] = lines[1], lines[0]
    moved = lines[1] if how == "reordered" else line
    seen = json.loads(moved.partition(" ")[2] if name == archive.CHAIN else moved)
    by_link = name in (archive.CHAIN, archive.CALL_BACKS)
    what = f"link {seen['link']}" if by_link else f"delivery {seen['delivery']}"
    found = exported.findings(files)
    assert any(one.startswith(f"{how} {what} in {name}") for one in found), found
    # Without its link nothing proves a delivery: its rows are named as well.
    assert len(found) <= (6 if name == archive.CHAIN else 2), found


@pytest.mark.parametrize(
    ("name", "member", "value"),
    [
        (archive.DELIVERIES, "status", "failed"),
        (archive.DELIVERIES, "delivered_at", "2026-03-10T00:00:01+00:00"),
        (archive.DELIVERIES, "transaction", "another"),
        (archive.DELIVERIES, "invented", "more"),
        (archive.DELIVERIES, "error", "no"),
        (archive.PAYLOADS, "organizationId", "another"),
        (archive.RECEIPTS, "receipt", "{}"),
        (archive.ATTEMPTS, "outcome", "lost"),
        (archive.ATTEMPTS, "finished_at", "2026-03-10T00:00:01+00:00"),
        (archive.CALL_BACKS, "at", "2026-03-10T00:00:01+00:00"),
        (archive.CALL_BACKS, "what", "taken_back"),
    ],
)
def test_a_row_that_was_changed_is_named(
    exported: Exported, name: str, member: str, value: Any
) -> None:
    """One member of one row, with sums that fit."""
    files = exported.files
    row = json.loads(changed(name, member, value)(files))
    found = exported.findings(files)
    assert len(found) == 1
    assert row["delivery"] in found[0]
    assert found[0].startswith("changed")
    assert f" in {name}" in found[0]


def test_the_timestamp_in_a_payload_is_proven_too(exported: Exported) -> None:
    """It isn't part of the content's hash; the record has it beside."""
    files = exported.files
    place, line = next(
        (n, line) for n, line in enumerate(files[archive.PAYLOADS]) if '"timestamp":"' in line
    )
    stamp = re.search(r'"timestamp":"([^"]+)"', line)
    assert stamp
    files[archive.PAYLOADS][place] = line.replace(stamp[1], "2026-01-01T00:00:00Z")
    (found,) = exported.findings(files)
    assert found.endswith("payloads.jsonl: timestamp")


def test_a_record_that_was_changed_is_one_finding(exported: Exported) -> None:
    """The links after it are held against what it states: the fault is named, and not all that follows."""
    files = exported.files
    lines = files[archive.CHAIN]
    place = next(n for n, line in enumerate(lines) if '"workday"' in line)
    lines[place] = lines[place].replace('"attempts": 1', '"attempts": 2')
    found = exported.findings(files)
    assert found[0].startswith(f"changed link {place + 1} in chain.txt")
    assert all("attempt" in one for one in found[1:])


def test_service_levels_are_computed_again(exported: Exported) -> None:
    """Nobody rounds up what the records don't say."""
    files = exported.files
    levels = json.loads("\n".join(files[archive.SERVICE_LEVELS]))
    levels["workday"]["on_time"] += 1
    files[archive.SERVICE_LEVELS] = [json.dumps(levels)]
    assert exported.findings(files) == ["changed platform workday in service_levels.json: on_time"]


def rewritten(files: Files) -> str:
    """The whole chain written anew after a change in its third record; returns the new head."""
    manifest = json.loads("\n".join(files[archive.MANIFEST]))
    last = manifest["chain"]["before"]
    for place, line in enumerate(files[archive.CHAIN]):
        text = line.partition(" ")[2]
        text = text.replace("+00:00", "+01:00") if place == 2 else text
        last = link_hash(last, text)
        files[archive.CHAIN][place] = f"{last} {text}"
    manifest["chain"]["head"] = last
    files[archive.MANIFEST] = [json.dumps(manifest)]
    return str(last)


def test_a_chain_that_was_written_anew_is_caught_by_a_published_head(
    exported: Exported, tmp_path: Path
) -> None:
    """That is what heads are published for."""
    company = str(exported.company.id)
    document = current(exported.world.runtime)
    published = tmp_path / "heads.json"
    published.write_text(json.dumps(document))
    assert verify(exported.path, read_heads(published)).pinned == 9
    files = exported.files
    rewritten(files)
    assert "changed link 3 in chain.txt" not in str(exported.findings(files))
    forged = exported.path.with_name("tampered.zip")
    (finding,) = [
        one for one in verify(forged, read_heads(published)).findings if one.fault is Fault.UNPINNED
    ]
    assert (finding.what, finding.detail) == ("link 9", "the published head has another hash")
    # One from before the archive begins, or from after it, or of nobody, proves nothing, and says so.
    later = {company: Head(company, 99, "0" * 64)}
    assert "lies after" in verify(exported.path, later).findings[0].detail
    assert "no published head" in verify(exported.path, {}).findings[0].detail


@pytest.fixture
def later(exported: Exported) -> Exported:
    """An archive of one day a month later, with a delivery on each platform; the nine links from before it
    were recorded in their time."""
    world, company = exported.world, exported.company
    day = YESTERDAY + timedelta(days=30)
    world.clock.advance(timedelta(days=30))
    world.events([company.id], days=[day])
    for platform in (Platform.GOODERA, Platform.BENEVITY, Platform.WORKDAY):
        world.deliveries(platform, company.id, days=[day])
        world.drain(platform)
    recorded_earlier(world, company, 9, f"{YESTERDAY}T12:00:00+00:00")
    path = exported.path.with_name("later.zip")
    with path.open("wb") as file:
        file.writelines(export(world.runtime, company, day, day, actor="test"))
    return Exported(world, company, path)


def test_an_archive_goes_on_with_the_chain_of_an_earlier_one(later: Exported) -> None:
    """Of later days it begins with the last link from before them, and that follows an earlier head."""
    (row,) = later.world.rows(
        "SELECT encode(hash, 'hex') AS hash FROM evidence_links WHERE company_id = :c AND link = 8",
        c=later.company.id,
    )
    head = Head(str(later.company.id), 8, row["hash"])
    verdict = verify(later.path, {head.company: head})
    assert (verdict.findings, verdict.links, verdict.deliveries, verdict.pinned) == ([], 4, 3, 8)


def without_the_first(files: Files, count: int) -> None:
    """The first links are cut off with all rows of their deliveries, and the manifest says that the archive
    begins where the rest does."""
    cut, files[archive.CHAIN] = files[archive.CHAIN][:count], files[archive.CHAIN][count:]
    gone = {json.loads(line.partition(" ")[2])["delivery"] for line in cut}
    platforms = {json.loads(line.partition(" ")[2])["platform"] for line in files[archive.CHAIN]}
    for name in ROWS[:4]:
        files[name] = [line for line in files[name] if json.loads(line)["delivery"] not in gone]
    levels = json.loads("\n".join(files[archive.SERVICE_LEVELS]))
    files[archive.SERVICE_LEVELS] = [json.dumps({k: levels[k] for k in levels if k in platforms})]
    manifest = json.loads("\n".join(files[archive.MANIFEST]))
    manifest["chain"]["first"] += count
    manifest["chain"]["before"] = cut[-1].partition(" ")[0]
    files[archive.MANIFEST] = [json.dumps(manifest)]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_is_cut_off_in_front_is_found(later: Exported, count: int) -> None:
    """What the archive follows is only stated, and no head that is published later says anything of it: one
    that doesn't begin before its span may have lost some of it. The last one: all of it."""
    files = later.files
    without_the_first(files, count)
    found = later.findings(files)
    assert found == [f"missing link {8 + count} in chain.txt: it may report on the span"]


def test_an_archive_may_begin_with_any_link_from_before_its_span(exported: Exported) -> None:
    """Of days after all there is it has the last link, and nothing else."""
    path = exported.path.with_name("empty.zip")
    day = YESTERDAY.replace(year=YESTERDAY.year + 100)
    with path.open("wb") as file:
        file.writelines(export(exported.world.runtime, exported.company, day, day, actor="test"))
    verdict = verify(path)
    assert (verdict.findings, verdict.links, verdict.deliveries) == ([], 1, 0)


def test_a_good_word_about_what_has_arrived_is_linked(exported: Exported) -> None:
    """The delivery has its time then: a record without it wouldn't be that of its row. Once."""
    world, company = exported.world, exported.company
    (transaction,) = world.scalars(
        "SELECT transaction_id FROM impact_deliveries WHERE company_id = :c AND platform = 'workday' "
        "AND period_start = :day",
        c=company.id,
        day=YESTERDAY,
    )
    calls = CallBackStore(world.database.engine, world.runtime.vault)
    at = world.clock()
    for number in range(3):
        taken = calls.take(
            Platform.WORKDAY, company.id, transaction_id=transaction, message_id=f"good{number}",
            word=Word.ARRIVED, error="", at=at, now=world.clock(),
        )  # fmt: skip
        assert taken == (CallBackResult.NOTED, [])
    verdict = verify(write_export(world, company, exported.path))
    assert (verdict.findings, verdict.links) == ([], 10)


def test_what_has_left_the_database_is_proven_by_its_links(exported: Exported) -> None:
    """Retention removes the rows of a month; their links stay, and the archive says of how many."""
    world = exported.world
    world.execute("UPDATE impact_deliveries SET scheduled_for = scheduled_for WHERE false")
    world.execute("DELETE FROM delivery_attempts")
    world.execute("DELETE FROM impact_deliveries")
    path = write_export(world, exported.company, exported.path)
    verdict = verify(path)
    assert (verdict.findings, verdict.links, verdict.deliveries, verdict.left) == ([], 9, 0, 7)


def test_a_row_that_was_changed_in_the_database_is_found(exported: Exported) -> None:
    """Whoever can write to the log and not to every link is caught by the next archive."""
    exported.world.execute(
        "UPDATE impact_deliveries SET delivered_at = delivered_at - interval '1 second' "
        "WHERE platform = 'workday'"
    )
    verdict = verify(write_export(exported.world, exported.company, exported.path))
    assert {(one.fault, one.detail) for one in verdict.findings} == {
        (Fault.CHANGED, "delivered_at")
    }
    assert len(verdict.findings) == 3


def test_what_is_no_archive_and_no_heads_is_refused(tmp_path: Path, exported: Exported) -> None:
    """By name, in a line; and a span that ends before it begins before anything is read."""
    nothing = tmp_path / "nothing"
    nothing.write_text("{}")
    with pytest.raises(NotAnArchive):
        verify(nothing)
    with pytest.raises(NoHeads):
        read_heads(nothing)
    with pytest.raises(SpanBackwards):
        export(exported.world.runtime, exported.company, YESTERDAY, FIRST, actor="test")


def test_a_correction_says_what_it_corrects(exported: Exported) -> None:
    """In its record and in a file of its own, each held against the other."""
    world, company = exported.world, exported.company
    (first,) = world.scalars(
        "SELECT id FROM impact_deliveries WHERE company_id = :c AND platform = 'workday' "
        "AND period_start = :day",
        c=company.id,
        day=YESTERDAY,
    )
    (later,) = world.deliveries(Platform.GOODERA, company.id)
    world.execute(
        "UPDATE impact_deliveries SET trigger = 'correction', corrects = :first WHERE id = :later",
        first=first,
        later=later,
    )
    world.drain(Platform.GOODERA)
    write_export(world, company, exported.path)
    assert verify(exported.path).findings == []
    files = exported.files
    (line,) = files[archive.CORRECTIONS]
    assert json.loads(line) == {"delivery": str(later), "corrects": str(first)}
    files[archive.CORRECTIONS] = [line.replace(str(first), str(later))]
    assert exported.findings(files) == [f"changed delivery {later} in corrections.jsonl: corrects"]
    files[archive.CORRECTIONS] = []
    assert exported.findings(files) == [f"missing delivery {later} in corrections.jsonl"]
