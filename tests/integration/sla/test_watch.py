"""The look at the SLA that remembers finds what a pass over everybody finds."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import World

from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.thresholds import SlaThresholds
from impact_in_pipelines.db.sla.watch import SlaWatch
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.alerts import SLA_TYPES
from impact_in_pipelines.sla.model import Breach, BreachType

MINUTE = timedelta(minutes=1)
NEVER = timedelta(days=30)
COMPANIES = 16

_WRITE = """
INSERT INTO impact_deliveries (id, company_id, platform, schedule_id, trigger, status, period_start,
    period_end, scheduled_for, idempotency_key, attempt_count, next_attempt_at, created_at, updated_at,
    delivered_at, failed_at)
SELECT gen_random_uuid(), s.company_id, s.platform, s.id, 'schedule', :status, CAST(:at AS date),
    CAST(:at AS date), :at, gen_random_uuid(), :attempts,
    CASE WHEN :status = 'pending' THEN CAST(:at AS timestamptz) END, :now, :now,
    CASE WHEN :status = 'success' THEN CAST(:ended AS timestamptz) END,
    CASE WHEN :status = 'failed' THEN CAST(:ended AS timestamptz) END
FROM scheduled_deliveries s WHERE s.id = :schedule
ON CONFLICT (schedule_id, scheduled_for) DO NOTHING"""


class Day:
    """A made-up day of some companies: what a drain, a planner and people do to the log, every change with
    its `updated_at`, as in the product."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)
        companies = world.companies(COMPANIES)
        self.schedules: list[UUID] = [
            id_ for platform in Platform for id_ in world.schedules(platform, companies)
        ]
        world.execute(
            "UPDATE scheduled_deliveries SET updated_at = CAST(:now AS timestamptz) - interval '1 hour', "
            "next_run = CAST(:now AS timestamptz) + interval '2 days'",
            now=world.clock(),
        )
        # A week that leaves the window while the day goes on, in which some were ill.
        for schedule in self.schedules:
            ill = self.rng.random() < 0.3
            for _ in range(6):
                ago = timedelta(days=7) - self.rng.random() * timedelta(days=1, hours=6)
                self.write(schedule, "failed" if ill else "success", ago=ago)

    def write(self, schedule: UUID, status: str, *, ago: timedelta) -> None:
        now = self.world.clock()
        at = now - ago
        ended = min(at + self.rng.random() * timedelta(minutes=14), now)
        attempts = 0 if status == "pending" else self.rng.choice((1, 1, 1, 2, 3))
        self.world.execute(
            _WRITE,
            schedule=schedule,
            status=status,
            at=at,
            ended=ended,
            attempts=attempts,
            now=max(ended, now - 4 * MINUTE) if ago < timedelta(hours=1) else ended,
        )

    def goes_on(self) -> None:
        """A few minutes pass, and a few things happen."""
        self.world.clock.advance(self.rng.randint(1, 17) * MINUTE)
        for _ in range(self.rng.randint(0, 2)):
            self.rng.choice(self._happenings())()

    def _happenings(self) -> list[Callable[[], None]]:
        chosen = self.rng.choice(self.schedules)
        soon = self.rng.random() * 3 * MINUTE
        return [
            lambda: self.write(chosen, "success", ago=soon),
            lambda: self.write(chosen, "success", ago=soon),
            lambda: self.write(chosen, "failed", ago=soon),
            lambda: self.write(chosen, "missed", ago=soon),
            lambda: self.write(chosen, "pending", ago=soon),
            lambda: self._change(chosen, "status = 'success', delivered_at = :now", "pending"),
            lambda: self._change(chosen, "status = 'success', delivered_at = :now", "failed"),
            lambda: self._reschedule(chosen, "next_run = :now"),
            lambda: self._reschedule(
                chosen, "next_run = CAST(:now AS timestamptz) + interval '1 day'"
            ),
            lambda: self._reschedule(chosen, "active = NOT active"),
            lambda: self._override(),
        ]

    def _change(self, schedule: UUID, what: str, status: str) -> None:
        self.world.execute(
            f"UPDATE impact_deliveries SET {what}, attempt_count = attempt_count + 1, updated_at = :now "
            "WHERE schedule_id = :schedule AND status = :status",
            schedule=schedule,
            status=status,
            now=self.world.clock(),
        )

    def _reschedule(self, schedule: UUID, what: str) -> None:
        self.world.execute(
            f"UPDATE scheduled_deliveries SET {what}, updated_at = :now WHERE id = :schedule",
            schedule=schedule,
            now=self.world.clock(),
        )

    def _override(self) -> None:
        company = CompanyStore(self.world.database.engine).find("c-1")
        values = {"latency_target_ms": 60_000.0} if self.rng.random() < 0.5 else {}
        SlaThresholds(self.world.database.engine, self.world.settings).put(
            company, None, values, now=self.world.clock(), actor="test"
        )


def comparable(breaches: list[Breach], *, burns: bool) -> dict[Any, Breach]:
    """By what they are about; a platform's percentiles are those of the last pass over everybody."""
    return {
        (one.company_id, one.platform, one.type): replace(one, details={})
        if one.type is BreachType.LATENCY and one.company_id is None
        else one
        for one in breaches
        if burns or one.type is not BreachType.BURN_RATE
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_looked_at_each_few_minutes_has_the_same_breaches(world: World, seed: int) -> None:
    """Incidents follow from the breaches alone, so they are the same too. One watch measures everybody once
    and from then on only who may have changed; the other everybody every ten minutes, which then finds the
    burn rates as well."""
    engine, settings = world.database.engine, world.settings
    store = SlaStatuses(engine, settings)
    once = SlaWatch(engine, settings, everybody_every=NEVER, most_touched=1.0)
    usual = SlaWatch(engine, settings, everybody_every=timedelta())
    day = Day(world, seed)
    seen: set[BreachType] = set()
    looks = of_some = 0
    ends = world.clock() + timedelta(days=1)
    while world.clock() < ends:
        day.goes_on()
        now = world.clock()
        expected = store.current(now).incidents_worth()
        assert comparable(once.breaches(now), burns=False) == comparable(expected, burns=False)
        if looks % 5 == 0:
            whole = comparable(usual.breaches(now), burns=True)
            assert whole == comparable(expected, burns=True)
        looks, of_some = looks + 1, of_some + (once.measured_everybody_at != now)
        seen |= {breach.type for breach in expected}

    assert of_some > looks / 2, f"{of_some} of {looks} looks"
    assert seen == SLA_TYPES


def test_a_look_that_fails_is_not_remembered(world: World) -> None:
    """Half of what changed would be missing ever after."""
    watch = SlaWatch(world.database.engine, world.settings)
    (company,) = world.companies()
    (schedule,) = world.schedules(Platform.GOODERA, [company])
    assert watch.breaches(world.clock()) == []
    world.execute(_WRITE, schedule=schedule, status="failed", at=world.clock() - MINUTE, attempts=4,
                  ended=world.clock(), now=world.clock())  # fmt: skip
    world.execute("ALTER TABLE sla_thresholds RENAME TO away")
    with pytest.raises(Exception, match="sla_thresholds"):
        watch.breaches(world.clock())
    world.execute("ALTER TABLE away RENAME TO sla_thresholds")

    assert [one.type for one in watch.breaches(world.clock())] == [
        BreachType.SUCCESS_RATE,
        BreachType.ON_TIME_RATE,
        BreachType.RETRY_SUCCESS_RATE,
    ] * 2
