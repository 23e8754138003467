"""What is wrong, who is on it, and when nobody is notified."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from impact_in_pipelines.api.access.rights import (
    MANAGE,
    VIEW,
    Api,
    Caller,
    only_all,
    own_company,
    visible,
)
from impact_in_pipelines.api.access.tokens import Principal
from impact_in_pipelines.api.alerts.schemas import (
    IncidentNoteView,
    IncidentPage,
    IncidentStoryView,
    IncidentView,
    MaintenancePage,
    MaintenanceWindowView,
    NewIncidentNote,
    NewMaintenance,
    incident_of,
    story_of,
    window_of,
)
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT, encode_cursor, instant_and_id
from impact_in_pipelines.api.http.problems import invalid, naming, not_found
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Limit, PlatformName
from impact_in_pipelines.errors.alerts import IncidentUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services import incidents as incident_service
from impact_in_pipelines.services import maintenance as maintenance_service
from impact_in_pipelines.services.alerts import Alerts

incidents = api_router("Incidents")
"""Open and past breaches."""
maintenance = api_router("Maintenance windows")
"""When notices are withheld."""


@incidents.get(
    "/incidents",
    operation_id="listIncidents",
    summary="Incidents of the token's companies, and of whole platforms",
    dependencies=[VIEW],
)
def list_incidents(
    api: Api,
    caller: Caller,
    company_id: Annotated[
        UUID | None, Query(alias="companyId", description="only this company's")
    ] = None,
    platform: PlatformName | None = None,
    closed: Annotated[bool, Query(description="closed ones too")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> IncidentPage:
    ids = visible(api, caller, company_id)
    question = {"of": "incidents", "company": company_id, "platform": platform, "closed": closed}
    rows = api.runtime.incidents.page(
        ids,
        platforms_too=company_id is None,
        platform=Platform(platform) if platform else None,
        closed_too=closed,
        limit=limit + 1,
        **instant_and_id(cursor, question),
    )
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = encode_cursor({"at": last.opened_at.isoformat(), "id": last.id}, question)
    return IncidentPage(data=[incident_of(row) for row in rows[:limit]], next_cursor=more)


@incidents.post(
    "/incidents/{incidentId:id}/acknowledge",
    operation_id="acknowledgeIncident",
    summary="Say that somebody works on it; PagerDuty stops escalating",
    dependencies=[MANAGE],
)
def acknowledge_incident(api: Api, caller: Caller, incidentId: UUID) -> IncidentView:  # noqa: N803
    found = api.runtime.incidents.find(incidentId)
    if found is None or not _may_see(caller, found.company_id):
        raise not_found("incident")
    if found.company_id is None:
        only_all(caller, "acknowledging a platform's incident")
    return incident_of(Alerts(api.runtime).acknowledge(str(incidentId), caller.subject))


@incidents.get(
    "/incidents/{incidentId:id}",
    operation_id="getIncident",
    summary="One incident and what happened to it",
    dependencies=[VIEW],
)
def get_incident(api: Api, caller: Caller, incidentId: UUID) -> IncidentStoryView:  # noqa: N803
    try:
        return story_of(incident_service.story(api.runtime, incidentId, caller.company_ids))
    except IncidentUnknown:
        raise not_found("incident") from None


@incidents.post(
    "/incidents/{incidentId:id}/notes",
    operation_id="addIncidentNote",
    summary="Write a note on an incident, open or closed",
    status_code=201,
    dependencies=[MANAGE],
)
def add_incident_note(
    api: Api,
    caller: Caller,
    incidentId: UUID,  # noqa: N803
    body: NewIncidentNote,
) -> IncidentNoteView:
    try:
        made = incident_service.add_note(
            api.runtime, incidentId, body.text, actor=caller.subject, company_ids=caller.company_ids
        )
    except IncidentUnknown:
        raise not_found("incident") from None
    return IncidentNoteView(**{name: getattr(made, name) for name in IncidentNoteView.model_fields})


@maintenance.get(
    "/maintenance-windows",
    operation_id="listMaintenanceWindows",
    summary="Present and coming windows of the token's companies, and of whole platforms",
    dependencies=[VIEW],
)
def list_maintenance(
    api: Api,
    caller: Caller,
    company_id: Annotated[UUID | None, Query(alias="companyId")] = None,
    past: Annotated[bool, Query(description="past ones too")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> MaintenancePage:
    ids, now = visible(api, caller, company_id), api.clock()
    question = {"of": "maintenance", "company": company_id, "past": past}
    position = instant_and_id(cursor, question)
    rows = api.runtime.maintenance.listed(
        ids,
        ended_too=past,
        now=now,
        platforms_too=company_id is None,
        limit=limit + 1,
        behind=(position["before_at"], position["before_id"]) if cursor is not None else None,
    )
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = encode_cursor({"at": last.ends_at.isoformat(), "id": last.id}, question)
    return MaintenancePage(data=[window_of(one) for one in rows[:limit]], next_cursor=more)


@maintenance.post(
    "/maintenance-windows",
    operation_id="addMaintenanceWindow",
    summary="Withhold alerts about a company, a platform, or a company on a platform",
    status_code=201,
    dependencies=[MANAGE],
)
def add_maintenance(api: Api, caller: Caller, body: NewMaintenance) -> MaintenanceWindowView:
    if body.company_id is not None:
        own_company(api, caller, body.company_id)
    else:
        only_all(caller, "a window for all companies")
    if body.company_id is None and body.platform is None:
        raise invalid("body", "platform", "is required without companyId")
    with naming("endsAt"):  # the rest has been judged
        made = maintenance_service.add_maintenance(
            api.runtime,
            company_id=body.company_id,
            platform=Platform(body.platform) if body.platform else None,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            reason=body.reason,
            actor=caller.subject,
        )
    return window_of(made)


@maintenance.post(
    "/maintenance-windows/{windowId:id}/end",
    operation_id="endMaintenanceWindow",
    summary="End a window now",
    dependencies=[MANAGE],
)
def end_maintenance(api: Api, caller: Caller, windowId: UUID) -> MaintenanceWindowView:  # noqa: N803
    found = api.runtime.maintenance.find(windowId)
    if found is None or not _may_see(caller, found.company_id):
        raise not_found("maintenance window")
    if found.company_id is None:
        only_all(caller, "ending a window for all companies")
    return window_of(
        maintenance_service.end_maintenance(api.runtime, str(windowId), actor=caller.subject)
    )


def _may_see(caller: Principal, company_id: UUID | None) -> bool:
    """What concerns a whole platform concerns everybody."""
    return company_id is None or caller.may_see(company_id)
