"""What the routes work with: the runtime and what only the API has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from impact_in_pipelines.api.access.known import KnownCompanies
from impact_in_pipelines.api.access.outgoing import ConnectionTests, Remembered
from impact_in_pipelines.api.access.tokens import Authenticator
from impact_in_pipelines.api.access.watching import AccessWatch
from impact_in_pipelines.api.dagster_link import DagsterLink
from impact_in_pipelines.api.deliveries.hub import EventHub
from impact_in_pipelines.api.http.archives import ArchiveTurns
from impact_in_pipelines.api.http.counts import buckets
from impact_in_pipelines.api.http.ratelimit import OpenStreams, RequestLimiter
from impact_in_pipelines.api.operations.metrics import ApiMetrics, DeliveryMetrics
from impact_in_pipelines.api.sla.standings import CompanyStandings
from impact_in_pipelines.api.sla.statuses import StatusCache
from impact_in_pipelines.api.sla.together import Together
from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql
from impact_in_pipelines.connectors.identity.jwks import JwksClient
from impact_in_pipelines.db.access.answers import IdempotencyStore
from impact_in_pipelines.db.access.audit import AuditStore
from impact_in_pipelines.db.access.turns import CompanyTurns, SharedTurns
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.deliveries.listening import DeliveryListener
from impact_in_pipelines.db.deliveries.metrics import MetricsStore
from impact_in_pipelines.db.deliveries.reading import DeliveryReader
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.call_backs import CallBacks
from impact_in_pipelines.services.operating.health import Diagnosis, Fact, State, cheap

READINESS_KEPT_S = 3.0
"""Supervisors ask every few seconds, and so may anybody else."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness rests on: what was found, as `impact-in doctor` finds it; `dagster` is its version, None
    if it can't be reached."""

    findings: Sequence[Diagnosis]
    dagster: str | None

    @property
    def failed(self) -> frozenset[Fact]:
        """What of it has failed."""
        return frozenset(one.fact for one in self.findings if one.fact.state is State.FAILED)


@dataclass
class ApiContext:
    """The parts of one API process; the stores are made on first use."""

    runtime: Runtime
    authenticator: Authenticator
    limiter: RequestLimiter
    anonymous: RequestLimiter
    streams: OpenStreams
    dagster: DagsterLink

    @property
    def clock(self) -> Callable[[], datetime]:
        """Where the time (UTC) comes from."""
        return self.runtime.clock

    @cached_property
    def companies(self) -> KnownCompanies:
        return KnownCompanies(CompanyStore(self.runtime.database.reads))

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        return IdempotencyStore(self.runtime.database.engine)

    @cached_property
    def deliveries(self) -> DeliveryReader:
        return DeliveryReader(self.runtime.database.reads, self.runtime.clock)

    @cached_property
    def audit(self) -> AuditStore:
        return AuditStore(self.runtime.database.engine)

    @cached_property
    def call_backs(self) -> CallBacks:
        return CallBacks(self.runtime)

    @cached_property
    def hub(self) -> EventHub:
        return EventHub(
            lambda: DeliveryListener(self.runtime.database.direct_url),
            check_in=self.runtime.check_in,
        )

    @cached_property
    def sla(self) -> SlaStatuses:
        return SlaStatuses(self.runtime.database.reads, self.runtime.settings)

    @cached_property
    def standings(self) -> Together[UUID, bytes | None]:
        """How companies stand in the window that ends at present, as JSON; None: there is no such company."""
        return Together(CompanyStandings(self.sla, self.companies, self.clock).written)

    @cached_property
    def connection_tests(self) -> ConnectionTests:
        return ConnectionTests(CompanyTurns(self.runtime.database.direct_url, "connection-test"))

    @cached_property
    def upload_turns(self) -> SharedTurns:
        return SharedTurns(self.runtime.database.direct_url, "upload")

    @cached_property
    def archives(self) -> ArchiveTurns:
        return ArchiveTurns()

    @cached_property
    def readiness(self) -> Remembered[Readiness]:
        return Remembered(self._readiness, kept_for_s=READINESS_KEPT_S)

    def _readiness(self) -> Readiness:
        return Readiness(cheap(self.runtime), self.dagster.version())

    @cached_property
    def access(self) -> AccessWatch:
        return AccessWatch(self.runtime.access_tokens, self.runtime.sessions)

    @cached_property
    def statuses(self) -> StatusCache:
        return StatusCache(lambda: self.hub.listening(0))

    @cached_property
    def metrics(self) -> ApiMetrics:
        deliveries = DeliveryMetrics(
            MetricsStore(self.runtime.database.engine),
            self._burn_rates,
            clock=self.clock,
            by_company=self.runtime.settings.metrics_company_label,
        )
        return ApiMetrics(deliveries)

    def _burn_rates(self, now: datetime) -> dict[Platform | None, float]:
        budgets = self.runtime.sla.error_budgets(now)
        return {
            platform: budget.burn_rate
            for (company_id, platform), budget in budgets.items()
            if company_id is None and budget.burn_rate is not None
        }


def build_context(runtime: Runtime) -> ApiContext:
    """The context of `runtime`. Raises `InvalidSetting` without a way to check tokens."""
    settings = runtime.settings
    client = DagsterGraphql(
        settings.dagster_internal_url or settings.dagster_ui_url,
        timeout_s=settings.dagster_timeout_ms / 1000,
    )
    counts = buckets()
    return ApiContext(
        runtime=runtime,
        authenticator=Authenticator.from_settings(
            settings,
            JwksClient,
            lambda token: runtime.api_tokens.find(token, now=runtime.clock()),
        ),
        limiter=RequestLimiter(settings.api_rate_limit_per_minute, buckets=counts),
        anonymous=RequestLimiter(
            settings.api_anonymous_limit_per_minute, kind="address", buckets=counts
        ),
        streams=OpenStreams(settings.api_streams_per_subject),
        dagster=DagsterLink(client),
    )
