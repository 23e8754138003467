"""What of a payload people may see."""

from typing import Any

import pytest

from impact_in_pipelines.delivery.showing.sanitising import sanitised
from impact_in_pipelines.redaction.masking import MASK

FIGURES: dict[str, Any] = {
    "organizationId": "acme-2026-11-23",
    "programName": "Mentoring 2026",
    "reportingPeriod": {"startDate": "2026-11-16", "endDate": "2026-11-22"},
    "metrics": [
        {"metricType": "participant_count", "metricValue": 412, "metricUnit": "people"},
        {"metricType": "volunteer_hours", "metricValue": 1234567890.25},
    ],
    "volunteerActivities": [
        {"participantCount": 12, "activityId": "0191d9d0-3f2a-7abc-8def-0123456789ab"}
    ],
    "transactionId": "TX-555-20261123-0042",
    "metadata": {"version": "1.0", "timestamp": "2026-11-23T00:00:12.345Z"},
}


def test_figures_dates_and_ids_of_programmes_are_shown_as_they_are() -> None:
    """Masking must not hide what the log is read for."""
    assert sanitised(FIGURES) == FIGURES


@pytest.mark.parametrize(
    "key",
    ["participantRef", "volunteer_ref", "participantId", "employeeIds", "contactEmail", "firstName",
     "lastName", "full_name", "phone", "mobile", "e_mail", "mentorName", "name", "displayName", "studentName",
     "ref", "externalRef", "reference", "tel"],
)  # fmt: skip
def test_what_a_key_calls_a_person_is_masked_at_any_depth(key: str) -> None:
    """Whatever stands there: text, a number, a list."""
    for value in ("p-17", 4711, ["p-17", "p-18"], {"value": "p-17"}):
        assert sanitised({"a": [{key: value}]}) == {"a": [{key: MASK}]}
    assert sanitised({key: None}) == {key: None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ask kari.nordmann@example.org today", f"ask {MASK} today"),
        ("call +47 22 33 44 55", f"call {MASK}"),
        ("call (555) 123-4567", f"call {MASK}"),
        ("call 22 33 44 55.", f"call {MASK}."),
        ("call 0047 22334455", f"call {MASK}"),
        ("call 020 7946 0958", f"call {MASK}"),
    ],
)
def test_addresses_and_numbers_inside_any_text_are_masked(text: str, shown: str) -> None:
    """Also where no key announces them; the rest of the text stays."""
    assert sanitised({"description": text}) == {"description": shown}


def test_a_number_of_people_is_a_figure_and_a_text_is_somebody() -> None:
    """The key alone doesn't tell."""
    given = {
        "volunteers": 3,
        "participants": ["p-17", {"email": "a@b.org", "hours": 2}],
        "mentor": "Kari",
    }

    assert sanitised(given) == {
        "volunteers": 3,
        "participants": [MASK, {"email": MASK, "hours": 2}],
        "mentor": MASK,
    }


def test_what_a_thing_is_called_is_shown() -> None:
    """Programmes, dimensions and activities have names, and a transaction has a reference."""
    given = {
        "programName": "Mentoring",
        "dimensionName": "Sessions",
        "activityName": "Mentoring",
        "companyName": "Acme",
        "transactionReference": "TX-1",
    }

    assert sanitised(given) == given


def test_what_is_given_is_not_changed() -> None:
    """The stored payload is what goes out; only the copy is masked."""
    payload = {"participantRef": "p-17", "list": [{"email": "a@b.org"}]}

    sanitised(payload)

    assert payload == {"participantRef": "p-17", "list": [{"email": "a@b.org"}]}
