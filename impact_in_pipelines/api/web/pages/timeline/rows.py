"""Deliveries as rows of the timeline."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from impact_in_pipelines.api.deliveries.schemas import HeldView, shown
from impact_in_pipelines.api.web.language.words import STATUSES, Sign
from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.db.deliveries.reading import DeliveryRow
from impact_in_pipelines.sla.thresholds import Thresholds

OPEN = ("pending", "in_progress", "retrying")
REPLAYABLE = ("failed", "success")
CANCELLABLE = ("pending", "retrying")
_SCALE = 2.0
"""The latency bar ends at so many times the target; the target stands in its middle."""


@dataclass(frozen=True)
class LatencyBar:
    """A latency to scale: widths in percent of the bar, whose end is twice the target."""

    width: float
    tone: str
    beyond: bool


@dataclass(frozen=True)
class Row:
    """One delivery as the timeline shows it."""

    id: UUID
    platform: str
    status: str
    sign: Sign
    recovered: bool
    trigger: str
    period_start: date
    period_end: date
    scheduled_for: datetime
    next_attempt_at: datetime | None
    attempt_count: int
    latency_ms: float | None
    bar: LatencyBar | None
    last_error: str | None
    error_kind: str | None
    updated_at: datetime
    held: HeldView | None

    @property
    def replayable(self) -> bool:
        """Whether it can be sent again."""
        return self.status in REPLAYABLE

    @property
    def cancellable(self) -> bool:
        """Whether it can be called off."""
        return self.status in CANCELLABLE


def row_of(found: DeliveryRow, thresholds: Thresholds) -> Row:
    """A row of the log as one of the timeline."""
    one = shown(found)
    return Row(
        bar=latency_bar(one["latency_ms"], thresholds),
        sign=STATUSES[one["status"]],
        **{name: one[name] for name in Row.__dataclass_fields__ if name not in ("bar", "sign")},
    )


def latency_bar(latency_ms: float | None, thresholds: Thresholds) -> LatencyBar | None:
    """The bar of a latency; None where nothing has arrived."""
    if latency_ms is None:
        return None
    share = latency_ms / (thresholds.latency_target_ms * _SCALE) * 100
    tone = "good"
    if latency_ms > thresholds.latency_target_ms:
        tone = "bad"
    elif latency_ms > thresholds.latency_warning_ms:
        tone = "warn"
    return LatencyBar(round(min(100.0, max(1.5, share)), 2), tone, share > 100)


def thresholds_of(visit: Visit) -> Thresholds:
    """What holds for the company."""
    return visit.api.runtime.sla_thresholds.book().of(visit.home.id)
