"""Dagster as it is operated (code server, daemon, web server) for benchmarks, in one folder."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from acceptance.processes import Stage, running_stage
from sqlalchemy import Engine, text

from benchmarks.deliver import stage
from impact_in_pipelines.db.engine import dagster_url
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import read_settings

ROOT = Path(__file__).parents[1]

LAUNCH_BACKFILL = """
mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""


@dataclass(frozen=True)
class Fleet:
    """What a benchmark asks: the sandbox, our database, Dagster's processes and their environment."""

    sandbox: Sandbox
    engine: Engine
    dagster: Stage
    environment: Mapping[str, str]

    def execute(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a statement on our database, committed."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def backfill(self, platform: Platform, cells: Sequence[str]) -> str:
        """Launch a backfill of these partitions as the UI does; returns its id."""
        parameters = {
            "assetSelection": [{"path": [f"{platform.value}_export"]}],
            "partitionNames": list(cells),
        }
        launched = self.dagster.ask(LAUNCH_BACKFILL, parameters=parameters)
        found = launched["launchPartitionBackfill"]
        if found["__typename"] != "LaunchBackfillSuccess":
            sys.exit(f"the backfill was not launched: {found}")
        return str(found["backfillId"])

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `impact-in` with these words; its output is thrown away."""
        return subprocess.Popen(
            [sys.executable, "-m", "impact_in_pipelines.cli.main", *words],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def fleet(companies: int, **environment: str) -> Iterator[Fleet]:
    """Dagster at work beside a sandbox; `companies` exist, with events and nothing due."""
    with (
        stage(companies) as (sandbox, settings, engine),
        tempfile.TemporaryDirectory(prefix="ii-dagster-") as folder,
    ):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM scheduled_deliveries"))
        home = Path(folder)
        shutil.copy(ROOT / "dagster.yaml", home)
        storage = dagster_url(read_settings(settings)).render_as_string(hide_password=False)
        surroundings = {
            **settings,
            "DAGSTER_HOME": folder,
            "DAGSTER_POSTGRES_URL": storage,
            **environment,
        }
        with running_stage(home, surroundings) as dagster:
            yield Fleet(sandbox, engine, dagster, surroundings)


def due_every_minute(fleet: Fleet, platforms: Sequence[Platform], slugs: Sequence[str]) -> datetime:
    """These companies are due on these platforms from the next full minute on, which is returned."""
    fire = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    fleet.execute(
        "INSERT INTO scheduled_deliveries (company_id, platform, schedule, next_run, fired_until, "
        "covered_until) SELECT c.id, p, '* * * * *', :fire, :before, :covered "
        "FROM companies c, unnest(CAST(:platforms AS text[])) AS p "
        "WHERE c.slug = ANY(CAST(:slugs AS text[]))",
        fire=fire,
        before=datetime.now(UTC),
        covered=fire.date() - timedelta(days=1),
        platforms=[platform.value for platform in platforms],
        slugs=list(slugs),
    )
    return fire


def new_event_each(fleet: Fleet, slugs: Sequence[str]) -> None:
    """One more event of today for each of these: the day so far is no longer what was sent before."""
    fleet.execute(
        "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, hours) "
        "SELECT c.id, gen_random_uuid()::text, date_trunc('day', now()) + interval '1 second', 'session', "
        "gen_random_uuid()::text, 1.25 FROM companies c WHERE c.slug = ANY(CAST(:slugs AS text[]))",
        slugs=list(slugs),
    )
