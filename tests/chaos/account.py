"""The account of a trial: what was planned, what the log says, what the platforms accepted."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

from factories import World

from chaos.trial import Trial
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform

FINAL = frozenset({"success", "failed", "skipped"})
WILL_NOT_PASS = frozenset({ErrorKind.UNRESOLVED})
"""The only kind in which a trial's deliveries may end failed: too many workers died over one of them. No
platform refuses anything for good here, and the retries outlast every outage."""

What = tuple[str, str]
"""A company's slug and a day."""


@dataclass
class Account:
    """Nothing may be in `lost`, `twice` or `stuck`. `again`: contents that a platform took a second time
    under another key, once before a restore and once after (docs/guarantees.md says when)."""

    planned: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [
            f"{what}: {one}"
            for what in ("lost", "twice", "stuck", "wrong")
            for one in getattr(self, what)
        ]


def account(trial: Trial) -> Account:
    """Compare what was planned, the log and the platforms."""
    result = Account(wrong=list(trial.recoveries))
    expected = [*trial.planned, *trial.fires.values()]
    expected += [one for rows in trial.selected.values() for one in rows]
    result.planned = len(expected)
    rows = {
        row["id"]: row
        for row in trial.world.rows(
            "SELECT d.id, c.slug, d.platform, d.period_start, d.status, d.error_kind, d.last_error, "
            "d.next_attempt_at, d.attempt_count, d.claimed_by, d.batch_id, d.idempotency_key "
            "FROM impact_deliveries d JOIN companies c ON c.id = d.company_id"
        )
    }
    result.statuses = Counter(row["status"] for row in rows.values())
    result.lost += [f"{one} is not in the log" for one in expected if one.id not in rows]
    extra = rows.keys() - {one.id for one in expected}
    result.wrong += [f"nobody planned {dict(rows[id_])}" for id_ in extra]
    for row in rows.values():
        if row["status"] not in FINAL:
            result.stuck.append(str(dict(row)))
        if row["status"] == "failed" and row["error_kind"] not in WILL_NOT_PASS:
            result.wrong.append(f"failed, though it may pass: {dict(row)}")
    open_attempts = trial.world.scalars(
        "SELECT delivery_id FROM delivery_attempts WHERE outcome = 'started'"
    )
    result.stuck += [f"an attempt of {id_} has no end" for id_ in open_attempts]
    for platform in Platform:
        _compare(trial, platform, [r for r in rows.values() if r["platform"] == platform], result)
    return result


def _compare(trial: Trial, platform: Platform, rows: list[Any], result: Account) -> None:
    told: dict[str, set[What]] = {status: set() for status in FINAL}
    delivered: Counter[What] = Counter()
    for row in rows:
        what = (row["slug"], row["period_start"].isoformat())
        told.setdefault(row["status"], set()).add(what)
        delivered[what] += row["status"] == "success"
    found = trial.world.sandbox.client.accepted(platform.value)
    arrived = {(line["organizationId"], line["periodStart"]) for line in found["accepted"]}
    forgotten = _whats(trial.world, platform, trial)

    result.twice += [
        f"{platform.value}: key {line['key']} was accepted {line['timesAccepted']} times"
        for line in found["accepted"]
        if line["timesAccepted"] != 1
    ]
    for line in found["doubled"]:
        epochs = Counter(_epoch(trial, platform, key) for key in line["keys"])
        same_epoch = max(epochs.values()) > 1 or line["timesAccepted"] != len(line["keys"])
        of_it = {
            (one["organizationId"], one["periodStart"])
            for one in found["accepted"]
            if one["contentHash"] == line["contentHash"]
        }
        log = [
            f"{row['id']} {row['status']} key {row['idempotency_key']} batch {row['batch_id']}"
            for row in rows
            if (row["slug"], row["period_start"].isoformat()) in of_it
        ]
        (result.twice if same_epoch else result.again).append(
            f"{platform.value}: {sorted(of_it)} under {line['keys']}; the log has {log}"
        )
    result.twice += [
        f"{platform.value}: the log has {what} delivered {n} times"
        for what, n in delivered.items()
        if n > 1
    ]
    said = f"{platform.value}: the log calls it"
    result.lost += [f"{said} delivered: {w}" for w in told["success"] - arrived]
    result.lost += [f"{said} skipped: {w}" for w in told["skipped"] - told["success"]]
    unknown = arrived - told["success"] - told["failed"] - forgotten
    result.lost += [f"{platform.value}: it arrived and the log doesn't know: {w}" for w in unknown]


def _epoch(trial: Trial, platform: Platform, key: str) -> int:
    """How often the database had been put back when this key was accepted."""
    before = trial.dumps.accepted_before
    return next((n for n, keys in enumerate(before) if key in keys[platform]), len(before))


def _whats(world: World, platform: Platform, trial: Trial) -> Set[What]:
    slugs = {row["id"]: row["slug"] for row in world.rows("SELECT id, slug FROM companies")}
    return {
        (slugs[one.company_id], one.day.isoformat())
        for one in trial.forgotten
        if one.platform == platform
    }
