"""The parts put together, without Dagster: what a drain, a tick and the CLI all start from.

The parts that only some processes use and that are slow to import (connectors, service levels) are imported
where they are made.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from impact_in_pipelines.clock import DatabaseClock, utc_now
from impact_in_pipelines.db.access.api_tokens import ApiTokenStore
from impact_in_pipelines.db.access.sessions import SessionStore
from impact_in_pipelines.db.access.tokens import AccessTokenStore
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.accounts.connections import ConnectionStore
from impact_in_pipelines.db.accounts.oauth_tokens import OAuthTokenStore
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.alerts.incidents import IncidentStore
from impact_in_pipelines.db.alerts.maintenance import MaintenanceStore
from impact_in_pipelines.db.alerts.outbox import PgOutbox
from impact_in_pipelines.db.corrections.staleness import StalenessStore
from impact_in_pipelines.db.corrections.store import CorrectionStore
from impact_in_pipelines.db.deliveries.queueing.closures import ClosureStore
from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.deliveries.queueing.grants import PgRequestBudgets
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.deliveries.queueing.remaining import RemainingStore
from impact_in_pipelines.db.deliveries.queueing.selections import SelectionStore
from impact_in_pipelines.db.deliveries.recording import RecordingStore
from impact_in_pipelines.db.deliveries.replays import ReplayStore
from impact_in_pipelines.db.embedded.cluster import require_cluster
from impact_in_pipelines.db.engine import Database, database_time, open_database, require_current
from impact_in_pipelines.db.fleet.processes import ProcessStore
from impact_in_pipelines.db.impact.store import ImpactStore
from impact_in_pipelines.db.notices.channels import NoticeChannelStore
from impact_in_pipelines.db.notices.queue import NoticeQueue
from impact_in_pipelines.db.notices.writing import NoticeRules, NoticeWriter
from impact_in_pipelines.db.schedules.store import ScheduleStore
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.draining.lanes import GRANT_VALID_S
from impact_in_pipelines.delivery.draining.options import DrainOptions
from impact_in_pipelines.delivery.draining.waiting import DrainWait
from impact_in_pipelines.delivery.holding.breaking import BreakerRules
from impact_in_pipelines.delivery.ports import PayloadSource
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.ticking import DueState
from impact_in_pipelines.impact.gate import gate
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings

if TYPE_CHECKING:
    from impact_in_pipelines.connectors.http.transport import Transport
    from impact_in_pipelines.db.analytics.series import SeriesStore
    from impact_in_pipelines.db.anomalies.series import AnomalySeries
    from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
    from impact_in_pipelines.db.sla.reports import SlaReports
    from impact_in_pipelines.db.sla.rollup import SlaRollup
    from impact_in_pipelines.db.sla.statuses import SlaStatuses
    from impact_in_pipelines.db.sla.thresholds import SlaThresholds
    from impact_in_pipelines.db.sla.watch import SlaWatch


class Runtime:
    """Everything that needs a setting or the database, opened on first use and kept.

    `database` may be handed in (a test's own); `clock` and `rng` are where time and chance come from: by
    default the database's clock, as `check_in` found it last, counted on from there by `machine_clock`.
    `role` is what this process is for, as others see it (`processes`).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database | None = None,
        clock: Callable[[], datetime] | None = None,
        rng: random.Random | None = None,
        machine_clock: Callable[[], datetime] = utc_now,
        role: str = "command",
    ) -> None:
        self.settings = settings
        self._role = role
        self._database_clock = DatabaseClock(
            lambda: database_time(self.database.engine), machine=machine_clock
        )
        self.clock: Callable[[], datetime] = clock or self._database_clock
        self._rng = rng
        if database is not None:
            self.database = database

    @cached_property
    def database(self) -> Database:
        """The opened database at the present schema. Raises `DatabaseUnavailable`, also where an embedded
        one would first have to be made."""
        require_cluster(self.settings)
        database = open_database(self.settings)
        require_current(database.engine)
        return database

    def check_in(self) -> None:
        """What ticks and drains do now and then: say that this process is at work, and ask the database what
        time it is; a clock that was handed in stays as it is."""
        self.processes.beat(self._role)
        if self.clock is self._database_clock:
            self._database_clock.correct()

    @cached_property
    def vault(self) -> Vault:
        return Vault.from_settings(self.settings, embedded=self.database.embedded)

    @cached_property
    def companies(self) -> CompanyStore:
        return CompanyStore(self.database.engine)

    @cached_property
    def connections(self) -> ConnectionStore:
        return ConnectionStore(self.database.engine, self.vault, self.settings)

    @cached_property
    def schedules(self) -> ScheduleStore:
        return ScheduleStore(self.database.engine, self.connections)

    @cached_property
    def impact(self) -> ImpactStore:
        return ImpactStore(self.database.engine)

    @cached_property
    def staleness(self) -> StalenessStore:
        return StalenessStore(self.database.engine, self.impact)

    @cached_property
    def corrections(self) -> CorrectionStore:
        return CorrectionStore(self.database.engine)

    @cached_property
    def replays(self) -> ReplayStore:
        window = timedelta(hours=self.settings.dedup_window_hours)
        return ReplayStore(self.database.engine, dedup_window=window)

    @cached_property
    def recording(self) -> RecordingStore:
        return RecordingStore(self.database.engine)

    @cached_property
    def selections(self) -> SelectionStore:
        return SelectionStore(self.database.engine)

    @cached_property
    def remaining(self) -> RemainingStore:
        return RemainingStore(self.database.engine)

    @cached_property
    def closures(self) -> ClosureStore:
        return ClosureStore(self.database.engine)

    @cached_property
    def processes(self) -> ProcessStore:
        return ProcessStore(self.database.engine)

    @cached_property
    def budgets(self) -> PgRequestBudgets:
        """What all drains together may send."""
        from impact_in_pipelines.connectors.http.transport import longest_attempt_s

        return PgRequestBudgets(
            self.database.engine, lend_s=GRANT_VALID_S + longest_attempt_s(self.settings)
        )

    @cached_property
    def sla(self) -> "SlaStatuses":
        from impact_in_pipelines.db.sla.statuses import SlaStatuses

        return SlaStatuses(self.database.engine, self.settings)

    @cached_property
    def sla_thresholds(self) -> "SlaThresholds":
        from impact_in_pipelines.db.sla.thresholds import SlaThresholds

        return SlaThresholds(self.database.engine, self.settings)

    @cached_property
    def sla_watch(self) -> "SlaWatch":
        from impact_in_pipelines.db.sla.watch import SlaWatch

        return SlaWatch(self.database.engine, self.settings)

    @cached_property
    def sla_rollup(self) -> "SlaRollup":
        from impact_in_pipelines.db.sla.rollup import SlaRollup

        return SlaRollup(self.database.engine, self.settings)

    @cached_property
    def series(self) -> "SeriesStore":
        from impact_in_pipelines.db.analytics.series import SeriesStore

        return SeriesStore(self.database.engine)

    @cached_property
    def anomaly_series(self) -> "AnomalySeries":
        from impact_in_pipelines.db.anomalies.series import AnomalySeries

        return AnomalySeries(self.database.engine)

    @cached_property
    def sla_outcomes(self) -> "SlaOutcomes":
        from impact_in_pipelines.db.sla.outcomes import SlaOutcomes

        return SlaOutcomes(self.database.engine, self.settings)

    @cached_property
    def sla_reports(self) -> "SlaReports":
        from impact_in_pipelines.db.sla.reports import SlaReports

        return SlaReports(self.database.engine, self.settings)

    @cached_property
    def oauth_tokens(self) -> OAuthTokenStore:
        return OAuthTokenStore(self.database.engine, self.vault)

    @cached_property
    def incidents(self) -> IncidentStore:
        return IncidentStore(self.database.engine)

    @cached_property
    def access_tokens(self) -> AccessTokenStore:
        return AccessTokenStore(self.database.engine)

    @cached_property
    def api_tokens(self) -> ApiTokenStore:
        return ApiTokenStore(self.database.engine)

    @cached_property
    def sessions(self) -> SessionStore:
        return SessionStore(self.database.engine)

    @cached_property
    def outbox(self) -> PgOutbox:
        return PgOutbox(self.database.engine)

    @cached_property
    def notice_channels(self) -> NoticeChannelStore:
        return NoticeChannelStore(self.database.engine, self.vault)

    @cached_property
    def notice_queue(self) -> NoticeQueue:
        return NoticeQueue(self.database.engine, self.vault)

    @cached_property
    def notice_writer(self) -> NoticeWriter:
        rules = NoticeRules(
            late_after=timedelta(minutes=self.settings.notice_late_after_minutes),
            held_after=timedelta(minutes=self.settings.notice_held_after_minutes),
            keeps=timedelta(days=self.settings.retention_notices_days),
        )
        return NoticeWriter(self.database.engine, rules)

    @cached_property
    def notice_transport(self) -> "Transport":
        """What posts notices: shorter time-outs than a platform's, and stricter about addresses."""
        from impact_in_pipelines.connectors.notices.posting import notice_transport

        return notice_transport(self.settings, now=self._database_clock)

    @cached_property
    def maintenance(self) -> MaintenanceStore:
        return MaintenanceStore(self.database.engine)

    @cached_property
    def transport(self) -> "Transport":
        from impact_in_pipelines.connectors.http.transport import Transport  # only where it is sent

        return Transport(self.settings, now=self._database_clock)

    @cached_property
    def payloads(self) -> PayloadSource:
        """What is sent, built from today's data behind the gate."""
        from impact_in_pipelines.connectors.payloads import MappedPayloads

        return MappedPayloads(self.impact, gate)

    @cached_property
    def retry_plan_of_notices(self) -> RetryPlan:
        """Its own delays, over days: a receiver that is down for a night loses nothing, and unlike a
        delivery no notice is late for an SLA."""
        waits = tuple(60_000 * one for one in self.settings.notice_retry_minutes)
        return RetryPlan(delays_ms=waits, jitter=self.settings.retry_jitter)

    @property
    def rng(self) -> random.Random:
        """Where chance comes from."""
        return self._rng or random.Random()  # noqa: S311 - spreads retries, guards nothing

    def due_state(self, platform: Platform) -> DueState:
        """What a tick asks: is anything of `platform` due now, or when will it be?"""
        return due_state(self.database.engine, platform, self.clock())

    def drain(
        self,
        platform: Platform,
        *,
        dagster_run_id: str | None = None,
        on_settled: Callable[[], None] = lambda: None,
        on_waiting: Callable[[DrainWait], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        lingers: bool = False,
    ) -> Drain:
        """A drain of `platform`, ready to run; with `lingers` it stays for what is due soon."""
        from impact_in_pipelines.connectors.registry import connector_for

        return Drain(
            log=PgDeliveryLog(
                self.database.engine,
                self.connections,
                batch_limit=FACTS[platform].batch_limit,
                dagster_run_id=dagster_run_id,
                rules=BreakerRules.from_settings(self.settings),
            ),
            connector=connector_for(platform, self.transport, self.oauth_tokens),
            payloads=self.payloads,
            budgets=self.budgets,
            plan=RetryPlan.from_settings(self.settings, platform),
            options=DrainOptions(
                lease=timedelta(seconds=self.settings.lease_seconds),
                dedup_window=timedelta(hours=self.settings.dedup_window_hours),
                linger=timedelta(seconds=self.settings.drain_linger_seconds if lingers else 0),
                tick_every=timedelta(minutes=self.settings.scheduler_check_interval),
            ),
            next_due=lambda: self.due_state(platform).next_due,
            clock=self.clock,
            check_in=self.check_in,
            rng=self._rng,
            on_settled=on_settled,
            on_waiting=on_waiting,
            should_stop=should_stop,
        )

    def close(self) -> None:
        """Give back connections; the embedded server stops with its last user."""
        if "database" in self.__dict__:
            self.database.close()
