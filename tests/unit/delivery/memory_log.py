"""A delivery log in memory, by the protocol's own promises: for what the drain decides without a database.

The tests that prove the log itself run on PostgreSQL (`tests/integration`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.delivery.model import Claimed, Connection, Content, Refusal, Selection
from impact_in_pipelines.delivery.ports import Frozen, Prepared, Settled, Settlement, Waits
from impact_in_pipelines.platforms import Platform

from .helpers import connection


@dataclass
class Built:
    """Builds one payload for every delivery."""

    refusing: Refusal | None = None
    fails: Exception | None = None

    def build(
        self, claimed: Sequence[tuple[Claimed, Connection]], now: datetime
    ) -> Mapping[UUID, Content | Refusal]:
        """One that names the delivery; `refusing` in place of each, or `fails` raised."""
        del now
        if self.fails is not None:
            raise self.fails
        return {row.id: self.refusing or Content({"delivery": str(row.id)}) for row, _ in claimed}


@dataclass
class MemoryLog:
    """`due` are claimed in their order, `suspects` only when asked for; what happened to whom is kept."""

    due: list[Claimed] = field(default_factory=list)
    suspects: list[Claimed] = field(default_factory=list)
    skips: set[UUID] = field(default_factory=set)
    twins: set[UUID] = field(default_factory=set)
    settle_fails: int = 0
    refuses_to_settle: set[UUID] = field(default_factory=set)
    lost: set[UUID] = field(default_factory=set)
    fires: list[int] = field(default_factory=list)
    planned: list[Claimed] = field(default_factory=list)
    due_hourly: int = 1
    without_connection: set[UUID] = field(default_factory=set)
    per_minute: int | None = None

    claims: list[tuple[int, bool]] = field(default_factory=list)
    refused: list[tuple[Claimed, Refusal]] = field(default_factory=list)
    frozen: list[Prepared] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    transactions: list[int] = field(default_factory=list)
    renewed: list[frozenset[UUID]] = field(default_factory=list)
    released: dict[UUID, tuple[datetime, datetime]] = field(default_factory=dict)
    locked: list[int] = field(default_factory=list)
    put_back: list[Claimed] = field(default_factory=list)
    called_forward: list[dict[UUID, tuple[datetime, datetime]]] = field(default_factory=list)
    windows: set[timedelta] = field(default_factory=set)

    def plan_due(self, platform: Platform, now: datetime, selection: Selection) -> int:
        """As many rows as `fires` says next, from `planned` while it has some."""
        del platform, now, selection
        made = self.fires.pop(0) if self.fires else 0
        self.due += self.planned[:made]
        del self.planned[:made]
        return made

    def due_an_hour(self, platform: Platform, now: datetime) -> int:
        """What it was told."""
        del platform, now
        return self.due_hourly

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
        """The first of them, removed."""
        del platform, now, worker, lease, selection, held_back, urgent_only
        self.claims.append((limit, suspects))
        of = self.suspects if suspects else self.due
        taken, of[:] = of[:limit], of[limit:]
        return taken

    def connections(
        self, platform: Platform, company_ids: Sequence[UUID]
    ) -> Mapping[UUID, Connection | Refusal]:
        """One and the same account for every company that has one."""
        del platform
        account = connection(per_minute=self.per_minute)
        return {
            id_: replace(account, company_id=id_)
            for id_ in company_ids
            if id_ not in self.without_connection
        }

    def refuse(
        self, refusals: Sequence[tuple[Claimed, Refusal]], *, now: datetime, worker: str
    ) -> None:
        """Kept."""
        del now, worker
        self.refused += refusals

    def freeze(
        self, prepared: Sequence[Prepared], *, now: datetime, window: timedelta, worker: str
    ) -> Frozen:
        """Ready, but for `skips` and `twins`."""
        del now, worker
        self.windows.add(window)
        self.frozen += prepared
        ids = [one.claimed.id for one in prepared]
        return Frozen(
            ready=tuple(p for p in prepared if p.claimed.id not in self.skips | self.twins),
            skipped=tuple(id_ for id_ in ids if id_ in self.skips),
            waiting=tuple(id_ for id_ in ids if id_ in self.twins),
        )

    def settle(self, settlements: Sequence[Settlement], *, now: datetime, worker: str) -> Settled:
        """Kept, all or none; raises `settle_fails` times, and for what it refuses."""
        del now, worker
        if self.settle_fails:
            self.settle_fails -= 1
            raise ConnectionError("the database is away")
        if any(one.prepared.claimed.id in self.refuses_to_settle for one in settlements):
            raise ValueError("no such row")
        self.settled += settlements
        self.transactions.append(len(settlements))
        return Settled(settlements)

    def renew(
        self, ids: Sequence[UUID], *, now: datetime, lease: timedelta, worker: str
    ) -> frozenset[UUID]:
        """All but `lost`."""
        del now, lease, worker
        self.renewed.append(frozenset(ids))
        return frozenset(ids) - self.lost

    def release_claims(
        self, ids: Sequence[UUID], *, now: datetime, next_attempt_at: datetime, worker: str
    ) -> None:
        """Kept, with both times."""
        del worker
        self.released |= dict.fromkeys(ids, (now, next_attempt_at))

    def call_forward(self, waiting: Mapping[UUID, Waits], *, now: datetime) -> int:
        """Kept; those that were given back are due."""
        del now
        self.called_forward.append(
            {id_: (waits.since, waits.until) for id_, waits in waiting.items()}
        )
        ready = [one for one in self.put_back if one.id in waiting]
        self.due += ready
        return len(ready)

    def due_now(self, platform: Platform, now: datetime, selection: Selection) -> int:
        """What is due, and what others have locked for as often as it is asked for."""
        del platform, now, selection
        return len(self.due) + (self.locked.pop(0) if self.locked else 0)
