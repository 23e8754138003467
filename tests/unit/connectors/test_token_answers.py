"""Token endpoints' answers as platforms really give them (RFC 6749, sections 5.1 and 5.2)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.identity.token_answers import (
    LONGEST_LIFETIME_S,
    UNKNOWN_LIFETIME_S,
    TokenGrant,
    classify_token_answer,
)
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.redaction.redactor import Redactor

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RETRYABLE, PERMANENT = AttemptOutcome.RETRYABLE, AttemptOutcome.PERMANENT


def token(status: int, body: Any, **headers: Any) -> TokenGrant | SendResult:
    """The verdict on a token endpoint's answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, raw, **headers)
    return classify_token_answer(answer, "Workday", Redactor(["secret-value"]), NOW)


@pytest.mark.parametrize(
    ("fields", "lifetime"),
    [
        ({"token_type": "Bearer", "expires_in": 60}, 60.0),
        ({"token_type": "bearer", "expires_in": "90"}, 90.0),
        ({"token_type": "BEARER", "expires_in": "3600"}, 3600.0),
        ({"token_type": None, "expires_in": 3599.5}, 3599.5),
        ({"expires_in": "3599.5"}, 3599.5),
        ({}, UNKNOWN_LIFETIME_S),
        ({"expires_in": None}, UNKNOWN_LIFETIME_S),
        ({"expires_in": 0}, 0.0),
        ({"expires_in": "0"}, 0.0),
        ({"expires_in": 10**12}, LONGEST_LIFETIME_S),
        ({"expires_in": 10**400}, LONGEST_LIFETIME_S),
    ],
)
def test_a_lifetime_may_be_given_in_many_ways(fields: Any, lifetime: float) -> None:
    """Missing, null, zero, a decimal, a string; a type that is missing or in capitals."""
    assert token(200, {"access_token": "t", **fields}) == TokenGrant("t", lifetime)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": 5}, "access_token"),
        ({"access_token": "a\nb"}, "access_token"),
        ({"access_token": "t", "token_type": "mac"}, "token_type"),
        ({"access_token": "t", "token_type": 1}, "token_type"),
        ({"access_token": "t", "expires_in": -1}, "expires_in"),
        ({"access_token": "t", "expires_in": True}, "expires_in"),
        ({"access_token": "t", "expires_in": "soon"}, "expires_in"),
        ({"access_token": "t", "expires_in": [60]}, "expires_in"),
        (b"", "JSON"),
        (b"{", "JSON"),
    ],
)
def test_an_answer_that_cannot_be_used_names_the_field(body: Any, named: str) -> None:
    """A person at the platform can then be asked for it; the endpoint may be better later."""
    result = token(200, body)
    assert isinstance(result, SendResult)
    assert (result.outcome, result.error_kind) == (RETRYABLE, ErrorKind.BAD_RESPONSE)
    assert named in (result.error or "")


NUMBERS = st.integers(0, 10**9) | st.floats(0, 1e9, allow_nan=False)
LIFETIMES = NUMBERS | NUMBERS.map(lambda number: f"{number:.6f}") | st.none()
TYPES = st.sampled_from(["Bearer", "bearer", "BEARER", "bEaReR", None])


@given(
    lifetime=LIFETIMES,
    kind=TYPES,
    absent=st.sets(st.sampled_from(["token_type", "expires_in"])),
    others=st.dictionaries(st.sampled_from(["scope", "id_token"]), st.text() | st.none()),
)
def test_every_spelling_of_a_grant_is_usable(
    lifetime: Any, kind: Any, absent: set[str], others: dict[str, Any]
) -> None:
    """Whatever mixture: the token is taken, and kept for no longer than a day."""
    fields = {"token_type": kind, "expires_in": lifetime}
    body = {name: value for name, value in fields.items() if name not in absent}
    granted = token(200, {"access_token": "t", **body, **others})
    assert isinstance(granted, TokenGrant)
    assert 0 <= granted.lifetime_s <= LONGEST_LIFETIME_S
    if "expires_in" in body and lifetime is not None:
        assert granted.lifetime_s == pytest.approx(min(float(lifetime), LONGEST_LIFETIME_S))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["access_token", "token_type", "expires_in", "error"]), inner
            )
        ),
    )
)
def test_no_answer_breaks_the_judgement(body: Any) -> None:
    """Any JSON is a grant or a failed attempt with one line."""
    result = token(200, body)
    if isinstance(result, SendResult):
        assert result.outcome is RETRYABLE
        assert result.error
        assert "\n" not in result.error


@pytest.mark.parametrize(
    ("status", "body", "outcome", "kind"),
    [
        (400, {"error": "invalid_client"}, PERMANENT, ErrorKind.AUTHENTICATION),
        (401, {"error": "invalid_client"}, PERMANENT, ErrorKind.AUTHENTICATION),
        (403, b"", PERMANENT, ErrorKind.AUTHENTICATION),
        (404, b"", PERMANENT, ErrorKind.CONFIGURATION),
        (302, b"", PERMANENT, ErrorKind.CONFIGURATION),
        (400, {"error": "temporarily_unavailable"}, RETRYABLE, ErrorKind.SERVER_ERROR),
        (429, b"", RETRYABLE, ErrorKind.RATE_LIMITED),
        (500, b"", RETRYABLE, ErrorKind.SERVER_ERROR),
        (503, {"error": "temporarily_unavailable"}, RETRYABLE, ErrorKind.SERVER_ERROR),
    ],
)
def test_a_token_endpoints_refusals_are_judged_like_answers(
    status: int, body: Any, outcome: AttemptOutcome, kind: ErrorKind
) -> None:
    """A client that isn't accepted is final; anything else comes back later."""
    result = token(status, body)
    assert isinstance(result, SendResult)
    assert (result.outcome, result.error_kind) == (outcome, kind)
    assert result.response is None


def test_a_token_answer_that_does_not_hold_shows_no_token() -> None:
    """A live token of the wrong type is still a secret."""
    result = token(200, {"access_token": "tok-12345678", "token_type": "mac"})
    assert isinstance(result, SendResult)
    assert "tok-12345678" not in repr(result)
    assert "tok-12345678" not in repr(TokenGrant("tok-12345678", 1.0))
