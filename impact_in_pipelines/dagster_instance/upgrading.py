"""Bringing Dagster's own database to the installed version."""

import logging
import os

from dagster import DagsterInstance

from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.db.engine import as_psycopg2, direct_url, ensure_database
from impact_in_pipelines.settings import Settings

_log = logging.getLogger(__name__)


def upgrade_instance(settings: Settings) -> None:
    """Make Dagster's database where it is missing on our server, and run Dagster's migrations on it. Safe to
    run again, and while Dagster is at work.

    Raises `DatabaseUnavailable` and what `dagster_environment` does.
    """
    os.environ.update(dagster_environment(settings))
    url = as_psycopg2(os.environ["DAGSTER_POSTGRES_URL"])
    ours = direct_url(settings)
    if (url.host, url.port) == (ours.host, ours.port):
        ensure_database(settings, str(url.database))
    with DagsterInstance.get() as instance:
        instance.upgrade(lambda line: _log.info("%s", line))
