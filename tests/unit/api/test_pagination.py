"""Cursors: opaque, bound to their question, and never a way to break in."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.api.http.pagination import decode_cursor, encode_cursor, instant_and_id
from impact_in_pipelines.api.http.problems import ApiProblem

QUESTION = {"of": "deliveries", "company": None}
AT = datetime(2026, 3, 10, 0, 0, 30, tzinfo=UTC)
ID = UUID("00000000-0000-4000-8000-000000000001")


def test_a_cursor_leads_back_to_where_the_page_ended() -> None:
    """What goes in comes out."""
    cursor = encode_cursor({"at": AT.isoformat(), "id": ID}, QUESTION)

    assert instant_and_id(cursor, QUESTION) == {"before_at": AT, "before_id": ID}


def test_without_a_cursor_the_list_begins_at_its_beginning() -> None:
    """None is no position."""
    assert instant_and_id(None, QUESTION) == {"before_at": None, "before_id": None}


def test_a_cursor_of_another_question_is_refused() -> None:
    """Filters changed half-way would leave rows out without a word."""
    cursor = encode_cursor({"slug": "acme"}, QUESTION)

    with pytest.raises(ApiProblem) as caught:
        decode_cursor(cursor, {**QUESTION, "company": "x"}, "slug")

    assert caught.value.status_code == 422
    assert caught.value.errors[0].field == "cursor"


@pytest.mark.parametrize(
    ("at", "id_"),
    [
        ("yesterday", str(ID)),
        ("2026-03-10T00:00:30", str(ID)),
        (AT.isoformat(), "not-an-id"),
        (AT.isoformat(), "\0"),
        ("\ud800", str(ID)),
    ],
)
def test_a_forged_position_is_refused(at: str, id_: str) -> None:
    """Whoever forges one gets the same 422, never a 500."""
    cursor = encode_cursor({"at": at, "id": id_}, QUESTION)

    with pytest.raises(ApiProblem) as caught:
        instant_and_id(cursor, QUESTION)

    assert caught.value.status_code == 422


@given(
    st.one_of(
        st.text(max_size=600),
        st.binary(max_size=200).map(lambda b: base64.urlsafe_b64encode(b).decode()),
    )
)
def test_whatever_else_is_given_is_refused(text: str) -> None:
    """Text, bytes in Base64, anything."""
    with pytest.raises(ApiProblem):
        decode_cursor(text, QUESTION, "slug")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_any_json_in_a_cursor_is_refused(value: object) -> None:
    """The right encoding of the wrong thing."""
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    with pytest.raises(ApiProblem):
        decode_cursor(cursor, QUESTION, "slug")
