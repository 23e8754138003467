"""No secret survives redaction, wherever it stands and however it is written."""

import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from impact_in_pipelines.redaction.redactor import (
    DOCUMENT_LIMIT,
    MASK,
    SHORTEST_SECRET,
    TEXT_LIMIT,
    Redactor,
)

secrets = st.text(min_size=SHORTEST_SECRET, max_size=60).filter(lambda text: bool(text.strip()))
texts = st.text(max_size=400)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(secret=secrets, before=texts, after=texts)
def test_a_secret_placed_anywhere_never_survives(secret: str, before: str, after: str) -> None:
    """As it is, percent-encoded, form-encoded or JSON-escaped: the log never shows it."""
    redactor = Redactor([secret])
    written = (
        secret,
        quote(secret.encode("utf-8", "surrogatepass"), safe=""),
        quote_plus(secret.encode("utf-8", "surrogatepass")),
        json.dumps(secret)[1:-1],
    )
    for form in written:
        assume(len(form.strip()) >= SHORTEST_SECRET)
        shown = redactor.text(f"{before}{form}{after}")
        assert form not in shown
        assert secret not in shown


ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=60)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _entities(text: str) -> str:
    return "".join(f"&#x{ord(character):X};" for character in text)


ENCODINGS: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    str.swapcase,
    quote,
    _percent,
    lambda text: quote(quote(text, safe=""), safe=""),
    html.escape,
    lambda text: html.escape(html.escape(text)),
    _entities,
    lambda text: "".join(f"&#{ord(character)};" for character in text),
    lambda text: json.dumps(json.dumps(text))[3:-3],
    lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    lambda text: text.encode().hex(),
    lambda text: text.encode().hex().upper(),
    lambda text: text.encode().hex(":").upper(),
    lambda text: text.encode().hex(" "),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
]


@given(secret=ASCII, encode=st.sampled_from(ENCODINGS), before=texts, after=texts)
def test_a_secret_is_found_in_the_encodings_a_platform_may_echo(
    secret: str, encode: Callable[[str], str], before: str, after: str
) -> None:
    """In other letter case, percent-encoded, as HTML entities, JSON escapes, hex or Base64, once or twice."""
    echoed = encode(secret)
    shown = Redactor([secret]).text(f"{before} {echoed} {after}", limit=10_000)
    assert echoed not in shown


