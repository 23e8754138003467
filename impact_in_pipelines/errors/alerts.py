"""Refusals about incidents and maintenance windows."""

from datetime import datetime
from uuid import UUID

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


@refusal("incident.unknown")
class IncidentUnknown(NotFound):
    """No incident has this id, or none that the caller may see."""

    incident: str


@refusal("incident.closed")
class IncidentClosed(Conflict):
    """The incident is over: nobody needs to be on it."""

    incident: UUID


@refusal("incident.acknowledged")
class IncidentAcknowledged(Conflict):
    """Somebody is on it already."""

    incident: UUID
    by: str


@refusal("incident.note_empty")
class IncidentNoteEmpty(UsageError):
    """A note without a word."""


@refusal("incident.note_too_long")
class IncidentNoteTooLong(UsageError):
    """More than `longest` characters."""

    longest: int


@refusal("maintenance.unknown")
class MaintenanceUnknown(NotFound):
    """No maintenance window has this id, or none that the caller may see."""

    window: str


@refusal("maintenance.no_scope")
class MaintenanceScopeMissing(UsageError):
    """A window is a company's, a platform's, or that of one on the other."""


@refusal("maintenance.no_reason")
class MaintenanceReasonMissing(UsageError):
    """The reason is what people read: it can't be empty."""


@refusal("maintenance.reversed")
class MaintenanceReversed(UsageError):
    """The window ends before it begins."""

    start: datetime
    end: datetime


@refusal("maintenance.past")
class MaintenancePast(UsageError):
    """The window would be over before it is written down."""

    end: datetime


@refusal("maintenance.over")
class MaintenanceOver(Conflict):
    """The window has ended already."""

    window: UUID
