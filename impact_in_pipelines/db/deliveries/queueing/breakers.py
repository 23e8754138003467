"""Breakers in PostgreSQL: one state for all drains (design D12). Statements: breakers.sql.

Whoever settles attempts moves the breakers in the same transaction, and whoever claims asks them what they
let through. The decisions are `delivery.holding.breaking`'s.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from impact_in_pipelines.db.deliveries.spans import Span
from impact_in_pipelines.db.engine import drained_rows
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.holding.breaking import (
    MAY_PASS,
    Breaker,
    BreakerCause,
    BreakerRules,
    BreakerState,
    ConnectionEvidence,
    PlatformEvidence,
    Tally,
    after,
    allowance,
    connection_opens,
    granted,
    is_refusal,
    may_pass,
    opened,
    platform_opens,
)
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.delivery.ports import Held, Settlement
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.plurals import count

_SQL = load("deliveries/queueing/breakers")
_KINDS = sorted(MAY_PASS)
REFUSALS_WITHIN = timedelta(hours=72)
TAKEN_UP_WITHIN = timedelta(minutes=60)
"""What failed for good so long before a breaker opened is sent again by itself: the retries of the first
failures of an outage end within this."""


@dataclass(slots=True)
class Judged:
    """Settlements as they are to be recorded, whose breakers hold, and which have just opened (None: the
    platform's)."""

    settlements: Sequence[Settlement]
    held: Held = field(default_factory=Held)
    opened: list[tuple[UUID | None, datetime]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trials:
    """Deliveries that a breaker lets through, the oldest first, and at most how many of them."""

    ids: Sequence[UUID]
    room: int


@dataclass(slots=True)
class _Book:
    """The breakers of one platform that hold, under their locks; `avoid` is whose canary failed last."""

    breakers: dict[UUID | None, Breaker]
    avoid: dict[UUID | None, UUID | None]
    by_person: set[UUID | None]


def judge(
    connection: Connection, settlements: Sequence[Settlement], now: datetime, rules: BreakerRules
) -> Judged:
    """Move the breakers by these results of one platform's attempts. What failed under one that is open, in a
    way that may pass or as it was opened for, becomes held: it spends no attempt."""
    platform = settlements[0].prepared.claimed.platform
    book = _holding(connection, platform)
    before = dict(book.breakers)
    just_opened = _open(connection, platform, book, settlements, now, rules)
    for key in before:
        tally, failed_of = _tally(before[key], key, settlements)
        moved = after(before[key], tally, now, rules)
        if failed_of is not None:
            book.avoid[key] = failed_of
        if moved is None:
            del book.breakers[key]
        else:
            book.breakers[key] = moved
    changed = [
        key
        for key in before.keys() | book.breakers.keys()
        if before.get(key) != book.breakers.get(key)
    ]
    if changed:
        _keep(connection, platform, book, {key: before.get(key) for key in changed}, now)
    judged = [_as_held(one, before, book.breakers) for one in settlements]
    return Judged(judged, _held(book), [(key, now) for key in just_opened])


def trials(
    connection: Connection,
    platform: Platform,
    selection: Selection,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    orphaned_before: datetime,
    within: Span,
) -> Trials:
    """What breakers let through now, of what is open `within` a span. Whoever gets a canary has it for
    `lease`: no other drain gets one."""
    book = _holding(connection, platform)
    scopes: Collection[UUID | None] = book.breakers
    if None in book.by_person:
        return Trials((), 0)
    if None in book.breakers:
        # A connection's own breaker waits until its platform works.
        scopes = (None,)
    ids: list[UUID] = []
    room = 0
    changed: dict[UUID | None, Breaker | None] = {}
    for key in list(scopes):
        breaker = book.breakers[key]
        if key in book.by_person:
            continue
        if breaker.state is BreakerState.OPEN and now < breaker.next_probe_at:
            continue
        in_flight = connection.execute(
            _SQL["in_flight"],
            {"platform": platform.value, "company_id": key, "now": now, **within},
        ).scalar_one()
        may = min(allowance(breaker, in_flight=in_flight, now=now), limit - room)
        if may <= 0:
            continue
        found = connection.scalars(
            _SQL["oldest"],
            {
                "platform": platform.value,
                "company_id": key,
                "now": now,
                "may_pass": _KINDS,
                "company_ids": list(selection.company_ids) or None,
                "run_id": selection.run_id,
                "orphaned_before": orphaned_before,
                "avoid": book.avoid.get(key),
                "limit": may,
                **within,
            },
        ).all()
        if found:
            ids += found
            room += may
            changed[key] = breaker
            book.breakers[key] = granted(breaker, now, lease)
        elif breaker.state is BreakerState.HALF_OPEN and not in_flight and selection == Selection():
            # Nothing is left to be careful with.
            changed[key] = breaker
            del book.breakers[key]
    if changed:
        _keep(connection, platform, book, changed, now)
    if ids:
        connection.execute(_SQL["due_now"], {"ids": ids, "now": now, **within})
    return Trials(ids, room)


def failed_before(
    connection: Connection, platform: Platform, company_id: UUID | None, at: datetime
) -> list[UUID]:
    """What failed for good within `TAKEN_UP_WITHIN` before `at`, of kinds that may pass."""
    return list(
        connection.scalars(
            _SQL["failed_before"],
            {
                "platform": platform.value,
                "company_id": company_id,
                "since": at - TAKEN_UP_WITHIN,
                "now": at,
                "may_pass": _KINDS,
            },
        )
    )


def _holding(connection: Connection, platform: Platform) -> _Book:
    rows = connection.execute(_SQL["holding"], {"platform": platform.value}).mappings().all()
    breakers = [row for row in rows if row["kind"] == "breaker"]
    return _Book(
        {row["company_id"]: _breaker(row) for row in breakers},
        {row["company_id"]: row["avoid_company_id"] for row in breakers},
        {row["company_id"] for row in rows if row["kind"] == "person"},
    )


def _breaker(row: RowMapping) -> Breaker:
    return Breaker(
        state=BreakerState(row["state"]),
        cause=BreakerCause(row["cause"]),
        since=row["since"],
        reason=row["reason"],
        next_probe_at=row["closed_until"],
        interval=timedelta(seconds=row["interval_seconds"]),
        probing=row["probing"],
        step=row["step"],
        streak=row["streak"],
    )


def _open(
    connection: Connection,
    platform: Platform,
    book: _Book,
    settlements: Sequence[Settlement],
    now: datetime,
    rules: BreakerRules,
) -> list[UUID | None]:
    """Open what these failures and those before them tell to; returns whose."""
    failures = [s for s in settlements if may_pass(s.result)]
    refused = [s for s in settlements if is_refusal(s.result)]
    fresh: list[UUID | None] = []
    if failures and None not in book.breakers:
        fresh += _open_by_failures(connection, platform, book, settlements, now, rules)
    companies = {s.prepared.claimed.company_id for s in refused} - book.breakers.keys()
    if companies:
        values = {
            "platform": platform.value,
            "company_ids": list(companies),
            "since": now - REFUSALS_WITHIN,
        }
        for row in connection.execute(_SQL["refusals"], values):
            mine = [s for s in refused if s.prepared.claimed.company_id == row.company_id]
            # A batch is one request, whose members are refused together.
            now_refused = {s.prepared.batch_id or s.prepared.claimed.id for s in mine}
            count = int(row.refusals) + len(now_refused)
            if connection_opens(ConnectionEvidence(refusals=count), rules):
                reason = mine[-1].result.error or "the account is refused"
                book.breakers[row.company_id] = opened(BreakerCause.REFUSED, reason, now, rules)
                fresh.append(row.company_id)
    return fresh


def _open_by_failures(
    connection: Connection,
    platform: Platform,
    book: _Book,
    settlements: Sequence[Settlement],
    now: datetime,
    rules: BreakerRules,
) -> list[UUID | None]:
    rows = [
        {
            "company_id": s.prepared.claimed.company_id,
            "request": s.prepared.batch_id or s.prepared.claimed.id,
            "delivered": s.result.outcome is AttemptOutcome.DELIVERED,
            "started_at": s.started_at,
            "finished_at": s.finished_at,
        }
        for s in settlements
        if may_pass(s.result) or s.result.outcome is AttemptOutcome.DELIVERED
    ]
    found = connection.execute(
        _SQL["evidence"],
        {
            "platform": platform.value,
            "since": now - rules.window,
            "now": now,
            "may_pass": _KINDS,
            "rows": drained_rows(rows),
        },
    ).all()
    together = [row for row in found if row.since_anybody]
    evidence = PlatformEvidence(sum(row.since_anybody for row in together), len(together))
    if platform_opens(evidence, rules):
        kinds = sorted(
            {
                s.result.error_kind.value
                for s in settlements
                if may_pass(s.result) and s.result.error_kind
            }
        )
        # Every company on the platform reads it: kinds only, no company's own error.
        whose = count(evidence.companies, "company", "companies")
        said = ", ".join(kind.replace("_", " ") for kind in kinds)
        failed = count(evidence.failures, "attempt")
        reason = f"{FACTS[platform].title}: {failed} of {whose} failed in a row ({said})"
        book.breakers[None] = opened(BreakerCause.PLATFORM, reason, now, rules)
        return [None]
    fresh: list[UUID | None] = []
    for row in found:
        evidence_of = ConnectionEvidence(row.failures, row.others_work)
        if row.company_id not in book.breakers and connection_opens(evidence_of, rules):
            errors = [
                s.result.error
                for s in settlements
                if s.prepared.claimed.company_id == row.company_id
            ]
            reason = next((e for e in errors if e), "its attempts fail while others arrive")
            book.breakers[row.company_id] = opened(BreakerCause.FAILING, reason, now, rules)
            fresh.append(row.company_id)
    return fresh


def _tally(
    breaker: Breaker, key: UUID | None, settlements: Sequence[Settlement]
) -> tuple[Tally, UUID | None]:
    """What the attempts under a breaker brought, and whose failed. Any answer but those that it was opened
    for shows that the platform works; one that says *too many* is no reason to send more."""
    delivered, failed, whose = 0, 0, None
    for one in settlements:
        company = one.prepared.claimed.company_id
        if key is not None and company != key:
            continue
        if _speaks_for(breaker, one) or one.result.error_kind is ErrorKind.RATE_LIMITED:
            failed, whose = failed + 1, company
        else:
            delivered += 1
    return Tally(delivered, failed), whose


def _speaks_for(breaker: Breaker, settlement: Settlement) -> bool:
    result = settlement.result
    return may_pass(result) or (breaker.cause is BreakerCause.REFUSED and is_refusal(result))


def _as_held(
    settlement: Settlement,
    before: dict[UUID | None, Breaker],
    now_held: dict[UUID | None, Breaker],
) -> Settlement:
    company = settlement.prepared.claimed.company_id
    for key in (None, company):
        breaker = before.get(key) or now_held.get(key)
        if breaker is None or not _speaks_for(breaker, settlement):
            continue
        # Nothing has failed that the delivery could help: it keeps its tries and its place.
        result = replace(settlement.result, outcome=AttemptOutcome.HELD)
        waits = settlement.closed_until or settlement.finished_at
        return replace(settlement, result=result, next_attempt_at=waits)
    return settlement


def _held(book: _Book) -> Held:
    still_open = [key for key, one in book.breakers.items() if one.state is BreakerState.OPEN]
    holding = [*book.breakers, *book.by_person]
    return Held(
        platform=None in holding,
        companies=frozenset(key for key in holding if key is not None),
        trials_too=frozenset([*still_open, *book.by_person]),
    )


def _keep(
    connection: Connection,
    platform: Platform,
    book: _Book,
    changed: dict[UUID | None, Breaker | None],
    now: datetime,
) -> None:
    rows: list[dict[str, Any]] = []
    for key, was in changed.items():
        breaker = book.breakers.get(key)
        known = breaker or was
        assert known is not None
        rows.append(
            {
                "company_id": key,
                "closed_until": known.next_probe_at
                if breaker and breaker.state is BreakerState.OPEN
                else now,
                "since": known.since,
                "reason": known.reason,
                "holds": breaker is not None,
                "state": (breaker.state if breaker else BreakerState.CLOSED).value,
                "cause": known.cause.value,
                "interval_seconds": known.interval.total_seconds(),
                "probing": known.probing if breaker else False,
                "step": known.step,
                "streak": known.streak,
                "avoid_company_id": book.avoid.get(key),
            }
        )
    connection.execute(
        _SQL["keep"], {"platform": platform.value, "rows": drained_rows(rows), "now": now}
    )
