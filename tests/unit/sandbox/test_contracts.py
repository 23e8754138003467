"""The contract of design section 6 from the platforms' side: headers, bodies, answers."""

import pytest

from .helpers import (
    BAD_CODE,
    BODIES,
    PLATFORMS,
    Body,
    Caller,
    benevity_body,
    changed,
    goodera_body,
    workday_body,
)


def test_benevity_answers_a_good_report_with_its_transaction(caller: Caller) -> None:
    """200 carries success, transactionId, message and processedAt, and nothing else."""
    answer = caller.send("benevity")
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "transactionId", "message", "processedAt"}
    assert answer.json()["success"] is True


def test_goodera_answers_a_good_record_with_its_transaction(caller: Caller) -> None:
    """200 carries success, transactionId, recordsProcessed and message."""
    answer = caller.send("goodera")
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "transactionId", "recordsProcessed", "message"}
    assert answer.json()["recordsProcessed"] == 1


def test_workday_answers_a_good_report_with_what_it_processed(caller: Caller) -> None:
    """200 carries success, transactionId and the counts of activities and enrolments."""
    answer = caller.send("workday")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "transactionId": answer.json()["transactionId"],
        "activitiesProcessed": 1,
        "enrollmentsProcessed": 1,
    }


@pytest.mark.parametrize(
    ("platform", "header", "value", "status", "code"),
    [
        ("benevity", "Authorization", None, 401, "AUTH_INVALID"),
        ("benevity", "Authorization", "Bearer wrong", 401, "AUTH_INVALID"),
        ("benevity", "Authorization", "Basic sandbox-benevity-key", 401, "AUTH_INVALID"),
        ("benevity", "X-API-Version", None, 400, "INVALID_METRIC"),
        ("benevity", "X-API-Version", "2.0", 400, "INVALID_METRIC"),
        ("goodera", "X-API-Key", None, 401, "AUTH_INVALID"),
        ("goodera", "X-API-Key", "wrong", 401, "AUTH_INVALID"),
        ("goodera batch", "X-API-Key", "wrong", 401, "AUTH_INVALID"),
        ("workday", "Authorization", None, 401, "AUTH_INVALID"),
        ("workday", "Authorization", "Bearer unknown", 401, "AUTH_INVALID"),
        ("workday", "X-Workday-Tenant", None, 400, "TENANT_INVALID"),
        ("workday", "X-Workday-Tenant", "another", 403, "TENANT_INVALID"),
        ("workday", "X-Transaction-ID", None, 400, "ACTIVITY_INVALID"),
        ("workday", "X-Transaction-ID", "another-key", 400, "ACTIVITY_INVALID"),
    ],
)
def test_a_wrong_header_is_refused_with_the_platforms_code(
    caller: Caller, platform: str, header: str, value: str | None, status: int, code: str
) -> None:
    """Credentials, version, tenant and transaction are checked, and a refusal has three fields."""
    body = {"records": [goodera_body()]} if platform == "goodera batch" else None
    answer = caller.send(platform, body, headers={header: value})
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert set(answer.json()) == {"success", "error", "errorCode"}
    assert answer.json()["success"] is False
    assert caller.stats(platform.split()[0])["accepted"] == 0


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Request-ID"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_attempt_must_carry_key_and_request_id(
    caller: Caller, platform: str, header: str
) -> None:
    """An attempt without Idempotency-Key or X-Request-ID is refused and the header is named."""
    answer = caller.send(platform, headers={header: None})
    assert answer.status_code == 400
    assert answer.json() == {
        "success": False,
        "error": f"{header} header is missing",
        "errorCode": BAD_CODE[platform],
    }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_body_that_is_not_said_to_be_json_is_refused(caller: Caller, platform: str) -> None:
    """Content-Type must be application/json."""
    answer = caller.send(platform, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert "Content-Type" in answer.json()["error"]


BENEVITY_FLAWS: list[tuple[str, object]] = [
    ("surprise", 1),
    ("organizationId", ...),
    ("organizationId", ""),
    ("organizationId", 7),
    ("programName", None),
    ("reportingPeriod.startDate", "01.03.2026"),
    ("reportingPeriod.startDate", "2026-02-30"),
    ("reportingPeriod.startDate", "1767225600"),
    ("reportingPeriod.endDate", "2026-02-28"),
    ("reportingPeriod.days", 1),
    ("metrics", []),
    ("metrics.0.metricType", "tree_count"),
    ("metrics.0.metricValue", "12.5"),
    ("metrics.0.metricValue", True),
    ("metrics.0.metricValue", -1),
    ("metrics.0.metricUnit", ...),
    ("metrics.1.category", None),
    ("metrics.1.extra", "x"),
    ("timestamp", "2026-03-02T00:00:05"),
    ("timestamp", "1767225600"),
    ("timestamp", 1767225600),
]
GOODERA_FLAWS: list[tuple[str, object]] = [
    ("surprise", 1),
    ("projectId", ...),
    ("reportingPeriod", {"startDate": "2026-03-01", "endDate": "2026-03-01"}),
    ("reportingPeriod.to", "2026-02-28"),
    ("impactDimensions", []),
    ("impactDimensions.0.value", "12.5"),
    ("impactDimensions.0.value", -1),
    ("impactDimensions.0.unit", "minutes"),
    ("impactDimensions.1.value", 100.5),
    ("impactDimensions.1.beneficiaries", 1.5),
    ("impactDimensions.1.beneficiaries", None),
    ("metadata.timestamp", "yesterday"),
    ("metadata.version", 1),
    ("metadata.author", "me"),
]
WORKDAY_FLAWS: list[tuple[str, object]] = [
    ("surprise", 1),
    ("volunteerActivities", ...),
    ("volunteerActivities.0.activityType", "fun"),
    ("volunteerActivities.0.volunteerHours", "12.5"),
    ("volunteerActivities.0.participantCount", 1.5),
    ("volunteerActivities.0.activityDate", "2026-3-1"),
    ("volunteerActivities.0.status", ...),
    ("programEnrollments.0.enrollmentCount", -1),
    ("programEnrollments.0.periodEnd", "2026-02-01"),
    ("programEnrollments.0.completionCount", None),
    ("metadata", ...),
]


@pytest.mark.parametrize(
    ("platform", "path", "value"),
    [
        (platform, path, value)
        for platform, flaws in (
            ("benevity", BENEVITY_FLAWS),
            ("goodera", GOODERA_FLAWS),
            ("workday", WORKDAY_FLAWS),
        )
        for path, value in flaws
    ],
)
def test_one_flaw_in_the_body_is_refused_and_its_place_is_named(
    caller: Caller, platform: str, path: str, value: object
) -> None:
    """Unknown, missing, null, mistyped and out-of-range fields are refused with 400."""
    answer = caller.send(platform, changed(BODIES[platform](), path, value))
    assert (answer.status_code, answer.json()["errorCode"]) == (400, BAD_CODE[platform])
    assert path.split(".")[0] in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert caller.control.accepted(platform)["accepted"] == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_body_that_is_not_json_is_refused(caller: Caller, platform: str) -> None:
    """Broken JSON is a bad request, not a server error."""
    headers = {**caller.headers(platform, "k"), "Content-Type": "application/json"}
    answer = caller.session.post(
        caller.url(platform), data=b'{"organizationId": ', headers=headers, timeout=30
    )
    assert (answer.status_code, answer.json()["errorCode"]) == (400, BAD_CODE[platform])


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        ("benevity", changed(benevity_body(), "metrics.0.metricValue", 12)),
        ("goodera", changed(goodera_body(), "impactDimensions.0.dimensionId", "confidence")),
        ("workday", changed(workday_body(), "volunteerActivities", [])),
        ("workday", changed(workday_body(), "programEnrollments.0.completionCount", 3)),
        (
            "benevity",
            changed(benevity_body(), "timestamp", "2026-03-02T01:00:05.123456+01:00"),
        ),
    ],
)
def test_the_contract_leaves_what_it_leaves_open(caller: Caller, platform: str, body: Body) -> None:
    """Whole numbers, custom dimensions, empty activity lists and offsets are all right."""
    assert caller.send(platform, body).status_code == 200


