"""What is no call-back is refused, and the answer names the field."""

import pytest

from .api_harness import Served
from .test_api_webhooks import send


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 422, "body"),
        (b"[]", 422, "body"),
        (b'{"status": "failed"}', 422, "transactionId"),
        (b'{"transactionId": 1, "status": "failed"}', 422, "transactionId"),
        (b'{"transactionId": "\\u0000", "status": "failed"}', 422, "body"),
        (b'"' + b"x" * 300_000 + b'"', 413, None),
    ],
)
def test_what_is_no_call_back_is_refused(
    api: Served, body: bytes, status: int, field: str | None
) -> None:
    """Before anything is looked up."""
    answer = send(api, body, {})

    assert answer.status_code == status
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field
