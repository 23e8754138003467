"""The three bodies, field by field, as the contract has them (design, section 6)."""

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from connectors.helpers import NOW, connection, figures
from impact_in_pipelines.connectors.plugins.workday import activity_type
from impact_in_pipelines.connectors.registry import mapping_for
from impact_in_pipelines.delivery.payload import canonical_bytes, payload_hash
from impact_in_pipelines.impact.figures import ActivityFigures, OutcomeFigures
from impact_in_pipelines.platforms import Platform


def built(platform: Platform, options: dict[str, Any] | None = None, **changes: Any) -> Any:
    """The body of the week in `helpers.figures`."""
    account = connection(platform, options=options)
    return mapping_for(platform)(figures(**changes), account, NOW)


def test_benevity_body() -> None:
    """`POST /impact`: the volunteer count is `program_participation`; custom outcomes go along."""
    assert built(Platform.BENEVITY) == {
        "organizationId": "org-1",
        "programId": "impact-in",
        "programName": "Impact-In",
        "reportingPeriod": {"startDate": "2026-02-23", "endDate": "2026-03-01"},
        "metrics": [
            {"metricType": "volunteer_hours", "metricValue": 96.25, "metricUnit": "hours"},
            {"metricType": "participant_count", "metricValue": 41, "metricUnit": "participants"},
            {"metricType": "program_participation", "metricValue": 12, "metricUnit": "volunteers"},
            {
                "metricType": "outcome_score",
                "metricValue": 0.6789,
                "metricUnit": "score_0_1",
                "category": "integration",
                "description": "Integration: average of 20 participants scored",
            },
            {
                "metricType": "outcome_score",
                "metricValue": 0.5,
                "metricUnit": "score_0_1",
                "category": "job_readiness",
                "description": "Job readiness: average of 11 participants scored",
            },
            {
                "metricType": "outcome_score",
                "metricValue": 6.25,
                "metricUnit": "level_0_10",
                "category": "language",
                "description": "Language: average of 18 participants scored",
            },
            {
                "metricType": "outcome_score",
                "metricValue": 3.3333,
                "metricUnit": "score",
                "category": "well_being",
                "description": "Well being: average of 9 participants scored",
            },
        ],
        "timestamp": "2026-03-02T06:00:00.000Z",
    }


def test_benevity_counts_one_participant_as_one() -> None:
    """A customer reads the description: it used to be '1 participants scored'."""
    body = built(Platform.BENEVITY, outcomes=(OutcomeFigures("language", 6.25, 1, 6.25, 6.25),))
    assert body["metrics"][-1]["description"] == "Language: average of 1 participant scored"


def test_goodera_record() -> None:
    """`POST /impact-data`: integration and job readiness become percentages, language a level."""
    assert built(Platform.GOODERA) == {
        "projectId": "impact-in",
        "organizationId": "org-1",
        "reportingPeriod": {"from": "2026-02-23", "to": "2026-03-01"},
        "impactDimensions": [
            {
                "dimensionId": "volunteer_engagement",
                "dimensionName": "Volunteer engagement",
                "value": 12,
                "unit": "volunteers",
            },
            {
                "dimensionId": "volunteer_hours",
                "dimensionName": "Volunteer hours",
                "value": 96.25,
                "unit": "hours",
            },
            {
                "dimensionId": "program_reach",
                "dimensionName": "Program reach",
                "value": 41,
                "unit": "participants",
            },
            {
                "dimensionId": "session_count",
                "dimensionName": "Sessions",
                "value": 7,
                "unit": "sessions",
            },
            {
                "dimensionId": "integration_outcome",
                "dimensionName": "Integration outcome",
                "value": 67.89,
                "unit": "percentage",
                "beneficiaries": 20,
            },
            {
                "dimensionId": "employability",
                "dimensionName": "Employability",
                "value": 50.0,
                "unit": "percentage",
                "beneficiaries": 11,
            },
            {
                "dimensionId": "language_proficiency",
                "dimensionName": "Language proficiency",
                "value": 6.25,
                "unit": "level_0_10",
                "beneficiaries": 18,
            },
            {
                "dimensionId": "well_being",
                "dimensionName": "Well being",
                "value": 3.3333,
                "unit": "score",
                "beneficiaries": 9,
            },
        ],
        "metadata": {
            "source": "impact-in",
            "timestamp": "2026-03-02T06:00:00.000Z",
            "version": "1.0",
        },
    }


def test_workday_body() -> None:
    """`POST /activities`: one activity for each kind, enrolments for the programme and
    categories."""
    body = built(Platform.WORKDAY)
    assert set(body) == {
        "organizationId",
        "reportingPeriod",
        "volunteerActivities",
        "programEnrollments",
        "metadata",
    }
    assert body["organizationId"] == "org-1"
    assert body["reportingPeriod"] == {"startDate": "2026-02-23", "endDate": "2026-03-01"}
    shown = [
        {name: value for name, value in activity.items() if name != "activityId"}
        for activity in body["volunteerActivities"]
    ]
    common = {"activityDate": "2026-03-01", "status": "completed"}
    assert shown == [
        {
            "activityName": "Mentoring",
            "activityType": "mentorship",
            "volunteerHours": 30.5,
            "participantCount": 8,
            **common,
        },
        {
            "activityName": "Session",
            "activityType": "training",
            "volunteerHours": 60.0,
            "participantCount": 9,
            **common,
        },
        {
            "activityName": "Volunteering",
            "activityType": "volunteer",
            "volunteerHours": 5.75,
            "participantCount": 3,
            **common,
        },
    ]
    period = {"periodStart": "2026-02-23", "periodEnd": "2026-03-01"}
    assert body["programEnrollments"] == [
        {"programId": identity, "programName": name, "enrollmentCount": count, **period}
        for identity, name, count in (
            ("impact-in", "Impact-In", 41),
            ("impact-in-integration", "Impact-In: Integration", 20),
            ("impact-in-job_readiness", "Impact-In: Job readiness", 11),
            ("impact-in-language", "Impact-In: Language", 18),
            ("impact-in-well_being", "Impact-In: Well being", 9),
        )
    ]
    assert body["metadata"] == {
        "source": "impact-in",
        "version": "1.0",
        "timestamp": "2026-03-02T06:00:00.000Z",
    }


