"""The published facts about a platform, which its connector states."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from impact_in_pipelines.platforms import plugins
from impact_in_pipelines.platforms.names import Platform

LONGEST_TRANSACTION_ID = 255
"""Characters of a transaction id that are kept, and that a call-back may name: one that is kept and can't be
named could never be taken back."""

RETRIED_KINDS = (
    "network", "timeout", "rate_limited", "server_error", "bad_response", "authentication",
)  # fmt: skip
"""Kinds of errors that a retry plan may single out."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_DELAYS = 10
_LONGEST_DELAY_MS = 86_400_000


class SecondReport(StrEnum):
    """What a platform does with a second report of the same period: it replaces the first, or both count."""

    REPLACES = "replaces"
    ADDS = "adds"


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential of an account: its name in JSON and in the environment, and how a form calls it.

    `secret`: masked in whatever is logged. `is_id`: it names the account and proves nothing, so a form
    shows it while it is typed; if it is secret it is masked in logs all the same.
    """

    name: str
    label: str
    secret: bool = True
    is_id: bool = False

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.name):
            raise ValueError(f"credential {self.name!r} must be lower case letters, digits and _")


CLIENT_ID = Credential("client_id", "Client id", is_id=True)
CLIENT_SECRET = Credential("client_secret", "Client secret")
"""An account that has both uses OAuth client credentials: a token from `{base URL}/oauth2/token`."""
API_KEY = Credential("api_key", "API key")


@dataclass(frozen=True)
class PlatformFacts:
    """What a platform's contract says (design, section 6).

    `rate_limit_per_minute` and `rate_limit_per_day` count requests of one organisation (None: no such limit);
    `batch_limit` records in one request; `credentials` are the alternative sets of credentials an account may
    have; `second_report` is what a correction does there. `options` are the settings of an account that its
    payloads and requests read. `oauth_scope`: what access tokens are asked for (None: the account's option
    `scope`). `retry_delays_ms` (milliseconds before the second, third, … attempt) and
    `retry_delays_by_error` (the same, by kind of error) replace the usual plan. They are ignored if the
    operator's RETRY_DELAYS_MS names the platform.
    """

    title: str
    rate_limit_per_minute: int
    batch_limit: int
    credentials: tuple[tuple[Credential, ...], ...]
    second_report: SecondReport
    rate_limit_per_day: int | None = None
    options: tuple[str, ...] = ("programId", "programName")
    oauth_scope: str | None = None
    retry_delays_ms: tuple[int, ...] | None = None
    retry_delays_by_error: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.title.strip() or not self.title.isprintable():
            raise ValueError("title must be a printable text")
        if min(self.rate_limit_per_minute, self.batch_limit, self.rate_limit_per_day or 1) < 1:
            raise ValueError("limits must be at least 1")
        if not self.credentials or not all(self.credentials):
            raise ValueError("credentials must hold a set of at least one")
        if not set(self.retry_delays_by_error) <= set(RETRIED_KINDS):
            raise ValueError(f"retry delays may single out {', '.join(RETRIED_KINDS)}")
        plans = [self.retry_delays_ms or (), *self.retry_delays_by_error.values()]
        for delays in plans:
            if len(delays) > _MOST_DELAYS or not all(
                1 <= one <= _LONGEST_DELAY_MS for one in delays
            ):
                raise ValueError("retry delays must be up to ten, from 1 to 86400000 ms each")

    @cached_property
    def credential_sets(self) -> tuple[frozenset[str], ...]:
        """The alternative sets by their names."""
        return tuple(frozenset(one.name for one in together) for together in self.credentials)

    @cached_property
    def credentials_by_name(self) -> Mapping[str, Credential]:
        """Each credential once."""
        return {one.name: one for together in self.credentials for one in together}


def _of_nobody(platform: Platform) -> PlatformFacts:
    """What is shown of a platform without a connector; nothing is ever sent there."""
    return PlatformFacts(f"{platform} (not installed)", 1, 1, ((API_KEY,),), SecondReport.REPLACES)


class _Facts(Mapping[Platform, PlatformFacts]):
    """By platform; of one that isn't installed as little as must be shown of it."""

    def __getitem__(self, platform: Platform) -> PlatformFacts:
        found = facts_if_installed(platform)
        return _of_nobody(platform) if found is None else found

    def __iter__(self) -> Iterator[Platform]:
        return iter(Platform)

    def __len__(self) -> int:
        return len(plugins.installed())


def facts_if_installed(platform: Platform) -> PlatformFacts | None:
    """What the connector says; None: there is none."""
    plugin = plugins.plugin_if_installed(platform)
    if plugin is None:
        return None
    facts = plugin.facts
    assert isinstance(facts, PlatformFacts)
    return facts


FACTS: Mapping[Platform, PlatformFacts] = _Facts()


class _Titles(Mapping[str, str]):
    """By name: of every platform that is installed, and of any other that is asked for."""

    def __getitem__(self, name: str) -> str:
        try:
            return FACTS[Platform(name)].title
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return (platform.value for platform in Platform)

    def __len__(self) -> int:
        return len(FACTS)


TITLES: Mapping[str, str] = _Titles()
