"""JSON that can be read in one way only, and the form that is wanted."""

import json

import pytest

from impact_in_pipelines.api.http.headers.negotiation import preferred
from impact_in_pipelines.api.http.problems import ApiProblem
from impact_in_pipelines.api.http.requests import parse_json

OFFERED = ("application/json", "text/html", "text/csv")


def test_json_is_read_as_it_is() -> None:
    """Pairs of surrogates are letters."""
    assert parse_json(b'{"a": [1, "\\ud83d\\ude00"]}') == {"a": [1, "😀"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"x": {"b": 1, "b": 1}}', "b"),
        (b'{"a": NaN}', "body"),
        (b'{"a": -Infinity}', "body"),
        (b'{"a": "\\u0000"}', "body"),
        (b'{"a": "\\ud800"}', "body"),
        (b'{"\\ud800": 1}', "body"),
        (b"[" * 100_000, "body"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "body"),
        (b'\xff\xfe{"a": 1}', "body"),
    ],
)
def test_what_is_ambiguous_or_no_text_is_refused(body: bytes, field: str) -> None:
    """Doubled names, numbers that are none, half characters, nesting beyond reason."""
    with pytest.raises(ApiProblem) as caught:
        parse_json(body)

    assert caught.value.status_code == 422
    assert caught.value.errors[0].field == field


def test_what_is_no_json_is_said_to_be_none() -> None:
    """FastAPI turns it into a 422."""
    with pytest.raises(json.JSONDecodeError):
        parse_json(b"{'a': 1}")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "text/html"),
        ("text/*", "text/html"),
        ("text/csv, text/html;q=0.9", "text/csv"),
        ("text/html;q=0.2, application/json;q=0.8", "application/json"),
        ("text/*;q=0.5, text/csv;q=0.1, text/html;q=0", "text/csv"),
        ("application/*;q=0.1, TEXT/CSV ; q=0.4", "text/csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ],
)
def test_the_form_that_is_liked_best_is_given(accept: str | None, form: str) -> None:
    """RFC 9110, section 12.5.1: the most specific range counts."""
    assert preferred(accept, OFFERED) == form


@pytest.mark.parametrize("accept", ["image/png", "text/html;q=0", "application/json;q=nonsense"])
def test_none_of_them_is_406(accept: str) -> None:
    """And it says what there is."""
    with pytest.raises(ApiProblem, match="text/csv") as caught:
        preferred(accept, OFFERED)

    assert caught.value.status_code == 406
