"""Verdicts on answers at the edges of every range and length."""

import json
from typing import Any

import pytest

from connectors.verdicts import (
    BATCH,
    DELIVERED,
    NOW,
    PERMANENT,
    RETRYABLE,
    SPLIT,
    WORKDAY,
    judge,
    refused,
)
from impact_in_pipelines.connectors.classify import (
    classify_failure,
    is_permanent_code,
    judge_status,
    reason_given,
    short_wait_ms,
    token_was_refused,
)
from impact_in_pipelines.connectors.http.addresses import AddressFault, AddressRefused
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import LONGEST_TRANSACTION_ID
from impact_in_pipelines.redaction.redactor import DOCUMENT_LIMIT, TEXT_LIMIT, Redactor

BY_CLASS = {
    1: (RETRYABLE, ErrorKind.BAD_RESPONSE),
    3: (PERMANENT, ErrorKind.CONFIGURATION),
    4: (PERMANENT, ErrorKind.REJECTED),
    5: (RETRYABLE, ErrorKind.SERVER_ERROR),
    6: (RETRYABLE, ErrorKind.BAD_RESPONSE),
}
"""A status by its hundred, but for those below."""

SINGLE = {
    401: (PERMANENT, ErrorKind.AUTHENTICATION),
    403: (PERMANENT, ErrorKind.AUTHENTICATION),
    408: (RETRYABLE, ErrorKind.TIMEOUT),
    425: (RETRYABLE, ErrorKind.SERVER_ERROR),
    429: (RETRYABLE, ErrorKind.RATE_LIMITED),
}
NOBODY_THERE = (404, 405)
"""Without a code of the contract, the address is wrong."""