@pytest.mark.parametrize(
    ("platform", "status", "code"),
    [
        ("benevity", 404, "ORG_NOT_FOUND"),
        ("goodera", 404, "PROJECT_NOT_FOUND"),
        ("workday", 403, "TENANT_INVALID"),
    ],
)
def test_an_organisation_declared_unknown_is_not_found(
    caller: Caller, platform: str, status: int, code: str
) -> None:
    """Every organisation exists until the switch says otherwise; the others stay."""
    caller.control.configure(unknown_organizations={platform: ["org-2"]})
    answer = caller.send(platform, BODIES[platform]("org-2"))
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert caller.send(platform, BODIES[platform]("org-1")).status_code == 200


def test_a_workday_tenant_can_be_declared_unknown(caller: Caller) -> None:
    """The unknown list of Workday holds tenants too."""
    caller.control.configure(unknown_organizations={"workday": ["sandbox-tenant"]})
    assert caller.send("workday").json()["errorCode"] == "TENANT_INVALID"


def test_the_accepted_keys_can_be_replaced(caller: Caller) -> None:
    """A key that was rotated out is refused and the new one is good; no answer shows them."""
    shown = caller.control.configure(benevity_keys=["rotated"], goodera_keys=["rotated"])
    assert "rotated" not in str(shown)
    for platform, header, value in (
        ("benevity", "Authorization", "Bearer rotated"),
        ("goodera", "X-API-Key", "rotated"),
    ):
        assert caller.send(platform).status_code == 401
        assert caller.send(platform, headers={header: value}).status_code == 200


