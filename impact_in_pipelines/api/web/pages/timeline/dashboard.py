"""The SLA dashboard: this week against its targets, the weeks before, the error budget, what is wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from impact_in_pipelines.api.web.visits import Visit
from impact_in_pipelines.delivery.holding.closures import HeldPlatform
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating import platforms
from impact_in_pipelines.services.sla import standing
from impact_in_pipelines.services.trends import trend
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Breach, Metrics, Scope, Window
from impact_in_pipelines.sla.reports.report import TREND_PERIODS, TrendPoint
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.windows import ReportPeriod, period_of

_INCIDENTS = 5


@dataclass(frozen=True)
class PlatformLine:
    """One platform's standing this week, with the targets that hold for it."""

    platform: Platform
    scope: Scope
    thresholds: Thresholds


@dataclass(frozen=True)
class Spark:
    """A line of success rates (fractions) to draw: points in the box of `width` × `height`, None a gap;
    `target_y` is where the target lies."""

    width: int
    height: int
    points: Sequence[tuple[float, float] | None]
    target_y: float
    floor: float

    @property
    def runs(self) -> list[list[tuple[float, float]]]:
        """The unbroken pieces of the line."""
        runs: list[list[tuple[float, float]]] = [[]]
        for point in self.points:
            if point is None:
                runs.append([])
            else:
                runs[-1].append(point)
        return [run for run in runs if run]


@dataclass(frozen=True)
class Dashboard:
    """Everything on it. `trend` is the weeks before and the running one, oldest first."""

    window: Window
    overall: Scope
    thresholds: Thresholds
    platforms: Sequence[PlatformLine]
    breaches: Sequence[Breach]
    trend: Sequence[TrendPoint]
    spark: Spark
    budget: ErrorBudget | None
    incidents: Sequence[Incident]
    held: Sequence[HeldPlatform]
    nothing_yet: bool
    """Whether nothing was ever due: neither healthy nor anything else."""

    @property
    def metrics(self) -> Metrics:
        """Over all platforms."""
        return self.overall.metrics

    @property
    def last_day(self) -> date:
        """The last day of the running week."""
        return self.window.start.date() + timedelta(days=6)


def dashboard_of(visit: Visit) -> Dashboard:
    """The company's dashboard at the time of the visit."""
    runtime, company = visit.api.runtime, visit.home
    stands = standing(runtime, company, None, None)
    status, book = stands.status, runtime.sla_thresholds.book()
    overall = book.of(company.id)
    this_week = period_of(ReportPeriod.WEEKLY, visit.now.date())
    points = trend(runtime, company, this_week, status.overall.metrics, count=TREND_PERIODS)
    return Dashboard(
        window=status.window,
        overall=status.overall,
        thresholds=overall,
        platforms=[
            PlatformLine(platform, scope, book.of(company.id, platform))
            for platform, scope in status.by_platform.items()
        ],
        breaches=_worst(status.overall, status.by_platform.values()),
        trend=points,
        spark=_spark(points, overall.success_rate_target_percent / 100),
        budget=stands.budget,
        incidents=runtime.incidents.listed(company_id=company.id, limit=_INCIDENTS),
        held=[one for one in platforms.listed(runtime, [company.id]) if one.closures],
        nothing_yet=not status.overall.breaches
        and not runtime.companies.has(company.id).deliveries,
    )


def _worst(overall: Scope, scopes: Iterable[Scope]) -> list[Breach]:
    """What is wrong on each platform, critical first; of the company as a whole where no platform says so."""
    found = [breach for scope in scopes for breach in scope.breaches]
    said = {breach.type for breach in found}
    found += [breach for breach in overall.breaches if breach.type not in said]
    return sorted(found, key=lambda one: (one.severity != "critical", one.type))


def _spark(trend: Sequence[TrendPoint], target: float) -> Spark:
    width, height, edge = 240, 56, 5
    rates = [point.success_rate for point in trend]
    lowest = min([target, *(rate for rate in rates if rate is not None)])
    floor = max(0.0, lowest - max(0.005, (1 - lowest) * 0.15))

    def y(rate: float) -> float:
        return round(edge + (1 - rate) / (1 - floor) * (height - 2 * edge), 1)

    step = (width - 2 * edge) / max(1, len(rates) - 1)
    points = [
        None if rate is None else (round(edge + n * step, 1), y(rate))
        for n, rate in enumerate(rates)
    ]
    return Spark(width, height, points, y(target), floor)
