"""The delivery log as the queue (D3): claim, settle, renew, release. Statements: queue.sql."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection as DbConnection
from sqlalchemy import CursorResult, Engine

from impact_in_pipelines.db.accounts.connections import ConnectionStore
from impact_in_pipelines.db.deliveries.queueing.breakers import failed_before, judge, trials
from impact_in_pipelines.db.deliveries.queueing.closures import close_connections
from impact_in_pipelines.db.deliveries.queueing.ends import attempt_row, delivery_row
from impact_in_pipelines.db.deliveries.queueing.freezing import freeze
from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.deliveries.queueing.schedule_notes import note_ended
from impact_in_pipelines.db.deliveries.replays import queue_on
from impact_in_pipelines.db.deliveries.spans import EVER, Span, open_span, span_of
from impact_in_pipelines.db.engine import drained_rows
from impact_in_pipelines.db.evidence.linking import add_links, add_links_of, lock_chains
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.draining.options import CHUNK
from impact_in_pipelines.delivery.holding.breaking import BreakerRules
from impact_in_pipelines.delivery.model import Claimed, Connection, Refusal, Selection
from impact_in_pipelines.delivery.ports import Frozen, Prepared, Settled, Settlement, Waits
from impact_in_pipelines.delivery.retry import SUSPECT_FROM
from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED, Trigger
from impact_in_pipelines.platforms import Platform

ORPHANED_AFTER = timedelta(minutes=2)
"""How late a run's own rows must be before a drain takes them over: the run has died."""

SHARE = 25
"""So many deliveries of one company are claimed before those of the next."""

SCAN_MOST = 64
"""A claim looks no further than so many times what it may take."""

_WIDER = 8
CORRECTIONS_COUNT = timedelta(days=62)
"""A correction that was asked for so long before all that is open no longer gives its version to another
report of its period."""

_REPAIR_EVERY = timedelta(minutes=1)
"""What a wrong clock has left behind is looked for so often: it reads every schedule of the platform."""

TAKEN_UP_BY = "breaker"
"""The actor of replays that no person asked for: what failed for good just before a breaker opened."""

_LOST = "the worker died before it could record how this attempt ended"

_SQL = load("deliveries/queueing/queue")


