"""What an acceptance test stands on: a database, a sandbox and a Dagster instance of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    EventLogRecord,
    ExecuteInProcessResult,
)
from sqlalchemy import text

from impact_in_pipelines.assets.partitions import cell, companies
from impact_in_pipelines.definitions import defs
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.client import SandboxClient

Cell = tuple[str, date]
"""A company's slug and a local day."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def today() -> date:
    """The present day (UTC), of which none ends during a test (`whole_day` in tests/conftest.py)."""
    return datetime.now(UTC).date()


def day(ago: int) -> date:
    """The day `ago` days before today (UTC)."""
    return today() - timedelta(days=ago)


def midnight(of: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(of, time(), UTC)


@dataclass(frozen=True)
class Accounts:
    """Companies, their events and schedules, and what the log and the platforms know of them."""

    runtime: Runtime
    sandbox: SandboxClient

    def company(self, slug: str, *, days: int = 20) -> UUID:
        """A company in UTC with three participants' events on each of the last `days` days."""
        company = self.runtime.companies.add(slug, name=slug.title())
        self.execute(
            """INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref,
                   volunteer_ref, hours, outcome_category, outcome_score)
               SELECT :company, 'e' || d || '-' || p, CAST(:today AS timestamptz) - d * interval '1 day'
                      + interval '8 hours', 'session', 'p' || p, 'v1', 1.5 + d, 'language', 5
               FROM generate_series(1, :days) d, generate_series(1, 3) p""",
            company=company.id,
            today=midnight(today()),
            days=days,
        )
        return company.id

    def schedule(
        self,
        company: UUID,
        platform: str,
        *,
        cron: str = "0 0 * * *",
        fire: datetime | None = None,
        covered_until: date | None = None,
    ) -> UUID:
        """A schedule whose `fire` (default: this midnight) is due; a day before is `covered_until`."""
        at = fire or midnight(today())
        row = self.execute(
            """INSERT INTO scheduled_deliveries
                   (company_id, platform, schedule, next_run, fired_until, covered_until)
               VALUES (:company, :platform, :cron, :at, :before, :covered) RETURNING id""",
            company=company,
            platform=platform,
            cron=cron,
            at=at,
            # No schedule is planned further than to the present.
            before=min(at - timedelta(seconds=1), datetime.now(UTC)),
            covered=covered_until or at.date() - timedelta(days=2),
        )
        found: UUID = row[0]["id"]
        return found

    def due(self, *slugs: str, platform: str = "benevity") -> None:
        """Companies that are owed yesterday on `platform`."""
        for slug in slugs:
            self.schedule(self.company(slug), platform)

    def deliveries(self, platform: str) -> list[dict[str, Any]]:
        """The platform's delivery log with the companies' slugs, oldest first."""
        return self.execute(
            """SELECT d.*, c.slug FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
               WHERE d.platform = :platform ORDER BY d.created_at, c.slug, d.period_start""",
            platform=platform,
        )

    def arrived(self, platform: str) -> list[Cell]:
        """The (organisation, day) of every delivery of one day that the platform accepted, sorted."""
        periods = self.sandbox.accepted(platform)["periods"]
        assert all(p["periodStart"] == p["periodEnd"] for p in periods)
        return sorted(
            (p["organizationId"], date.fromisoformat(p["periodStart"]))
            for p in periods
            for _ in range(p["timesAccepted"])
        )

    def execute(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a statement on our database, committed."""
        with self.runtime.database.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []


@dataclass(frozen=True)
class World(Accounts):
    """The accounts with a Dagster instance in which the jobs run in this process."""

    instance: DagsterInstance
    home: Path

    def run(
        self,
        platform: str = "benevity",
        *,
        partition: Cell | None = None,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> ExecuteInProcessResult:
        """Execute the platform's drain job here, retries included."""
        ops = {"ops": {f"{platform}_export": {"config": dict(config)}}} if config else {}
        return defs.resolve_job_def(f"drain_{platform}").execute_in_process(
            instance=self.instance,
            partition_key=cell(*partition) if partition else None,
            tags=dict(tags or {}),
            run_config={**QUIET, **ops},
            raise_on_error=False,
        )

    def add_partitions(self, *slugs: str) -> None:
        """What the company sensor does."""
        self.instance.add_dynamic_partitions(str(companies.name), list(slugs))

    def materialized(self, platform: str = "benevity") -> set[Cell]:
        """The green cells."""
        return {
            _cell_of(key)
            for key in self.instance.get_materialized_partitions(AssetKey(f"{platform}_export"))
        }

    def red(self, platform: str, of: Sequence[Cell]) -> set[Cell]:
        """Those of the cells `of` that are failed."""
        statuses = self.instance.get_status_by_partition(
            AssetKey(f"{platform}_export"),
            [cell(*one) for one in of],
            defs.resolve_assets_def(f"{platform}_export").partitions_def,  # type: ignore[arg-type]
        )
        assert statuses is not None
        return {
            _cell_of(key)
            for key, status in statuses.items()
            if status is not None and status.value == "FAILED"
        }

    def materializations(self, platform: str = "benevity") -> list[EventLogRecord]:
        """All materialisations of the platform's export, the oldest first."""
        return list(
            self.instance.fetch_materializations(
                AssetKey(f"{platform}_export"), limit=1000, ascending=True
            ).records
        )


def _cell_of(key: str) -> Cell:
    slug, day_text = key.split("|")
    return slug, date.fromisoformat(day_text)


def values(materialization: AssetMaterialization | None) -> dict[str, Any]:
    """The plain values of a materialisation's metadata."""
    assert materialization is not None
    return {name: entry.value for name, entry in materialization.metadata.items()}


def trouble(result: ExecuteInProcessResult) -> str:
    """Every failure of a run as text, for an assertion that it had none."""
    return "\n".join(
        event.step_failure_data.error_display_string
        for event in result.all_events
        if event.is_step_failure
    )


def succeeded(result: ExecuteInProcessResult) -> bool:
    """Whether the run ended well; raises with what failed otherwise."""
    if not result.success:
        raise AssertionError(trouble(result))
    return True
