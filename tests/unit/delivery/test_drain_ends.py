"""When a drain ends: not before nothing is left that it may send."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from impact_in_pipelines.delivery.draining import drain as draining
from impact_in_pipelines.delivery.draining import sendqueue, waiting
from impact_in_pipelines.delivery.draining.sendqueue import HUNG_AGAIN_S
from impact_in_pipelines.delivery.model import Claimed

from .helpers import NOW, claimed
from .memory_log import MemoryLog
from .test_drain import Sender, drain
from .test_drain_edges import DEADLINE_S, until


@pytest.mark.parametrize("wait_s", [HUNG_AGAIN_S, 2 * HUNG_AGAIN_S])
def test_what_went_back_behind_a_slow_answer_is_sent_once_it_has_come(
    monkeypatch: pytest.MonkeyPatch, wait_s: float
) -> None:
    """Four drains on a busy machine had no answer for five seconds, gave back what waited for one, and ended
    with 1,500 of 12,000 put off by half a minute, though every request was answered a moment later.
    A run of its own gives back for a minute."""
    monkeypatch.setattr(sendqueue, "HUNG_AGAIN_S", wait_s)
    monkeypatch.setattr(draining, "_PATIENCE_S", 0.02)
    first, behind = claimed(), claimed()
    log = MemoryLog(due=[first, behind], put_back=[behind])
    sender = Sender(before=lambda: until(lambda: bool(log.released)))
    summary = drain(log, sender).run()

    assert log.released == {behind.id: (NOW, NOW + timedelta(seconds=wait_s))}
    assert log.called_forward == [log.released]
    assert sorted(sender.keys, key=str) == sorted([first.id, behind.id], key=str)
    assert (summary.delivered, summary.put_off) == (2, 0)


def test_what_stays_behind_an_account_without_an_answer_is_said_to_be_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would hold the drain for as long as the account hangs."""
    monkeypatch.setattr(draining, "_PATIENCE_S", 0.02)
    log = MemoryLog(due=[claimed(), claimed()])
    hung = ValueError("the connector never raises")

    def hang() -> None:
        until(lambda: bool(log.released))
        raise hung

    run = drain(log, Sender(before=hang))
    with pytest.raises(ValueError, match="never raises"):
        run.run()
    assert (run.summary.put_off, log.called_forward) == (1, [])


@dataclass
class LeavesOut(MemoryLog):
    """What is asked for beside the sending finds nothing, once all that was in hand has been recorded; the
    rest is due for whoever asks for all of it."""

    rest: list[Claimed] = field(default_factory=list)
    beside: Callable[[], None] = lambda: None

    def claim(self, *args: Any, **asked: Any) -> Sequence[Claimed]:
        if len(self.claims) == 1:
            self.claims.append((0, False))
            self.beside()
            until(lambda: len(self.settled) == 1)
            time.sleep(0.05)  # the coordinator finds nothing in hand, and this still under way
            self.due += self.rest
            return []
        return super().claim(*args, **asked)


def test_a_claim_that_left_some_out_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the sending nothing is claimed of companies of which enough waits. By the time of its answer all
    of that may have been sent, and theirs would be left due."""
    monkeypatch.setattr(draining, "_CLAIM_EVERY_S", 0.0)
    answered: list[bool] = []
    log = LeavesOut(due=[claimed()], rest=[claimed()], beside=lambda: answered.append(True))
    sender = Sender(before=lambda: until(lambda: bool(answered)))
    assert drain(log, sender).run().delivered == 2


def test_what_others_have_locked_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour's claim that is rolled back leaves its rows to nobody, if all have ended meanwhile."""
    monkeypatch.setattr(waiting, "_DOZE_S", 0.001)
    log = MemoryLog(locked=[3, 3, 0])
    summary = drain(log, Sender()).run()
    assert len(log.claims) == 2 * 3
    assert (summary.claimed, summary.locked) == (0, 0)


def test_what_stays_locked_does_not_hold_a_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that was forgotten in a transaction would. What is left is in the summary."""
    monkeypatch.setattr(waiting, "_DOZE_S", 0.001)
    monkeypatch.setattr(waiting, "OTHERS_S", 0.05)
    log = MemoryLog(locked=[7] * 1_000)
    began = time.monotonic()
    assert drain(log, Sender()).run().locked == 7
    assert time.monotonic() - began < DEADLINE_S


@dataclass
class LockedTwice(MemoryLog):
    """Others hold something for eight seconds, then this drain finds something, then they hold some again."""

    asked: int = 0

    def due_now(self, *args: Any) -> int:
        del args
        self.asked += 1
        if self.asked == 32:
            self.due.append(claimed())
        return 3 if self.asked < 64 else 0


def test_each_wait_for_others_is_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one of a drain that lives for minutes ended at once, by the clock of the first."""
    now = 1_000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(waiting, "time", clock)
    log = LockedTwice()
    summary = drain(log, Sender()).run()
    assert (summary.delivered, summary.locked) == (1, 0)
    assert log.asked == 64
    assert waiting.OTHERS_S < 63 * 0.25
