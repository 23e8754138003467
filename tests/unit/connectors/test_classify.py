"""Every rule of "Classifying answers" (design, section 6) as a table."""

import json
from typing import Any

import pytest

from connectors.verdicts import (
    BATCH,
    DELIVERED,
    KEY,
    NOW,
    PERMANENT,
    RETRYABLE,
    SPLIT,
    WORKDAY,
    judge,
    refused,
)
from impact_in_pipelines.connectors.classify import (
    configuration_error,
    short_wait_ms,
    token_was_refused,
)
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_with_its_id_is_delivered(status: int) -> None:
    """2xx, `success` true and the promised id; the answer is kept."""
    result = judge(status, {"success": True, "transactionId": "t-1", "message": "ok"})
    assert result.outcome is DELIVERED
    assert result.transaction_id == "t-1"
    assert result.http_status == status
    assert result.response == {"success": True, "transactionId": "t-1", "message": "ok"}
    assert result.error is None
    assert result.error_kind is None
    assert result.retry_after_ms is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>OK</html>",
        b'{"success": true, "transactionId": "',
        b"[]",
        b'"success"',
        b"null",
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'{"success": true, "transactionId": "t", "x": NaN}',
        {},
        {"transactionId": "t"},
        {"success": "true", "transactionId": "t"},
        {"success": 1, "transactionId": "t"},
        {"success": None, "transactionId": "t"},
        {"success": True},
        {"success": True, "transactionId": ""},
        {"success": True, "transactionId": None},
        {"success": True, "transactionId": True},
        {"success": True, "transactionId": ["t"]},
        {"success": True, "batchId": "b"},
    ],
)
def test_a_2xx_that_is_not_the_promised_json_is_an_error_to_be_retried(body: Any) -> None:
    """It may have arrived; the same key makes a repeat safe."""
    result = judge(200, body)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.BAD_RESPONSE)
    assert result.transaction_id is None
    assert result.http_status == 200


@pytest.mark.parametrize(
    ("code", "outcome", "kind"),
    [
        ("AUTH_INVALID", PERMANENT, ErrorKind.AUTHENTICATION),
        ("ORG_NOT_FOUND", PERMANENT, ErrorKind.REJECTED),
        ("PROJECT_NOT_FOUND", PERMANENT, ErrorKind.REJECTED),
        ("INVALID_METRIC", PERMANENT, ErrorKind.REJECTED),
        ("DIMENSION_INVALID", PERMANENT, ErrorKind.REJECTED),
        ("BATCH_SIZE_EXCEEDED", PERMANENT, ErrorKind.REJECTED),
        ("TENANT_INVALID", PERMANENT, ErrorKind.REJECTED),
        ("ACTIVITY_INVALID", PERMANENT, ErrorKind.REJECTED),
        ("RATE_LIMIT", RETRYABLE, ErrorKind.RATE_LIMITED),
        ("SOMETHING_NEW", RETRYABLE, ErrorKind.BAD_RESPONSE),
        ("", RETRYABLE, ErrorKind.BAD_RESPONSE),
        (None, RETRYABLE, ErrorKind.BAD_RESPONSE),
    ],
)
def test_a_200_that_says_no_is_judged_by_its_code(
    code: str | None, outcome: AttemptOutcome, kind: ErrorKind
) -> None:
    """`success: false` is never a success, and only a known code makes it final."""
    result = judge(200, refused(code))
    assert (result.outcome, result.error_kind) == (outcome, kind)


