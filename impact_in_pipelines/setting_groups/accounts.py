"""Default connections: an account for each platform in the environment, `BENEVITY_API_URL` and the like."""

import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.platforms import Platform, facts_if_installed, registered_names

_URL = re.compile(r"https?://[^\s@]+")
_API_URL, _ORGANIZATION = "API_URL", "ORGANIZATION_ID"


class PlatformAccount(BaseModel):
    """One platform's default connection; a row in platform_connections overrides it for a company."""

    model_config = ConfigDict(frozen=True)

    url: str | None = None
    organization_id: str | None = None
    credentials: Mapping[str, SecretStr] = Field(default_factory=dict)


def accounts_in(environment: Mapping[str, str]) -> dict[Platform, PlatformAccount]:
    """The default connections in `environment`; empty values count as absent. Only the connectors of which a
    variable is set are asked for their credentials. Raises `InvalidSetting`."""
    given = {name: text for name, value in environment.items() if (text := value.strip())}
    found = {}
    for name in registered_names():
        prefix = f"{name.upper()}_"
        if not any(one.startswith(prefix) for one in given):
            continue
        platform = Platform(name)
        url = given.get(f"{prefix}{_API_URL}")
        if url is not None and not _URL.fullmatch(url):
            raise InvalidSetting(f"{prefix}{_API_URL} must be an http or https URL; it was {url!r}")
        credentials = {
            one: SecretStr(given[variable])
            for variable, one in _credentials_of(platform)
            if variable in given
        }
        account = PlatformAccount(
            url=url,
            organization_id=given.get(f"{prefix}{_ORGANIZATION}"),
            credentials=credentials,
        )
        if account != PlatformAccount():
            found[platform] = account
    return found


def account_names(platforms: Iterable[Platform]) -> Iterator[str]:
    """What the variables of these platforms' default connections are called."""
    for platform in platforms:
        prefix = f"{platform.upper()}_"
        yield from (f"{prefix}{_API_URL}", f"{prefix}{_ORGANIZATION}")
        yield from (variable for variable, _ in _credentials_of(platform))


def _credentials_of(platform: Platform) -> Iterator[tuple[str, str]]:
    """Each credential's variable and its own name."""
    facts = facts_if_installed(platform)
    for one in facts.credentials_by_name if facts else ():
        yield f"{platform.upper()}_{one.upper()}", one