@given(id_=ASCII, secret=ASCII, tail=st.binary(max_size=4))
def test_the_pair_of_id_and_secret_is_found_in_base64(id_: str, secret: str, tail: bytes) -> None:
    """Basic authentication (RFC 7617), whatever stands before and behind the secret in it."""
    encoded = base64.b64encode(f"{id_}:{secret}".encode() + tail).decode()
    shown = Redactor([secret]).text(f"Authorization was Basic {encoded}!", limit=10_000)
    assert encoded not in shown
    # What is left in the middle of it spells the secret at no place.
    before = len(f"{id_}:".encode())
    core = encoded[(before + 2) // 3 * 4 : (before + len(secret)) // 3 * 4]
    assert not core or core not in shown


def test_bait_for_the_encodings_costs_linear_time() -> None:
    """A megabyte of what looks like the beginning of an encoding is done with at once."""
    redactor = Redactor(["secret-value-4711"])
    for bait in ("%25", "&amp;", "\\\\", "&#0", "s&#x65", "c2VjcmV0"):
        assert len(redactor.text(bait * 20_000)) <= TEXT_LIMIT


@given(secrets_=st.lists(secrets, min_size=1, max_size=3), text=texts, data=st.data())
def test_several_secrets_interleaved_never_survive(
    secrets_: list[str], text: str, data: st.DataObject
) -> None:
    """Masking one secret neither uncovers nor spells another."""
    parts = data.draw(st.lists(st.sampled_from([*secrets_, text, " ", ": "]), max_size=12))
    shown = Redactor(secrets_).text("".join(parts))
    assert not any(secret in shown for secret in secrets_)


@given(secret=secrets, value=json_values, name=st.text(max_size=12))
def test_a_document_never_shows_a_secret_and_can_always_be_stored(
    secret: str, value: Any, name: str
) -> None:
    """In keys, values and nested ones; the result is strict JSON without NUL, within the limit."""
    document = {name: value, "deep": {secret: [value, f"x{secret}y"]}, "echo": secret}
    stored = Redactor([secret]).document(document)
    encoded = json.dumps(stored, ensure_ascii=False, allow_nan=False)
    assert len(encoded.encode()) <= DOCUMENT_LIMIT
    assert "\\u0000" not in encoded
    assert not any(secret in text for text in _strings(stored))


@given(text=st.text(max_size=3_000))
def test_a_text_is_one_bounded_line_that_postgres_takes(text: str) -> None:
    """No line break, no NUL, no lone surrogate, at most `TEXT_LIMIT` characters."""
    shown = Redactor().text(text)
    assert len(shown) <= TEXT_LIMIT
    assert "\x00" not in shown
    assert "\n" not in shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc123def456", "abc123def456"),
        ("bearer AAAAAAAAAAAAAAAAAAAA rejected", "AAAAAAAAAAAAAAAAAAAA"),
        ("Basic dXNlcjpwYXNzd29yZA== is wrong", "dXNlcjpwYXNzd29yZA"),
        ("X-API-Key: k-999", "k-999"),
        ('{"client_secret": "s3 cr3t"}', "s3 cr3t"),
        (r"{\"access_token\": \"tok-1\"}", "tok-1"),
        ("client_secret=abc&grant_type=x", "abc"),
        ("password = hunter2, try again", "hunter2"),
        ("see https://user:pass@host.example/path", "user:pass"),
        ("see https://user:p@ss@host.example/path", "p@ss"),
        ("postgresql://me:pw@db/name failed", "me:pw"),
        ("GET https://host.example/a?sig=xyz&b=1 failed", "sig=xyz"),
        ("https://host.example/a#token-part", "token-part"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0"),
    ],
)
def test_what_looks_like_a_secret_is_masked_without_knowing_it(text: str, hidden: str) -> None:
    """Tokens, keys, credentials in URLs and query strings, whoever they belong to."""
    shown = Redactor().text(text)
    assert hidden not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "organizationId is unknown",
        "records[3].impactDimensions[0].value: Input should be greater than or equal to 0",
        "Bearer is missing",
        "see https://host.example/docs/errors",
        "bnv-12ab-00000001",
    ],
)
def test_ordinary_words_stay_readable(text: str) -> None:
    """A redacted error still tells a person what is wrong."""
    assert Redactor([("secret-value")]).text(text) == text


def test_values_under_telling_names_are_masked_whatever_they_are() -> None:
    """An answer that carries somebody's token is kept without it."""
    document = {"accessToken": "a", "client_secret": {"x": 1}, "tokenValid": True, "id": "7"}
    assert Redactor().document(document) == {
        "accessToken": MASK,
        "client_secret": MASK,
        "tokenValid": True,
        "id": "7",
    }


def test_a_number_that_spells_a_secret_is_masked() -> None:
    """A key of digits may come back as a JSON number."""
    assert Redactor(["12345678"]).document({"n": 12345678}) == {"n": MASK}


def test_a_large_document_keeps_its_plain_fields() -> None:
    """What doesn't fit is left out, and says so."""
    document = {"transactionId": "t-1", "items": [{"text": "x" * 400}] * 20}
    assert Redactor().document(document) == {"truncated": True, "transactionId": "t-1"}


def test_a_hostile_text_costs_linear_time() -> None:
    """A megabyte made to upset the patterns comes out bounded (the suite's time-out is the
    judge)."""
    for piece in ("a.", "a@", "https://a@", "bearer ", "token=", "eyJ.", '\\"'):
        assert len(Redactor(["secret-value"]).text(piece * 500_000)) <= TEXT_LIMIT


def test_a_redactor_shows_nothing_in_its_repr() -> None:
    """Reprs land in logs."""
    assert "secret" not in repr(Redactor(["secret-value"]))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in (*value.keys(), *value.values()) for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []
