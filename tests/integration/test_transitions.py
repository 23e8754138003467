"""Every statement that writes a delivery's status keeps to the table of transitions, and uses all of it."""

import json
import re
from datetime import timedelta
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from factories import YESTERDAY, World

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import OPEN, TRANSITIONS, DeliveryStatus
from impact_in_pipelines.platforms import Platform

TABLE = {(one.old, one.new) for one in TRANSITIONS}
Seen = set[tuple[DeliveryStatus | None, DeliveryStatus]]
S = DeliveryStatus

_MAKES = re.compile(r"INSERT INTO impact_deliveries\b")
_CHANGES = re.compile(
    r"UPDATE impact_deliveries\b[^=]*?\bSET\b(?:(?!\bWHERE\b).)*?(?<![.\w])status = ", re.DOTALL
)


def writers(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Subject and name of every statement in db/ that `pattern` finds."""
    root = Path(str(files("impact_in_pipelines.db")))
    found = []
    for path in sorted(root.rglob("*.sql")):
        subject = path.relative_to(root).with_suffix("").as_posix()
        found += [
            (subject, name)
            for name, statement in load(subject).items()
            if pattern.search(statement.text)
        ]
    return found


def row_in(
    world: World, status: DeliveryStatus, company: UUID, schedule: UUID, *, failed_before: bool
) -> UUID:
    """A delivery in `status` that any statement could mean: claimed, selected, sent, taken back."""
    (id_,) = world.scalars(
        """INSERT INTO impact_deliveries (company_id, platform, schedule_id, trigger, status, period_start,
               period_end, scheduled_for, idempotency_key, next_attempt_at, selected_by, claimed_by,
               attempt_count, taken_back_at, dagster_run_id, failed_attempts, failed_at)
           VALUES (:company, 'benevity', :schedule, 'schedule', :status, :day, :day, :now,
               gen_random_uuid(), CASE WHEN :open THEN CAST(:now AS timestamptz) END, :run, 'me', :attempts,
               CASE WHEN :taken_back THEN CAST(:now AS timestamptz) END, 'run', :failures,
               CASE WHEN :failures > 0 THEN CAST(:now AS timestamptz) END)
           RETURNING id""",
        company=company,
        schedule=schedule,
        status=status.value,
        day=YESTERDAY,
        now=world.clock() - timedelta(minutes=5),
        open=status in OPEN,
        run="run",
        attempts=1 if status is S.IN_PROGRESS else 0,
        taken_back=status in (S.FAILED, S.PENDING),
        failures=int(failed_before),
    )
    found: UUID = id_
    return found


def parameters(
    world: World, id_: UUID, company: UUID, schedule: UUID, **settled: Any
) -> dict[str, Any]:
    """What any of the statements may ask for, so that it means the one row."""
    now = world.clock()
    record = {
        "id": str(id_), "attempt_number": 1, "failed": 0, "unspent": 0, "keeps_batch": False,
        "next_attempt_at": now.isoformat(), "finished_at": now.isoformat(), "kind": "rejected",
        "message": "no", "whole_batch": False, "new_key": str(uuid4()), "company_id": str(company),
        "schedule_id": str(schedule), "timezone": "UTC", "day": str(YESTERDAY),
        "arrived_at": (now + timedelta(seconds=1)).isoformat(), "period_start": str(YESTERDAY),
        "period_end": str(YESTERDAY), "attempts": 1, **settled,
    }  # fmt: skip
    return {
        "rows": json.dumps([record]), "ids": [id_, schedule], "now": now, "at": now, "worker": "me",
        "error": "no", "why": "called off", "kind": "rejected", "platform": "benevity",
        "run_id": "run", "company_ids": None,
        "dagster_run_id": None, "lease_until": now, "limit": 10, "lost_error": "lost",
        "may_have_arrived": ["timeout"], "orphaned_before": now, "suspect_from": 2, "suspects": False,
        "held_back": [], "urgent_only": False, "scan": 10, "each": 10, "share": 10, "trials": None,
        "next_attempt_at": now, "force": False, "trigger": "manual", "company_id": company,
        "due_from": "-infinity", "due_until": "infinity", "corrected_from": "-infinity",
    }  # fmt: skip


def changes_of(world: World, subject: str, name: str, **settled: Any) -> Seen:
    """What the statement makes of a row in each status."""
    seen: Seen = set()
    for old, failed_before in product(DeliveryStatus, (False, True)):
        world.execute("TRUNCATE impact_deliveries, scheduled_deliveries, companies CASCADE")
        (company,) = world.companies()
        (schedule,) = world.schedules(Platform.BENEVITY, [company])
        id_ = row_in(world, old, company, schedule, failed_before=failed_before)
        before = world.delivery(id_)["change_seq"]
        statement = load(subject)[name]
        values = parameters(world, id_, company, schedule, **settled)
        unknown = sorted(statement.compile().params.keys() - values.keys())
        assert not unknown, (
            f"{subject}.sql, {name}: parameters() above gives no value for {unknown}"
        )
        with world.database.engine.begin() as connection:
            connection.execute(statement, values)
        after = world.delivery(id_)
        if after["change_seq"] != before:
            seen.add((old, DeliveryStatus(after["status"])))
    return seen


def test_every_statement_keeps_to_the_table_and_nothing_in_it_is_idle(world: World) -> None:
    """A machine that only its own test ran once allowed what no statement does, and the other way round."""
    made: Seen = {
        (None, S.PENDING),
        (None, S.MISSED),
    }  # the table's constraint and the next test see to it
    seen: dict[tuple[str, str], Seen] = {}
    for subject, name in writers(_CHANGES):
        if name == "settle":
            ends = (S.SUCCESS, S.RETRYING, S.FAILED, S.PENDING)
            seen[subject, name] = set().union(
                *(changes_of(world, subject, name, status=end.value) for end in ends)
            )
        else:
            seen[subject, name] = changes_of(world, subject, name)
    strays = {where: found - TABLE for where, found in seen.items() if found - TABLE}
    assert strays == {}
    assert [where for where, found in seen.items() if not found] == []
    assert set().union(made, *seen.values()) == TABLE


def test_rows_are_made_pending_or_missed() -> None:
    """No statement makes a row in another status: fires say theirs, the others write it out."""
    for subject, name in writers(_MAKES):
        statement = load(subject)[name].text
        assert "'pending'" in statement or "f.status" in statement, (subject, name)
        others = {f"'{status}'" for status in DeliveryStatus} - {"'pending'", "'missed'"}
        values = statement.split("WHERE")[0].split("JOIN")[0]
        assert not [one for one in others if one in values], (subject, name)
