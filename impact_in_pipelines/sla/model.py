"""The values of the SLA room: metrics of a scope, breaches, statuses (design D7, D8).

Thresholds are percentages (0–100) as in the settings, durations milliseconds, sizes bytes, instants UTC. A
rate or an average over nothing is None, never 0 or 100. What programs read has fractions (`sla.wire`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.platforms import Platform

_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class SlaState(StrEnum):
    """How a scope stands: `breach` if a critical rule matches, `warning` if only warning rules do."""

    HEALTHY = "healthy"
    WARNING = "warning"
    BREACH = "breach"


class Severity(StrEnum):
    """How bad a breach is; critical means that the target itself is missed (D8)."""

    WARNING = "warning"
    CRITICAL = "critical"


class BreachType(StrEnum):
    """Which promise is broken; the runbook has one entry for each.

    A text that is none of them is read too (`is_known` is false): a newer program has opened an incident of
    a type of its own, and this one shows it, judges it by nothing, and goes on with the others.
    """

    SUCCESS_RATE = "success_rate"
    ON_TIME_RATE = "on_time_rate"
    LATENCY = "latency"
    RETRY_SUCCESS_RATE = "retry_success_rate"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    OVERDUE = "overdue"
    BURN_RATE = "burn_rate"
    PLATFORM_OUTAGE = "platform_outage"
    CONNECTION_REFUSED = "connection_refused"
    HELD = "held"
    WIDESPREAD = "widespread"
    ANOMALY = "anomaly"
    NOT_REFRESHED = "not_refreshed"
    CORRECTION_UNDECIDED = "correction_undecided"

    @classmethod
    def _missing_(cls, value: object) -> "BreachType | None":
        if not isinstance(value, str) or not _TYPE_NAME.fullmatch(value):
            return None
        newer = str.__new__(cls, value)
        newer._name_, newer._value_ = value.upper(), value
        return newer

    @property
    def is_known(self) -> bool:
        """Whether this program opens and closes incidents of the type."""
        return self.value in BreachType._value2member_map_

    @property
    def words(self) -> str:
        """The name as words, which is all that there is to say of an unknown one."""
        return self.value.replace("_", " ")


RATES = frozenset({BreachType.SUCCESS_RATE, BreachType.ON_TIME_RATE, BreachType.RETRY_SUCCESS_RATE})
"""The types whose threshold and actual value are percentages."""


class Rule(StrEnum):
    """Why a breach pages somebody, or why it doesn't (docs/sla.md, "Who is paged")."""

    TARGET_MISSED = "target_missed"
    """A rate below its target on enough deliveries: the specification's table."""
    SIGNIFICANT = "significant"
    """That many failures have less than 5 % probability while the target is kept."""
    NOT_SIGNIFICANT = "not_significant"
    FEW_DELIVERIES = "few_deliveries"
    WARNING_LEVEL = "warning_level"
    """The target is kept, the warning level is not."""
    LATE_DELIVERIES = "late_deliveries"
    """The on-time rate is below its target: it warns, and pages nobody."""
    MEDIAN_LATE = "median_late"
    AVERAGE_LATE = "average_late"
    """The average is late and the median isn't: some were very late."""
    FAILURES_IN_A_ROW = "failures_in_a_row"
    OVERDUE_LONG = "overdue_long"
    OVERDUE_SHORT = "overdue_short"
    FAST_BURN = "fast_burn"
    SLOW_BURN = "slow_burn"
    OUTAGE = "outage"
    ACCOUNT_REFUSED = "account_refused"
    HELD_BY_PERSON = "held_by_person"
    HELD_LATE = "held_late"
    """What a person holds is late."""
    MANY_AT_ONCE = "many_at_once"
    ANOMALOUS = "anomalous"
    """A daily series has left its own past: it warns, and pages nobody."""
    ASSETS_OLD = "assets_old"
    """Assets of Dagster's have not been filled for longer than they may."""
    FIGURES_CHANGED = "figures_changed"
    """Figures have changed since they were delivered, and the company is to decide on the correction."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A metric outside its SLA.

    `threshold` and `actual` are in the metric's unit: percent for the rates, ms for latency, counts for
    consecutive failures and overdue fires, multiples of the sustainable rate for the burn rate. `since` is
    when the metric went bad, as well as the log can say (docs/sla.md). Without a company it concerns the
    platform as a whole. `low_confidence`: it rests on too few deliveries (`sample_size`) to page somebody.
    `pages` says whether somebody is paged, `rule` on which rule that rests.
    """

    type: BreachType
    severity: Severity
    threshold: float
    actual: float
    since: datetime | None
    company_id: UUID | None
    company: str | None
    platform: Platform | None
    sample_size: int
    low_confidence: bool
    details: Mapping[str, Any] = field(default_factory=dict)
    pages: bool = False
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `n`, with its Wilson 95 % interval from `low` to `high` (fractions)."""

    count: int
    n: int
    low: float
    high: float

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        return self.count / self.n

    @property
    def percent(self) -> float:
        """From 0 to 100. Not `fraction * 100`: 100 * count / n is exact where it is a whole number, and a
        rate is compared with whole numbers."""
        return 100 * self.count / self.n

    @property
    def low_percent(self) -> float:
        """The interval's lower end, from 0 to 100."""
        return 100 * self.low

    @property
    def high_percent(self) -> float:
        """The interval's upper end, from 0 to 100."""
        return 100 * self.high