def test_workday_activities_are_known_by_their_kind_and_what_the_whole_body_says() -> None:
    """The same content keeps its ids, whenever it is built; another day's, and a figure that was corrected
    anywhere in it, has others: a tenant would otherwise answer DUPLICATE_ACTIVITY to the correction."""
    first = [a["activityId"] for a in built(Platform.WORKDAY)["volunteerActivities"]]
    again = [a["activityId"] for a in built(Platform.WORKDAY)["volunteerActivities"]]
    other = built(Platform.WORKDAY, period_end=date(2026, 2, 28))["volunteerActivities"]
    assert first == again
    assert len(set(first)) == 3
    corrected = built(Platform.WORKDAY, participants=42)["volunteerActivities"]
    assert not {a["activityId"] for a in (*other, *corrected)} & set(first)


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        ("mentoring", "mentorship"),
        ("Job-Mentor", "mentorship"),
        ("session", "training"),
        ("language_course", "training"),
        ("job_readiness", "training"),
        ("volunteering", "volunteer"),
        ("food_bank", "community_service"),
    ],
)
def test_workday_activity_types_follow_the_name(activity: str, expected: str) -> None:
    """Four types are all the contract has."""
    assert activity_type(activity) == expected


@pytest.mark.parametrize("platform", list(Platform))
def test_the_accounts_options_name_programme_and_project(platform: Platform) -> None:
    """`programId`, `programName` and `projectId` of the connection replace the defaults."""
    options = {"programId": "P-7", "programName": "Bridges", "projectId": "J-9"}
    text = json.dumps(built(platform, options))
    expected = {
        Platform.BENEVITY: ('"programId": "P-7"', '"programName": "Bridges"'),
        Platform.GOODERA: ('"projectId": "J-9"',),
        Platform.WORKDAY: ('"programId": "P-7-language"', '"programName": "Bridges: Language"'),
    }[platform]
    assert all(part in text for part in expected)


@pytest.mark.parametrize("platform", list(Platform))
def test_the_order_of_outcomes_and_activities_does_not_change_the_payload(
    platform: Platform,
) -> None:
    """Two builds from the same data have one hash (D4)."""
    week = figures()
    turned = built(platform, outcomes=week.outcomes[::-1], activities=week.activities[::-1])
    assert canonical_bytes(turned) == canonical_bytes(built(platform))


@pytest.mark.parametrize("platform", list(Platform))
def test_the_instant_of_building_is_no_part_of_the_hash(platform: Platform) -> None:
    """The timestamp lies where D4 leaves it out, and is written in UTC."""
    account = connection(platform)
    local = datetime(2026, 3, 9, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    later = mapping_for(platform)(figures(), account, local)
    assert "2026-03-09T12:30:00.000Z" in json.dumps(later)
    assert payload_hash(later) == payload_hash(built(platform))


@pytest.mark.parametrize("platform", list(Platform))
def test_a_naive_instant_is_refused(platform: Platform) -> None:
    """Nobody could tell when that was."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        mapping_for(platform)(figures(), connection(platform), naive)


@pytest.mark.parametrize("platform", list(Platform))
def test_an_empty_period_is_reported_as_zeros(platform: Platform) -> None:
    """Nothing happened is a report too."""
    body = built(
        platform,
        participants=0,
        volunteers=0,
        volunteer_hours=0.0,
        sessions=0,
        events=0,
        activities=(),
        outcomes=(),
    )
    numbers = {
        Platform.BENEVITY: lambda: [metric["metricValue"] for metric in body["metrics"]],
        Platform.GOODERA: lambda: [d["value"] for d in body["impactDimensions"]],
        Platform.WORKDAY: lambda: [e["enrollmentCount"] for e in body["programEnrollments"]],
    }[platform]()
    assert numbers
    assert set(numbers) == {0}


def test_numbers_are_rounded_to_what_they_mean() -> None:
    """Hours to two decimals, scores to four, percentages to two: no binary tails on the wire."""
    outcome = OutcomeFigures("integration", 0.57, 1, 0.57, 0.57)
    goodera = built(Platform.GOODERA, volunteer_hours=0.1 + 0.2, outcomes=(outcome,))
    values = [dimension["value"] for dimension in goodera["impactDimensions"]]
    assert values == [12, 0.3, 41, 7, 57.0]
    activity = ActivityFigures("session", 1.1 + 2.2, 1, 1, 1)
    workday = built(Platform.WORKDAY, activities=(activity,))
    assert workday["volunteerActivities"][0]["volunteerHours"] == 3.3


def test_a_custom_category_never_takes_a_standard_dimensions_id() -> None:
    """Two dimensions of one id would be refused or mixed up."""
    outcome = OutcomeFigures("volunteer_hours", 3.0, 4, 1.0, 5.0)
    dimensions = built(Platform.GOODERA, outcomes=(outcome,))["impactDimensions"]
    ids = [dimension["dimensionId"] for dimension in dimensions]
    assert ids[-1] == "outcome_volunteer_hours"
    assert len(set(ids)) == len(ids)
