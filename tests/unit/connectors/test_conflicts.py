"""409 and 425: being processed is not refused."""

from typing import Any

import pytest

from connectors.verdicts import (
    PERMANENT,
    RETRYABLE,
    judge,
    refused,
)
from impact_in_pipelines.delivery.states import ErrorKind

CONFLICT = {"success": False, "error": "request is being processed"}


@pytest.mark.parametrize("status", [409, 425])
@pytest.mark.parametrize(
    "circumstances",
    [{"retry_after": "2"}, {"may_have_arrived": True}, {"after_trouble": True}],
)
def test_being_processed_is_not_refused(status: int, circumstances: dict[str, Any]) -> None:
    """The platform is busy with an earlier attempt under the same key, which repeats it safely."""
    result = judge(status, CONFLICT, **circumstances)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.SERVER_ERROR)
    assert result.retry_after_ms == (2_000.0 if "retry_after" in circumstances else None)


@pytest.mark.parametrize(
    "said",
    [
        "idempotency key was used with another body",
        "Keys for idempotent requests can only be used with the same parameters: parameters differ",
        "The request body does not match the one first sent",
        "Idempotency-Key was reused",
        "key already used for a different request",
        "payload mismatch",
    ],
)
@pytest.mark.parametrize("retry_after", [None, "2"])
def test_a_conflict_that_says_the_body_differs_stays_permanent(
    said: str, retry_after: str | None
) -> None:
    """No wait makes one key carry two bodies."""
    body = {"success": False, "error": said}
    result = judge(409, body, may_have_arrived=True, retry_after=retry_after)
    assert (result.outcome, result.error_kind) == (PERMANENT, ErrorKind.REJECTED)
    text = judge(409, said.encode(), may_have_arrived=True)
    assert text.outcome is PERMANENT


def test_a_conflict_nobody_can_explain_is_permanent() -> None:
    """A first attempt that the platform refuses with 409 has no earlier one to wait for; a code of the
    contract says what is wrong with the body."""
    assert judge(409, CONFLICT).outcome is PERMANENT
    assert judge(409, refused("INVALID_METRIC"), may_have_arrived=True).outcome is PERMANENT
