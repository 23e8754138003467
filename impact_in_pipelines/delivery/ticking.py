"""What a minute's tick decides (design D2, D3): a pure function of what it has read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

WAITING_TOO_LONG = timedelta(seconds=90)
"""A drain that is running takes what falls due; if something has waited this long, it needs help."""


@dataclass(frozen=True, slots=True)
class DueState:
    """What the log says of one platform: instants (UTC) of the earliest fire and attempt, past or future,
    since when final deliveries have waited to be shown in Dagster, and when the first closed connection with
    something to send opens again (D12)."""

    next_fire: datetime | None = None
    next_attempt: datetime | None = None
    unrecorded_since: datetime | None = None
    reopens_at: datetime | None = None

    @property
    def next_due(self) -> datetime | None:
        """The earliest instant at which something is, or was, due."""
        known = (self.next_fire, self.next_attempt, self.reopens_at)
        return min((at for at in known if at), default=None)


@dataclass(frozen=True, slots=True)
class TickDecision:
    """Whether to request a drain, and the reason in words."""

    request: bool
    reason: str


def decide_tick(
    state: DueState, *, now: datetime, drains_waiting: int, drains_running: int
) -> TickDecision:
    """Request a drain if something is due and no drain is waiting or keeping up."""
    due = state.next_due if state.next_due is not None and state.next_due <= now else None
    unrecorded = state.unrecorded_since
    # A drain that is running shows its failures at its end; only one that was stopped leaves them behind.
    forgotten = (
        unrecorded is not None and not drains_running and now - unrecorded >= WAITING_TOO_LONG
    )
    if due is None and not forgotten:
        return TickDecision(False, _nothing_due(state, now))
    if drains_waiting:
        return TickDecision(False, "a drain is waiting to start and will take what is due")
    if due is None:
        return TickDecision(True, "deliveries of an interrupted run are not shown in Dagster yet")
    if drains_running and now - due < WAITING_TOO_LONG:
        return TickDecision(False, "the drain that is running will take what is due")
    return TickDecision(True, f"due since {due:%Y-%m-%d %H:%M:%S} UTC")


def _nothing_due(state: DueState, now: datetime) -> str:
    due = state.next_due
    if due is None:
        return "nothing is due, and no schedule is active"
    minutes = max(0, round((due - now).total_seconds() / 60))
    wait = "in less than a minute" if minutes == 0 else f"in {minutes} min"
    if minutes >= 120:
        wait = f"in {minutes // 60} h {minutes % 60:02d} min"
    text = f"nothing is due; the next delivery is due at {due:%Y-%m-%d %H:%M} UTC ({wait})"
    if state.reopens_at is not None:
        text += f"; what is held is tried again at {state.reopens_at:%Y-%m-%d %H:%M} UTC"
    return text
