"""The words of alerting: incidents, the notices about them, and what keeps notices quiet.

An incident is an open breach, from detection to recovery (design, section 2). Everything here is data;
`alerting/` decides and `db/` keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.model import BreachType, Severity


class Channel(StrEnum):
    """Where a notice goes. `log`: no webhook is configured, it is logged and kept."""

    SLACK = "slack"
    SLACK_CRITICAL = "slack_critical"
    PAGERDUTY = "pagerduty"
    LOG = "log"


class NoticeKind(StrEnum):
    """Why a notice is written."""

    OPENED = "opened"
    RAISED = "raised"
    REMINDED = "reminded"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    RUN_FAILED = "run_failed"


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of `incidents`.

    `company` is the slug; `company_id` None means the platform alone, `platform` None all platforms of the
    company. `severity` is the highest it has reached. `notified_severity` and `paged` say what people were
    told, on `channels`; None: nothing yet. `details` has the evidence, and with `pages` and `rule` whether
    somebody is paged and on which rule that rests. `cleared_at`: the breach is gone since then, the incident
    waits whether it stays so. `muted_by`: why a notice was withheld, in words.
    """

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: Platform | None
    type: BreachType
    severity: Severity
    threshold: float
    actual: float
    sample_size: int
    low_confidence: bool
    since: datetime | None
    opened_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    notified_severity: Severity | None = None
    paged: bool = False
    channels: tuple[Channel, ...] = ()
    muted_by: str | None = None
    maintenance_id: UUID | None = None

    @property
    def key(self) -> tuple[UUID | None, Platform | None, BreachType]:
        """What it is about; one incident is open for one key."""
        return self.company_id, self.platform, self.type

    @property
    def level(self) -> int:
        """The escalation level: 1 warning, 2 breach, 3 platform outage."""
        if self.type is BreachType.PLATFORM_OUTAGE:
            return 3
        if self.severity is not Severity.CRITICAL:
            return 1
        # Critical and told without a page (few deliveries, a median in time) is a warning, as documented.
        return 2 if self.paged or self.details.get("pages", True) else 1


def told_details(incident: Incident) -> Mapping[str, Any]:
    """The details that whoever may see the incident may read. Those of a whole platform are read by every
    company on it: what the platform said to one of them, and who the others are, stays out."""
    if incident.company_id is not None:
        return incident.details
    if not incident.type.is_known:
        # What a newer program keeps with it, and whose that is, nobody knows here.
        return {
            name: incident.details[name] for name in ("pages", "rule") if name in incident.details
        }
    return {
        name: value
        for name, value in incident.details.items()
        if name not in ("last_error", "schedule_id", "names", "anomalies", "members")
    }


@dataclass(frozen=True, slots=True)
class Notice:
    """What one message says, whatever the channel. `key` is unique for each thing that is said.

    `incident` is as it was when the notice was written; None for a failed run, whose facts are `run`.
    `pages`: it is meant to call somebody.
    """

    key: str
    kind: NoticeKind
    at: datetime
    pages: bool
    incident: Incident | None = None
    run: "FailedRun | None" = None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A Dagster run that failed for another reason than its deliveries. `error` carries no secrets."""

    run_id: str
    job: str
    step: str | None
    error: str


@dataclass(frozen=True, slots=True)
class OverdueFire:
    """A fire that is overdue and that nobody has planned: whose (`company` is the slug), and its time."""

    company_id: UUID
    company: str
    platform: Platform
    at: datetime


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Notices about `platform` (None: all) and `company` (None: all) are withheld from `starts_at` up to
    `ends_at`, exclusive."""

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: Platform | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    created_by: str
    created_at: datetime
    ended_by: str | None = None

    def covers(self, incident: Incident, at: datetime) -> bool:
        """Whether notices about `incident` are withheld at `at`."""
        return (
            self.starts_at <= at < self.ends_at
            and self.company_id in (None, incident.company_id)
            and self.platform in (None, incident.platform)
        )


@dataclass(frozen=True, slots=True)
class PlatformActivity:
    """The answered and unanswered attempts at one platform since some instant.

    Counted are the attempts since the last one that delivered: `failures` of them failed, from
    `first_failure` to `last_failure`, for `companies` companies; `own_faults` of them in a way that may be
    the account's own fault (refused credentials or data). `error_kinds` are how they failed: in kinds,
    because what a platform said to one company is not for the others.
    """

    platform: Platform
    last_success: datetime | None
    first_failure: datetime | None
    last_failure: datetime | None
    failures: int
    companies: int
    own_faults: int
    error_kinds: tuple[str, ...] = ()


class PlatformState(StrEnum):
    """How a platform answers."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class PlatformHealth:
    """One platform's state, since when (UTC), and in words why (None: healthy)."""

    platform: Platform
    state: PlatformState
    since: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """`incident` as it is to be stored, new or changed, and the notice that is written with it."""

    incident: Incident
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice of the outbox in a sender's hands; `attempts` counts this one."""

    id: UUID
    channel: Channel
    attempts: int
    notice: Notice