@pytest.mark.parametrize(
    ("status", "outcome", "kind"),
    [
        (301, PERMANENT, ErrorKind.CONFIGURATION),
        (302, PERMANENT, ErrorKind.CONFIGURATION),
        (304, PERMANENT, ErrorKind.CONFIGURATION),
        (308, PERMANENT, ErrorKind.CONFIGURATION),
        (400, PERMANENT, ErrorKind.REJECTED),
        (401, PERMANENT, ErrorKind.AUTHENTICATION),
        (403, PERMANENT, ErrorKind.AUTHENTICATION),
        (404, PERMANENT, ErrorKind.REJECTED),
        (408, RETRYABLE, ErrorKind.TIMEOUT),
        (409, PERMANENT, ErrorKind.REJECTED),
        (413, PERMANENT, ErrorKind.REJECTED),
        (422, PERMANENT, ErrorKind.REJECTED),
        (425, RETRYABLE, ErrorKind.SERVER_ERROR),
        (429, RETRYABLE, ErrorKind.RATE_LIMITED),
        (451, PERMANENT, ErrorKind.REJECTED),
        (500, RETRYABLE, ErrorKind.SERVER_ERROR),
        (501, RETRYABLE, ErrorKind.SERVER_ERROR),
        (502, RETRYABLE, ErrorKind.SERVER_ERROR),
        (503, RETRYABLE, ErrorKind.SERVER_ERROR),
        (504, RETRYABLE, ErrorKind.SERVER_ERROR),
        (599, RETRYABLE, ErrorKind.SERVER_ERROR),
        (799, RETRYABLE, ErrorKind.BAD_RESPONSE),
    ],
)
def test_statuses_are_judged_as_the_design_says(
    status: int, outcome: AttemptOutcome, kind: ErrorKind
) -> None:
    """408, 425, 429 and 5xx are retryable, 3xx and other 4xx permanent, whatever the body's
    code."""
    result = judge(status, refused("SOMETHING_NEW"))
    assert (result.outcome, result.error_kind) == (outcome, kind)
    assert result.http_status == status
    assert f"HTTP {status}" in (result.error or "")


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("body", [b"", b"<html>not here</html>", {"error": "no such page"}])
def test_a_missing_endpoint_points_to_the_base_url(status: int, body: Any) -> None:
    """Without one of the contract's codes nobody of the platform spoke: the address is wrong."""
    result = judge(status, body)
    assert (result.outcome, result.error_kind) == (PERMANENT, ErrorKind.CONFIGURATION)
    assert "base URL" in (result.error or "")


def test_an_invalid_key_is_an_authentication_error_under_any_4xx() -> None:
    """Some gateways answer it with 400."""
    result = judge(400, refused("AUTH_INVALID"))
    assert (result.outcome, result.error_kind) == (PERMANENT, ErrorKind.AUTHENTICATION)
    assert "credentials" in (result.error or "")


@pytest.mark.parametrize("status", [200, 400, 409, 422])
def test_a_duplicate_activity_means_that_an_earlier_attempt_arrived(status: int) -> None:
    """Workday's DUPLICATE_ACTIVITY is success; the transaction is our key, the answer is kept."""
    result = judge(status, refused("DUPLICATE_ACTIVITY", "seen"), WORKDAY)
    assert result.outcome is DELIVERED
    assert result.transaction_id == KEY
    assert result.response == {
        "success": False,
        "error": "seen",
        "errorCode": "DUPLICATE_ACTIVITY",
    }


def test_a_duplicate_is_no_success_for_other_platforms_or_under_5xx() -> None:
    """The code has this meaning in Workday's contract only, and a failing server vouches for
    nothing."""
    assert judge(409, refused("DUPLICATE_ACTIVITY")).outcome is PERMANENT
    assert judge(500, refused("DUPLICATE_ACTIVITY"), WORKDAY).outcome is RETRYABLE


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "DIMENSION_INVALID"),
        (404, "PROJECT_NOT_FOUND"),
        (400, "BATCH_SIZE_EXCEEDED"),
        (413, None),
        (400, None),
        (200, "DIMENSION_INVALID"),
        (200, "PROJECT_NOT_FOUND"),
    ],
)
def test_a_batch_refused_for_one_records_sake_is_split(status: int, code: str | None) -> None:
    """Its records are then sent singly, so that the good ones arrive."""
    result = judge(status, refused(code), BATCH)
    assert (result.outcome, result.error_kind) == (SPLIT, ErrorKind.BATCH_REFUSED)
    assert result.error


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (401, "AUTH_INVALID", PERMANENT),
        (403, "AUTH_INVALID", PERMANENT),
        (200, "AUTH_INVALID", PERMANENT),
        (409, "CONFLICT", PERMANENT),
        (422, "DIMENSION_INVALID", PERMANENT),
        (302, None, PERMANENT),
        (429, "RATE_LIMIT", RETRYABLE),
        (503, None, RETRYABLE),
        (200, "RATE_LIMIT", RETRYABLE),
        (200, None, RETRYABLE),
    ],
)
def test_a_batch_is_not_split_where_that_would_not_help_or_could_double(
    status: int, code: str | None, outcome: AttemptOutcome
) -> None:
    """Bad credentials hit every record; a key refused for another body (409, 422) may have been
    used by records that arrived."""
    assert judge(status, refused(code), BATCH).outcome is outcome


def test_a_single_record_that_is_refused_is_not_split() -> None:
    """There is nothing to take apart."""
    assert judge(400, refused("DIMENSION_INVALID")).outcome is PERMANENT