class PgDeliveryLog:
    """`delivery.ports.DeliveryLog` on PostgreSQL. `dagster_run_id` is written to the rows it claims."""

    def __init__(
        self,
        engine: Engine,
        connections: ConnectionStore,
        *,
        batch_limit: int = 1,
        dagster_run_id: str | None = None,
        rules: BreakerRules | None = None,
    ) -> None:
        self._engine = engine
        self._rules = rules or BreakerRules()
        self._connections = connections
        self._batch_limit = batch_limit
        self._dagster_run_id = dagster_run_id
        self._due: dict[UUID, datetime] = {}
        """When what this log has claimed and not ended was due: in which months it lies."""
        self._let_alone: list[UUID] = []
        """What breakers let through last and workers keep dying over: claimed alone, once that is asked for.
        Such a canary would otherwise be chosen again and again, and nothing behind it could ever go."""
        self._repaired: dict[Platform, datetime] = {}

    def plan_due(self, platform: Platform, now: datetime, selection: Selection) -> int:
        """One transaction of `planning.plan_due`; a run's own selection plans nothing."""
        if selection.run_id is not None:
            return 0
        # A clock that has jumped, back or ahead, is a reason to look at once.
        last = self._repaired.get(platform)
        repairing = last is None or abs(now - last) >= _REPAIR_EVERY
        written = plan_due(
            self._engine, platform, now, company_ids=selection.company_ids, repairing=repairing
        )
        if repairing:
            self._repaired[platform] = now
        return written

    def due_an_hour(self, platform: Platform, now: datetime) -> int:
        """Open deliveries that want a worker within the next hour, overdue ones included."""
        with self._engine.connect() as connection:
            count: int = connection.execute(
                _SQL["due_an_hour"],
                {
                    "platform": platform.value,
                    "within": now + timedelta(hours=1),
                    **open_span(connection, platform.value),
                },
            ).scalar_one()
        return count

    def claim(
        self,
        platform: Platform,
        *,
        now: datetime,
        limit: int,
        worker: str,
        lease: timedelta,
        selection: Selection,
        suspects: bool = False,
        held_back: Sequence[UUID] = (),
        urgent_only: bool = False,
    ) -> Sequence[Claimed]:
        values = self._asked(platform, now, worker, lease, selection) | {
            "suspects": suspects,
            "held_back": list(held_back),
            "urgent_only": urgent_only,
        }
        claimed: list[Claimed] = []
        scan = limit
        with self._engine.begin() as connection:
            values |= open_span(connection, platform.value)
            values["corrected_from"] = _corrected_from(values["due_from"])
            if suspects:
                claimed = self._claim_let_through(connection, self._let_alone, limit, values)
                self._let_alone = []
                if claimed:
                    self._due |= {one.id: one.scheduled_for for one in claimed}
                    return claimed
            else:
                claimed = self._let_through(connection, platform, selection, limit, values, lease)
            while True:
                wanted = limit - len(claimed)
                each = max(limit // 10, self._batch_limit)
                found, scanned = _claimed(
                    connection.execute(
                        _SQL["claim_due"],
                        values | {"limit": wanted, "scan": scan, "each": each},
                    )
                )
                claimed += found
                # The rest of a full scan is one company's, or in another worker's hands.
                seen_all = scanned < scan or scan >= limit * SCAN_MOST
                if seen_all or len(claimed) >= limit / 2:
                    self._due |= {one.id: one.scheduled_for for one in claimed}
                    return claimed
                scan *= _WIDER

    def _asked(
        self,
        platform: Platform,
        now: datetime,
        worker: str,
        lease: timedelta,
        selection: Selection,
    ) -> dict[str, Any]:
        """Parameters of `claim_due`: of all that `selection` has, what no worker has died over."""
        return {
            "platform": platform.value,
            "now": now,
            "worker": worker,
            "lease_until": now + lease,
            "company_ids": list(selection.company_ids) or None,
            "run_id": selection.run_id,
            "dagster_run_id": self._dagster_run_id,
            "orphaned_before": now - ORPHANED_AFTER,
            "suspects": False,
            "suspect_from": SUSPECT_FROM,
            "lost_error": _LOST,
            "may_have_arrived": sorted(MAY_HAVE_ARRIVED),
            "held_back": [],
            "urgent_only": False,
            "share": max(SHARE, self._batch_limit),
            "trials": None,
        }

    def due_now(self, platform: Platform, now: datetime, selection: Selection) -> int:
        # A claim of nothing says how many there were to look at.
        none = {"limit": 0, "scan": CHUNK, "each": 1}
        values = self._asked(platform, now, "", timedelta(0), selection) | none
        with self._engine.connect() as connection:
            values |= open_span(connection, platform.value)
            values["corrected_from"] = _corrected_from(values["due_from"])
            scanned: int = connection.execute(_SQL["claim_due"], values).mappings().one()["scanned"]
            connection.rollback()
        return scanned

    def _span_of(self, ids: Iterable[UUID]) -> Span:
        """Where these lie; what another log has claimed may lie anywhere."""
        due = [self._due.get(id_) for id_ in ids]
        return EVER if None in due else span_of(one for one in due if one)

    def _forget(self, ids: Iterable[UUID]) -> None:
        for id_ in ids:
            self._due.pop(id_, None)

    def _let_through(
        self,
        connection: DbConnection,
        platform: Platform,
        selection: Selection,
        limit: int,
        values: Mapping[str, Any],
        lease: timedelta,
    ) -> list[Claimed]:
        """What breakers let through now (D12), claimed."""
        found = trials(
            connection,
            platform,
            selection,
            now=values["now"],
            lease=lease,
            limit=limit,
            orphaned_before=values["orphaned_before"],
            within={name: values[name] for name in EVER},
        )
        claimed = self._claim_let_through(connection, found.ids, found.room, values)
        self._let_alone = sorted(set(found.ids) - {one.id for one in claimed})
        return claimed

    def _claim_let_through(
        self, connection: DbConnection, ids: Sequence[UUID], room: int, values: Mapping[str, Any]
    ) -> list[Claimed]:
        if not ids:
            return []
        ours = {
            "trials": list(ids),
            "limit": room,
            "scan": len(ids),
            "each": len(ids),
            "held_back": [],
            "urgent_only": False,
        }
        found, _ = _claimed(connection.execute(_SQL["claim_due"], {**values, **ours}))
        return [replace(one, trial=True) for one in found]

    def connections(
        self, platform: Platform, company_ids: Sequence[UUID]
    ) -> Mapping[UUID, Connection | Refusal]:
        return self._connections.looked_up(platform, company_ids)

    def refuse(
        self, refusals: Sequence[tuple[Claimed, Refusal]], *, now: datetime, worker: str
    ) -> None:
        if not refusals:
            return
        rows = [{"id": c.id, "kind": r.kind, "message": r.message} for c, r in refusals]
        within = span_of(claimed.scheduled_for for claimed, _ in refusals)
        with self._engine.begin() as connection:
            done = connection.execute(
                _SQL["refuse"],
                {"rows": drained_rows(rows), "now": now, "worker": worker, **within},
            ).all()
            connection.execute(_SQL["settle_lost"], {"ids": [row.id for row in done], **within})
            note_ended(connection, done, now)
            add_links_of(connection, done)
        self._forget(claimed.id for claimed, _ in refusals)

    def freeze(
        self, prepared: Sequence[Prepared], *, now: datetime, window: timedelta, worker: str
    ) -> Frozen:
        frozen = freeze(
            self._engine,
            prepared,
            now=now,
            window=window,
            worker=worker,
            batch_limit=self._batch_limit,
        )
        self._forget((*frozen.skipped, *frozen.waiting, *frozen.refused))
        return frozen

    def settle(self, settlements: Sequence[Settlement], *, now: datetime, worker: str) -> Settled:
        if not settlements:
            return Settled(())
        platform = settlements[0].prepared.claimed.platform
        within = span_of(one.prepared.claimed.scheduled_for for one in settlements)
        with self._engine.begin() as connection:
            judged = judge(connection, settlements, now, self._rules)
            settlements = judged.settlements
            closed = connection.scalars(
                _SQL["close_attempts"],
                {"rows": drained_rows([attempt_row(s) for s in settlements]), **within},
            ).all()
            done = connection.execute(
                _SQL["settle"],
                {
                    "rows": drained_rows([delivery_row(s) for s in settlements]),
                    "worker": worker,
                    "now": now,
                    **within,
                },
            ).all()
            note_ended(connection, done, now)
            close_connections(connection, settlements, now)
            for company_id, at in judged.opened:
                failed = failed_before(connection, platform, company_id, at)
                queue_on(connection, failed, now=now, renew=False, actor=TAKEN_UP_BY)
            # Last: it holds the chains of these companies until the end of the transaction.
            ids = {*closed, *(row.id for row in done)}
            if len(ids) > len(done):
                # Another worker may have ended what this one has lost, or be about to: its link has the
                # attempts as they were.
                lock_chains(connection, {one.prepared.claimed.company_id for one in settlements})
            add_links(connection, ids, within)
        self._forget(one.prepared.claimed.id for one in settlements)
        return Settled(settlements, judged.held)

    def renew(
        self, ids: Sequence[UUID], *, now: datetime, lease: timedelta, worker: str
    ) -> frozenset[UUID]:
        with self._engine.begin() as connection:
            return frozenset(
                connection.scalars(
                    _SQL["renew"],
                    {
                        "ids": list(ids),
                        "lease_until": now + lease,
                        "worker": worker,
                        **self._span_of(ids),
                    },
                )
            )

    def release_claims(
        self, ids: Sequence[UUID], *, now: datetime, next_attempt_at: datetime, worker: str
    ) -> None:
        if not ids:
            return
        with self._engine.begin() as connection:
            connection.execute(
                _SQL["release_claims"],
                {
                    "ids": list(ids),
                    "now": now,
                    "next_attempt_at": next_attempt_at,
                    "worker": worker,
                    **self._span_of(ids),
                },
            )
        self._forget(ids)

    def call_forward(self, waiting: Mapping[UUID, Waits], *, now: datetime) -> int:
        rows = [
            {"id": id_, "since": waits.since, "until": waits.until}
            for id_, waits in waiting.items()
        ]
        values = {"rows": drained_rows(rows), "now": now, **self._span_of(waiting)}
        with self._engine.begin() as connection:
            return connection.execute(_SQL["call_forward"], values).rowcount


def _corrected_from(due_from: Any) -> Any:
    """From when on corrections may have been asked for whose versions count for what is open."""
    return due_from - CORRECTIONS_COUNT if isinstance(due_from, datetime) else due_from


def _claimed(result: CursorResult[Any]) -> tuple[list[Claimed], int]:
    """What `claim_due` has claimed, and how many rows it looked at."""
    # Not by mappings: SQLAlchemy puts their names together anew for each row, half of what a row costs.
    names, claimed, scanned = tuple(result.keys()), [], 0
    for row in result:
        values = dict(zip(names, row, strict=True))
        scanned = values.pop("scanned")
        if values["id"] is not None:
            values["platform"] = Platform(values["platform"])
            values["trigger"] = Trigger(values["trigger"])
            claimed.append(Claimed(**values))
    return claimed, scanned
