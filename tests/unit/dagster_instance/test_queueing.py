"""The run queue's shares and order (design D13), and that the configuration has slots for each share."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterRun

from impact_in_pipelines.dagster_instance.queueing import SHARE_TAG, Share, queue_tags, share_of
from impact_in_pipelines.platforms import Platform

DAGSTER_YAML = Path(__file__).parents[3] / "dagster.yaml"
RANGE = {"dagster/asset_partition_range_start": "a|1", "dagster/asset_partition_range_end": "b|2"}


def run(job: str, tags: dict[str, str] | None = None, **config: Any) -> DagsterRun:
    """A run as it is submitted."""
    ops = {"ops": {"benevity_export": {"config": config}}} if config else {}
    return DagsterRun(job_name=job, tags=tags or {}, run_config=ops)


@pytest.mark.parametrize(
    ("submitted", "share"),
    [
        (run("drain_benevity"), Share.DRAIN),
        (run("drain_benevity", {"dagster/schedule_name": "deliver_to_benevity"}), Share.DRAIN),
        (run("drain_benevity", companies=["acme"]), Share.DAYS),
        (run("drain_benevity", {"dagster/partition": "acme|2026-01-01"}), Share.DAYS),
        (run("__ASSET_JOB", {"dagster/partition": "acme|2026-01-01"}), Share.DAYS),
        (run("__ASSET_JOB", RANGE), Share.BACKFILL),
        (run("__ASSET_JOB", {"dagster/backfill": "x", "dagster/partition": "a|1"}), Share.BACKFILL),
        (run("drain_benevity", start="2026-01-01", end="2026-01-02"), Share.BACKFILL),
        (run("__ASSET_JOB"), Share.OTHER),
        (run("monitor_sla", RANGE), Share.OTHER),
        (run("make_weekly_sla_report", {"dagster/partition": "2026-01-05"}), Share.OTHER),
    ],
)
def test_a_run_takes_slots_of_its_kind(submitted: DagsterRun, share: Share) -> None:
    """By its job, its partitions and its configuration: what the UI launches carries no tags of a job."""
    assert share_of(submitted) is share


def test_what_is_scheduled_comes_first() -> None:
    """Schedule, then replay (a drain that the API asks for), then single days, then backfills (D13)."""
    in_order = [
        run("drain_benevity", {"dagster/schedule_name": "deliver_to_benevity"}),
        run("drain_benevity", {"reason": "replay by somebody"}),
        run("__ASSET_JOB", {"dagster/partition": "acme|2026-01-01"}),
        run("__ASSET_JOB", {"dagster/backfill": "x"}),
    ]
    priorities = [int(queue_tags(one)["dagster/priority"]) for one in in_order]
    assert priorities == sorted(set(priorities), reverse=True)


def test_a_chosen_priority_stays() -> None:
    """Whoever launches a run with one means it."""
    assert queue_tags(run("__ASSET_JOB", {"dagster/priority": "7"}))["dagster/priority"] == "7"


def test_every_share_has_slots_and_together_they_fit() -> None:
    """A share that is full takes nothing from another one, each platform's drains included."""
    runs = yaml.safe_load(DAGSTER_YAML.read_text("utf-8"))["concurrency"]["runs"]
    slots = {one["value"]: one["limit"] for one in runs["tag_concurrency_limits"]}
    shares = {f"drain:{platform.value}" for platform in Platform}
    shares |= {share.value for share in Share if share is not Share.DRAIN}

    assert {one["key"] for one in runs["tag_concurrency_limits"]} == {SHARE_TAG}
    assert slots.keys() == shares
    assert min(slots.values()) >= 1
    assert sum(slots.values()) <= runs["max_concurrent_runs"]
