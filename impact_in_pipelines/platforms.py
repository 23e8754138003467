"""The three CSR platforms and the published facts about each."""

from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """A CSR platform that receives impact data."""

    BENEVITY = "benevity"
    GOODERA = "goodera"
    WORKDAY = "workday"


class SecondReport(StrEnum):
    """What a platform does with a second report of a period that it has one of: it takes the place of the
    first, or both count."""

    REPLACES = "replaces"
    ADDS = "adds"


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What a platform's contract says (design, section 6).

    `rate_limit_per_minute` and `rate_limit_per_day` count requests of one organisation (None: no such limit);
    `batch_limit` records in one request;
    `credential_sets` are the alternative sets of credential names an account may use; `second_report` is
    what a correction does there.
    """

    title: str
    rate_limit_per_minute: int
    batch_limit: int
    credential_sets: tuple[frozenset[str], ...]
    second_report: SecondReport
    rate_limit_per_day: int | None = None


LONGEST_TRANSACTION_ID = 255
"""Characters of a transaction id that are kept, and that a call-back may name: one that is kept and can't be
named could never be taken back."""

_OAUTH = frozenset({"client_id", "client_secret"})

FACTS: dict[Platform, PlatformFacts] = {
    Platform.BENEVITY: PlatformFacts(
        "Benevity",
        100,
        1,
        (frozenset({"api_key"}), _OAUTH),
        # One report for each organisation, programme and reporting period: the newest stands.
        SecondReport.REPLACES,
        rate_limit_per_day=10_000,
    ),
    Platform.GOODERA: PlatformFacts(
        "Goodera",
        60,
        100,
        (frozenset({"api_key"}),),
        # One record for each project and reporting period: the highest version stands.
        SecondReport.REPLACES,
    ),
    Platform.WORKDAY: PlatformFacts(
        "Workday",
        30,
        1,
        (_OAUTH | {"tenant_id"},),
        # Activities and enrolments are entries by their ids, and changed ones have other ids: both are
        # counted.
        SecondReport.ADDS,
    ),
}
