"""Queueing corrections, and the policies that say when. Statements: corrections.sql.

A correction is a delivery of its own, with an id and a key that follow from what it corrects (D14). Of two
machines that ask for it at once, one makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.corrections.staleness import StaleDay, StaleFilter, stale_on
from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.identity import correction_id
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy, why_not
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import CorrectionNotStale
from impact_in_pipelines.platforms import Platform

_SQL = load("corrections/corrections")


@dataclass(frozen=True, slots=True)
class Corrections:
    """`queued`: each new delivery by the one that it corrects; `refused`: the others, with the reason; and
    where they go."""

    queued: Mapping[UUID, UUID] = field(default_factory=dict)
    refused: Mapping[UUID, ImpactInError] = field(default_factory=dict)
    platforms: frozenset[Platform] = frozenset()


class CorrectionStore:
    """Queues corrections of stale reports."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def policies(
        self, company_ids: Sequence[UUID] | None = None
    ) -> dict[tuple[UUID, Platform], CorrectionPolicy]:
        """Those that were set; a company without one on a platform is asked."""
        with self._engine.connect() as connection:
            return _policies(connection, company_ids)

    def policy(self, company_id: UUID, platform: Platform) -> CorrectionPolicy:
        """The company's policy on the platform, set or by default."""
        found = self.policies([company_id])
        return found.get((company_id, platform)) or CorrectionPolicy(company_id, platform)

    def set_policy(self, policy: CorrectionPolicy, *, actor: str, now: datetime) -> None:
        """Keep `policy`, audited as the doing of `actor`."""
        with self._engine.begin() as connection:
            key = (policy.company_id, policy.platform)
            before = _policies(connection, [policy.company_id]).get(key) or CorrectionPolicy(*key)
            values = _columns(policy)
            connection.execute(_SQL["set_policy"], values | {"now": now})
            changed = {
                name: value for name, value in values.items() if value != _columns(before)[name]
            }
            if changed:
                change = Change(
                    "corrections.policy",
                    f"corrections on {policy.platform.value}",
                    policy.company_id,
                    before={name: _columns(before)[name] for name in changed},
                    after=changed,
                )
                record(connection, [change], actor=actor, now=now)

    def correct(
        self, ids: Sequence[UUID], *, actor: str, now: datetime, company_ids: Sequence[UUID] | None
    ) -> Corrections:
        """Queue a correction of each of the deliveries `ids` that is stale; one refused doesn't stop the
        others. Another company's is refused as one that isn't stale."""
        if not ids:
            return Corrections()
        with self._engine.begin() as connection:
            wanted = StaleFilter(company_ids=company_ids, delivery_ids=ids)
            # Looked up for the due times, locked, and looked up again: what another machine has corrected
            # meanwhile is seen.
            before = _by_delivery(stale_on(connection, wanted, corrections=False).days)
            locked = [{"id": one.delivery_id, "due_at": one.due_at} for one in before.values()]
            connection.execute(_SQL["lock_corrected"], {"rows": rows_as_json(locked)})
            stale = _by_delivery(stale_on(connection, wanted).days)
            companies = list({one.company_id for one in stale.values()})
            policies = _policies(connection, companies)
            refused: dict[UUID, ImpactInError] = {}
            going: list[StaleDay] = []
            for id_ in dict.fromkeys(ids):
                one = stale.get(id_)
                if one is None:
                    refused[id_] = CorrectionNotStale()
                    continue
                key = (one.company_id, one.platform)
                policy = policies.get(key) or CorrectionPolicy(*key)
                if refusal := why_not(policy, one.correction_id, one.correction_status):
                    refused[id_] = refusal
                else:
                    going.append(one)
            queued = _add(connection, going, now)
            _note(
                connection, [one for one in going if one.delivery_id in queued], queued, actor, now
            )
        platforms = frozenset(one.platform for one in going if one.delivery_id in queued)
        return Corrections(queued, refused, platforms)

    def last_asked_for(
        self, company_ids: Sequence[UUID], since: datetime
    ) -> dict[tuple[UUID, Platform], datetime]:
        """When a correction of each company was last asked for on each platform, if after `since`."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["last_asked_for"], {"company_ids": list(company_ids), "since": since}
            )
            return {(row.company_id, Platform(row.platform)): row.at for row in rows}


def _by_delivery(days: Sequence[StaleDay]) -> dict[UUID, StaleDay]:
    return {one.delivery_id: one for one in days}


def _add(connection: Connection, going: Sequence[StaleDay], now: datetime) -> dict[UUID, UUID]:
    if not going:
        return {}
    called_off = {
        row.corrects: row.called_off
        for row in connection.execute(
            _SQL["called_off"],
            {
                "ids": [one.delivery_id for one in going],
                "company_ids": list({one.company_id for one in going}),
            },
        )
    }
    rows = []
    for one in going:
        number = one.correction + 1 + called_off.get(one.delivery_id, 0)
        rows.append(
            {
                "id": correction_id(one.delivery_id, number, one.current_hash),
                "corrects": one.delivery_id,
                "due_at": one.due_at,
                "correction": number,
            }
        )
    made = connection.execute(_SQL["add"], {"rows": rows_as_json(rows), "now": now})
    return {row.corrects: row.id for row in made}


def _note(
    connection: Connection,
    corrected: Sequence[StaleDay],
    queued: Mapping[UUID, UUID],
    actor: str,
    now: datetime,
) -> None:
    changes = [
        Change(
            "delivery.correct",
            f"delivery {queued[one.delivery_id]}",
            one.company_id,
            before=dict(one.delivered or {}),
            after={"corrects": str(one.delivery_id), "platform": one.platform.value, **one.current},
        )
        for one in corrected
    ]
    if changes:
        record(connection, changes, actor=actor, now=now)


def _policies(
    connection: Connection, company_ids: Sequence[UUID] | None
) -> dict[tuple[UUID, Platform], CorrectionPolicy]:
    values = {"company_ids": None if company_ids is None else list(company_ids)}
    rows = connection.execute(_SQL["policies"], values).mappings()
    found = [
        CorrectionPolicy(
            **{**row, "platform": Platform(row["platform"]), "policy": Policy(row["policy"])}
        )
        for row in rows
    ]
    return {(one.company_id, one.platform): one for one in found}


def _columns(policy: CorrectionPolicy) -> dict[str, Any]:
    return {
        "company_id": policy.company_id,
        "platform": policy.platform.value,
        "policy": policy.policy.value,
        "quiet_minutes": policy.quiet_minutes,
        "at_most_every_minutes": policy.at_most_every_minutes,
        "counts_twice_accepted": policy.counts_twice_accepted,
    }
