"""What Dagster loads: it validates without a warning of ours, and its names are pinned."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dagster import AssetKey

from impact_in_pipelines import definitions
from impact_in_pipelines.assets.freshness import KEPT_FRESH
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.impact.checks import CHECKS, CheckSeverity
from impact_in_pipelines.resources.console import LOGGERS

from .conftest import ROOT

PLATFORMS = ("benevity", "goodera", "workday")


def test_dagster_validates_the_definitions_without_a_warning_of_ours(
    dagster_home: Path, environment: Mapping[str, str]
) -> None:
    """`dagster definitions validate` passes; what Dagster says of its own commands is its affair."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dagster", "definitions", "validate"),
            *("-w", str(ROOT / "workspace.yaml")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=dagster_home,
        env={**os.environ, **environment, "PYTHONWARNINGS": "default"},
    )

    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "All code locations passed validation" in output
    ours = [
        line
        for line in output.splitlines()
        if "warning" in line.lower() and "impact_in_pipelines" in line
    ]
    assert ours == []


def test_the_composition_root_fits_on_a_screen() -> None:
    """What there is to load is listed where it lives; sixty lines put it together."""
    lines = Path(str(definitions.__file__)).read_text().splitlines()
    assert len(lines) <= 60


def test_every_asset_says_what_it_is_and_who_looks_after_it() -> None:
    """In the catalog a stranger finds a description of a sentence or more, a group, kinds and owners; a table
    has its columns as well."""
    tables = {"impact_events", "company_impact", "impact_deliveries", "sla_daily"}
    for spec in defs.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert len(spec.description or "") > 60, name
        assert spec.owners, name
        assert spec.group_name in ("impact", "exports", "deliveries", "sla"), name
        assert "postgres" in spec.kinds, name
        columns = spec.metadata.get("dagster/column_schema")
        assert bool(columns) == (name in tables), name
        if columns:
            described = {column.name: column for column in columns.columns}
            assert described["company_id"].type == "uuid"
            assert described["company_id"].description == "the tenant"


def test_every_check_says_what_must_hold_and_what_to_do() -> None:
    """The name alone leaves both open."""
    for key in defs.resolve_asset_graph().asset_check_keys:
        told = defs.resolve_asset_graph().get_check_spec(key).description or ""
        assert "hen it fails: " in told, key


def test_what_gates_deliveries_says_blocking_and_every_check_can_be_executed_alone() -> None:
    """Of the checks of the figures those that stop a delivery, and no other. A check that can be executed by
    itself shares its execution with none."""
    graph = defs.resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    gating = {one.name for one in CHECKS if one.severity is CheckSeverity.CRITICAL}
    assert blocking == gating
    assert gating
    for key in graph.asset_check_keys:
        assert set(graph.get_execution_set_asset_and_check_keys(key)) == {key}, key


def test_the_launchpad_of_every_job_of_ours_begins_with_its_values() -> None:
    """Whatever can be configured is there to be seen, and what has a few values is a choice of these."""
    for job in defs.get_repository_def().get_all_jobs():
        if job.name.startswith("__"):
            continue
        configured = {
            node.name
            for node in job.nodes
            if node.definition.config_schema is not None
            and getattr(node.definition.config_schema.config_type, "fields", None)
        }
        config = job.run_config
        if job.partitioned_config is not None:
            config = job.partitioned_config.get_run_config_for_partition_key("north|2026-03-01")
        prefilled = (config or {}).get("ops", {})
        assert configured <= {*prefilled}, job.name
    levels = LOGGERS["console"].config_schema.config_type.fields["log_level"].config_type
    assert "INFO" in levels.config_values


def test_what_a_schedule_fills_has_a_freshness_policy() -> None:
    """And the schedule that the sensor names is there."""
    schedules = {one.name for one in defs.get_repository_def().schedule_defs}
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert {name for name, spec in specs.items() if spec.freshness_policy} == {*KEPT_FRESH}
    assert {one.schedule for one in KEPT_FRESH.values()} <= schedules


def test_the_names_that_others_rely_on_are_pinned() -> None:
    """A renamed asset loses its history, a renamed schedule its switch: change these on purpose."""
    repository = defs.get_repository_def()

    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} == {
        "impact_events",
        "company_impact",
        *(f"{platform}_figures" for platform in PLATFORMS),
        "impact_deliveries",
        "delivery_schedules",
        "sla_daily",
        "sla_status",
        "anomalies",
        "delivery_analytics",
        "weekly_sla_report",
        "monthly_sla_report",
        *(f"{platform}_export" for platform in PLATFORMS),
    }
    assert {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")} == {
        "refresh_company_impact",
        "pause_or_resume_schedules",
        "monitor_sla",
        "make_weekly_sla_report",
        "make_monthly_sla_report",
        "find_anomalies",
        "retention",
        "evidence",
        *(f"drain_{platform}" for platform in PLATFORMS),
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "refresh_company_impact_hourly",
        "monitor_sla_hourly",
        "weekly_sla_report_on_mondays",
        "monthly_sla_report_on_the_first",
        "anomalies_daily",
        "retention_nightly",
        "evidence_daily",
        *(f"deliver_to_{platform}" for platform in PLATFORMS),
    }
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "companies_become_partitions",
        "schedules_are_shown",
        "sla_breaches",
        "platform_outages",
        "run_failures",
        "first_start",
        "corrections_to_decide",
        "assets_are_fresh",
        "notify_companies",
        "send_notifications",
    }


def test_no_input_of_an_export_is_partitioned() -> None:
    """A partitioned asset that is an input of an export makes every drain fail once it has an event (D2).
    What the cells are compared with is partitioned, and no input."""
    graph = defs.get_repository_def().asset_graph
    exports = {AssetKey(f"{platform}_export") for platform in PLATFORMS}
    assert all(graph.get(key).partitions_def is not None for key in exports)
    upstream = {key for export in exports for key in graph.get_ancestor_asset_keys(export)}

    assert AssetKey("company_impact") in upstream
    assert {key for key in upstream if graph.get(key).partitions_def is not None} == {
        AssetKey(f"{platform}_figures") for platform in PLATFORMS
    }
    assert all(not defs.resolve_assets_def(key).node_keys_by_input_name for key in exports)


def test_an_export_never_waits_for_a_slot_of_a_backfill() -> None:
    """A pool is shared by everything that runs the asset: a drain, or `deliver`, would wait for backfills in
    it. The shares of the run queue keep them apart (`dagster.yaml`)."""
    for platform in PLATFORMS:
        assert defs.resolve_assets_def(f"{platform}_export").op.pool is None
