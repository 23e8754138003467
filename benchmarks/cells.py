"""Where Dagster's UI stops: 10,000 companies with cells for 400 days, asked as its pages ask.

A real code server, daemon and web server, on a log without deliveries. Companies become partitions by their
sensor; then the page of an export is asked for (keys, status), and backfills are launched by GraphQL with
the names of their cells, as the dialog does. Of each launch: seconds until the web server answers, how many
runs there are of it some seconds later, and seconds until it is cancelled; nothing waits for their end.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from benchmarks._fleet import LAUNCH_BACKFILL, Fleet, fleet
from benchmarks._results import figure, of_size
from benchmarks._usage import cpu_of
from impact_in_pipelines.platforms import Platform

ASSET = {"path": [f"{Platform.BENEVITY.value}_export"]}
SHAPES = ("1x400", "1000x1", "10000x1", "10000x30")
DAYS = 400
"""That have cells; with fewer, results stand beside those with so many."""
_TIMEOUT_S = 900

KEYS = """
query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
  ... on AssetNode { partitionKeysByDimension { name partitionKeys } } } }"""
STATUS = """
query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
  ... on AssetNode { assetPartitionStatuses { __typename
    ... on MultiPartitionStatuses { primaryDimensionName ranges {
      primaryDimStartKey primaryDimEndKey
      secondaryDim { ... on DefaultPartitionStatuses {
        materializedPartitions failedPartitions unmaterializedPartitions materializingPartitions }
        ... on TimePartitionStatuses { ranges { startKey endKey status } } } } } } } } }"""
STATS = """
query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
  ... on AssetNode { partitionStats { numPartitions numMaterialized numFailed } } } }"""
BACKFILL = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status numPartitions runs(limit: 20000) { runId }
    error { message } } } }"""
CANCEL = "mutation ($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
TICKS = """
query ($repository: RepositorySelector!) { repositoryOrError(repositorySelector: $repository) {
  __typename ... on Repository {
    sensors { name sensorState { ticks(limit: 20) { status timestamp endTimestamp } } }
    schedules { name scheduleState { ticks(limit: 20) { status timestamp endTimestamp } } } } } }"""
REPOSITORY = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "impact_in",
}


@dataclass
class Page:
    """The web server, timed."""

    running: Fleet

    def ask(self, query: str, **variables: Any) -> tuple[Any, float, int]:
        """The data, seconds and bytes of an answer."""
        began = time.monotonic()
        answer = requests.post(
            f"{self.running.dagster.url}/graphql",
            json={"query": query, "variables": variables},
            timeout=_TIMEOUT_S,
        )
        seconds = time.monotonic() - began
        found = answer.json()
        if "errors" in found:
            raise SystemExit(str(found["errors"])[:2000])
        return found["data"], seconds, len(answer.content)

    def tell(self, what: str, query: str, **variables: Any) -> Any:
        """Ask, and print what it took."""
        code_server, _, web = self.running.dagster.pids[:3]
        before = cpu_of([web]), cpu_of([code_server])
        data, seconds, size = self.ask(query, **variables)
        used = cpu_of([web]) - before[0], cpu_of([code_server]) - before[1]
        print(
            f"{what}: {seconds:.2f} s, {size / 1e6:.2f} MB; CPU-s: web server {used[0]:.2f}, code server "
            f"{used[1]:.2f}; web server {most_mb(web)} MB at most so far",
            flush=True,
        )
        figure(what, seconds, "s")
        return data


