"""A company's country is one that ISO 3166-1 knows."""

import pytest

from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.scheduling.countries import parse_country


@pytest.mark.parametrize("code", ["NO", "GB", "TW", "AX", "ZW"])
def test_assigned_codes_are_taken(code: str) -> None:
    """Territories with a code of their own too."""
    assert parse_country(code) == code


@pytest.mark.parametrize("code", ["XX", "ZZ", "EU", "no", "NOR", "Norway", "", "N\t"])
def test_anything_else_is_named_in_one_line(code: str) -> None:
    """Two capital letters alone don't make a country."""
    with pytest.raises(UsageError, match="ISO 3166") as caught:
        parse_country(code)
    assert repr(code) in str(caught.value)


def test_who_writes_uk_is_told_the_code() -> None:
    """It is reserved, not assigned."""
    with pytest.raises(UsageError, match="the United Kingdom is GB"):
        parse_country("UK")
