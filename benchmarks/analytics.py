"""Analytics over a log of 1,000 deliveries for each of 1,000 companies or more.

`python -m benchmarks analytics --companies 10000 --keep DIR` makes a log of ten million in DIR (20 GB), as
`benchmarks sla` does, and measures it again from there the next time.
"""

import itertools
from datetime import timedelta

from benchmarks._costs import often, seconds
from benchmarks._kept import asked, opened, server_pid
from benchmarks._log import NOW
from impact_in_pipelines.db.analytics.rollup import count_day
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.analytics import about

DAYS = 28


def main() -> None:
    """Generate the log, then print what counting a day and each look costs."""
    wanted = asked("analytics", __doc__)
    with opened(wanted) as database:
        if not wanted.only_generate:
            runtime = Runtime(database.settings, database=database, clock=lambda: NOW)
            measure(runtime, server_pid(database.settings))


def measure(runtime: Runtime, server: int) -> None:
    """Counting, and a page of all companies and of one."""
    yesterday = NOW.date() - timedelta(days=1)
    runtime.sla_outcomes.refresh(NOW)
    since = NOW.date() - timedelta(days=DAYS)
    seconds(
        f"sla_daily and calls, {DAYS} days from nothing",
        lambda: runtime.sla_rollup.refresh(since, NOW),
        server,
    )
    seconds(
        "sla_daily and calls, one day", lambda: runtime.sla_rollup.roll_up([yesterday], NOW), server
    )

    def calls_alone() -> None:
        with runtime.database.engine.begin() as connection:
            count_day(connection, yesterday)

    seconds("calls of one day", calls_alone, server)
    some = itertools.cycle(runtime.companies.listed())
    often(
        f"analytics of all, {DAYS} days (limit 1 s)", 5, lambda: about(runtime, None, DAYS), server
    )
    often(
        f"analytics of one company, {DAYS} days (limit 1 s)",
        20,
        lambda: about(runtime, next(some), DAYS),
        server,
    )
    first = NOW.date() - timedelta(days=DAYS - 1)
    seconds(
        f"the series of each company, {DAYS} days",
        lambda: sum(1 for _ in runtime.series.of_all(first, NOW.date())),
        server,
    )


if __name__ == "__main__":
    main()