def batch_of(count: int) -> Body:
    """Return a batch of so many different records."""
    return {"records": [goodera_body(f"org-{number}") for number in range(count)]}


def test_a_batch_of_a_hundred_is_taken_and_counted_by_record(caller: Caller) -> None:
    """The answer has a batchId; the ledger has every record under the batch's key."""
    answer = caller.send("goodera batch", batch_of(100), key="batch-1")
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "batchId", "recordsProcessed", "message"}
    assert answer.json()["recordsProcessed"] == 100
    stats = caller.stats("goodera")
    assert (stats["received"], stats["accepted"], stats["acceptedRequests"]) == (1, 100, 1)
    lines = caller.control.accepted("goodera")["accepted"]
    assert {line["organizationId"] for line in lines} == {f"org-{n}" for n in range(100)}
    assert {(line["key"], line["timesAccepted"]) for line in lines} == {("batch-1", 1)}


@pytest.mark.parametrize(
    ("count", "code"), [(101, "BATCH_SIZE_EXCEEDED"), (0, "DIMENSION_INVALID")]
)
def test_a_batch_that_is_too_long_or_empty_is_refused(
    caller: Caller, count: int, code: str
) -> None:
    """At most 100 records, at least one."""
    answer = caller.send("goodera batch", batch_of(count))
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)


def test_a_batch_is_refused_whole_for_one_record_and_names_it(caller: Caller) -> None:
    """One bad record refuses the batch; nothing of it is accepted; its index is in the text."""
    body = changed(batch_of(5), "records.3.impactDimensions.0.value", "many")
    answer = caller.send("goodera batch", body)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "DIMENSION_INVALID")
    assert answer.json()["error"].startswith("records[3].impactDimensions[0].value: ")
    assert caller.stats("goodera")["accepted"] == 0


@pytest.mark.parametrize("unknown", ["org-2", "project-of-org-2"])
def test_a_batch_with_an_unknown_project_names_the_record(caller: Caller, unknown: str) -> None:
    """PROJECT_NOT_FOUND is for organisations and projects alike."""
    caller.control.configure(unknown_organizations={"goodera": [unknown]})
    answer = caller.send("goodera batch", batch_of(4))
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "PROJECT_NOT_FOUND")
    assert answer.json()["error"].startswith("records[2].")
    assert caller.stats("goodera")["accepted"] == 0


def test_a_path_that_is_not_served_says_what_is(caller: Caller) -> None:
    """A wrong base URL is told apart from a platform's refusal."""
    answer = caller.session.post(f"{caller.sandbox.url}/benevty/impact", json={}, timeout=30)
    assert answer.status_code == 404
    assert "/benevity" in answer.json()["error"]