def test_either_id_of_a_batch_counts_and_numbers_are_taken() -> None:
    """`batchId` or `transactionId`, as the contract says."""
    assert judge(200, {"success": True, "batchId": "b"}, BATCH).transaction_id == "b"
    assert judge(200, {"success": True, "transactionId": 17}, BATCH).transaction_id == "17"


@pytest.mark.parametrize("processed", [2, 4, 0, "3", None])
def test_a_success_that_processed_another_number_is_no_success(processed: object) -> None:
    """Claiming more than the platform says it took would be a lie in the log."""
    result = judge(200, {"success": True, "batchId": "b", "recordsProcessed": processed}, BATCH)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.BAD_RESPONSE)
    assert "recordsProcessed" in (result.error or "")


def test_the_right_number_is_delivered() -> None:
    """All that was sent was processed."""
    body = {"success": True, "transactionId": "t", "activitiesProcessed": 2}
    assert judge(200, {**body, "enrollmentsProcessed": 1}, WORKDAY).outcome is DELIVERED


def test_retry_after_is_reported_for_what_is_retried_only() -> None:
    """Seconds or date, on any retryable answer."""
    assert judge(503, b"", retry_after="7").retry_after_ms == 7_000.0
    date = "Mon, 02 Mar 2026 00:00:09 GMT"
    assert judge(429, b"", retry_after=date).retry_after_ms == 9_000.0
    assert judge(400, refused(None), retry_after="7").retry_after_ms is None
    assert judge(503).retry_after_ms is None


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "2", 2_000.0),
        (503, "2", 2_000.0),
        (429, "11", None),
        (429, None, None),
        (503, None, None),
        (500, "2", None),
        (502, "2", None),
        (200, "2", None),
        (409, "2", 2_000.0),
        (425, "2", 2_000.0),
        (409, None, None),
    ],
)
def test_only_a_short_wait_is_waited_out_within_the_attempt(
    status: int, header: str | None, expected: float | None
) -> None:
    """429, 503 and what is being processed, with a Retry-After of at most the limit (D5, layer 1)."""
    assert short_wait_ms(Answer(status, b"", retry_after=header), 10_000, NOW) == expected


def test_a_refused_token_asks_for_a_new_one() -> None:
    """401, or the contract's AUTH_INVALID; a bare 403 is about rights, which no token changes."""
    assert token_was_refused(Answer(401, b""))
    assert token_was_refused(Answer(200, json.dumps(refused("AUTH_INVALID")).encode()))
    assert not token_was_refused(Answer(403, b""))
    assert not token_was_refused(Answer(500, json.dumps(refused("AUTH_INVALID")).encode()))


@pytest.mark.parametrize("status", [401, 400, 403, 200])
def test_a_refused_token_is_retried_by_the_plan(status: int) -> None:
    """Another worker's new token may have ended this one: nothing is wrong with the credentials.
    Seen: 1 to 4 of 189 deliveries failed for good."""
    result = judge(status, refused("AUTH_INVALID"), on_token=True)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.AUTHENTICATION)
    assert judge(status, refused("AUTH_INVALID")).outcome is PERMANENT


def test_neither_error_nor_response_shows_a_secret() -> None:
    """A platform that echoes our key doesn't put it into the log."""
    body = {**refused("INVALID_METRIC", "key secret-value is odd"), "echo": ["secret-value"]}
    result = judge(400, body)
    assert "secret-value" not in f"{result.error} {result.response}"
    assert "is odd" in (result.error or "")


def test_an_html_error_is_kept_short() -> None:
    """A gateway's page says something to a person, in at most 300 characters."""
    page = b"<html><body>" + b"Bad gateway " * 500
    result = judge(502, page, content_type="text/html")
    assert result.response is not None
    assert result.response["contentType"] == "text/html"
    assert len(result.response["text"]) == 300


def test_a_body_that_was_cut_off_is_not_kept() -> None:
    """It may end inside a secret."""
    result = judge(200, b'{"success": true}', truncated=True)
    assert (result.outcome, result.response) == (RETRYABLE, None)


def test_a_long_error_text_is_capped() -> None:
    """500 characters in the log."""
    assert len(judge(400, refused("INVALID_METRIC", "x" * 10_000)).error or "") == 500


def test_a_configuration_error_is_permanent_and_nothing_was_sent() -> None:
    """There is no status then."""
    result = configuration_error("Goodera credentials must be exactly api_key")
    assert (result.outcome, result.error_kind) == (PERMANENT, ErrorKind.CONFIGURATION)
    assert result.http_status is None
