"""The run queue's shares and order (design D13), and that the configuration has slots for each share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun

from impact_in_pipelines.dagster_instance.queueing import (
    SHARE_TAG,
    Share,
    drains_at_once,
    queue_tags,
    share_of,
)
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import get_settings

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


@pytest.mark.parametrize("drains", [1, 2, 7])
def test_every_share_has_slots_and_drains_as_many_as_the_setting_says(
    drains: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One number is enough: the queue's limits used to stand in dagster.yaml, and kept a third drain waiting.
    A share that is full takes nothing from another one, each platform's drains included."""
    monkeypatch.setenv("DRAINS_PER_PLATFORM", str(drains))
    get_settings.cache_clear()
    with instance(tmp_path) as found:
        queue = found.get_concurrency_config().run_queue_config
        assert queue is not None
        slots = {one["value"]: one["limit"] for one in queue.tag_concurrency_limits}
        assert [drains_at_once(found, platform) for platform in Platform] == [drains] * 3
    get_settings.cache_clear()

    assert {one["key"] for one in queue.tag_concurrency_limits} == {SHARE_TAG}
    assert slots == {
        **{f"drain:{platform.value}": drains for platform in Platform},
        "days": 2,
        "backfill": 2,
        "other": 3,
    }
    assert queue.max_concurrent_runs == -1, "runs that nobody queued would stop drains"


@pytest.mark.parametrize(
    ("runs", "drains"),
    [
        ({}, 2),
        ({"max_concurrent_runs": 1}, 1),
        ({"tag_concurrency_limits": []}, None),
        ({"tag_concurrency_limits": [{"key": "team", "limit": 1}]}, None),
        (
            {"tag_concurrency_limits": [{"key": SHARE_TAG, "value": "drain:benevity", "limit": 1}]},
            1,
        ),
        ({"tag_concurrency_limits": [{"key": SHARE_TAG, "value": "backfill", "limit": 1}]}, None),
        ({"tag_concurrency_limits": [{"key": SHARE_TAG, "limit": 1}]}, 1),
        (
            {
                "tag_concurrency_limits": [
                    {"key": SHARE_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
                ]
            },
            1,
        ),
    ],
)
def test_limits_of_an_installations_own_are_known(
    runs: dict[str, Any], drains: int | None, tmp_path: Path
) -> None:
    """A dagster.yaml from before, or with more limits: no tick asks for drains that would only queue up."""
    with instance(tmp_path, concurrency={"runs": runs}) as found:
        assert drains_at_once(found, Platform.BENEVITY) == drains


@contextmanager
def instance(folder: Path, **more: Any) -> Iterator[DagsterInstance]:
    """One with the project's run coordinator, and its storage in `folder`."""
    coordinator = yaml.safe_load(DAGSTER_YAML.read_text("utf-8"))["run_coordinator"]
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"run_coordinator": coordinator, **more}))
    with DagsterInstance.from_config(str(folder)) as made:
        yield made
