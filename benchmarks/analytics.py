"""Analytics over a log of 1,000 deliveries for each of 1,000 companies or more.

`python -m benchmarks.analytics --companies 10000 --keep DIR` makes a log of ten million in DIR (20 GB), as
`benchmarks.sla` does, and measures it again from there the next time.
"""

import itertools
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

from benchmarks._log import KILOBYTE, NOW, SMALL, is_prepared, prepare
from benchmarks.sla import chosen, often, seconds, server_pid
from impact_in_pipelines.db.analytics.rollup import count_day
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.analytics import about
from impact_in_pipelines.settings import read_settings

DAYS = 28


def main(arguments: Sequence[str] = ()) -> None:
    """Generate the log, then print what counting a day and each look costs."""
    asked = chosen(arguments)
    with (
        nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="ii-") as home
    ):
        settings = read_settings({"IMPACT_IN_HOME": home})
        database = open_database(settings)
        upgrade(database.engine)
        if not is_prepared(database.engine):
            payload = SMALL if asked.small else KILOBYTE
            database = prepare(database, companies=asked.companies, payload=payload)
        if not asked.only_generate:
            measure(Runtime(settings, database=database, clock=lambda: NOW), server_pid(settings))
        database.close()


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
    import sys

    main(sys.argv[1:])
