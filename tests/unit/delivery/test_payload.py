"""Canonical form and hash of a payload (D4, RFC 8785)."""

import json
import random
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from payloads import PAYLOADS, TEXTS, VALUES, identity

from impact_in_pipelines.delivery.payload import (
    Payload,
    canonical_bytes,
    payload_hash,
    without_timestamps,
    write_down,
)


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same JSON value with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(payload=st.dictionaries(st.text(max_size=3), ODD, max_size=5))
def test_the_canonical_form_is_that_of_the_reference_or_none(payload: Payload) -> None:
    """The quick way writes the same bytes as RFC 8785's reference, and refuses what that refuses; large
    floats besides."""
    try:
        ours = canonical_bytes(payload)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            _reference(payload)
    else:
        assert ours == _reference(payload)


@given(
    payload=st.dictionaries(st.text(max_size=3) | st.sampled_from(["timestamp", "metadata"]), ODD)
)
def test_what_is_written_down_at_once_is_what_each_question_answers(payload: Payload) -> None:
    """Bytes and hash in one look are those of `canonical_bytes` and `payload_hash`, or refused as they do."""
    try:
        body, digest = canonical_bytes(payload), payload_hash(payload)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            write_down(payload)
    else:
        written = write_down(payload)
        assert (written.body, written.hash) == (body, digest)
        assert written.body_of(payload) == body
        assert written.body_of(dict(payload)) is None


def _reference(payload: Payload) -> bytes:
    def check(value: Any) -> None:
        if isinstance(value, float):
            if abs(value) >= 2.0**53:
                raise ValueError("too large")
            return
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, dict | list | float):
                check(item)

    check(payload)
    return rfc8785.dumps(payload)


@given(payload=PAYLOADS, seed=st.integers(0, 999))
def test_the_order_of_keys_changes_nothing(payload: Payload, seed: int) -> None:
    """At any depth."""
    other = shuffled(payload, random.Random(seed))
    assert canonical_bytes(other) == canonical_bytes(payload)
    assert payload_hash(other) == payload_hash(payload)


@given(one=PAYLOADS, other=PAYLOADS)
def test_two_payloads_share_a_hash_exactly_if_they_say_the_same(
    one: Payload, other: Payload
) -> None:
    """Neither a false duplicate, which is never sent, nor a missed one, which arrives twice."""
    same = identity(without_timestamps(one)) == identity(without_timestamps(other))
    assert (payload_hash(one) == payload_hash(other)) is same


@given(payload=PAYLOADS, data=st.data())
def test_a_change_anywhere_changes_the_hash(payload: Payload, data: st.DataObject) -> None:
    """One field replaced by another value."""
    bare = without_timestamps(payload)
    key = data.draw(st.sampled_from(sorted(bare)) if bare else TEXTS.filter("timestamp".__ne__))
    value = data.draw(VALUES)
    changed = {**bare, key: value}
    if identity(changed) != identity(bare):
        # The one thing that isn't content is metadata's own timestamp.
        same = identity(without_timestamps(changed)) == identity(bare)
        assert (payload_hash(changed) == payload_hash(bare)) is same


@pytest.mark.parametrize("pair", [(1, "1"), (1, True), (0, False), (0, None), ("", None), ([], {})])
def test_values_of_different_types_are_different(pair: tuple[Any, Any]) -> None:
    """1, "1" and true are three values; Python's `==` would take two of them for one."""
    one, other = pair
    assert payload_hash({"value": one}) != payload_hash({"value": other})


def test_a_number_is_itself_however_it_is_written() -> None:
    """1 and 1.0, 0 and -0.0: jsonb and Python may give one back as the other."""
    assert canonical_bytes({"v": 1}) == canonical_bytes({"v": 1.0}) == b'{"v":1}'
    assert canonical_bytes({"v": -0.0}) == canonical_bytes({"v": 0}) == b'{"v":0}'


def test_composed_and_decomposed_letters_are_different_content() -> None:
    """RFC 8785 forbids normalising: what arrives must be what was sent."""
    assert payload_hash({"name": "é"}) != payload_hash({"name": "e\u0301"})


@given(payload=PAYLOADS, before=TEXTS, after=TEXTS)
def test_the_instant_it_was_built_at_is_not_content(
    payload: Payload, before: str, after: str
) -> None:
    """`timestamp` and `metadata.timestamp`, and these two only."""
    bare = {key: value for key, value in payload.items() if key != "metadata"}

    def stamped(text: str) -> Payload:
        return {**bare, "timestamp": text, "metadata": {"timestamp": text, "source": "s"}}

    assert payload_hash(stamped(before)) == payload_hash(stamped(after))


@pytest.mark.parametrize(
    "place",
    [
        lambda t: {"metrics": [{"timestamp": t}]},
        lambda t: {"metadata": {"inner": {"timestamp": t}}},
        lambda t: {"metadata": [{"timestamp": t}]},
        lambda t: {"Timestamp": t},
        lambda t: {"reportingPeriod": {"timestamp": t}},
    ],
)
def test_a_timestamp_elsewhere_is_content(place: Any) -> None:
    """A field that happens to have the name is part of the figures."""
    assert payload_hash(place("2026-01-01")) != payload_hash(place("2026-01-02"))


@given(payload=PAYLOADS)
def test_the_canonical_form_is_json_of_the_same_value(payload: Payload) -> None:
    """What goes out says what was built, and saying it again gives the same bytes."""
    sent = canonical_bytes(payload)
    assert identity(json.loads(sent)) == identity(payload)
    assert canonical_bytes(json.loads(sent)) == sent


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), 2.0**53, 1e16, -1e300, {1: "x"}, "\ud800"],
)
def test_what_json_cannot_carry_exactly_is_refused(value: Any) -> None:
    """Before the first attempt: 1e16 would come back from the log as an integer that can't be sent."""
    with pytest.raises(ValueError, match=r"canonical JSON|surrogates"):
        canonical_bytes({"deep": [{"value": value}]})