@pytest.mark.parametrize("code", [None, "SOMETHING_NEW", "AUTH_INVALID"])
def test_every_status_has_the_verdict_of_its_hundred_or_its_own(code: str | None) -> None:
    """All of them, but 2xx: the edges of each range belong to it."""
    for status in (*range(100, 200), *range(300, 700)):
        expected = SINGLE.get(status, BY_CLASS[status // 100])
        if code is None and status in NOBODY_THERE:
            expected = (PERMANENT, ErrorKind.CONFIGURATION)
        if code == "AUTH_INVALID" and status // 100 == 4 and status not in (408, 425, 429):
            expected = (PERMANENT, ErrorKind.AUTHENTICATION)
        assert judge_status(status, code) == expected, status


@pytest.mark.parametrize("status", [199, 200, 299, 300])
def test_only_a_2xx_is_a_success(status: int) -> None:
    """The same body under any other status says nothing."""
    result = judge(status, {"success": True, "transactionId": "t"})
    assert (result.outcome is DELIVERED) is (status in (200, 299))
    assert result.latency_ms == 0.0  # who made the call knows it


@pytest.mark.parametrize("status", [199, 200, 302, 499, 500])
def test_an_earlier_arrival_is_believed_from_200_to_499(status: int) -> None:
    """A failing server vouches for nothing, and an interim answer is none."""
    result = judge(status, refused("DUPLICATE_ACTIVITY"), WORKDAY)
    assert (result.outcome is DELIVERED) is (status in (200, 302, 499))
    assert result.latency_ms == 0.0  # who made the call knows it
    assert result.response == refused("DUPLICATE_ACTIVITY")


@pytest.mark.parametrize("status", [199, 200, 400, 499, 500])
def test_a_token_is_refused_by_code_from_200_to_499(status: int) -> None:
    """Elsewhere the code is a failing server's talk; with another code nothing is refused."""
    body = json.dumps(refused("AUTH_INVALID")).encode()
    assert token_was_refused(Answer(status, body)) is (status in (200, 400, 499))
    assert not token_was_refused(Answer(status, json.dumps(refused("RATE_LIMIT")).encode()))


@pytest.mark.parametrize(
    ("status", "code", "split"),
    [
        (200, "DIMENSION_INVALID", True),
        (299, "DIMENSION_INVALID", True),
        (300, "DIMENSION_INVALID", False),
        (399, "DIMENSION_INVALID", False),
        (400, "DIMENSION_INVALID", True),
        (408, "DIMENSION_INVALID", False),
        (409, "DIMENSION_INVALID", False),
        (410, "DIMENSION_INVALID", True),
        (421, "DIMENSION_INVALID", True),
        (422, "DIMENSION_INVALID", False),
        (423, "DIMENSION_INVALID", True),
        (499, "DIMENSION_INVALID", True),
        (500, "DIMENSION_INVALID", False),
        (400, "AUTH_INVALID", False),
        (404, None, True),
    ],
)
def test_a_batch_is_taken_apart_only_where_a_record_may_be_to_blame(
    status: int, code: str | None, split: bool
) -> None:
    """A plain refusal of what was sent: 2xx that says no, or 4xx but for those about the key."""
    result = judge(status, refused(code), BATCH)
    assert (result.outcome is SPLIT) is split
    assert (result.error_kind is ErrorKind.BATCH_REFUSED) is split
    assert judge(status, refused(code), WORKDAY).outcome is not SPLIT


def test_a_transaction_id_is_kept_as_long_as_a_call_back_may_name_it() -> None:
    """To its last sign; a longer one is cut there."""
    longest = "t" * LONGEST_TRANSACTION_ID
    assert judge(200, {"success": True, "transactionId": longest}).transaction_id == longest
    cut = judge(200, {"success": True, "transactionId": longest + "t"}).transaction_id
    assert len(cut or "") == LONGEST_TRANSACTION_ID
    assert cut != longest


@pytest.mark.parametrize("named", [" ", "\t", "", 0, -3, True, False, None, 1.5, {}, []])
def test_an_id_is_a_text_that_says_something_or_a_whole_number(named: Any) -> None:
    """Zero is a number; blanks and truth values identify nothing."""
    result = judge(200, {"success": True, "transactionId": named})
    is_id = named is not True and named is not False and isinstance(named, int)
    assert (result.outcome is DELIVERED) is is_id
    assert result.transaction_id == (str(named) if is_id else None)


def test_the_first_field_that_holds_an_id_counts() -> None:
    """In the contract's order; one that holds none is passed over, and an error names them all."""
    both = {"success": True, "batchId": "b", "transactionId": "t", "recordsProcessed": 3}
    assert judge(200, both, BATCH).transaction_id == "b"
    assert judge(200, {**both, "batchId": " "}, BATCH).transaction_id == "t"
    neither = judge(200, {"success": True}, BATCH)
    assert "without batchId or transactionId" in (neither.error or "")


def test_every_promised_count_must_hold_and_none_need_be_there() -> None:
    """The first that holds doesn't vouch for the second; the sentence has both numbers."""
    body = {"success": True, "transactionId": "t", "activitiesProcessed": 2}
    result = judge(200, {**body, "enrollmentsProcessed": 0}, WORKDAY)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.BAD_RESPONSE)
    assert result.error == "Workday answered enrollmentsProcessed 0, but 1 were sent"
    assert judge(200, {"success": True, "transactionId": "t"}, WORKDAY).outcome is DELIVERED


@pytest.mark.parametrize(
    ("retry_after", "waits"), [("0", 0.0), ("2", 2_000.0), ("10", 10_000.0), ("10.001", None)]
)
@pytest.mark.parametrize("status", [409, 425, 429, 503])
def test_a_wait_up_to_the_limit_itself_is_waited_out(
    status: int, retry_after: str, waits: float | None
) -> None:
    """At once, too, where the platform says so."""
    answer = Answer(status, b"", retry_after=retry_after)
    assert short_wait_ms(answer, 10_000, NOW) == waits


@pytest.mark.parametrize("status", [408, 410, 424, 426, 428, 430, 500, 502, 504])
def test_no_other_status_is_waited_out_within_the_attempt(status: int) -> None:
    """Such a call may have arrived, or no wait helps."""
    assert short_wait_ms(Answer(status, b"", retry_after="1"), 10_000, NOW) is None


def test_a_conflict_about_the_body_is_not_waited_out() -> None:
    """However soon the platform wants to be asked again; one about an earlier attempt is."""
    for body in (refused(None, "another body"), refused("INVALID_METRIC")):
        answer = Answer(409, json.dumps(body).encode(), retry_after="1")
        assert short_wait_ms(answer, 10_000, NOW) is None


def test_only_a_conflict_can_mean_being_processed() -> None:
    """The same words under 408 or 410 are a time-out and a refusal."""
    for status in (400, 408, 410):
        outcome, kind = judge_status(status, None)
        result = judge(status, {"error": "busy"}, retry_after="1", may_have_arrived=True)
        assert (result.outcome, result.error_kind) == (outcome, kind)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_reason_is_looked_for_where_the_log_would_show_it(as_json: bool) -> None:
    """In what can be kept of an answer; the pattern is slow on a megabyte of a hostile one."""
    said = "payload mismatch"

    def outcome_with(text: str) -> AttemptOutcome:
        body: Any = {"error": text} if as_json else text.encode()
        return judge(409, body, may_have_arrived=True).outcome

    assert outcome_with(said.rjust(DOCUMENT_LIMIT)) is PERMANENT
    assert outcome_with(said.rjust(DOCUMENT_LIMIT + 1)) is RETRYABLE


def test_a_code_is_permanent_by_name_or_ending() -> None:
    """The contracts' codes, and none that merely holds one."""
    for code in ("INVALID_METRIC", "BATCH_SIZE_EXCEEDED", "X_INVALID", "ORG_NOT_FOUND"):
        assert is_permanent_code(code)
    for code in ("RATE_LIMIT", "INVALID_METRIC_2", "NOT_FOUND_X", "INVALID", "SERVER_BUSY"):
        assert not is_permanent_code(code)


@pytest.mark.parametrize(
    ("document", "code", "expected"),
    [
        (None, None, ""),
        ({}, "X", " X"),
        ({"error": "no", "message": "m"}, None, ": no"),
        ({"error": "", "message": "m"}, "X", " X: m"),
        ({"error": {"deep": 1}, "error_description": "d"}, None, ": d"),
        ({"errors": "no"}, None, ""),
    ],
)
def test_a_reason_is_the_code_and_the_first_text_that_says_something(
    document: dict[str, Any] | None, code: str | None, expected: str
) -> None:
    """In the order error, message, error_description; a hint stands between where there is one."""
    assert reason_given(document, code, ErrorKind.REJECTED) == expected
    hinted = reason_given(document, code, ErrorKind.AUTHENTICATION)
    assert hinted.replace(" (check the account's credentials)", "") == expected
    assert hinted != expected


@pytest.mark.parametrize("text", ["x" * 300, "x" * 301])
def test_what_is_no_json_is_kept_in_short(text: str) -> None:
    """300 characters say what a page is; its type has a third of that."""
    result = judge(502, text.encode(), content_type="t" * 101)
    kept = result.response or {}
    assert (kept["text"] == text) is (len(text) == 300)
    assert len(kept["text"]) == 300
    assert len(kept["contentType"]) == 100
    assert kept["contentType"].startswith("t" * 99)
    short = judge(502, text.encode(), content_type="t" * 100)
    assert (short.response or {})["contentType"] == "t" * 100
    assert (judge(502, b"page").response or {})["contentType"] == ""


def test_nothing_is_kept_of_an_answer_without_a_body() -> None:
    """None, not an empty text."""
    assert judge(502, b"").response is None
    assert judge(502, b"page", truncated=True).response is None


@pytest.mark.parametrize(
    ("status", "on_token", "outcome", "kind"),
    [
        (401, True, RETRYABLE, ErrorKind.AUTHENTICATION),
        (403, True, PERMANENT, ErrorKind.AUTHENTICATION),
        (400, True, PERMANENT, ErrorKind.REJECTED),
        (401, False, PERMANENT, ErrorKind.AUTHENTICATION),
    ],
)
def test_only_a_refused_token_is_tried_again_with_a_new_one(
    status: int, on_token: bool, outcome: AttemptOutcome, kind: ErrorKind
) -> None:
    """A request with a key has none to renew."""
    result = judge(status, refused("NO_RIGHTS"), on_token=on_token)
    assert (result.outcome, result.error_kind) == (outcome, kind)


@pytest.mark.parametrize(
    ("error", "outcome", "said"),
    [
        (AddressRefused(AddressFault.NOT_ENCRYPTED), PERMANENT, "isn't https; nothing was sent"),
        (AddressRefused(AddressFault.NOT_PUBLIC), PERMANENT, "isn't public; nothing was sent"),
        (ValueError("bad header key-4711"), PERMANENT, "can't be used in a request (ValueError)"),
        (ConnectionResetError("key-4711"), RETRYABLE, "it may have arrived"),
        (TimeoutError("key-4711"), RETRYABLE, "it may have arrived"),
    ],
)
def test_no_answer_is_tried_again_but_for_an_address_that_cannot_be_used(
    error: Exception, outcome: AttemptOutcome, said: str
) -> None:
    """Repeating can't help there; the sentence names the platform and quotes nothing of the error."""
    result = classify_failure(error, "Benevity", Redactor())
    assert result.outcome is outcome
    assert (result.error_kind is ErrorKind.CONFIGURATION) is (outcome is PERMANENT)
    assert (result.error or "").startswith("Benevity: ")
    assert said in (result.error or "")
    assert "key-4711" not in (result.error or "")
    assert (result.http_status, result.response, result.latency_ms) == (None, None, 0.0)


def test_no_error_text_is_longer_than_the_log_takes() -> None:
    """A platform's novel ends in an ellipsis."""
    error = judge(400, refused("INVALID_METRIC", "word " * 1_000)).error or ""
    assert len(error) == TEXT_LIMIT
    assert error.endswith("…")
