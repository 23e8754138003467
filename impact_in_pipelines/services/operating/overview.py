"""How companies stand, for whoever sees many: a page of them, the worst first, and for operators the
platforms' queues beside them. `company_ids` are those of whoever asks (None: all)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.db.accounts.health import (
    CompanyHealth,
    HealthStore,
    OpenIncidents,
    Sending,
)
from impact_in_pipelines.db.alerts.outbox import Backlog
from impact_in_pipelines.db.deliveries.metrics import MetricsStore, Queue
from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.operating import platforms
from impact_in_pipelines.sla.incidents import Incident

WORST = 20
INCIDENTS = 10


@dataclass(frozen=True, slots=True)
class PlatformQueue:
    """One platform for operators: what holds it as a whole, how many single connections are held, what waits
    (`due` wants a worker, the oldest since `oldest_due`; `held` waits for a closure's end), who sends."""

    platform: Platform
    closures: Sequence[Closure]
    held_connections: int
    open: int
    due: int
    oldest_due: datetime | None
    held: int
    waiting_turn: int
    drains: int
    sending: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at once: platforms, the worst companies (of `troubled` with something wrong), and the latest
    of the open incidents with the counts of all; channels that take no alerts."""

    platforms: Sequence[PlatformQueue]
    worst: Sequence[CompanyHealth]
    troubled: int
    incidents: Sequence[Incident]
    open_incidents: OpenIncidents
    refused_alerts: Sequence[Backlog] = ()


def company_health(
    runtime: Runtime,
    company_ids: Sequence[UUID] | None,
    *,
    limit: int,
    sought: str = "",
    after_slug: str | None = None,
) -> list[CompanyHealth]:
    """A page of companies by slug with how each stands."""
    return HealthStore(runtime.database.engine).page(
        company_ids, now=runtime.clock(), limit=limit, sought=sought.strip(), after_slug=after_slug
    )


def worst_companies(
    runtime: Runtime, company_ids: Sequence[UUID] | None, *, limit: int = WORST
) -> tuple[list[CompanyHealth], int]:
    """The companies with something wrong, the worst first, and how many there are."""
    return HealthStore(runtime.database.engine).worst(company_ids, now=runtime.clock(), limit=limit)


def overview(runtime: Runtime) -> Overview:
    """All companies and platforms, for operators."""
    now, store = runtime.clock(), HealthStore(runtime.database.engine)
    queues = {one.platform: one for one in MetricsStore(runtime.database.engine).queues(now)}
    sending = store.sending()
    lines = []
    for status in platforms.listed(runtime):
        name = status.platform.value
        queue = queues.get(name) or Queue(name, 0, 0, None, 0, 0)
        held = {one.company_id for one in status.closures if one.company_id is not None}
        at_work = sending.get(status.platform, Sending())
        lines.append(
            PlatformQueue(
                platform=status.platform,
                closures=[one for one in status.closures if one.company_id is None],
                held_connections=len(held),
                open=queue.open,
                due=queue.due,
                oldest_due=queue.oldest_due,
                held=queue.held,
                waiting_turn=queue.waiting_turn,
                drains=at_work.drains,
                sending=at_work.sending,
            )
        )
    worst, troubled = store.worst(None, now=now, limit=WORST)
    incidents = runtime.incidents.page(None, platforms_too=True, limit=INCIDENTS)
    refused = refused_alerts(runtime)
    return Overview(lines, worst, troubled, incidents, store.open_incidents(), refused)


def refused_alerts(runtime: Runtime) -> list[Backlog]:
    """Channels on which alerts wait because the other side doesn't take them: nobody hears of anything."""
    return [one for one in runtime.outbox.backlog() if one.error is not None]
