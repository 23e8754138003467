"""Sends what the outbox holds, in order, and marks as sent only what was accepted.

A notice is claimed under a lease, sent, and marked. A sender that dies before it has sent leaves the notice
to the next one when the lease ends. One that dies between the other side's acceptance and the mark leaves a
notice that is sent twice: to PagerDuty that is one event (`dedup_key`); Slack's webhooks know no such key, so
there it is a second message. No order of the two steps closes that window; the other order would lose one. A
database that fails at that moment is no such death: the sender keeps what was accepted and marks it as soon
as the outbox takes it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from impact_in_pipelines.alerting.channels.channel import AlertChannel, Refused
from impact_in_pipelines.sla.incidents import Channel, ClaimedNotice

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=5)
_MARKED_FOR_S, _MARK_AGAIN_S = 20.0, 0.5
_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """Where notices wait."""

    def claim(
        self, channel: Channel, *, now: datetime, lease_until: datetime
    ) -> ClaimedNotice | None:
        """The oldest notice of `channel` that may be sent now, held until `lease_until`; None: none."""

    def sent(self, claimed: ClaimedNotice, now: datetime) -> None:
        """It was accepted; the channel works."""

    def release(self, claimed: ClaimedNotice, again_at: datetime, error: str) -> None:
        """Release the notice, unsent: it alone is tried again at `again_at`."""

    def channel_failures(self, channel: Channel) -> int:
        """How often in a row the channel has failed."""

    def close_channel(
        self,
        claimed: ClaimedNotice,
        *,
        failures: int,
        until: datetime,
        error: str,
        now: datetime,
    ) -> None:
        """Nothing is to be sent on its channel before `until`."""


@dataclass(slots=True)
class Sent:
    """What one round came to: notices accepted by channel, and one line for each that wasn't."""

    accepted: dict[Channel, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.accepted.values())


class Sender:
    """Empties the outbox into `channels`. `seconds` bounds a round (it runs in a Dagster tick, which must
    not last): no notice is begun after that; `lease` must outlast one notice's time-out by far."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[Channel, AlertChannel],
        *,
        clock: Callable[[], datetime],
        seconds: float = 20.0,
        lease: timedelta = timedelta(minutes=2),
        stopwatch: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._clock = clock
        self._seconds = seconds
        self._lease = lease
        self._stopwatch = stopwatch
        self._pause = pause
        self._unmarked: list[ClaimedNotice] = []

    def run(self) -> Sent:
        """Send until nothing may be sent now, or the time is up. What fails is put off, never dropped.

        Raises what the outbox does, once what was accepted is marked, or can't be within the lease.
        """
        try:
            return self._run()
        finally:
            self._mark_at_the_end()

    def _run(self) -> Sent:
        done = Sent()
        until = self._stopwatch() + self._seconds
        before = -1
        # Once more while something went out: what was written meanwhile must not wait for the next round.
        while done.total > before:
            before = done.total
            for name, channel in self._channels.items():
                self._empty(name, channel, until, done)
        return done

    def _empty(self, name: Channel, channel: AlertChannel, until: float, done: Sent) -> None:
        while self._stopwatch() < until:
            now = self._clock()
            claimed = self._outbox.claim(name, now=now, lease_until=now + self._lease)
            if claimed is None:
                return
            refused = channel.send(claimed.notice)
            if refused is None:
                self._unmarked.append(claimed)
                self._mark()
                done.accepted[name] = done.accepted.get(name, 0) + 1
            else:
                done.troubles.append(f"{name}: {refused.error}")
                self._release(claimed, refused)

    def _mark(self) -> None:
        """Mark what was accepted, each notice off the list only when the outbox has taken it."""
        while self._unmarked:
            self._outbox.sent(self._unmarked[0], self._clock())
            del self._unmarked[0]

    def _mark_at_the_end(self) -> None:
        """Once more after a failure, while nobody else may claim what was accepted: to mark is repeatable,
        to send is not."""
        until = self._stopwatch() + min(_MARKED_FOR_S, self._lease.total_seconds() / 2)
        while self._unmarked:
            try:
                self._mark()
            except Exception:
                if self._stopwatch() >= until:
                    _log.exception("%s accepted notices stay unmarked", len(self._unmarked))
                    return  # whatever went wrong first is on its way to the caller
                self._pause(_MARK_AGAIN_S)

    def _release(self, claimed: ClaimedNotice, refused: Refused) -> None:
        """A message that is refused for its own sake waits alone; otherwise its whole channel does, so that
        nothing overtakes and one call at a time asks whether the other side is back."""
        now = self._clock()
        if refused.alone:
            again_at = now + wait(claimed.attempts, refused.retry_after_s)
            self._outbox.release(claimed, again_at, refused.error)
            return
        failures = self._outbox.channel_failures(claimed.channel) + 1
        self._outbox.close_channel(
            claimed,
            failures=failures,
            until=now + wait(failures, refused.retry_after_s),
            error=refused.error,
            now=now,
        )


def wait(failures: int, retry_after_s: float | None = None) -> timedelta:
    """30 s after the first failure, doubling up to 5 minutes, or the longer wait that was asked for."""
    doubled = min(FIRST_WAIT * (1 << min(failures - 1, 10)), LONGEST_WAIT)
    return max(doubled, timedelta(seconds=retry_after_s or 0))