def main() -> None:
    """Print what each question and launch takes."""
    parser = argparse.ArgumentParser(prog="benchmarks cells", description=__doc__)
    parser.add_argument("--companies", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--shapes", nargs="*", default=SHAPES, help="companies x days to launch")
    parser.add_argument("--watch", type=int, default=20, help="seconds a backfill is left alone")
    options = parser.parse_args()
    if options.days != DAYS:
        of_size(f"{options.days} days")
    with fleet(options.companies, IMPACT_IN_PARTITION_DAYS=str(options.days)) as running:
        began = time.monotonic()
        page = Page(running)
        running.dagster.until(
            "the companies are partitions", lambda: known(page) >= options.companies, 300
        )
        print(f"all companies are partitions after {time.monotonic() - began:.0f} s", flush=True)
        page.tell("keys by dimension", KEYS, asset=ASSET)
        page.tell("numbers of cells", STATS, asset=ASSET)
        page.tell("status of all cells", STATUS, asset=ASSET)
        page.tell("status of all cells again", STATUS, asset=ASSET)
        for shape in options.shapes:
            companies, days = map(int, shape.split("x"))
            launched(page, companies, days, options.watch)
        ticks(page)
        for name, pid in zip(
            ("code server", "daemon", "web server"), running.dagster.pids, strict=False
        ):
            print(f"{name}: {most_mb(pid)} MB at most", flush=True)


def known(page: Page) -> int:
    """How many companies Dagster knows."""
    data, _, _ = page.ask(KEYS, asset=ASSET)
    found = data["assetNodeOrError"]["partitionKeysByDimension"]
    return next(len(one["partitionKeys"]) for one in found if one["name"] == "company")


def launched(page: Page, companies: int, days: int, watch_s: int) -> None:
    """A backfill of so many days of so many companies: launch, look, cancel."""
    parameters = {
        "assetSelection": [ASSET],
        "partitionNames": cells(companies, days),
    }
    what = f"launch of {companies} companies × {days} days"
    data = page.tell(what, LAUNCH_BACKFILL, parameters=parameters)["launchPartitionBackfill"]
    if data["__typename"] != "LaunchBackfillSuccess":
        print(f"  not launched: {json.dumps(data)[:500]}", flush=True)
        return
    id_ = data["backfillId"]
    daemon = page.running.dagster.pids[1]
    before = cpu_of([daemon])
    time.sleep(watch_s)
    found, seconds, _ = page.ask(BACKFILL, id=id_)
    one = found["partitionBackfillOrError"]
    _, cancelling, _ = page.ask(CANCEL, id=id_)
    began, state = time.monotonic(), one
    while state["status"] not in (
        "CANCELED",
        "COMPLETED",
        "COMPLETED_SUCCESS",
        "FAILED",
        "COMPLETED_FAILED",
    ):
        if time.monotonic() - began > 60:
            break
        time.sleep(1)
        state = page.ask(BACKFILL, id=id_)[0]["partitionBackfillOrError"]
    runs = len(one.get("runs") or [])
    print(
        f"  after {watch_s} s {one['status']} with {runs} runs, asked in {seconds:.2f} s; daemon "
        f"{cpu_of([daemon]) - before:.1f} CPU-s, {most_mb(daemon)} MB at most; cancelled: answer "
        f"{cancelling:.1f} s, {state['status']} after {time.monotonic() - began:.0f} s",
        flush=True,
    )


def cells(companies: int, days: int) -> list[str]:
    """The keys of the newest so many whole days of the first so many companies."""
    today = datetime.now(UTC).date()
    return [f"company-{c}|{day}" for c in range(1, companies + 1) for day in _days(today, days)]


def _days(today: date, days: int) -> Sequence[date]:
    return [today - timedelta(days=n) for n in range(days)]


def ticks(page: Page) -> None:
    """How long each sensor and schedule took, at most, of its last twenty ticks."""
    data = page.ask(TICKS, repository=REPOSITORY)[0]["repositoryOrError"]
    for kind, state in (("sensors", "sensorState"), ("schedules", "scheduleState")):
        for one in data.get(kind, []):
            took = [
                tick["endTimestamp"] - tick["timestamp"]
                for tick in one[state]["ticks"]
                if tick["endTimestamp"]
            ]
            if took:
                print(
                    f"{kind[:-1]} {one['name']}: median {sorted(took)[len(took) // 2]:.2f} s, most "
                    f"{max(took):.2f} s of {len(took)} ticks",
                    flush=True,
                )


def most_mb(pid: int) -> int:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(x.split()[1]) // 1024 for x in lines if x.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
