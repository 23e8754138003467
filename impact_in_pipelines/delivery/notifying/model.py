"""The words of notices to companies: what happened, on which channel it is sent, and how a try ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from impact_in_pipelines.delivery.showing.sanitising import sanitised


class NoticeEvent(StrEnum):
    """What a company can be notified of; the value is the `type` of a webhook."""

    DELIVERED = "delivery.delivered"
    FAILED = "delivery.failed"
    HELD = "delivery.held"
    RECOVERED = "delivery.recovered"
    LATE = "delivery.late"
    CORRECTED = "delivery.corrected"
    CORRECTION_UNDECIDED = "correction.undecided"
    WEEKLY_REPORT = "report.weekly_ready"
    CHANNEL_DISABLED = "channel.disabled"
    TEST = "channel.test"


CHOSEN = (
    NoticeEvent.FAILED,
    NoticeEvent.HELD,
    NoticeEvent.LATE,
    NoticeEvent.RECOVERED,
    NoticeEvent.DELIVERED,
    NoticeEvent.CORRECTED,
    NoticeEvent.CORRECTION_UNDECIDED,
    NoticeEvent.WEEKLY_REPORT,
)
"""What a channel may ask for. That another channel was switched off, every one is told, and a test is asked
for by itself."""

USUAL = (
    NoticeEvent.FAILED,
    NoticeEvent.HELD,
    NoticeEvent.LATE,
    NoticeEvent.RECOVERED,
    NoticeEvent.CORRECTION_UNDECIDED,
    NoticeEvent.WEEKLY_REPORT,
)
"""What a new channel asks for unless something else is said: what somebody has to know."""


def told(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a notice says of an event: an error's text without personal data, as the log shows it."""
    found = dict(data)
    delivery = found.get("delivery")
    if delivery and delivery.get("error"):
        found["delivery"] = {**delivery, "error": sanitised(delivery["error"])}
    return found


class Medium(StrEnum):
    """By which means a channel is reached."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"


class Digest(StrEnum):
    """When notices go out: each at once, or together."""

    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Message:
    """One notice for one channel. `failed_attempts` counts since it was last put into the queue, `attempts`
    in all; `data` is what a webhook carries."""

    id: UUID
    kind: NoticeEvent
    at: datetime
    data: Mapping[str, Any]
    attempts: int
    failed_attempts: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where to: `url` of a webhook or of Slack, `to` of an e-mail. Of webhooks the secrets that sign, the
    newest first. Its repr shows nothing of either."""

    url: str | None = field(default=None, repr=False)
    to: Sequence[str] = field(default=(), repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ClaimedChannel:
    """A channel in one sender's hands, and the messages that are to be sent on it, in order.

    `address` None: no key of this program reads it. `failures` in a row before, since `failing_since`.
    """

    id: UUID
    company_id: UUID
    company: str
    name: str
    medium: Medium
    digest: Digest
    language: str
    timezone: str
    address: Address | None
    failures: int
    failing_since: datetime | None
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class TryResult:
    """How one try ended. `error` is one line without secrets; None: it was accepted.

    `gone`: the receiver says that it wants nothing any more. `retry_after_s`: the wait it asked for.
    """

    latency_ms: float
    error: str | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What a try did to a message: it is to be tried again at `again_at`, given up, or accepted."""

    message: Message
    result: TryResult
    again_at: datetime | None = None
    gave_up: bool = False
