"""A stored rejection is taken apart into the sentences it was made of."""

from impact_in_pipelines.impact.reasons import sentences as reasons
from impact_in_pipelines.impact.reasons.parts import Part, parts_of


def test_what_stood_in_the_file_can_be_masked() -> None:
    """Only that: what we say ourselves stays."""
    (part,) = parts_of(reasons.told(reasons.NO_DECIMAL, value="12 apples"))
    assert part.without_values("***") == reasons.told(reasons.NO_DECIMAL, value="***")


def test_what_is_none_of_ours_is_kept_whole_and_masked_whole() -> None:
    """From where it begins to the end, alone and behind a sentence of ours."""
    assert parts_of("an older program's words") == (Part(None, {}, "an older program's words"),)
    known = reasons.told(reasons.MISSING, column="company")
    first, rest = parts_of(f"{known}{reasons.BETWEEN}something else")
    assert (first.text, rest.text) == (known, "something else")
    assert rest.without_values("***") == "***"
