"""The rows of an archive against the last record of their delivery."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from impact_in_pipelines.delivery.payload import payload_hash
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import text_hash
from impact_in_pipelines.evidence.reading import ArchiveReader, Chain, Fault
from impact_in_pipelines.evidence.records import Record, service_levels

_OF_THE_LINK = (
    "link",
    "recorded_at",
    "attempts",
    "attempts_sha256",
    "receipt_sha256",
    "error_sha256",
)
"""Members of a record that no row of deliveries has: they are held against other files."""
_BESIDE = ("error", "note", "open")


def check_rows(reader: ArchiveReader, chain: Chain) -> None:
    """Every file but the chain."""
    order = _deliveries(reader, chain)
    _single(reader, chain, order, archive.PAYLOADS, "payload_sha256", _payload_differs)
    _single(reader, chain, order, archive.RECEIPTS, "receipt_sha256", _receipt_differs)
    _attempts(reader, chain, order)
    _call_backs(reader, chain)
    _corrections(reader, chain)
    _service_levels(reader, chain)


def _deliveries(reader: ArchiveReader, chain: Chain) -> dict[str, int]:
    """The place of each delivery whose row can be held against its record."""
    verdict, name = reader.verdict, archive.DELIVERIES
    seen: dict[str, bool] = {}
    judged: list[tuple[str, str]] = []
    highest = ("", "")
    for _, row in reader.objects(name):
        delivery = row["delivery"]
        what = f"delivery {delivery}"
        if delivery in seen or delivery not in chain.last:
            verdict.note(Fault.ADDED, name, what, "" if delivery in seen else "no link names it")
            continue
        place = (str(row.get("due")), delivery)
        if place < highest:
            verdict.note(Fault.REORDERED, name, what)
        highest = max(highest, place)
        seen[delivery] = True
        if row.get("open") and not _has_ended(row):
            verdict.open += 1
            continue
        judged.append((str(chain.last[delivery]["due"]), delivery))
        differing = _differing(row, chain.last[delivery])
        if differing:
            verdict.note(Fault.CHANGED, name, what, ", ".join(differing))
    kept_from = reader.manifest["kept_from"]
    for delivery, record in chain.last.items():
        if delivery in seen:
            continue
        if kept_from is None or _before(record["due"], kept_from):
            verdict.left += 1
        else:
            verdict.note(Fault.MISSING, name, f"delivery {delivery}")
    verdict.deliveries = len(judged)
    return {delivery: place for place, (_, delivery) in enumerate(sorted(judged))}


def _has_ended(row: dict[str, Any]) -> bool:
    return row.get("status") not in ("pending", "in_progress", "retrying")


def _differing(row: dict[str, Any], record: Record) -> list[str]:
    expected = {k: v for k, v in record.items() if k not in _OF_THE_LINK}
    found = {k: v for k, v in row.items() if k not in _BESIDE}
    differing = [
        k for k in sorted(expected.keys() | found.keys()) if expected.get(k) != found.get(k)
    ]
    error = row.get("error")
    if (text_hash(error) if error is not None else None) != record.get("error_sha256"):
        differing.append("error")
    return differing


def _single(
    reader: ArchiveReader,
    chain: Chain,
    order: dict[str, int],
    name: str,
    member: str,
    differs: Callable[[dict[str, Any], Record], str],
) -> None:
    """A file with at most one row for each delivery: whose record has `member`."""
    seen: set[str] = set()
    highest = -1
    for _, row in reader.objects(name):
        delivery = row["delivery"]
        what = f"delivery {delivery}"
        if delivery in seen or delivery not in chain.last:
            reader.verdict.note(Fault.ADDED, name, what)
            continue
        if delivery not in order:
            continue  # its own row is missing, which has been said
        seen.add(delivery)
        if order[delivery] < highest:
            reader.verdict.note(Fault.REORDERED, name, what)
        highest = max(highest, order[delivery])
        differing = differs(row, chain.last[delivery])
        if differing:
            reader.verdict.note(Fault.CHANGED, name, what, differing)
    for delivery in order:
        record = chain.last[delivery]
        wanted = member in record and (name != archive.PAYLOADS or record.get("payload_kept"))
        if wanted and delivery not in seen:
            reader.verdict.note(Fault.MISSING, name, f"delivery {delivery}")


def _payload_differs(row: dict[str, Any], record: Record) -> str:
    payload = row.get("payload")
    if not isinstance(payload, dict):
        return "payload"
    try:
        same = payload_hash(payload) == record.get("payload_sha256")
    except ValueError:
        same = False
    metadata = payload.get("metadata")
    inner = metadata.get("timestamp") if isinstance(metadata, dict) else None
    # The instant in it isn't part of the hash: it says when the payload was built.
    stamped = payload.get("timestamp", inner) == record.get("payload_time")
    extra = row.keys() - {"delivery", "payload"}
    return "" if same and stamped and not extra else "payload" if not same else "timestamp"


def _receipt_differs(row: dict[str, Any], record: Record) -> str:
    receipt = row.get("receipt")
    same = isinstance(receipt, str) and text_hash(receipt) == record.get("receipt_sha256")
    return "" if same and row.keys() == {"delivery", "receipt"} else "receipt"


def _attempts(reader: ArchiveReader, chain: Chain, order: dict[str, int]) -> None:
    """The attempts of a delivery have one hash together, so the number tells which one is missing or new, and
    of a changed one only whose it is."""
    name, verdict = archive.ATTEMPTS, reader.verdict
    seen: set[str] = set()
    highest = -1

    def whose(item: tuple[str, dict[str, Any]]) -> str:
        return str(item[1]["delivery"])

    for delivery, group in groupby(reader.objects(name), key=whose):
        rows = list(group)
        what = f"delivery {delivery}"
        if delivery not in chain.last:
            verdict.note(Fault.ADDED, name, what)
        if delivery not in order:
            continue
        if delivery in seen or order[delivery] < highest:
            verdict.note(Fault.REORDERED, name, what)
        seen.add(delivery)
        highest = max(highest, order[delivery])
        record = chain.last[delivery]
        joined = "\n".join(line for line, _ in rows)
        if hashlib.sha256(joined.encode()).hexdigest() == record.get("attempts_sha256"):
            continue
        numbers = [int(row.get("number", 0)) for _, row in rows]
        wanted = record["attempts"]
        if len(rows) < wanted:
            lacking = sorted(set(range(1, wanted + 1)) - set(numbers)) or [wanted]
            verdict.note(Fault.MISSING, name, what, f"attempt {lacking[0]}")
        elif len(rows) > wanted:
            verdict.note(Fault.ADDED, name, what, f"attempt {_last_twice(numbers)}")
        elif numbers != sorted(numbers):
            verdict.note(Fault.REORDERED, name, what)
        else:
            verdict.note(Fault.CHANGED, name, what)
    for delivery in order:
        if chain.last[delivery]["attempts"] and delivery not in seen:
            verdict.note(Fault.MISSING, name, f"delivery {delivery}")


def _last_twice(numbers: list[int]) -> int:
    return next((n for n in numbers if numbers.count(n) > 1), max(numbers))


def _call_backs(reader: ArchiveReader, chain: Chain) -> None:
    name = archive.CALL_BACKS
    seen: set[int] = set()
    highest = 0
    for _, row in reader.objects(name):
        link = row.get("link")
        what = f"link {link}"
        if not isinstance(link, int) or link in seen or link not in chain.call_backs:
            reader.verdict.note(Fault.ADDED, name, what)
            continue
        seen.add(link)
        if link < highest:
            reader.verdict.note(Fault.REORDERED, name, what)
        highest = max(highest, link)
        delivery, kind, record = chain.call_backs[link]
        said = row.get("error")
        same = (row["delivery"], row.get("what"), row.get("at")) == (
            delivery,
            kind,
            record.get("call_back_at"),
        )
        # Without words the audit log had them no more.
        if not same or (said is not None and text_hash(said) != record.get("error_sha256")):
            reader.verdict.note(Fault.CHANGED, name, what, f"delivery {delivery}")
    for link in sorted(chain.call_backs.keys() - seen):
        reader.verdict.note(Fault.MISSING, name, f"link {link}")


def _corrections(reader: ArchiveReader, chain: Chain) -> None:
    name = archive.CORRECTIONS
    expected = {d: record["corrects"] for d, record in chain.last.items() if "corrects" in record}
    order = {delivery: place for place, delivery in enumerate(expected)}
    seen: set[str] = set()
    highest = -1
    for _, row in reader.objects(name):
        delivery = row["delivery"]
        what = f"delivery {delivery}"
        if delivery in seen or delivery not in expected:
            reader.verdict.note(Fault.ADDED, name, what)
            continue
        seen.add(delivery)
        if order[delivery] < highest:
            reader.verdict.note(Fault.REORDERED, name, what)
        highest = max(highest, order[delivery])
        if row.get("corrects") != expected[delivery]:
            reader.verdict.note(Fault.CHANGED, name, what, "corrects")
    for delivery in expected.keys() - seen:
        reader.verdict.note(Fault.MISSING, name, f"delivery {delivery}")


def _service_levels(reader: ArchiveReader, chain: Chain) -> None:
    """Computed again from the records, with the targets that the file names."""
    name = archive.SERVICE_LEVELS
    text = "\n".join(_whole(reader, name))
    try:
        stated = json.loads(text)
        targets = {platform: one["latency_target_ms"] for platform, one in stated.items()}
        computed = service_levels(chain.last.values(), targets)
    except KeyError as error:
        reader.verdict.note(Fault.MISSING, name, f"platform {error.args[0]}")
        return
    except (ValueError, TypeError, AttributeError):
        reader.verdict.note(Fault.CHANGED, name, "the file")
        return
    for platform in sorted(stated.keys() | computed.keys()):
        if platform not in computed:
            reader.verdict.note(Fault.ADDED, name, f"platform {platform}")
        elif stated[platform] != computed[platform]:
            members = [k for k, v in computed[platform].items() if stated[platform].get(k) != v]
            reader.verdict.note(Fault.CHANGED, name, f"platform {platform}", ", ".join(members))


def _whole(reader: ArchiveReader, name: str) -> Iterator[str]:
    yield from reader.lines(name)


def _before(instant: str, other: str) -> bool:
    return datetime.fromisoformat(instant) < datetime.fromisoformat(other)
