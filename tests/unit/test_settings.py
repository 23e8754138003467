"""Settings are read whole, and what doesn't hold stops the program at once."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.settings import Settings, read_settings

KEY = Fernet.generate_key().decode()
URL = "postgresql://someone:hunter22@h/n"


def test_a_database_of_ones_own_without_a_key_is_refused_at_the_start() -> None:
    """Not only once the first credential is needed (design, section 7); the line says how to make one."""
    with pytest.raises(InvalidSetting, match="IMPACT_IN_SECRET_KEY must be set") as caught:
        read_settings({"DATABASE_URL": URL})

    assert "Fernet.generate_key()" in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_with_a_key_or_without_a_database_of_ones_own_the_program_starts() -> None:
    """The embedded database's key is made and kept."""
    assert read_settings({"DATABASE_URL": URL, "IMPACT_IN_SECRET_KEY": KEY}).database_url
    assert read_settings({}).secret_key is None


@pytest.mark.parametrize(
    "text",
    ["s3cret", f"{KEY},s3cret", ",", "s3cret" * 20, "sécret"],
    ids=["short", "second", "empty", "long", "not ASCII"],
)
def test_a_malformed_key_is_named_and_not_shown(text: str) -> None:
    """One line with the variable and how to make a key."""
    with pytest.raises(InvalidSetting, match="IMPACT_IN_SECRET_KEY must hold Fernet") as caught:
        read_settings({"IMPACT_IN_SECRET_KEY": text})

    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("minutes", ["7", "0", "25", "60", "-5", "5.5", "five"])
def test_a_check_interval_that_would_tick_unevenly_is_refused(minutes: str) -> None:
    """`*/7` fires at :56 and again at :00."""
    with pytest.raises(InvalidSetting, match="SCHEDULER_CHECK_INTERVAL must be minutes") as caught:
        read_settings({"SCHEDULER_CHECK_INTERVAL": minutes})

    assert minutes in str(caught.value)


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30])
def test_a_check_interval_that_divides_an_hour_is_taken(minutes: int) -> None:
    """Every one that is even."""
    assert (
        read_settings({"SCHEDULER_CHECK_INTERVAL": str(minutes)}).scheduler_check_interval
        == minutes
    )


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_explained(field: str) -> None:
    """By its name in the environment, in the table that operators read."""
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    table = page.partition("## Settings")[2].partition("\n## ")[0]

    assert f"`{Settings.model_fields[field].alias or field.upper()}`" in table
