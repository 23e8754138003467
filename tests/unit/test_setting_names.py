"""Variables that are meant as settings and are none."""

from collections.abc import Mapping

import pytest

from impact_in_pipelines.setting_names import UnknownSetting, unknown_settings
from impact_in_pipelines.settings import setting_names

KNOWN = setting_names()
SOMEBODY_ELSES = {
    "PATH": "/bin",
    "HTTP_PROXY": "http://proxy.example.org",
    "DAGSTER_HOME": "/srv/dagster",
    "DAGSTER_POSTGRES_URL": "postgresql://there",
    "DATABASE_NAME": "other",
    "SLACK_BOT_TOKEN": "x",
    "RETRY": "1",
    "IMPACT_IN": "1",
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        (dict.fromkeys(KNOWN, "1"), []),
        (SOMEBODY_ELSES, []),
        (
            {"IMPACT_IN_SECRT_KEY": "k", "IMPACT_IN_COLOUR": "red"},
            [
                UnknownSetting("IMPACT_IN_COLOUR", None),
                UnknownSetting("IMPACT_IN_SECRT_KEY", "IMPACT_IN_SECRET_KEY"),
            ],
        ),
        (
            {"SLA_LATENCY_TARGET": "60000", "DATABSE_URL": "x", "BENEVITY_APIKEY": "k"},
            [
                UnknownSetting("BENEVITY_APIKEY", "BENEVITY_API_KEY"),
                UnknownSetting("SLA_LATENCY_TARGET", "SLA_LATENCY_TARGET_MS"),
            ],
        ),
    ],
)
def test_what_was_meant_as_a_setting_is_named(
    environment: Mapping[str, str], expected: list[UnknownSetting]
) -> None:
    """With our prefix always, without it where one of ours comes close; nothing of anybody else's."""
    assert unknown_settings(environment, KNOWN) == expected
