"""What a stored connection still lacks, said in the API's names."""

from collections.abc import Mapping
from typing import Any

from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings


def lacks(row: Mapping[str, Any], settings: Settings) -> list[str]:
    """What keeps a stored connection from being used; empty: nothing.

    The environment's credentials serve at the environment's own URL only, as in `ConnectionStore`.
    """
    platform = Platform(row["platform"])
    if not row["enabled"]:
        return ["it is disabled: set enabled"]
    ours = settings.platform_url(platform)
    url = row["base_url"] or ours
    missing = [] if url else ["no base URL: set baseUrl"]
    names = set(row["credential_names"])
    if not names and url == ours:
        names = set(settings.platform_credentials(platform))
    wanted = FACTS[platform].credential_sets
    if not any(one <= names for one in wanted):
        either = " or ".join(", ".join(sorted(one)) for one in wanted)
        missing.append(f"no credentials: set credentials with {either}")
    return missing
