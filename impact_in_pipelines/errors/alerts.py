"""Refusals about incidents, maintenance windows and notices to companies."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


@refusal("incident.unknown")
class IncidentUnknown(NotFound):
    """No incident has this id, or none that the caller may see."""

    incident: str


@refusal("incident.closed")
class IncidentClosed(Conflict):
    """The incident is over: nobody needs to be on it."""

    incident: UUID


@refusal("incident.acknowledged")
class IncidentAcknowledged(Conflict):
    """Somebody is on it already."""

    incident: UUID
    by: str


@refusal("incident.note_empty")
class IncidentNoteEmpty(UsageError):
    """A note without a word."""


@refusal("incident.note_too_long")
class IncidentNoteTooLong(UsageError):
    """More than `longest` characters."""

    longest: int


@refusal("maintenance.unknown")
class MaintenanceUnknown(NotFound):
    """No maintenance window has this id, or none that the caller may see."""

    window: str


@refusal("maintenance.no_scope")
class MaintenanceScopeMissing(UsageError):
    """A window is a company's, a platform's, or that of one on the other."""


@refusal("maintenance.no_reason")
class MaintenanceReasonMissing(UsageError):
    """The reason is what people read: it can't be empty."""


@refusal("maintenance.reversed")
class MaintenanceReversed(UsageError):
    """The window ends before it begins."""

    start: datetime
    end: datetime


@refusal("maintenance.past")
class MaintenancePast(UsageError):
    """The window would be over before it is written down."""

    end: datetime


@refusal("maintenance.over")
class MaintenanceOver(Conflict):
    """The window has ended already."""

    window: UUID


@refusal("notices.channel_unknown")
class NoticeChannelUnknown(NotFound):
    """The company has no channel with this id."""

    channel: str


@refusal("notices.message_unknown")
class NoticeMessageUnknown(NotFound):
    """The channel has no message with this id that has ended."""

    message: str


@refusal("notices.name_missing")
class NoticeNameMissing(UsageError):
    """A channel is called something: its name stands in the log and in what is sent."""


@refusal("notices.kinds_missing")
class NoticeKindsMissing(UsageError):
    """A channel that asks for nothing is better switched off."""


@refusal("notices.email_malformed")
class NoticeEmailMalformed(UsageError):
    """That is no e-mail address, or there are none, or too many."""

    address: str


@refusal("notices.url_malformed")
class NoticeUrlMalformed(UsageError):
    """The address is no http or https URL, or has a user name in it."""


@refusal("notices.digest_of_webhooks")
class NoticeDigestOfWebhooks(UsageError):
    """Webhooks are read by programs: each event is sent by itself, at once."""


@refusal("notices.language_unknown")
class NoticeLanguageUnknown(UsageError):
    """There are no texts in that language."""

    language: str
    known: Sequence[str]


@refusal("notices.too_many_channels")
class NoticeChannelsTooMany(Conflict):
    """The company has as many channels as the operator allows."""

    most: int


@refusal("notices.too_many_tests")
class NoticeTestsTooMany(Conflict):
    """The company has sent a test notice a moment ago; in so many `seconds` it may send another."""

    seconds: int


@refusal("notices.no_mail_server")
class NoticeMailServerMissing(Conflict):
    """The installation has no server for e-mails."""


@refusal("notices.no_secret")
class NoticeSecretMissing(Conflict):
    """Only webhooks are signed."""

    channel: str
