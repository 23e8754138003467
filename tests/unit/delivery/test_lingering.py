"""A drain that waits for what falls due soon, by a clock that only its sleeping moves."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from impact_in_pipelines.delivery.draining import drain as draining
from impact_in_pipelines.delivery.draining import waiting, workerpool
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.draining.options import DrainOptions
from impact_in_pipelines.delivery.model import Refusal, Selection
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.states import ErrorKind

from .helpers import NOW, claimed
from .memory_log import Built, MemoryLog
from .test_drain import Budgets, Sender


class Clock:
    """Monotonic seconds that pass while somebody sleeps, and at no other time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def utc(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    @property
    def passed(self) -> float:
        """Seconds since the beginning."""
        return self.now - 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (draining, waiting, workerpool):
        monkeypatch.setattr(module, "time", clock)
    return clock


class FiringLog(MemoryLog):
    """A log in which one delivery falls due at an instant, and which counts when it was looked at."""

    def __init__(self, clock: Clock, after_s: float) -> None:
        super().__init__(planned=[claimed()])
        self._clock = clock
        self._after_s = after_s
        self.looked: list[float] = []

    def plan_due(self, *args: object, **kwargs: object) -> int:
        del args, kwargs
        self.looked.append(self._clock.passed)
        if self._clock.passed >= self._after_s and self.planned:
            self.due.append(self.planned.pop())
            return 1
        return 0


def lingering(
    clock: Clock,
    log: MemoryLog,
    next_due: Callable[[], datetime | None],
    *,
    linger_s: float = 60.0,
    settled: Callable[[], None] = lambda: None,
    stop: Callable[[], bool] = lambda: False,
    source: Built | None = None,
    tick_every: timedelta = timedelta(minutes=1),
) -> Drain:
    return Drain(
        log=log,
        connector=Sender(),
        payloads=source or Built(),
        budgets=Budgets(),
        plan=RetryPlan(),
        options=DrainOptions(chunk=4, linger=timedelta(seconds=linger_s), tick_every=tick_every),
        clock=clock.utc,
        next_due=next_due,
        on_settled=settled,
        should_stop=stop,
    )


def test_what_falls_due_soon_is_waited_for_and_sent_at_once(clock: Clock) -> None:
    """Within a second, though it was added meanwhile; what has arrived is shown before the wait."""
    log, shown = FiringLog(clock, 30.0), []
    due = NOW + timedelta(seconds=30)
    drain = lingering(
        clock, log, lambda: due if log.planned else None, settled=lambda: shown.append(clock.passed)
    )
    found = drain.run()
    assert (found.planned, found.delivered) == (1, 1)
    looks = sorted({at for at in log.looked if at < 30.0})
    assert looks == [float(second) for second in range(30)]
    assert 30.0 in log.looked
    assert shown[0] == 0.0
    assert max(clock.slept) <= 0.25  # so that it hears of a stop


@pytest.mark.parametrize(("ahead_s", "waits"), [(60.0, True), (60.001, False)])
def test_it_waits_for_what_is_due_within_its_patience(
    clock: Clock, ahead_s: float, waits: bool
) -> None:
    """As long as it may linger, and for nothing later."""
    log = FiringLog(clock, ahead_s)
    due = NOW + timedelta(seconds=ahead_s)
    found = lingering(clock, log, lambda: due if log.planned else None).run()
    assert (found.delivered == 1) is waits
    assert bool(clock.slept) is waits


@pytest.mark.parametrize(
    ("every", "ends_s"), [(1, (560.0, 561.0)), (5, (560.0, 561.0)), (20, (600.0, 601.0))]
)
def test_a_drain_of_almost_ten_minutes_ends_just_before_a_tick(
    clock: Clock, every: int, ends_s: tuple[float, float]
) -> None:
    """Its run would otherwise never show its failures. What falls due in the seconds until the tick waits
    for the next drain; a tick that found this one running would start none. It began 30 seconds after
    midnight; of ticks every twenty minutes the next one comes too late."""
    drain = lingering(
        clock,
        MemoryLog(),
        lambda: clock.utc() + timedelta(seconds=20),
        tick_every=timedelta(minutes=every),
    )
    drain.run()
    assert ends_s[0] <= clock.passed <= ends_s[1]


def test_what_is_overdue_already_is_looked_for_again_in_a_moment(clock: Clock) -> None:
    """Another drain has it: a hundredth of a second is no busy loop."""
    ends = NOW + timedelta(seconds=0.05)
    log = MemoryLog()
    lingering(clock, log, lambda: NOW if clock.utc() < ends else None).run()
    assert clock.slept
    assert all(seconds <= 0.0101 for seconds in clock.slept)
    assert clock.passed == pytest.approx(0.05, abs=0.011)


def test_nobody_waits_without_a_reason(clock: Clock) -> None:
    """No patience set, a selection of its own, a failure to show, or nothing due at all."""

    def soon() -> datetime:
        return clock.utc() + timedelta(seconds=5)

    lingering(clock, MemoryLog(), soon, linger_s=0.0).run()
    lingering(clock, MemoryLog(), soon).run(Selection(run_id="run-1"))
    lingering(clock, MemoryLog(), lambda: None).run()
    refusal = Built(Refusal(ErrorKind.DATA_QUALITY, "no"))
    failed = lingering(clock, MemoryLog(due=[claimed()]), soon, source=refusal).run()
    assert failed.failed == 1
    assert clock.slept == []


def test_a_stop_ends_the_wait(clock: Clock) -> None:
    """Within a quarter of a second."""
    lingering(
        clock,
        MemoryLog(),
        lambda: NOW + timedelta(seconds=50),
        stop=lambda: clock.passed >= 10.0,
    ).run()
    assert 10.0 <= clock.passed <= 10.25
