"""A result is never forgotten: what a channel accepted is marked, whatever the database does meanwhile."""

# ruff: noqa: ARG002 - the stand-in has the outbox's signatures

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.alerting.channels.channel import Refused
from impact_in_pipelines.alerting.sender import Sender
from impact_in_pipelines.sla.incidents import Channel, ClaimedNotice, Notice, NoticeKind

from .helpers import NOON


class Outbox:
    """Notices in memory, in a database that fails to mark some times."""

    def __init__(self, failures: int) -> None:
        self.waiting = [
            ClaimedNotice(
                UUID(int=n), Channel.SLACK, 1, Notice(f"n{n}", NoticeKind.RUN_FAILED, NOON, False)
            )
            for n in range(2)
        ]
        self.failures = failures
        self.marked: list[UUID] = []

    def claim(
        self, channel: Channel, *, now: datetime, lease_until: datetime
    ) -> ClaimedNotice | None:
        return self.waiting.pop(0) if self.waiting and channel is Channel.SLACK else None

    def sent(self, claimed: ClaimedNotice, now: datetime) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        self.marked.append(claimed.id)

    def release(self, claimed: ClaimedNotice, again_at: datetime, error: str) -> None:
        raise AssertionError("nothing was refused")

    def channel_failures(self, channel: Channel) -> int:
        return 0

    def close_channel(
        self, claimed: ClaimedNotice, *, failures: int, until: datetime, error: str, now: datetime
    ) -> None:
        raise AssertionError("nothing was refused")


class Accepting:
    """A channel that takes everything."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def send(self, notice: Notice) -> Refused | None:
        self.taken.append(notice.key)
        return None


def sender(outbox: Outbox, channel: Accepting) -> Sender:
    clock = iter(float(n) for n in range(10_000))
    return Sender(
        outbox,
        {Channel.SLACK: channel},
        clock=lambda: NOON,
        seconds=5_000,
        lease=timedelta(minutes=2),
        stopwatch=lambda: next(clock),
        pause=lambda _: None,
    )


def test_an_accepted_notice_is_marked_although_the_database_failed_meanwhile() -> None:
    """The failure is told, and what was accepted is marked all the same: nobody hears it twice."""
    outbox, channel = Outbox(failures=3), Accepting()

    with pytest.raises(ConnectionError):
        sender(outbox, channel).run()

    assert (channel.taken, outbox.marked) == (["n0"], [UUID(int=0)])


def test_a_database_that_stays_away_does_not_hold_the_sender() -> None:
    """After its time the lease decides: the notice goes out again rather than never."""
    outbox, channel = Outbox(failures=10_000), Accepting()

    with pytest.raises(ConnectionError):
        sender(outbox, channel).run()

    assert outbox.marked == []
