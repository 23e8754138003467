"""How companies and platforms stand, on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.alerts.schemas import IncidentView, incident_of
from impact_in_pipelines.api.http.schemas import Model, Moment, ShownPlatform
from impact_in_pipelines.api.platforms.schemas import PlatformClosure, closure_of
from impact_in_pipelines.db.accounts.health import CompanyHealth
from impact_in_pipelines.services.operating.overview import Overview, PlatformQueue


class CompanyHealthView(Model):
    """The state of one company. `nothing`: nothing of it has ever arrived."""

    company_id: UUID
    slug: str
    name: str
    state: Literal["breach", "warning", "nothing", "inactive", "healthy"] = Field(
        description="the most severe state that applies"
    )
    critical_incidents: int
    warning_incidents: int
    late_deliveries: int
    oldest_late: Moment | None
    failing_schedules: int
    held_connections: int


class CompanyHealthPage(Model):
    """A page of companies, by slug or the worst first."""

    data: list[CompanyHealthView]
    next_cursor: str | None


class QueueView(Model):
    """What waits for one platform, and who sends."""

    platform: ShownPlatform
    closures: list[PlatformClosure] = Field(description="what holds the whole platform")
    held_connections: int
    open: int
    due: int
    oldest_due: Moment | None
    held: int
    waiting_turn: int
    drains: int
    sending: int


class RefusedAlerts(Model):
    """A channel that refuses alerts; `error` is its last answer."""

    channel: Literal["slack", "slack_critical", "pagerduty", "log"]
    waiting: int
    oldest: Moment
    error: str | None


class OverviewView(Model):
    """All companies and platforms at once."""

    platforms: list[QueueView]
    worst: list[CompanyHealthView]
    troubled_companies: int
    critical_incidents: int
    warning_incidents: int
    latest_incidents: list[IncidentView]
    refused_alerts: list[RefusedAlerts] = Field(
        description="channels that refuse alerts, so that they wait"
    )


def health_of(one: CompanyHealth) -> CompanyHealthView:
    """A company's health as it goes out."""
    return CompanyHealthView(
        company_id=one.id,
        slug=one.slug,
        name=one.name,
        state=one.state.value,
        critical_incidents=one.critical,
        warning_incidents=one.warning,
        late_deliveries=one.late,
        oldest_late=one.oldest_late,
        failing_schedules=one.failing,
        held_connections=one.held,
    )


def overview_of(found: Overview) -> OverviewView:
    """The overview as it goes out."""
    return OverviewView(
        platforms=[_queue_of(line) for line in found.platforms],
        worst=[health_of(one) for one in found.worst],
        troubled_companies=found.troubled,
        critical_incidents=found.open_incidents.critical,
        warning_incidents=found.open_incidents.warning,
        latest_incidents=[incident_of(one) for one in found.incidents],
        refused_alerts=[
            RefusedAlerts(
                channel=one.channel.value, waiting=one.waiting, oldest=one.oldest, error=one.error
            )
            for one in found.refused_alerts
        ],
    )


def _queue_of(line: PlatformQueue) -> QueueView:
    taken = ("platform", "closures")
    values = {name: getattr(line, name) for name in QueueView.model_fields if name not in taken}
    return QueueView(
        platform=line.platform.value,
        closures=[closure_of(one) for one in line.closures],
        **values,
    )
