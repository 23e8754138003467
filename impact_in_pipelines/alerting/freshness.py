"""What is out of date, as breaches of all companies: assets that nobody fills, delivered figures that have
changed and wait for a decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity


@dataclass(frozen=True, slots=True)
class OldAsset:
    """An asset that was filled last at `filled_at` and had to be since `due_at`. `switched_off`: its
    schedule, where somebody has switched that off."""

    name: str
    filled_at: datetime
    due_at: datetime
    switched_off: str | None = None


def not_refreshed(old: Sequence[OldAsset], now: datetime) -> list[Breach]:
    """One breach for all of them; `actual` is for how many hours the oldest has not been filled."""
    if not old:
        return []
    oldest = min(one.filled_at for one in old)
    return [
        Breach(
            type=BreachType.NOT_REFRESHED,
            severity=Severity.WARNING,
            threshold=0.0,
            actual=float((now - oldest) // timedelta(hours=1)),
            since=oldest,
            company_id=None,
            company=None,
            platform=None,
            sample_size=len(old),
            low_confidence=False,
            details={
                "assets": [one.name for one in old],
                "switched_off": sorted({one.switched_off for one in old if one.switched_off}),
            },
            rule=Rule.ASSETS_OLD,
        )
    ]


def undecided(platform: Platform, *, days: int, companies: int, since: datetime) -> Breach:
    """Delivered days of `companies` companies whose figures have changed since: each has had a notice of its
    own, and decides."""
    return Breach(
        type=BreachType.CORRECTION_UNDECIDED,
        severity=Severity.WARNING,
        threshold=0.0,
        actual=float(days),
        since=since,
        company_id=None,
        company=None,
        platform=platform,
        sample_size=days,
        low_confidence=False,
        details={"companies": companies},
        rule=Rule.FIGURES_CHANGED,
    )
