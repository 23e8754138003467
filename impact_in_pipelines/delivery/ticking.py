"""What a minute's tick decides (design D2, D3): a pure function of what it has read."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

WAITING_TOO_LONG = timedelta(seconds=90)
"""A drain that is running takes what falls due; if something has waited this long, it needs help."""

A_DRAINS_WORTH = 2_000
"""A second drain for more than so many: its start-up costs as much as sending a thousand."""


@dataclass(frozen=True, slots=True)
class DueState:
    """What the log says of one platform: instants (UTC) of the earliest fire and attempt, past or future,
    since when final deliveries have waited to be shown in Dagster, and when the first closed connection with
    something to send opens again (D12). `due`: how many deliveries and fires are due, if it matters."""

    next_fire: datetime | None = None
    next_attempt: datetime | None = None
    unrecorded_since: datetime | None = None
    reopens_at: datetime | None = None
    due: int = 0

    @property
    def next_due(self) -> datetime | None:
        """The earliest instant at which something is, or was, due."""
        known = (self.next_fire, self.next_attempt, self.reopens_at)
        return min((at for at in known if at), default=None)


@dataclass(frozen=True, slots=True)
class TickDecision:
    """How many drains to request, and the reason in words."""

    drains: int
    reason: str

    @property
    def request(self) -> bool:
        """Whether to request any."""
        return bool(self.drains)


def decide_tick(
    state: DueState, *, now: datetime, drains_waiting: int, drains_running: int, most: int = 2
) -> TickDecision:
    """Request as many drains as what is due needs, up to `most`, those that wait or run included."""
    due = state.next_due if state.next_due is not None and state.next_due <= now else None
    unrecorded = state.unrecorded_since
    # A drain that is running shows its failures at its end; only one that was stopped leaves them behind.
    forgotten = (
        unrecorded is not None and not drains_running and now - unrecorded >= WAITING_TOO_LONG
    )
    if due is None and not forgotten:
        return TickDecision(0, _nothing_due(state, now))
    if due is None:
        if drains_waiting:
            return TickDecision(0, "a drain is waiting to start and will take what is due")
        return TickDecision(1, "deliveries of an interrupted run are not shown in Dagster yet")
    needed = max(1, math.ceil(state.due / A_DRAINS_WORTH))
    if drains_running and now - due >= WAITING_TOO_LONG:
        needed = max(needed, drains_running + 1)
    missing = min(needed, most) - drains_waiting - drains_running
    if missing > 0:
        count = f"; {state.due} in all" if needed > 1 and state.due else ""
        return TickDecision(missing, f"due since {due:%Y-%m-%d %H:%M:%S} UTC{count}")
    if drains_waiting:
        return TickDecision(0, "a drain is waiting to start and will take what is due")
    running = "drain that is" if drains_running < 2 else "drains that are"
    return TickDecision(0, f"the {running} running will take what is due")


def _nothing_due(state: DueState, now: datetime) -> str:
    due = state.next_due
    if due is None:
        return "nothing is due, and no schedule is active"
    minutes = max(0, round((due - now).total_seconds() / 60))
    wait = "in less than a minute" if minutes < 1 else f"in {minutes} min"
    if minutes >= 120:
        wait = f"in {minutes // 60} h {minutes % 60:02d} min"
    text = f"nothing is due; the next delivery is due at {due:%Y-%m-%d %H:%M} UTC ({wait})"
    if state.reopens_at is not None:
        text += f"; what is held is tried again at {state.reopens_at:%Y-%m-%d %H:%M} UTC"
    return text
