"""What a stored connection still lacks, said in the API's names."""

from collections.abc import Mapping
from typing import Any

from impact_in_pipelines.connectors.credentials import Lack, credential_choices, lacking
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings


def lacks(row: Mapping[str, Any], settings: Settings) -> list[str]:
    """What keeps a stored connection from being used, and the field that mends it; empty: nothing."""
    choices = credential_choices(Platform(row["platform"]))
    said = {
        Lack.ENABLED: "it is disabled: set enabled",
        Lack.BASE_URL: "no base URL: set baseUrl",
        Lack.CREDENTIALS: f"no credentials: set credentials with {choices}",
    }
    return [said[lack] for lack in lacking(row, settings)]
