"""How much an installation carries, which wall comes next and what deliveries cost, from what was measured.

`python -m benchmarks capacity --companies 2000` reads `benchmarks/results.json`: the spike's CPU and memory,
what one drain of `homes` sends a second where it computes, and `footprint`. What is not in it is NOTES.md's.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
PLATFORMS = ("benevity", "goodera", "workday")
IDLE_PARTS = ("codeServer", "daemon", "webServer", "api", "postgres")
_DAYS_A_MONTH, _HOURS_A_MONTH = 30.4, 730


@dataclass(frozen=True)
class Figures:
    """What was measured, on one core of two shared ones (NOTES.md says when and how)."""

    cpu_ms: float = 0.63
    """Processor of a drain for one delivery, start-up included, at 30,000 in a run."""
    postgres_cpu_ms: float = 0.72
    a_second: float = 1_247.0
    """Deliveries a second of one drain's process that computes, with PostgreSQL on a second core."""
    memory_mb: float = 214.0
    """Most memory of a drain's process."""
    bytes_a_delivery: float = 4_500.0
    """In PostgreSQL with indexes and its attempt, at 0.7 KB of payload, before a vacuum."""
    idle_cores: float = 0.067
    """Code server, daemon, web server, one API process and PostgreSQL while nothing is due."""
    idle_memory_mb: float = 699.0
    run_bytes: float = 30_000.0
    """What Dagster keeps of one drain: 48 GB for 1.6 million runs."""
    cells: float = 400_000
    """Partitions (companies × days) with which Dagster's UI still answers within seconds (D1)."""


_WHERE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cpu_ms": (("spike", "CPU a delivery, ours"),),
    "postgres_cpu_ms": (("spike", "CPU a delivery, PostgreSQL"),),
    "memory_mb": (("spike", "most memory of a process"),),
    "a_second": (("homes", "1 drains, cpu"), ("homes, cpu", "1 drains, cpu")),
    **{
        f"idle_{what}": tuple(("footprint", f"{part}, {what}") for part in IDLE_PARTS)
        for what in ("cores", "memory_mb")
    },
}
"""Of which benchmark and figure each is, or of which together."""
_ADDED = ("idle_cores", "idle_memory_mb")
"""What is the sum of several figures; of the others the first that there is counts."""


@dataclass(frozen=True)
class Plan:
    """What is to be carried."""

    companies: int
    platforms: int = 3
    a_day: float = 1.0
    """Deliveries of a company on a platform each day."""
    at_once: float = 1.0
    """The part of all schedules that is due in the fullest minute: 1.0 is everybody at midnight."""
    within_minutes: float = 5.0
    """So soon all of them must have arrived: the latency target."""
    postgres_cores: float = 2.0
    partition_days: int = 400
    keep_days: int = 400
    shared: Mapping[str, int] | None = None
    """Requests a minute of an account that all companies share, by platform; None: each has its own."""

    @property
    def due(self) -> float:
        """Deliveries of the fullest minute."""
        return self.companies * self.platforms * self.at_once

    @property
    def daily(self) -> float:
        """Deliveries of a day."""
        return self.companies * self.platforms * self.a_day

    @property
    def drains(self) -> float:
        """Runs of a day, at most: one for each platform and minute in which something is due."""
        apart = self.companies * self.a_day * (1 - self.at_once)
        return self.platforms * min(1440.0, self.a_day + apart)


@dataclass(frozen=True)
class Wall:
    """What stops growing at so many companies, and what is done then."""

    what: str
    companies: int
    then: str


@dataclass(frozen=True)
class Prices:
    """In any one currency; the defaults are those of ordinary machines for rent."""

    core_hour: float = 0.04
    gb_hour: float = 0.005
    disk_gb_month: float = 0.12


@dataclass(frozen=True)
class Needed:
    """What the plan needs at its fullest, and costs."""

    deliveries_a_day: float
    due_at_once: float
    drain_processes: int
    drain_cores: float
    postgres_cores: float
    memory_mb: float
    disk_gb: float
    per_million: float
    """Processor and disk for a month of a million deliveries, without what stands idle."""
    idle_a_month: float
    walls: tuple[Wall, ...]


def needed(plan: Plan, figures: Figures, prices: Prices | None = None) -> Needed:
    """What `plan` needs by `figures`; its walls are sorted, the next one first."""
    prices = prices or Prices()
    seconds = plan.within_minutes * 60
    drain_cores = plan.due * figures.cpu_ms / 1000 / seconds
    processes = max(1, math.ceil(plan.due / (figures.a_second * seconds)))
    disk = plan.keep_days * (
        plan.daily * figures.bytes_a_delivery + plan.drains * figures.run_bytes
    )
    core_hours = 1_000_000 * (figures.cpu_ms + figures.postgres_cpu_ms) / 1000 / 3600
    kept_gb = 1_000_000 * figures.bytes_a_delivery / 1e9
    return Needed(
        deliveries_a_day=plan.daily,
        due_at_once=plan.due,
        drain_processes=processes,
        drain_cores=drain_cores,
        postgres_cores=plan.due * figures.postgres_cpu_ms / 1000 / seconds,
        memory_mb=figures.idle_memory_mb + processes * figures.memory_mb,
        disk_gb=disk / 1e9,
        per_million=core_hours * prices.core_hour
        + kept_gb * prices.disk_gb_month * plan.keep_days / _DAYS_A_MONTH,
        idle_a_month=_HOURS_A_MONTH
        * (figures.idle_cores * prices.core_hour + figures.idle_memory_mb / 1000 * prices.gb_hour),
        walls=tuple(sorted(_walls(plan, figures), key=lambda wall: wall.companies)),
    )


