"""Runs and backfills that are over, purged from Dagster's history, with their compute logs."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from dagster import DagsterInstance

from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.db.engine import as_psycopg2, make_engine
from impact_in_pipelines.db.retention.dagster_runs import HistoryPurged, purge_runs
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.settings import Settings

__all__ = ["HistoryPurged", "purge_old_runs"]


def purge_old_runs(
    settings: Settings, now: datetime, *, dry_run: bool, tell: Tell = silent
) -> HistoryPurged:
    """Purge runs that ended RETENTION_RUNS_DAYS before `now` (aware), of DAGSTER_HOME's instance, and
    backfills of which no run is left. The cells of the last IMPACT_IN_PARTITION_DAYS days stay as they are.
    `tell` is called with runs."""
    os.environ.update(dagster_environment(settings))
    url = as_psycopg2(os.environ["DAGSTER_POSTGRES_URL"])
    engine = make_engine(url, pool_size=1, settings=settings)
    try:
        with DagsterInstance.get() as instance:

            def forget_logs(runs: Sequence[str]) -> None:
                for run in runs:
                    instance.compute_log_manager.delete_logs(prefix=[run])

            return purge_runs(
                engine,
                before=now - timedelta(days=settings.retention_runs_days),
                first_day=(now - timedelta(days=settings.partition_days)).date(),
                dry_run=dry_run,
                forget_logs=forget_logs,
                tell=tell,
            )
    finally:
        engine.dispose()
