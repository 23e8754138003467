"""Ids and keys that follow from what they stand for (design D14).

Whoever has lost an evening of the database plans and sends it again under the same ids and keys, so that the
platform recognises what had arrived. Random ids would bring everything a second time.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

from impact_in_pipelines.platforms import Platform

_OURS = UUID("6f1d3c52-8a6e-5b1f-9d0a-2f6c1c7f4e21")
"""The namespace of everything here. It must never change: a key would then be another one."""


def fire_id(schedule_id: UUID, scheduled_for: datetime) -> UUID:
    """The delivery, and first key, of one fire (aware) of a schedule."""
    return uuid5(schedule_id, f"fire {scheduled_for.astimezone(UTC).isoformat()}")


def catch_up_id(missed: UUID) -> UUID:
    """The delivery that catches up a missed one."""
    return uuid5(missed, "catch-up")


def selected_id(run_id: str, platform: Platform, company_id: UUID, day: date) -> UUID:
    """The delivery, and first key, of one company-day that a run was started for."""
    return uuid5(_OURS, f"run {run_id} {platform.value} {company_id} {day.isoformat()}")


def correction_id(corrected: UUID, number: int, fingerprint: str) -> UUID:
    """The delivery, and first key, of a correction: of `corrected`, which of its report's it is (from 1), and
    the fingerprint of the figures that were found to have changed."""
    return uuid5(corrected, f"correction {number} {fingerprint}")


def revision_key(delivery_id: UUID, revision: int) -> UUID:
    """The idempotency key of a delivery's revision from the second on; the first one's is its id."""
    return uuid5(delivery_id, f"revision {revision}")


def batch_key(members: Iterable[tuple[UUID, str]]) -> UUID:
    """The key of a batch of deliveries and the hashes of their payloads: with other content it is another
    one, for one key never carries two bodies (D4)."""
    content = " ".join(sorted(f"{id_}:{payload_hash}" for id_, payload_hash in members))
    return uuid5(_OURS, f"batch {content}")
