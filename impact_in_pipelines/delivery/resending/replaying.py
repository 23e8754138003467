"""Which deliveries can be sent again, and how (design D11): a pure decision."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.delivery.states import OPEN, DeliveryStatus
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import (
    DeliveryUnknown,
    ReplayArrived,
    ReplayBatchUnsettled,
    ReplayBeingSent,
    ReplayCancelled,
    ReplayMissed,
    ReplayOnItsWay,
    ReplaySkipped,
    ReplayUnconfirmed,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that is to be replayed, or one that went out in a batch with it.

    `may_have_arrived`: it has a batch, and an attempt of that batch went out without our knowing how it
    ended.
    """

    id: UUID
    status: DeliveryStatus
    batch_id: UUID | None
    delivered_at: datetime | None
    next_attempt_at: datetime | None
    duplicate_of: UUID | None
    may_have_arrived: bool


@dataclass(slots=True)
class ReplayPlan:
    """`again`: failed rows that go back to the queue; `in_batch`: failed rows of batches that are repeated
    whole; `anew`: successes that get a new row; `refused`: the others, with the reason."""

    again: list[UUID] = field(default_factory=list)
    in_batch: list[UUID] = field(default_factory=list)
    anew: list[UUID] = field(default_factory=list)
    refused: dict[UUID, ImpactInError] = field(default_factory=dict)


def plan_replay(
    asked: Sequence[UUID],
    candidates: Iterable[Candidate],
    *,
    window_start: datetime,
    force: bool,
    renew: bool = True,
) -> ReplayPlan:
    """What becomes of each of `asked`; `candidates` are they and the other members of their batches.

    A success delivered after `window_start` is sent again only with `force`, and none at all unless
    `renew`.
    """
    plan = ReplayPlan()
    by_id = {candidate.id: candidate for candidate in candidates}
    batches = _unresolved(by_id.values())
    for id_ in dict.fromkeys(asked):
        candidate = by_id.get(id_)
        if candidate is None:
            plan.refused[id_] = DeliveryUnknown(str(id_))
        elif candidate.status is DeliveryStatus.FAILED:
            _send_again(plan, candidate, batches)
        elif candidate.status is DeliveryStatus.SUCCESS:
            if candidate.delivered_at and candidate.delivered_at > window_start and not force:
                plan.refused[id_] = ReplayArrived(candidate.delivered_at)
            elif not renew:
                plan.refused[id_] = ReplayUnconfirmed()
            else:
                plan.anew.append(id_)
        else:
            plan.refused[id_] = _why_not(candidate)
    return plan


def _unresolved(candidates: Iterable[Candidate]) -> Mapping[UUID, list[Candidate]]:
    """The batches of which nobody knows whether they arrived, with their members.

    A batch went out under its own key. Sent singly now, its records would arrive a second time if it had
    arrived, for the platform has never seen their own keys; and with fewer or other records its key would
    carry a second body. So it is repeated as it was frozen, all of it, under its key (D4): a member can't be
    rebuilt from today's data before that has settled what arrived. A batch that was answered plainly, or
    whose success a platform took back, is settled: its records go singly, under keys of their own.
    """
    batches: dict[UUID, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.batch_id is not None:
            batches[candidate.batch_id].append(candidate)
    return {
        batch_id: members
        for batch_id, members in batches.items()
        if any(member.may_have_arrived for member in members)
        and all(member.delivered_at is None for member in members)
    }


def _send_again(
    plan: ReplayPlan, candidate: Candidate, batches: Mapping[UUID, list[Candidate]]
) -> None:
    members = batches.get(candidate.batch_id) if candidate.batch_id else None
    if members is None:
        plan.again.append(candidate.id)
    elif any(member.status is not DeliveryStatus.FAILED for member in members):
        plan.refused[candidate.id] = ReplayBatchUnsettled()
    else:
        known = set(plan.in_batch)
        plan.in_batch.extend(member.id for member in members if member.id not in known)


def _why_not(candidate: Candidate) -> ImpactInError:
    if candidate.status in OPEN:
        if candidate.status is DeliveryStatus.IN_PROGRESS or candidate.next_attempt_at is None:
            return ReplayBeingSent()
        return ReplayOnItsWay(candidate.next_attempt_at)
    match candidate.status:
        case DeliveryStatus.SKIPPED:
            return ReplaySkipped(candidate.duplicate_of)
        case DeliveryStatus.MISSED:
            return ReplayMissed()
        case _:
            return ReplayCancelled()
