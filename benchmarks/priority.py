"""A backfill of 400 days of 50 companies beside what is due every minute: how late the latter arrives.

A real daemon, code server and web server. Twenty of the fifty are due every minute on two platforms; the
backfill is one platform's. First the minutes without it, then those beside `impact-in deliver --from --to`
(`--by cli`), a backfill launched through Dagster's GraphQL as the UI does (`--by ui`), or half of the days
by each of them at once (`--by both`). The accounts' limits hold as in production, those of the scheduled
companies included. Lateness counts from the due time.
"""

import argparse
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

from benchmarks._fleet import Fleet, due_every_minute, fleet
from benchmarks._lateness import arrivals, keep_something_new, ratio, show
from impact_in_pipelines.platforms import Platform

AIM = 1.2
BACKFILLED = Platform.BENEVITY
SCHEDULED = (Platform.BENEVITY, Platform.GOODERA)


def main() -> None:
    """Print p50 and p95 of what was scheduled, without and with, for each platform."""
    parser = argparse.ArgumentParser(prog="benchmarks priority", description=__doc__)
    parser.add_argument("--by", choices=("cli", "ui", "both"), default="both")
    parser.add_argument("--minutes", type=int, default=3, help="minutes without, and with")
    parser.add_argument("--companies", type=int, default=50)
    parser.add_argument("--scheduled", type=int, default=20, help="of the companies")
    parser.add_argument("--days", type=int, default=400)
    options = parser.parse_args()
    everybody = [f"company-{n}" for n in range(1, options.companies + 1)]
    scheduled = everybody[: options.scheduled]
    # Today is a cell, too.
    window = str(options.days + 1)
    with fleet(len(everybody), IMPACT_IN_PARTITION_DAYS=window) as running, ExitStack() as ending:
        events_on_each_day(running, options.days)
        companies_are_partitions(running, everybody)
        begin = due_every_minute(running, SCHEDULED, scheduled).timestamp() + 60
        end = begin + 60 * options.minutes
        keep_something_new(running, scheduled, until=end)
        started = time.time()
        for one in launch(running, options.by, everybody, options.days):
            ending.callback(stop, one)
        running.dagster.until("the backfill is under way", lambda: sent(running) > 0, 300)
        print(f"the backfill's first delivery left after {time.time() - started:.0f} s")
        beside = (time.time() // 60 + 1) * 60
        beside_end = beside + 60 * options.minutes
        keep_something_new(running, scheduled, until=beside_end)
        time.sleep(max(0.0, beside_end - time.time()))
        print(f"{sent(running)} of the backfill sent by then, {left(running)} of its rows are left")
        time.sleep(20)
        for platform in SCHEDULED:
            without = arrivals(running.engine, platform, scheduled, begin, end)
            with_it = arrivals(running.engine, platform, scheduled, beside, beside_end)
            show(f"{platform.value}, without a backfill", without)
            show(f"{platform.value}, beside one ({options.by})", with_it)
            ratio(with_it, without, AIM)


def events_on_each_day(running: Fleet, days: int) -> None:
    """Something to report of every company and day."""
    running.execute(
        "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, hours) "
        "SELECT c.id, 'd' || n, CAST(:today AS date) - n + time '12:00', 'session', 'p' || n, 1.5 "
        "FROM companies c, generate_series(1, :days) n",
        today=today(),
        days=days,
    )


def companies_are_partitions(running: Fleet, slugs: Sequence[str]) -> None:
    """Wait for the sensor: the UI offers only what is a partition."""
    query = """query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
        ... on AssetNode { partitionKeysByDimension { name partitionKeys } } } }"""

    def look() -> bool:
        asset = {"path": [f"{BACKFILLED.value}_export"]}
        node = running.dagster.ask(query, asset=asset)["assetNodeOrError"]
        keys = {one["name"]: one["partitionKeys"] for one in node["partitionKeysByDimension"]}
        return set(slugs) <= set(keys["company"])

    running.dagster.until("the companies are partitions", look, 120)


def launch(
    running: Fleet, by: str, slugs: Sequence[str], days: int
) -> list[subprocess.Popen[bytes]]:
    """Start the backfill; returns the commands that are at work on it."""
    newest, oldest = today() - timedelta(days=1), today() - timedelta(days=days)
    middle = today() - timedelta(days=days // 2)
    commands = []
    if by != "cli":
        last = newest if by == "ui" else middle - timedelta(days=1)
        cells = [
            f"{slug}|{oldest + timedelta(days=n)}"
            for slug in slugs
            for n in range((last - oldest).days + 1)
        ]
        running.backfill(BACKFILLED, cells)
    if by != "ui":
        first = oldest if by == "cli" else middle
        span = ("--from", str(first), "--to", str(newest))
        commands.append(running.command("deliver", "--platform", BACKFILLED.value, *span))
    return commands


def stop(command: subprocess.Popen[bytes]) -> None:
    """End it as Ctrl-C does."""
    command.send_signal(signal.SIGINT)
    command.wait(timeout=60)


def sent(running: Fleet) -> int:
    """Deliveries of the backfill that have arrived."""
    return count(running, "status = 'success'")


def left(running: Fleet) -> int:
    """Those that have not, of the runs that have begun."""
    return count(running, "status IN ('pending', 'in_progress', 'retrying')")


def count(running: Fleet, which: str) -> int:
    (row,) = running.execute(
        f"SELECT count(*) AS n FROM impact_deliveries WHERE trigger = 'backfill' AND {which}"
    )
    return int(row["n"])


def today() -> date:
    return datetime.now(UTC).date()


if __name__ == "__main__":
    main()
