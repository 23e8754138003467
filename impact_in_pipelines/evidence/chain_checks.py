"""The chain of an archive, link by link."""

import json

from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.reading import (
    ArchiveReader,
    Chain,
    Fault,
    check_reach,
    checked_beginning,
    follows,
)
from impact_in_pipelines.evidence.records import REMOVED, Record, call_back_of, reports_within


def checked_chain(reader: ArchiveReader) -> Chain:
    """Read the chain and name every link that was changed, is missing, was added or stands elsewhere.

    A link is held against the hash that the link before it states, so that one changed record is one finding.
    """
    verdict, stretch = reader.verdict, reader.manifest["chain"]
    chain = Chain(hashes={stretch["first"] - 1: checked_beginning(reader)})
    waiting: dict[int, str] = {}
    records: dict[int, Record] = {}
    highest = stretch["first"] - 1
    for place, line in enumerate(reader.lines(archive.CHAIN), 1):
        hash_, _, text = line.partition(" ")
        try:
            record = json.loads(text)
            number = int(record["link"])
            reports_within(record, *reader.span)
        except (ValueError, TypeError, KeyError):
            verdict.note(Fault.CHANGED, archive.CHAIN, f"line {place}", "it can't be read")
            continue
        what = f"link {number}"
        whose = f"delivery {record.get('delivery')}"
        if number in records or not stretch["first"] <= number <= stretch["last"]:
            verdict.note(Fault.ADDED, archive.CHAIN, what, whose)
            continue
        if number < highest:
            verdict.note(Fault.REORDERED, archive.CHAIN, what, whose)
        highest = max(highest, number)
        records[number], chain.hashes[number] = record, hash_
        if number - 1 not in chain.hashes:
            waiting[number] = text
        elif not follows(chain.hashes[number - 1], text, hash_):
            verdict.note(Fault.CHANGED, archive.CHAIN, what, whose)
    check_reach(reader, records.get(stretch["first"]))
    for number, text in waiting.items():
        before = chain.hashes.get(number - 1)
        if before is not None and not follows(before, text, chain.hashes[number]):
            whose = f"delivery {records[number].get('delivery')}"
            verdict.note(Fault.CHANGED, archive.CHAIN, f"link {number}", whose)
    for number in range(stretch["first"], stretch["last"] + 1):
        if number not in records:
            verdict.note(Fault.MISSING, archive.CHAIN, f"link {number}")
    if chain.hashes.get(stretch["last"], stretch["head"]) != stretch["head"]:
        verdict.note(Fault.CHANGED, archive.CHAIN, f"link {stretch['last']}", "it isn't the head")
    verdict.links = len(records)
    _place(reader, chain, records)
    return chain


def _place(reader: ArchiveReader, chain: Chain, records: dict[int, Record]) -> None:
    first, last = reader.span
    for number in sorted(records):
        record = records[number]
        if not reports_within(record, first, last):
            continue
        delivery = record["delivery"]
        if record["status"] == REMOVED:
            chain.last.pop(delivery, None)
            continue
        what = call_back_of(chain.last.get(delivery), record)
        if what:
            chain.call_backs[number] = (delivery, what, record)
        chain.last[delivery] = record
