"""One incident: its history from opening to close, and the notes that people write on it.

`company_ids` are those of whoever asks (None: all): another company's incident is as good as none. A
platform's incident is everybody's to see; notes on it are the operators' own: they may name any company.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from impact_in_pipelines.db.alerts.history import IncidentHistory, IncidentNote
from impact_in_pipelines.errors.alerts import (
    IncidentNoteEmpty,
    IncidentNoteTooLong,
    IncidentUnknown,
)
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sla.incidents import Channel, Incident, NoticeKind

LONGEST_NOTE = 2_000
"""Characters."""


class IncidentEventKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    NOTICE = "notice"
    ACKNOWLEDGED = "acknowledged"
    NOTE = "note"
    CLEARED = "cleared"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One thing that happened: `by` whom, a note's `text`, and of a `notice` its kind and its channel."""

    at: datetime
    kind: IncidentEventKind
    by: str | None = None
    text: str | None = None
    notice: NoticeKind | None = None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class IncidentStory:
    """An incident and what happened to it, the earliest first; notices dropped by age are missing."""

    incident: Incident
    events: Sequence[IncidentEvent]


def find_incident(
    runtime: Runtime, id_: UUID | str, company_ids: Sequence[UUID] | None = None
) -> Incident:
    """The incident with this id, or the only one whose id begins so. Raises `IncidentUnknown` and others."""
    uuid = id_ if isinstance(id_, UUID) else runtime.incidents.resolve(id_)
    found = runtime.incidents.find(uuid)
    if found is None or not _may_see(found, company_ids):
        raise IncidentUnknown(str(id_))
    return found


def story(
    runtime: Runtime, id_: UUID | str, company_ids: Sequence[UUID] | None = None
) -> IncidentStory:
    """What happened to an incident. Raises `IncidentUnknown`."""
    found = find_incident(runtime, id_, company_ids)
    notes_too = found.company_id is not None or company_ids is None
    rows = IncidentHistory(runtime.database.engine).of(found.id, notes_too=notes_too)
    events = [IncidentEvent(found.opened_at, IncidentEventKind.OPENED)]
    for row in rows:
        notice, channel = row.pop("notice"), row.pop("channel")
        events.append(
            IncidentEvent(
                **{**row, "kind": IncidentEventKind(row["kind"])},
                notice=NoticeKind(notice) if notice else None,
                channel=Channel(channel) if channel else None,
            )
        )
    if found.acknowledged_at:
        events.append(
            IncidentEvent(
                found.acknowledged_at, IncidentEventKind.ACKNOWLEDGED, found.acknowledged_by
            )
        )
    if found.cleared_at:
        events.append(IncidentEvent(found.cleared_at, IncidentEventKind.CLEARED))
    if found.closed_at:
        events.append(IncidentEvent(found.closed_at, IncidentEventKind.CLOSED))
    return IncidentStory(found, sorted(events, key=lambda one: one.at))


def add_note(
    runtime: Runtime,
    id_: UUID | str,
    text: str,
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
) -> IncidentNote:
    """Write a note on an incident, open or closed. Audited.

    Raises `IncidentUnknown` (also for a platform's incident unless one may see all companies),
    `IncidentNoteEmpty`, `IncidentNoteTooLong`.
    """
    found = find_incident(runtime, id_, company_ids)
    if found.company_id is None and company_ids is not None:
        raise IncidentUnknown(str(id_))
    text = text.strip()
    if not text:
        raise IncidentNoteEmpty()
    if len(text) > LONGEST_NOTE:
        raise IncidentNoteTooLong(LONGEST_NOTE)
    history = IncidentHistory(runtime.database.engine)
    return history.add_note(found, text, actor=actor, now=runtime.clock())


def _may_see(incident: Incident, company_ids: Sequence[UUID] | None) -> bool:
    return company_ids is None or incident.company_id is None or incident.company_id in company_ids
