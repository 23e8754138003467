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


def test_the_closest_come_first_and_few() -> None:
    """No more than were asked for."""
    assert meant_by("acm", ["acne", "acme", "zebra", "acmo"], most=2) == ["acmo", "acme"]
