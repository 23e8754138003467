"""Incidents and maintenance windows on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import (
    Input,
    Instant,
    Model,
    Moment,
    PlatformName,
    ShownPlatform,
)
from impact_in_pipelines.api.sla.schemas import SeverityName, ShownBreachName
from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.services.incidents import LONGEST_NOTE, IncidentStory
from impact_in_pipelines.sla.incidents import Incident as StoredIncident
from impact_in_pipelines.sla.incidents import MaintenanceWindow as StoredWindow
from impact_in_pipelines.sla.incidents import told_details
from impact_in_pipelines.sla.wire import in_wire_unit


class IncidentView(Model):
    """An open or past breach; rates are fractions. `level`: 1 warning, 2 breach, 3 platform outage."""

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: ShownPlatform | None
    type: ShownBreachName
    severity: SeverityName
    level: int
    threshold: float
    actual: float
    sample_size: int
    low_confidence: bool
    since: Moment | None
    opened_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    cleared_at: Moment | None
    closed_at: Moment | None
    muted_by: str | None
    maintenance_id: UUID | None
    details: dict[str, Any]


class IncidentPage(Model):
    """A page of incidents, the latest first."""

    data: list[IncidentView]
    next_cursor: str | None


class IncidentEventView(Model):
    """One thing that happened to an incident."""

    at: Moment
    kind: Literal["opened", "notice", "acknowledged", "note", "cleared", "closed"]
    by: str | None
    text: str | None
    notice: Literal["opened", "raised", "reminded", "acknowledged", "recovered"] | None
    channel: Literal["slack", "slack_critical", "pagerduty", "log"] | None


class IncidentStoryView(Model):
    """An incident and what happened to it."""

    incident: IncidentView
    history: list[IncidentEventView]


class NewIncidentNote(Input):
    """A note to write on an incident."""

    text: Annotated[
        str, Field(min_length=1, max_length=LONGEST_NOTE, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    ]


class IncidentNoteView(Model):
    """A note on an incident."""

    id: UUID
    incident_id: UUID
    at: Moment
    author: str
    text: str


class MaintenanceWindowView(Model):
    """When notices about a company or platform are withheld."""

    id: UUID
    company_id: UUID | None
    company: str | None
    platform: ShownPlatform | None
    starts_at: Moment
    ends_at: Moment
    reason: str
    created_by: str
    created_at: Moment
    ended_by: str | None


class MaintenancePage(Model):
    """A page of maintenance windows, the next to end first; with past ones, the last to end."""

    data: list[MaintenanceWindowView]
    next_cursor: str | None


class NewMaintenance(Input):
    """A maintenance window to add; without a company it needs a token for all of them."""

    company_id: UUID | None = None
    platform: PlatformName | None = None
    starts_at: Instant | None = Field(None, description="now, if it isn't given")
    ends_at: Instant
    reason: Annotated[
        str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    ]


def incident_of(incident: StoredIncident) -> IncidentView:
    """An incident as it goes out."""
    taken = ("details", "threshold", "actual")
    values: Mapping[str, Any] = {
        name: getattr(incident, name) for name in IncidentView.model_fields if name not in taken
    }
    details = dict(told_details(incident))
    if "last_error" in details:  # what a platform said
        details["last_error"] = sanitised(details["last_error"])
    return IncidentView(
        **values,
        threshold=in_wire_unit(incident.type, incident.threshold),
        actual=in_wire_unit(incident.type, incident.actual),
        details=details,
    )


def story_of(story: IncidentStory) -> IncidentStoryView:
    """An incident with its history as it goes out."""
    return IncidentStoryView(
        incident=incident_of(story.incident),
        history=[
            IncidentEventView(
                **{name: getattr(one, name) for name in IncidentEventView.model_fields}
            )
            for one in story.events
        ],
    )


def window_of(window: StoredWindow) -> MaintenanceWindowView:
    """A maintenance window as it goes out."""
    return MaintenanceWindowView(
        **{name: getattr(window, name) for name in MaintenanceWindowView.model_fields}
    )
