"""Hypothesis strategies for JSON objects, and what makes two of them the same."""

from typing import Any

from hypothesis import strategies as st

EXACT = 2**53 - 1
"""The largest integer that JSON carries exactly."""

# PostgreSQL's text has no NUL, and a surrogate alone is no character.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-EXACT, EXACT)
    | st.floats(-float(EXACT), float(EXACT), allow_nan=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(TEXTS, VALUES, max_size=5)


def identity(value: Any) -> Any:
    """What a JSON value says: two are the same value exactly if these are equal."""
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(identity(item) for item in value))
    if isinstance(value, bool) or value is None:
        return ("literal", value)
    # JSON has one kind of number: 1 and 1.0 are the same one.
    return ("number", float(value)) if isinstance(value, int | float) else ("string", value)
