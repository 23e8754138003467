"""When a delivered day that has changed since may be corrected (design D19): pure decisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import (
    CorrectionCountsTwice,
    CorrectionFailed,
    CorrectionOnItsWay,
    CorrectionsOff,
)
from impact_in_pipelines.platforms import FACTS, Platform, SecondReport


class Policy(StrEnum):
    """What is done about delivered days that have changed: nothing; a person is asked; or they are
    corrected by themselves."""

    NEVER = "never"
    ASK = "ask"
    AUTOMATIC = "automatic"


DEFAULT_QUIET_MINUTES = 60
DEFAULT_AT_MOST_EVERY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class CorrectionPolicy:
    """A company's policy on a platform. Automatic corrections wait until the days have been `quiet` for so
    long and are asked for at most once in `at_most_every`. `counts_twice_accepted`: who takes
    responsibility for corrections where the platform adds a second report to the first (None: they are
    refused)."""

    company_id: UUID
    platform: Platform
    policy: Policy = Policy.ASK
    quiet_minutes: int = DEFAULT_QUIET_MINUTES
    at_most_every_minutes: int = DEFAULT_AT_MOST_EVERY_MINUTES
    counts_twice_accepted: str | None = None

    @property
    def counts_twice(self) -> bool:
        """Whether a correction would be counted beside what it corrects, and nobody has accepted that."""
        adds = FACTS[self.platform].second_report is SecondReport.ADDS
        return adds and self.counts_twice_accepted is None

    def is_due(self, changed_at: datetime, last_asked_for: datetime | None, now: datetime) -> bool:
        """Whether a report whose events changed last at `changed_at` is corrected by itself at `now`."""
        if self.policy is not Policy.AUTOMATIC or self.counts_twice:
            return False
        quiet = changed_at + timedelta(minutes=self.quiet_minutes) <= now
        pause = timedelta(minutes=self.at_most_every_minutes)
        return quiet and (last_asked_for is None or last_asked_for + pause <= now)


def why_not(
    policy: CorrectionPolicy, correction_id: UUID | None, status: DeliveryStatus | None
) -> ImpactInError | None:
    """Why a stale report can't be corrected, if so; `correction_id` is what was asked for already."""
    if policy.policy is Policy.NEVER:
        return CorrectionsOff(policy.platform)
    if policy.counts_twice:
        return CorrectionCountsTwice(policy.platform)
    if correction_id is None:
        return None
    if status is DeliveryStatus.FAILED:
        return CorrectionFailed(correction_id)
    return CorrectionOnItsWay(correction_id)


def size_of_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """How much reported figures differ: the largest share by which one of them has grown or shrunk (1.0: it
    has doubled, or there was none). For an order of the worst first."""
    was, now = dict(_numbers(before)), dict(_numbers(after))
    return max(
        (
            abs(now.get(name, 0.0) - was.get(name, 0.0)) / max(abs(was.get(name, 0.0)), 1.0)
            for name in was.keys() | now.keys()
        ),
        default=0.0,
    )


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _numbers(one, f"{name}/{place}")
    elif isinstance(value, int | float):
        yield name, float(value)