def _walls(plan: Plan, figures: Figures) -> Iterator[Wall]:
    """Each with the number of companies at which it stands, everything else in `plan` as it is."""
    each = plan.due / plan.companies
    seconds = plan.within_minutes * 60
    yield Wall(
        "cells in Dagster's UI",
        int(figures.cells / plan.partition_days),
        "a shorter window (IMPACT_IN_PARTITION_DAYS); the cockpit's calendar stays whole",
    )
    yield Wall(
        "one drain's process a platform",
        int(figures.a_second * seconds * plan.platforms / each),
        "DRAINS_PER_PLATFORM; a second machine, or pods",
    )
    yield Wall(
        f"PostgreSQL on {plan.postgres_cores:g} cores",
        int(plan.postgres_cores * 1000 * seconds / (figures.postgres_cpu_ms * each)),
        "more cores; schedules spread by `impact-in schedules plan`; then companies on a second database",
    )
    for platform, a_minute in sorted((plan.shared or {}).items()):
        yield Wall(
            f"{platform}'s {a_minute} requests a minute on one shared account",
            int(a_minute * plan.within_minutes * 0.95),
            "an account for each company, a higher limit, or schedules spread over the hours",
        )


def read_results(path: Path = RESULTS) -> tuple[Figures, tuple[str, ...]]:
    """The figures, and the names of those that `path` had; the others are NOTES.md's. A file that is missing
    or has another shape has none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return Figures(), ()
    usable: dict[str, float] = {}
    for name, places in _WHERE.items():
        found = [value for place in places if (value := _measured(document, *place)) is not None]
        if name in _ADDED and len(found) == len(places):
            usable[name] = sum(found)
        elif name not in _ADDED and found:
            usable[name] = found[0]
    return replace(Figures(), **usable), tuple(sorted(usable))


def _measured(document: Any, benchmark: str, figure: str) -> float | None:
    """A figure of `results.json`; None: there is none that is a number above 0."""
    found = document
    for name in (benchmark, "figures", figure, "value"):
        found = found.get(name) if isinstance(found, dict) else None
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number and found > 0 else None


def main() -> None:
    """Print the answer for the options; with `--json` one document."""
    options = _options()
    figures, measured = read_results(options.results)
    plan = Plan(
        companies=options.companies,
        platforms=options.platforms,
        a_day=options.per_day,
        at_once=options.at_once,
        within_minutes=options.within_minutes,
        postgres_cores=options.postgres_cores,
        partition_days=options.partition_days,
        keep_days=options.keep_days,
        shared=dict(options.shared),
    )
    prices = Prices(options.core_hour, options.gb_hour, options.disk_gb_month)
    answer = needed(plan, figures, prices)
    if options.json:
        print(json.dumps({"figures": asdict(figures), "measured": measured, **asdict(answer)}))
    else:
        print("\n".join(_told(plan, answer, measured)))


def _told(plan: Plan, answer: Needed, measured: tuple[str, ...]) -> Iterator[str]:
    source = f"results.json ({', '.join(measured)}), the rest NOTES.md" if measured else "NOTES.md"
    yield f"{plan.companies:,} companies, figures from {source}"
    yield f"  {answer.deliveries_a_day:,.0f} deliveries a day, {answer.due_at_once:,.0f} due at once"
    yield (
        f"  within {plan.within_minutes:g} min: {answer.drain_cores:.2f} cores for drains in "
        f"{answer.drain_processes} processes, {answer.postgres_cores:.2f} for PostgreSQL"
    )
    yield f"  memory {answer.memory_mb:,.0f} MB, disk {answer.disk_gb:,.1f} GB in {plan.keep_days} days"
    yield (
        f"  a million deliveries cost {answer.per_million:.2f}, what stands idle "
        f"{answer.idle_a_month:.2f} a month"
    )
    for wall in answer.walls:
        sign = "PASSED" if wall.companies < plan.companies else "next"
        yield f"  {sign}: {wall.what} at {wall.companies:,} companies; then {wall.then}"


def _shared(text: str) -> tuple[str, int]:
    platform, _, a_minute = text.partition("=")
    if platform not in PLATFORMS or not a_minute.isdigit():
        raise argparse.ArgumentTypeError("must be such as workday=30")
    return platform, int(a_minute)


def _options() -> argparse.Namespace:
    defaults = {field.name: field.default for field in fields(Plan)}
    options = argparse.ArgumentParser(prog="benchmarks capacity")
    options.add_argument("--companies", type=int, default=1_000)
    options.add_argument("--platforms", type=int, default=defaults["platforms"])
    options.add_argument("--per-day", type=float, default=defaults["a_day"])
    options.add_argument("--at-once", type=float, default=defaults["at_once"])
    options.add_argument("--within-minutes", type=float, default=defaults["within_minutes"])
    options.add_argument("--postgres-cores", type=float, default=defaults["postgres_cores"])
    options.add_argument("--partition-days", type=int, default=defaults["partition_days"])
    options.add_argument("--keep-days", type=int, default=defaults["keep_days"])
    options.add_argument(
        "--shared", type=_shared, action="append", default=[], metavar="PLATFORM=N"
    )
    options.add_argument("--core-hour", type=float, default=Prices.core_hour)
    options.add_argument("--gb-hour", type=float, default=Prices.gb_hour)
    options.add_argument("--disk-gb-month", type=float, default=Prices.disk_gb_month)
    options.add_argument("--results", type=Path, default=RESULTS)
    options.add_argument("--json", action="store_true")
    return options.parse_args()
