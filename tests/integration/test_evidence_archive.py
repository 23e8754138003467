"""An archive of evidence is verified without us, and whatever was tampered with in it is found and named."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from factories import YESTERDAY, World

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.deliveries.call_backs import CallBackStore, Word
from impact_in_pipelines.errors.retention import NoHeads, NotAnArchive, SpanBackwards
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import link_hash
from impact_in_pipelines.evidence.heads import Head, read_heads
from impact_in_pipelines.evidence.verifying import Fault, verify
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.evidence.exporting import export
from impact_in_pipelines.services.evidence.publishing import current, publish

FIRST = YESTERDAY - timedelta(days=2)
DOCS = Path(__file__).parents[2] / "docs" / "evidence.md"
Files = dict[str, list[str]]


@dataclass(frozen=True)
class Exported:
    """An archive, and the world that it is of."""

    world: World
    company: Company
    path: Path

    def findings(self, files: Files) -> list[str]:
        """What is found once the archive has these lines, and sums that fit them."""
        path = self.path.with_name("tampered.zip")
        write(path, files)
        return [
            f"{one.fault.value} {one.what} in {one.file}"
            + (f": {one.detail}" if one.detail else "")
            for one in verify(path).findings
        ]

    @property
    def files(self) -> Files:
        return read(self.path)


def read(path: Path) -> Files:
    with ZipFile(path) as zipped:
        return {name: zipped.read(name).decode().splitlines() for name in zipped.namelist()}


def write(path: Path, files: Files) -> None:
    """Whoever tampers writes the sums anew: they are the easy part."""
    manifest = json.loads("\n".join(files[archive.MANIFEST]))
    with ZipFile(path, "w") as zipped:
        for name, lines in files.items():
            content = "".join(f"{line}\n" for line in lines)
            if name in manifest["files"]:
                manifest["files"][name]["sha256"] = hashlib.sha256(content.encode()).hexdigest()
            if name != archive.MANIFEST:
                zipped.writestr(name, content)
        zipped.writestr(archive.MANIFEST, json.dumps(manifest))


def write_export(world: World, company: Company, path: Path) -> Path:
    with path.open("wb") as file:
        file.writelines(export(world.runtime, company, FIRST, YESTERDAY, actor="test"))
    return path


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Exported:
    """Six deliveries of three days on two platforms, of which one was taken back and restored; one that was
    skipped; and another company's, of which nothing may be in it."""
    one, other = world.companies(2)
    days = [FIRST + timedelta(days=n) for n in range(3)]
    world.events([one, other], days=days)
    for platform in (Platform.BENEVITY, Platform.WORKDAY):
        for day in days:
            world.deliveries(platform, one, other, days=[day])
        world.drain(platform)
    world.deliveries(Platform.BENEVITY, one)
    world.drain(Platform.BENEVITY)
    (row,) = world.rows(
        "SELECT * FROM impact_deliveries WHERE company_id = :c AND platform = 'benevity' "
        "AND period_start = :day AND status = 'success'",
        c=one,
        day=days[0],
    )
    calls = CallBackStore(world.database.engine, world.runtime.vault)
    for number, word in enumerate((Word.FAILED, Word.ARRIVED)):
        world.clock.advance(timedelta(minutes=1))
        calls.take(
            Platform.BENEVITY, one, transaction_id=row["transaction_id"], message_id=f"m{number}",
            word=word, error="rejected by the programme", at=world.clock(), now=world.clock(),
        )  # fmt: skip
    company = world.runtime.companies.find(str(one))
    return Exported(world, company, write_export(world, company, tmp_path / "evidence.zip"))


def test_a_fresh_archive_holds_and_has_everything(exported: Exported) -> None:
    """Every file, of this company and these days alone."""
    verdict = verify(exported.path)
    assert verdict.findings == []
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


def changed(name: str, member: str, value: Any) -> Callable[[Files], str]:
    """Changes a member of the second row of a file; returns the row as it was."""

    def change(files: Files) -> str:
        line = files[name][1]
        row = json.loads(line)
        inner = row["payload"] if member in row.get("payload", {}) else row
        inner[member] = value
        files[name][1] = json.dumps(row)
        return line

    return change


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


def test_an_archive_goes_on_with_the_chain_of_an_earlier_one(exported: Exported) -> None:
    """Of later days it begins with their first link; the head of before is what that follows."""
    world, company = exported.world, exported.company
    before = {one["company"]: one for one in current(world.runtime)["heads"]}[str(company.id)]
    world.deliveries(Platform.GOODERA, company.id, days=[YESTERDAY + timedelta(days=1)])
    world.drain(Platform.GOODERA)
    path = exported.path.with_name("later.zip")
    with path.open("wb") as file:
        day = YESTERDAY + timedelta(days=1)
        file.writelines(export(world.runtime, company, day, day, actor="test"))
    head = Head(str(company.id), before["links"], before["hash"])
    verdict = verify(path, {head.company: head})
    assert (verdict.findings, verdict.links, verdict.pinned) == ([], 1, 9)


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


def test_heads_are_published_each_day_and_a_log_that_was_put_back_is_noticed(
    exported: Exported, tmp_path: Path
) -> None:
    """Each file names the one before it; what was published stays true, or the next publication says so."""
    world = exported.world
    runtime = world.runtime
    runtime.settings = runtime.settings.model_copy(update={"evidence_heads_folder": tmp_path / "h"})
    first = publish(runtime)
    assert first.strays == ()
    assert first.file
    world.clock.advance(timedelta(days=1))
    second = publish(runtime)
    assert second.strays == ()
    assert second.file
    named = json.loads(second.file.read_text())["previous"]
    assert named["file"] == first.file.name
    assert named["sha256"] == hashlib.sha256(first.file.read_bytes()).hexdigest()
    # An evening is lost: the last link is not there any more, and another one takes its number.
    company = exported.company.id
    world.execute("DELETE FROM evidence_links WHERE company_id = :c AND link = 9", c=company)
    world.execute(
        "UPDATE evidence_heads SET links = 8, hash = (SELECT hash FROM evidence_links "
        "WHERE company_id = :c AND link = 8) WHERE company_id = :c",
        c=company,
    )
    world.clock.advance(timedelta(days=1))
    assert publish(runtime).strays == (str(company),)


def test_the_page_says_how_to_verify_by_hand(exported: Exported) -> None:
    """The reader's own twenty lines and `sha256sum`, as docs/evidence.md has them, find what we find."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (program,) = [code for language, code in blocks if language == "python"]
    (shell,) = [code for language, code in blocks if language == "sh" and "sha256sum" in code]
    assert len([line for line in program.splitlines() if line.strip()]) <= 20
    script = exported.path.with_name("check.py")
    script.write_text(program)

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(script), str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = run(exported.path)
    assert (good.returncode, good.stderr) == (0, "")
    assert verify(exported.path).head in good.stdout
    files = exported.files
    changed(archive.PAYLOADS, "organizationId", "another")(files)
    exported.findings(files)
    bad = run(exported.path.with_name("tampered.zip"))
    assert bad.returncode == 1
    folder = exported.path.parent / "by-hand"
    with ZipFile(exported.path) as zipped:
        zipped.extractall(folder)
    done = subprocess.run(
        ["bash", "-ec", shell.split("cd ", 1)[1].split("\n", 1)[1]],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "chain.txt: OK" in done.stdout
