"""What integration tests start from: a clock, a sandbox's accounts, companies, events and due rows.

Everything is made by statements over sets, so that thousands cost no more than one.
"""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from sqlalchemy import URL, RowMapping, text

from impact_in_pipelines.cli.demo.world import sandbox_environment
from impact_in_pipelines.connectors.payloads import Failure, MappedPayloads
from impact_in_pipelines.db.engine import Database, make_engine
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.impact.figures import ImpactFigures, Ref
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    GOODERA_KEY,
    OAUTH_CLIENT_SECRET,
)
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.settings import Settings, read_settings

MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
"""The instant at which daily schedules are due."""

YESTERDAY = date(2026, 3, 9)
SECRETS = (BENEVITY_KEY, GOODERA_KEY, OAUTH_CLIENT_SECRET)
FIRST_RETRY, SECOND_RETRY, THIRD_RETRY = (timedelta(minutes=m) for m in (6, 12, 24))
"""By then a failed attempt is due again, whatever the jitter."""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = MIDNIGHT + timedelta(seconds=30)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.now += by


NO_DAGSTER = "http://127.0.0.1:9"
"""Nobody listens there."""


def environment(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    """The environment of a process whose default connections lead to `sandbox`."""
    return {
        **sandbox_environment(sandbox.url),
        "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
        "DAGSTER_UI_URL": NO_DAGSTER,
        **changes,
    }


@dataclass(frozen=True)
class NothingRefused:
    """The report of a gate that lets everything pass."""

    refusals: Mapping[Ref, Failure] = field(default_factory=dict)


def let_all_pass(figures: Sequence[ImpactFigures], now: datetime, /) -> NothingRefused:
    """A gate without expectations."""
    return NothingRefused()


@dataclass
class World:
    """A migrated database, a sandbox and a runtime on both, at the time of `clock`.

    Great Expectations costs 0.3 s a drain: only a `gated` world judges the figures before they go out.
    """

    database: Database
    sandbox: Sandbox
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    gated: bool = False

    def __post_init__(self) -> None:
        self.runtime = self.another_runtime()

    def another_runtime(self, *, seed: int = 1) -> Runtime:
        """One more, as another process would have: with an engine of its own."""
        url = self.database.url
        engine = make_engine(url, settings=self.settings)
        database = Database(url=url, engine=engine, embedded=True, settings=self.settings)
        runtime = Runtime(
            self.settings, database=database, clock=self.clock, rng=random.Random(seed)
        )
        if not self.gated:
            runtime.payloads = MappedPayloads(runtime.impact, let_all_pass)
        return runtime

    def companies(self, count: int = 1, *, prefix: str = "c") -> list[UUID]:
        """`count` companies `{prefix}-1`, …, whose organisation id is their slug."""
        return self.scalars(
            "INSERT INTO companies (slug, name) SELECT :prefix || '-' || i, 'Company ' || i "
            "FROM generate_series(1, :count) i RETURNING id",
            prefix=prefix,
            count=count,
        )

    def events(self, companies: Sequence[UUID], *, days: Sequence[date] = (YESTERDAY,)) -> None:
        """Three sessions on each of `days`, with figures that differ from company to company and day to
        day."""
        self.execute(
            """INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref,
                   volunteer_ref, hours, outcome_category, outcome_score)
               SELECT c.id, d.day || '-' || e, d.day + time '12:00', 'session', 'p' || e, 'v' || e % 2,
                      1 + c.n + extract(day FROM d.day) / 100, 'language', e
               FROM unnest(CAST(:companies AS uuid[])) WITH ORDINALITY c(id, n),
                    unnest(CAST(:days AS date[])) d(day), generate_series(1, 3) e""",
            companies=list(companies),
            days=list(days),
        )

    def schedules(
        self,
        platform: Platform,
        companies: Sequence[UUID],
        *,
        fire: datetime = MIDNIGHT,
        covered_until: date = YESTERDAY - timedelta(days=1),
    ) -> list[UUID]:
        """A daily schedule in UTC for each company, the next fire of which is `fire`."""
        return self.scalars(
            """INSERT INTO scheduled_deliveries
                   (company_id, platform, schedule, next_run, fired_until, covered_until)
               SELECT c, :platform, '0 0 * * *', :fire, CAST(:fire AS timestamptz) - interval '1 second',
                      :covered_until
               FROM unnest(CAST(:companies AS uuid[])) c RETURNING id""",
            platform=platform.value,
            companies=list(companies),
            fire=fire,
            covered_until=covered_until,
        )

    def due(self, platform: Platform, count: int = 1, *, prefix: str = "c") -> list[UUID]:
        """`count` companies with events yesterday and a schedule that is due."""
        companies = self.companies(count, prefix=prefix)
        self.events(companies)
        self.schedules(platform, companies)
        return companies

    def limits_rest(self) -> None:
        """More than a minute passes for the accounts' limits, which go by the database's time."""
        self.execute("UPDATE request_budgets SET blocks = '[]'")

    def deliveries(
        self,
        platform: Platform,
        *companies: UUID,
        days: Sequence[date] = (YESTERDAY,),
        trigger: str = "schedule",
        run_id: str | None = None,
    ) -> list[UUID]:
        """One pending delivery, due now, for each company and day, in this order."""
        pairs = [(company, day) for company in companies for day in days]
        ids = [uuid.uuid4() for _ in pairs]
        self.execute(
            """INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start,
                   period_end, scheduled_for, idempotency_key, next_attempt_at, selected_by)
               SELECT r.id, r.company, :platform, :trigger, 'pending', r.day, r.day, :now, r.id, :now,
                      :run_id
               FROM unnest(CAST(:ids AS uuid[]), CAST(:companies AS uuid[]), CAST(:days AS date[]))
                   AS r(id, company, day)""",
            ids=ids,
            companies=[company for company, _ in pairs],
            days=[day for _, day in pairs],
            platform=platform.value,
            trigger=trigger,
            now=self.clock(),
            run_id=run_id,
        )
        return ids

    def drain(
        self, platform: Platform, selection: Selection | None = None, **options: Any
    ) -> DrainSummary:
        """Run one drain to its end."""
        return self.new_drain(platform, **options).run(selection)

    def new_drain(self, platform: Platform, **options: Any) -> Drain:
        """A drain that is ready to run."""
        return self.runtime.drain(platform, **options)

    def delivery(self, id_: UUID) -> RowMapping:
        """One row of the log."""
        return self.rows("SELECT * FROM impact_deliveries WHERE id = :id", id=id_)[0]

    def of_company(self, company: UUID) -> RowMapping:
        """The one delivery of `company`."""
        (row,) = self.rows("SELECT * FROM impact_deliveries WHERE company_id = :id", id=company)
        return row

    def attempts(self, id_: UUID) -> list[RowMapping]:
        """The attempts of a delivery, in order."""
        return self.rows(
            "SELECT * FROM delivery_attempts WHERE delivery_id = :id ORDER BY number", id=id_
        )

    def outcomes(self, id_: UUID) -> list[str]:
        """How the attempts of a delivery ended, in order."""
        return [row["outcome"] for row in self.attempts(id_)]

    def statuses(self) -> Mapping[str, int]:
        """How many deliveries have which status."""
        rows = self.rows("SELECT status, count(*) AS n FROM impact_deliveries GROUP BY status")
        return {row["status"]: row["n"] for row in rows}

    def accepted(self, platform: Platform) -> dict[str, dict[str, Any]]:
        """What the platform accepted, by key; a batch's key has one line only."""
        lines = self.sandbox.client.accepted(platform.value)["accepted"]
        return {line["key"]: line for line in lines}

    def doubled(self, platform: Platform) -> list[Any]:
        """Contents that the platform accepted more than once."""
        found: list[Any] = self.sandbox.client.accepted(platform.value)["doubled"]
        return found

    def execute(self, statement: str, **parameters: Any) -> None:
        """Run a statement in a transaction of its own."""
        with self.database.engine.begin() as connection:
            connection.execute(text(statement), parameters)

    def scalars(self, statement: str, **parameters: Any) -> list[Any]:
        """The first column of what a statement returns."""
        with self.database.engine.begin() as connection:
            return list(connection.scalars(text(statement), parameters))

    def rows(self, statement: str, **parameters: Any) -> list[RowMapping]:
        """Every row that a statement returns."""
        with self.database.engine.begin() as connection:
            return list(connection.execute(text(statement), parameters).mappings())


@contextmanager
def world_on(url: URL, sandbox: Sandbox, *, gated: bool = False, **changes: str) -> Iterator[World]:
    """A world on the migrated database at `url`; `changes` are settings by their environment names."""
    database = Database(url=url, engine=make_engine(url), embedded=True)
    settings = read_settings(environment(sandbox, **changes))
    world = World(database, sandbox, settings, gated=gated)
    try:
        yield world
    finally:
        world.runtime.close()
        database.close()


@contextmanager
def copied_database(server: URL, template: str) -> Iterator[URL]:
    """The URL of a fresh copy of the database `template`, dropped at the end."""
    name = new_name()
    copy_database(server, template, name)
    try:
        yield server.set(database=name)
    finally:
        drop_database(server, name)


def new_name() -> str:
    """The name of a database that nobody has had before."""
    return f"w{uuid.uuid4().hex[:12]}"


def copy_database(server: URL, template: str, name: str) -> None:
    """Make the database `name`, a copy of `template`."""
    execute_on_server(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


def drop_database(server: URL, name: str) -> None:
    """Drop the database `name`, whoever uses it."""
    execute_on_server(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def execute_on_server(server: URL, statement: str) -> None:
    """Execute a statement that can't run in a transaction."""
    engine = make_engine(server, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
