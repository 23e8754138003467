"""Workday: `POST {url}/volunteer-management/v1/activities` with an OAuth token (design, section
6)."""

from datetime import date, datetime
from typing import Any
from uuid import uuid5

from impact_in_pipelines.connectors.plugin import (
    CLIENT_ID,
    CLIENT_SECRET,
    ActivityFigures,
    Connection,
    Credential,
    ImpactFigures,
    Payload,
    PlatformFacts,
    PlatformPlugin,
    Promise,
    SecondReport,
    Shipment,
    mapping,
)
from impact_in_pipelines.delivery.payload import payload_hash

_DUPLICATE_ACTIVITY = "DUPLICATE_ACTIVITY"
_TENANT_ID = Credential("tenant_id", "Tenant id", secret=False, is_id=True)
# The first type of which a word occurs in the activity's name.
_TYPES = (
    ("mentorship", ("mentor", "coach", "buddy")),
    (
        "training",
        ("train", "course", "class", "session", "workshop", "language", "job", "readiness"),
    ),
    ("volunteer", ("volunteer",)),
)
_OTHER_TYPE = "community_service"


def to_payload(
    figures: ImpactFigures, connection: Connection, built_at: datetime, correction: int = 0
) -> Payload:
    """The body of `POST /activities`: one activity for each kind that happened, one enrolment for
    the programme and one for each outcome category. The contract has no field for scores.

    An activity counts the people whose hours it reports, its distinct volunteers; participants are
    counted by the enrolments.

    The activities' ids say what the whole body says: the same content has the same ids, and what has
    changed is no DUPLICATE_ACTIVITY of what arrived before, which would be read as delivered. A correction is
    a later version, and so has other ids.
    """
    found = sorted(figures.activities, key=lambda one: one.activity)
    payload: Payload = {
        "organizationId": connection.organization_id,
        "reportingPeriod": mapping.start_end(figures),
        "volunteerActivities": [_activity(one, figures.period_end) for one in found],
        "programEnrollments": _enrollments(figures, connection),
        "metadata": {
            "source": mapping.SOURCE,
            "version": mapping.version(correction),
            "timestamp": mapping.timestamp(built_at),
        },
    }
    content = payload_hash(payload)
    for one, activity in zip(found, payload["volunteerActivities"], strict=True):
        activity["activityId"] = str(uuid5(figures.company_id, f"{one.activity}/{content}"))
    return payload


def reported(figures: ImpactFigures) -> dict[str, Any]:
    """What `to_payload` says of them; the hours and volunteers are those of each activity."""
    return {
        "activities": {
            one.activity: [mapping.hours(one.hours), one.volunteers] for one in figures.activities
        },
        "participants": figures.participants,
        "outcomes": {one.category: one.participants for one in figures.outcomes},
    }


def activity_type(activity: str) -> str:
    """Which of Workday's four types an activity is, told by its name."""
    name = activity.lower()
    return next(
        (kind for kind, marks in _TYPES if any(mark in name for mark in marks)), _OTHER_TYPE
    )


def _activity(activity: ActivityFigures, day: date) -> dict[str, Any]:
    return {
        "activityName": mapping.words(activity.activity),
        "activityType": activity_type(activity.activity),
        "volunteerHours": mapping.hours(activity.hours),
        "participantCount": activity.volunteers,
        "activityDate": day.isoformat(),
        "status": "completed",
    }


def _enrollments(figures: ImpactFigures, connection: Connection) -> list[dict[str, Any]]:
    program = mapping.program_id(connection)
    name = mapping.program_name(connection)
    counts = [(program, name, figures.participants)]
    counts += [
        (
            f"{program}-{outcome.category}",
            f"{name}: {mapping.words(outcome.category)}",
            outcome.participants,
        )
        for outcome in mapping.scored(figures)
    ]
    return [
        {
            "programId": program_id,
            "programName": program_name,
            "enrollmentCount": count,
            "periodStart": figures.period_start.isoformat(),
            "periodEnd": figures.period_end.isoformat(),
        }
        for program_id, program_name, count in counts
    ]


class Workday(PlatformPlugin):
    """Sends one payload a request; the delivery's key is the transaction id."""

    api_version = 1
    facts = PlatformFacts(
        "Workday",
        rate_limit_per_minute=30,
        batch_limit=1,
        credentials=((CLIENT_ID, CLIENT_SECRET, _TENANT_ID),),
        # Activities and enrolments are entries by their ids, and changed ones have other ids: both are
        # counted.
        second_report=SecondReport.ADDS,
        oauth_scope="volunteer_management",
    )

    def payload(
        self,
        figures: ImpactFigures,
        connection: Connection,
        built_at: datetime,
        correction: int = 0,
    ) -> Payload:
        return to_payload(figures, connection, built_at, correction)

    def reported(self, figures: ImpactFigures) -> dict[str, Any]:
        return reported(figures)

    def path(self, shipment: Shipment) -> str:
        del shipment
        return "/volunteer-management/v1/activities"

    def headers(self, shipment: Shipment) -> dict[str, str]:
        return {
            "X-Workday-Tenant": shipment.connection.credentials["tenant_id"],
            "X-Transaction-ID": str(shipment.key),
        }

    def promise(self, shipment: Shipment) -> Promise:
        payload = shipment.payloads[0]
        return Promise(
            "Workday",
            str(shipment.key),
            id_fields=("transactionId",),
            counts={
                "activitiesProcessed": len(payload.get("volunteerActivities", ())),
                "enrollmentsProcessed": len(payload.get("programEnrollments", ())),
            },
            arrived_codes=frozenset({_DUPLICATE_ACTIVITY}),
        )
