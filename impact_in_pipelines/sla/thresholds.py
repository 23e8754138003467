"""The numbers of D8: the defaults, what the settings say, and a company's or platform's own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from impact_in_pipelines.errors.sla import ThresholdOutOfRange, ThresholdUnknown
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import Settings

PagePolicy = Literal["literal", "significant"]
"""`literal`: a rate below its target pages, as the specification's table says; `significant`: only if that
many failures have less than 5 % probability while the target is kept."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a rule matches. A target that is missed is critical (D8).

    Rates are below their threshold in percent, latency is the average above it in ms, consecutive failures
    reach it. A fire is overdue `overdue_after_minutes` after its time, and critical
    `overdue_critical_after_minutes` after it. Below `min_deliveries` a breach is of low confidence, and
    burn rates aren't judged. `page_policy` says when a rate below its target pages somebody.
    """

    success_rate_target_percent: float = 98.0
    success_rate_warning_percent: float = 95.0
    on_time_rate_target_percent: float = 98.0
    retry_success_rate_target_percent: float = 90.0
    retry_success_rate_warning_percent: float = 85.0
    latency_target_ms: float = 300_000.0
    latency_warning_ms: float = 240_000.0
    consecutive_failures_critical: int = 3
    overdue_after_minutes: int = 5
    overdue_critical_after_minutes: int = 15
    min_deliveries: int = 10
    page_policy: PagePolicy = "literal"

    @classmethod
    def from_settings(cls, settings: Settings) -> "Thresholds":
        """The thresholds that hold where nobody has set others."""
        return cls(**{f.name: getattr(settings, f"sla_{f.name}") for f in fields(cls)})

    def overridden(self, values: Mapping[str, Any]) -> "Thresholds":
        """The same with `values` by field name in place of its own. Raises as `checked` does."""
        return replace(self, **checked(values))

    @property
    def error_budget(self) -> float:
        """The share of deliveries that may fail: 0.02 for a target of 98 %."""
        # In decimal: 1 - 0.98 is 0.020000000000000018.
        return float((100 - Decimal(str(self.success_rate_target_percent))) / 100)


NAMES = tuple(f.name for f in fields(Thresholds))

OVERRIDABLE = tuple(name for name in NAMES if name not in ("overdue_after_minutes", "page_policy"))
"""What a company or platform may have its own number for. When a fire counts as overdue is one for all:
it decides what is counted, not how it is judged. So is the policy of paging."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with every name known and every number in its range.

    Raises `ThresholdUnknown`, `ThresholdOutOfRange`.
    """
    return {name: _number(name, value) for name, value in values.items()}


def _number(name: str, value: Any) -> float | int:
    if name not in OVERRIDABLE:
        raise ThresholdUnknown(name, OVERRIDABLE)
    info = Settings.model_fields[f"sla_{name}"]
    whole = info.annotation is int or int in get_args(info.annotation)
    try:
        number = int(value) if whole else float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    lowest, highest = _range(info.metadata)
    if isinstance(value, bool) or not lowest <= number <= highest:
        raise ThresholdOutOfRange(name, str(value), lowest, highest)
    return number


def _range(metadata: list[Any]) -> tuple[float, float]:
    lowest = next((m.ge for m in metadata if hasattr(m, "ge")), 0)
    highest = next((m.le for m in metadata if hasattr(m, "le")), float("inf"))
    return lowest, highest


def as_values(thresholds: Thresholds) -> dict[str, float | int | str]:
    """The numbers by field name, and the policy of paging."""
    return asdict(thresholds)


@dataclass(frozen=True, slots=True)
class ThresholdBook:
    """The thresholds of every scope: the settings', then a platform's, a company's, and those of a company
    on a platform, the later ones winning."""

    defaults: Thresholds
    overrides: Mapping[tuple[UUID | None, Platform | None], Mapping[str, Any]] = field(
        default_factory=dict
    )

    def of(self, company_id: UUID | None = None, platform: Platform | None = None) -> Thresholds:
        """What holds for a company, a platform, one on the other, or (neither) for all."""
        if not self.overrides:
            return self.defaults
        values: dict[str, Any] = {}
        for scope in dict.fromkeys([(None, platform), (company_id, None), (company_id, platform)]):
            values |= self.overrides.get(scope, {})
        return self.defaults.overridden(values) if values else self.defaults
