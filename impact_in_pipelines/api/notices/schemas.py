"""Notices to companies on the wire: channels, what was sent on them, each try."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from impact_in_pipelines.api.http.schemas import NO_NUL, Flag, Input, Model, Moment

MediumName = Literal["email", "slack", "webhook"]
DigestName = Literal["at_once", "hourly", "daily"]
ChosenKind = Literal[
    "delivery.failed",
    "delivery.held",
    "delivery.late",
    "delivery.recovered",
    "delivery.delivered",
    "delivery.corrected",
    "correction.undecided",
    "report.weekly_ready",
]
KindName = Literal[
    "delivery.failed",
    "delivery.held",
    "delivery.late",
    "delivery.recovered",
    "delivery.delivered",
    "delivery.corrected",
    "correction.undecided",
    "report.weekly_ready",
    "channel.disabled",
    "channel.test",
]
StateName = Literal["sent", "failed", "waiting"]
LanguageName = Literal["en", "nb", "es", "uk"]

_Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=NO_NUL,
        description="what people call it",
        examples=["Our intranet"],
    ),
]
_Url = Annotated[
    str,
    Field(
        max_length=2000,
        pattern=NO_NUL,
        description="of a webhook or of Slack: where to, https and public; shown without its secret parts",
        examples=["https://example.org/notices"],
    ),
]
_To = Annotated[
    list[Annotated[str, Field(max_length=320, pattern=NO_NUL)]],
    Field(max_length=10, description="of e-mails: whom to", examples=[["kari@example.org"]]),
]
_Kinds = Annotated[
    list[ChosenKind],
    Field(
        max_length=7,
        description="what it is notified of",
        examples=[["delivery.failed", "delivery.late"]],
    ),
]
_Digest = Annotated[
    DigestName, Field(description="each at once, or together; webhooks always at once")
]
_Language = Annotated[LanguageName, Field(description="in which language it is written")]
_Zone = Annotated[
    str,
    Field(
        max_length=100,
        pattern=NO_NUL,
        description="in whose time zone times are written; absent: the company's",
        examples=["Europe/Oslo"],
    ),
]


class NewNoticeChannel(Input):
    """A channel to add: with `url` or `to`, as its medium needs."""

    name: _Name
    medium: MediumName = Field(description="by which means")
    url: _Url | None = None
    to: _To | None = None
    kinds: _Kinds | None = Field(None, description="what it is notified of; absent: what is usual")
    digest: _Digest = "at_once"
    language: _Language = "en"
    timezone: _Zone | None = None


class NoticeChannelBody(Input):
    """What is changed; absent or null stays as it is."""

    name: _Name | None = None
    url: _Url | None = None
    to: _To | None = None
    kinds: _Kinds | None = None
    digest: _Digest | None = None
    language: _Language | None = None
    timezone: _Zone | None = None
    enabled: Flag | None = Field(None, description="whether anything is sent on it")


class NoticeChannelView(Model):
    """A channel; its address is shown without its secret parts."""

    id: UUID
    company_id: UUID
    name: _Name
    medium: MediumName = Field(description="by which means")
    shown: str = Field(
        description="its address, as far as it may be shown", examples=["a@b.example"]
    )
    kinds: _Kinds
    digest: _Digest
    language: _Language
    timezone: _Zone
    enabled: bool = Field(description="whether anything is sent on it")
    disabled_reason: Literal["person", "failing", "gone"] | None = Field(
        description="why it is off: a person, failures for days, or the receiver wants no more"
    )
    disabled_at: Moment | None = Field(description="when it was switched off; null: it is on")
    failures: int = Field(description="failures in a row")
    failing_since: Moment | None = Field(description="when they began; null: it works")
    last_error: str | None = Field(description="the last failure in one line; null: it works")
    last_success_at: Moment | None = Field(description="when something was accepted last")
    old_secret_until: Moment | None = Field(
        description="until when messages are also signed with the old secret; null: they aren't"
    )
    created_by: str
    created_at: Moment
    updated_at: Moment
    waiting: int = Field(description="messages that are to be sent")
    given_up: int = Field(description="messages that were given up, and can be sent again")


class NoticeChannelList(Model):
    """A company's channels, the oldest first."""

    data: list[NoticeChannelView] = Field(description="the channels")


class MadeNoticeChannel(Model):
    """A channel that was made, or whose secret was."""

    channel: NoticeChannelView = Field(description="the channel")
    secret: str | None = Field(
        description="the secret with which a webhook is signed, shown only now; null for other "
        "channels, and when the answer is repeated",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class NoticeAttemptView(Model):
    """One try to send a message."""

    number: int
    at: Moment
    latency_ms: float = Field(description="milliseconds until the answer")
    accepted: bool = Field(description="whether it was taken")
    http_status: int | None
    error: str | None


class NoticeMessageView(Model):
    """One notice for one channel, and how its sending went."""

    id: UUID
    kind: KindName = Field(description="what it is about")
    at: Moment
    data: dict[str, Any] = Field(description="what a webhook carries as `data`")
    state: StateName = Field(description="accepted, given up, or to be sent")
    attempts: list[NoticeAttemptView]
    last_error: str | None = Field(description="the last failure in one line; null: none")
    created_at: Moment
    sent_at: Moment | None = Field(description="when it was accepted; null: it wasn't")
    gave_up_at: Moment | None = Field(description="when it was given up; null: it wasn't")
    next_attempt_at: Moment | None


class NoticeMessagePage(Model):
    """A page of a channel's log, newest first."""

    data: list[NoticeMessageView]
    next_cursor: str | None


class NoticeTest(Model):
    """How a test notice ended."""

    ok: bool = Field(description="whether it was taken")
    http_status: int | None
    latency_ms: float = Field(description="milliseconds until the answer")
    error: str | None


class SentAgain(Model):
    """Messages that are sent once more."""

    ids: list[UUID] = Field(description="their ids")
