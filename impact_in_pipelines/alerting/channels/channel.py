"""What a channel is to its sender: something that takes a notice, or says why not."""

from dataclasses import dataclass
from typing import Protocol

from impact_in_pipelines.sla.incidents import Notice


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a notice wasn't taken: one line without secrets.

    `alone`: the fault is this message's, others may be taken. `retry_after_s`: the wait that was asked for.
    """

    error: str
    alone: bool = False
    retry_after_s: float | None = None


class AlertChannel(Protocol):
    """Sends notices to one place."""

    def send(self, notice: Notice) -> Refused | None:
        """Send it; None: it was accepted. Raises nothing for what the network or the other side does."""


def asked_wait_s(header: str | None) -> float | None:
    """The seconds of a Retry-After header, an hour at most; dates, which neither service sends, are not
    read (RFC 9110, section 10.2.3)."""
    text = (header or "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
