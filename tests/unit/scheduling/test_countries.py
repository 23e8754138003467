"""A company's country is one that ISO 3166-1 knows."""

import pytest

from impact_in_pipelines.errors.accounts import CountryUnknown
from impact_in_pipelines.scheduling.holidays.countries import parse_country
from impact_in_pipelines.wording import sentence


@pytest.mark.parametrize("code", ["NO", "GB", "TW", "AX", "ZW"])
def test_assigned_codes_are_taken(code: str) -> None:
    """Territories with a code of their own too."""
    assert parse_country(code) == code


@pytest.mark.parametrize("code", ["XX", "ZZ", "EU", "no", "NOR", "Norway", "", "N\t"])
def test_anything_else_is_named_in_one_line(code: str) -> None:
    """Two capital letters alone don't make a country."""
    with pytest.raises(CountryUnknown) as caught:
        parse_country(code)
    assert sentence(caught.value) == (
        f"country '{code}' isn't a country's ISO 3166 code of two capital letters such as NO"
    )


def test_who_writes_uk_is_told_the_code() -> None:
    """It is reserved, not assigned."""
    with pytest.raises(CountryUnknown) as caught:
        parse_country("UK")
    assert caught.value.example == "GB"
