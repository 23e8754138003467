"""What the records of a chain say together: which count, what call-backs did, and the service levels."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

Record = dict[str, Any]
"""The JSON object of one link (`add_evidence`, db/schema/evidence/functions.py)."""

REMOVED = "removed"
"""The status of a link whose delivery was deleted: a fire that a wrong clock had planned ahead."""

_SENT_AGAIN = ("replay", "correction")
_COUNTED = ("successful", "failed", "missed")


def reports_within(record: Mapping[str, Any], first: date, last: date) -> bool:
    """Whether a record's delivery reports on a day from `first` to `last`."""
    start, end = (date.fromisoformat(day) for day in record["period"])
    return start <= last and end >= first


def call_back_of(before: Mapping[str, Any] | None, record: Mapping[str, Any]) -> str | None:
    """What a call-back did that `record` tells of, which follows `before` of the same delivery: `taken_back`,
    `restored`, or None where it tells of none."""
    was_back = (before or {}).get("taken_back_at")
    is_back = record.get("taken_back_at")
    if record["status"] == "failed" and is_back and is_back != was_back:
        return "taken_back"
    if record["status"] == "success" and was_back and not is_back and before:
        sent_again = record.get("revision", 1) != before.get("revision", 1)
        return None if sent_again else "restored"
    return None


def service_levels(
    records: Iterable[Mapping[str, Any]], latency_target_ms: Mapping[str, float]
) -> dict[str, Any]:
    """What the last records of deliveries say of each platform (D7, D11, D17), as fractions and counts.

    `latency_target_ms` has the target of each platform. On time: within the target, of what was due and
    isn't a backfill, for which nobody promised an instant.
    """
    counts: dict[str, Counter[str]] = {}
    for record in records:
        fate = _fate(record)
        count = counts.setdefault(record["platform"], Counter())
        count[fate] += 1
        if fate in _COUNTED and record["trigger"] != "backfill":
            count["timed"] += 1
            count["on_time"] += (
                fate == "successful"
                and _latency_ms(record) <= (latency_target_ms[record["platform"]])
            )
        count["recovered"] += fate == "failed" and record["status"] == "success"
    return {
        platform: _levels(count, latency_target_ms[platform])
        for platform, count in sorted(counts.items())
    }


def _fate(record: Mapping[str, Any]) -> str:
    status, failed = record["status"], "failed_at" in record
    if status == "cancelled" and not failed:
        return "cancelled"
    if record["trigger"] in _SENT_AGAIN:
        return "sent_again"
    if failed or status == "failed":
        return "failed"
    return "successful" if status == "success" else str(status)


def _latency_ms(record: Mapping[str, Any]) -> float:
    arrived, due = (datetime.fromisoformat(record[name]) for name in ("delivered_at", "due"))
    return (arrived - due).total_seconds() * 1000


def _levels(count: Counter[str], target_ms: float) -> dict[str, Any]:
    due = sum(count[fate] for fate in _COUNTED)
    return {
        "due": due,
        **{fate: count[fate] for fate in _COUNTED},
        **{name: count[name] for name in ("recovered", "skipped", "cancelled", "sent_again")},
        "success_rate": count["successful"] / due if due else None,
        "timed": count["timed"],
        "on_time": count["on_time"],
        "on_time_rate": count["on_time"] / count["timed"] if count["timed"] else None,
        "latency_target_ms": target_ms,
    }