@dataclass(frozen=True, slots=True)
class Durations:
    """Milliseconds over `n` deliveries. Percentiles are None where only sums are kept (`sla_daily`)."""

    average: float
    maximum: float
    n: int
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class RetryDistribution:
    """Deliveries that arrived with their first, second, third or a later retry."""

    first: int = 0
    second: int = 0
    third: int = 0
    later: int = 0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that is measured of one scope (D7, docs/sla.md).

    `due` is the denominator of the success rate: successful + failed + missed + overdue. `total` adds what
    is shown and left out of the rates: skipped, pending and `replayed` (what had arrived and was sent again).
    `recovered` are failed ones that a replay brought through; they stay failed. `retried` had more than one
    attempt. `on_time` arrived within their latency target, of the `timed`: those due, without backfills.
    `overdue_before` are fires that are overdue now and were due before the window: they are in no rate of
    it, and a breach all the same. `consecutive_failures` is the
    longest unbroken series of failures that a schedule of the scope is in at the window's end.
    """

    total: int = 0
    due: int = 0
    successful: int = 0
    failed: int = 0
    recovered: int = 0
    missed: int = 0
    overdue: int = 0
    skipped: int = 0
    pending: int = 0
    cancelled: int = 0
    retried: int = 0
    retried_successful: int = 0
    retried_failed: int = 0
    replayed: int = 0
    timed: int = 0
    on_time: int = 0
    overdue_before: int = 0
    success_rate: Rate | None = None
    on_time_rate: Rate | None = None
    retry_success_rate: Rate | None = None
    retry_distribution: RetryDistribution = RetryDistribution()
    latency: Durations | None = None
    lateness: Durations | None = None
    avg_payload_bytes: float | None = None
    max_payload_bytes: int | None = None
    avg_attempts: float | None = None
    max_attempts: int | None = None
    consecutive_failures: int = 0
    oldest_overdue: datetime | None = None

    @property
    def avg_retries(self) -> float | None:
        """Attempts after the first, on average over the deliveries that were attempted."""
        return None if self.avg_attempts is None else self.avg_attempts - 1

    @property
    def overdue_now(self) -> int:
        """Every fire that is overdue, whenever it was due."""
        return self.overdue + self.overdue_before


@dataclass(frozen=True, slots=True)
class Window:
    """The instants `[start, end)` (UTC); a delivery belongs to it by its `scheduled_for`."""

    start: datetime
    end: datetime

    def around(self, other: "Window") -> "Window":
        """The shortest one that holds both."""
        return Window(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Scope:
    """A company, a platform, one on the other, or all: what was measured and what is wrong with it."""

    metrics: Metrics = Metrics()
    state: SlaState = SlaState.HEALTHY
    breaches: Sequence[Breach] = ()


@dataclass(frozen=True, slots=True)
class SlaStatus:
    """One company's standing (`company` is its slug), or everybody's (`company` is None), in `window`."""

    company: str | None
    window: Window
    overall: Scope
    by_platform: Mapping[Platform, Scope]


def state_of(breaches: Sequence[Breach]) -> SlaState:
    """`breach` if any is critical, `warning` if there are only warnings, else `healthy` (D8)."""
    severities = {breach.severity for breach in breaches}
    if Severity.CRITICAL in severities:
        return SlaState.BREACH
    return SlaState.WARNING if severities else SlaState.HEALTHY
