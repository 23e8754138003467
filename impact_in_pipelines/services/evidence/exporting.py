"""A company's evidence: an archive of some days that anybody can verify, and the chain kept complete."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, timedelta, tzinfo
from typing import Any

from impact_in_pipelines import __version__
from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.evidence.exporting import Span, reading_evidence
from impact_in_pipelines.db.evidence.linking import link_what_has_none
from impact_in_pipelines.errors.retention import SpanBackwards
from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import text_hash
from impact_in_pipelines.evidence.records import (
    REMOVED,
    Record,
    call_back_of,
    reports_within,
    service_levels,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.progress import Steps, Tell, silent
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import parse_timezone

__all__ = ["complete_chains", "export", "file_name", "span_of"]

USUAL_DAYS = 92
"""A quarter: so long is a span of which only the end is known."""


def complete_chains(runtime: Runtime) -> int:
    """Link what has ended and has no link: from before there was a chain, or ended by a program of before."""
    return link_what_has_none(runtime.database.engine, now=runtime.clock())


def span_of(
    runtime: Runtime, company: Company, first: date | None, last: date | None
) -> tuple[date, date]:
    """The days that were asked for; absent: up to yesterday, and a quarter."""
    last = last or runtime.clock().astimezone(_zone(company)).date() - timedelta(days=1)
    return first or last - timedelta(days=min(USUAL_DAYS - 1, (last - date.min).days)), last


def _zone(company: Company) -> tzinfo:
    try:
        return parse_timezone(company.timezone)
    except TimezoneUnknown:  # the machine's zones may no longer have it
        return UTC


def file_name(company: Company, first: date, last: date) -> str:
    """What an archive is called."""
    return f"evidence-{company.slug}-{first}-{last}.zip"


def export(
    runtime: Runtime,
    company: Company,
    first: date,
    last: date,
    *,
    actor: str,
    tell: Tell = silent,
) -> Iterator[bytes]:
    """The archive of the deliveries of `company` that report on a day from `first` to `last`, in pieces; the
    audit log has who asked for it. `tell` is called with about so many rows. Raises `SpanBackwards` before
    anything is read."""
    if last < first:
        raise SpanBackwards(first, last)
    asked = Change(
        "evidence.export",
        f"company {company.slug}",
        company.id,
        after={"from": str(first), "to": str(last)},
    )
    with runtime.database.engine.begin() as connection:
        record(connection, [asked], actor=actor, now=runtime.clock())
    return _pieces(runtime, company, first, last, tell)


def _pieces(
    runtime: Runtime, company: Company, first: date, last: date, tell: Tell
) -> Iterator[bytes]:
    made_at = runtime.clock()
    book = runtime.sla_thresholds.book()
    targets = {one.value: book.of(company.id, one).latency_target_ms for one in Platform}
    writer = archive.ArchiveWriter(made_at)
    with reading_evidence(runtime.database.engine, company.id, first, last) as span:
        steps = Steps(span.size() if tell is not silent else 0, tell)
        seen = _Seen(first, last)
        yield from writer.add(archive.CHAIN, steps.passing(seen.passing(span.links())))
        yield from writer.add(archive.DELIVERIES, steps.passing(span.deliveries()))
        yield from writer.add(archive.PAYLOADS, steps.passing(span.payloads()))
        yield from writer.add(archive.RECEIPTS, steps.passing(span.receipts()))
        yield from writer.add(archive.ATTEMPTS, steps.passing(span.attempts()))
        yield from writer.add(archive.CALL_BACKS, _call_backs(seen, span))
        yield from writer.add(archive.CORRECTIONS, seen.corrections())
        levels = service_levels(seen.last.values(), targets)
        yield from writer.add(archive.SERVICE_LEVELS, [json.dumps(levels, indent=1)])
        stretch, kept_from = span.stretch, span.kept_from
    manifest: dict[str, Any] = {
        "format": archive.FORMAT,
        "company": {"id": str(company.id), "slug": company.slug, "name": company.name},
        "from": str(first),
        "to": str(last),
        "made_at": made_at.isoformat(),
        "made_by": f"impact-in {__version__}",
        "chain": asdict(stretch),
        "kept_from": kept_from.isoformat() if kept_from else None,
    }
    yield from writer.end(manifest)
    steps.end()


class _Seen:
    """The last record of each delivery of the span, of which only a few members are kept, and the links of
    call-backs and corrections."""

    _KEPT = (
        *("platform", "trigger", "status", "due", "delivered_at", "failed_at"),
        *("taken_back_at", "revision", "corrects"),
    )

    def __init__(self, first: date, last: date) -> None:
        self._first, self._last = first, last
        self.last: dict[str, Record] = {}
        self.call_backs: list[tuple[int, str, str, Record]] = []

    def passing(self, links: Iterator[tuple[str, str]]) -> Iterator[str]:
        for hash_, text in links:
            found = json.loads(text)
            if reports_within(found, self._first, self._last):
                self._note(found)
            yield f"{hash_} {text}"

    def corrections(self) -> Iterator[str]:
        for delivery, found in self.last.items():
            if "corrects" in found:
                yield json.dumps({"delivery": delivery, "corrects": found["corrects"]})

    def _note(self, found: Record) -> None:
        delivery = found["delivery"]
        if found["status"] == REMOVED:
            self.last.pop(delivery, None)
            return
        what = call_back_of(self.last.get(delivery), found)
        if what:
            self.call_backs.append((found["link"], delivery, what, found))
        self.last[delivery] = {name: found[name] for name in self._KEPT if name in found}


def _call_backs(seen: _Seen, span: Span) -> Iterator[str]:
    for link, delivery, what, found in seen.call_backs:
        at = found.get("taken_back_at")
        words = span.words_of(delivery, at) if what == "taken_back" and at else None
        if words is not None and text_hash(words) != found.get("error_sha256"):
            words = None  # whoever they named has been erased since
        line = {
            "link": link,
            "delivery": delivery,
            "what": what,
            "at": found.get("call_back_at"),
            "error": words,
        }
        yield json.dumps(line, ensure_ascii=False)
