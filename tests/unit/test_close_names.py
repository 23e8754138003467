"""What somebody may have meant."""

import pytest

from impact_in_pipelines.close_names import meant_by

_NAMES = ("acme", "acme-north", "kiwi-orchards", "Solvind AS")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("acmee", ["acme"]),
        ("ACME", ["acme"]),
        ("acme-nort", ["acme-north"]),
        (" kiwi_orchards ", ["kiwi-orchards"]),
        ("solvind as", ["Solvind AS"]),
        ("nobody", []),
        ("", []),
    ],
)
def test_a_name_that_comes_close_is_meant(text: str, meant: list[str]) -> None:
    """A slip of a letter or of capitals is one; another word is not."""
    assert meant_by(text, _NAMES) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("kiwi", ["kiwi-orchards"]), ("SOLV", ["Solvind AS"]), ("ki", []), ("ac", [])],
)
def test_a_beginning_means_what_goes_on_so(text: str, meant: list[str]) -> None:
    """Where it is asked for, and only a beginning that says something."""
    assert meant_by(text, _NAMES, beginnings=True) == meant
    assert meant_by(text, _NAMES) == []


def test_a_beginning_of_many_means_none_of_them() -> None:
    """A long list would be no hint."""
    assert meant_by("nor", ["north-1", "north-2", "north-3"], most=2, beginnings=True) == []


def test_the_closest_come_first_and_few() -> None:
    """No more than were asked for."""
    assert meant_by("acm", ["acne", "acme", "zebra", "acmo"], most=2) == ["acmo", "acme"]
