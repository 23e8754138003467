"""Where a company is notified: set up, changed, tried out, and what was sent there.

Addresses of webhooks and of Slack follow the rules for platforms' base URLs (docs/security.md): https and
public, unless the operator allows another; who may name what is judged here, and once more at each try.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from impact_in_pipelines.connectors.http.addresses import AddressFault
from impact_in_pipelines.connectors.notices.mailing import can_mail
from impact_in_pipelines.connectors.notices.posting import notice_addresses
from impact_in_pipelines.connectors.notices.signing import new_secret
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.notices.channels import ChannelFields, LoggedMessage, NoticeChannel
from impact_in_pipelines.delivery.notifying.digests import next_digest
from impact_in_pipelines.delivery.notifying.model import (
    CHOSEN,
    USUAL,
    Digest,
    Medium,
    NoticeEvent,
    TryResult,
)
from impact_in_pipelines.errors.accounts import AddressNotEncrypted, AddressNotPublic
from impact_in_pipelines.errors.alerts import (
    NoticeChannelsTooMany,
    NoticeChannelUnknown,
    NoticeDigestOfWebhooks,
    NoticeEmailMalformed,
    NoticeKindsMissing,
    NoticeLanguageUnknown,
    NoticeMailServerMissing,
    NoticeMessageUnknown,
    NoticeNameMissing,
    NoticeSecretMissing,
    NoticeUrlMalformed,
)
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.services.notices.sending import send_test
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.wording.language.languages import CODES, DEFAULT

T = TypeVar("T")
MOST_ADDRESSES = 10
LONGEST_NAME = 100
_EMAIL = re.compile(r"[^@\s<>,;\"\x00-\x1f\x7f]{1,64}@[^@\s<>,;\"\x00-\x1f\x7f]{1,250}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What a channel is made of: `url` of a webhook or of Slack, `to` of e-mails. None: as is usual."""

    name: str
    medium: Medium
    url: str | None = field(default=None, repr=False)
    to: Sequence[str] = field(default=(), repr=False)
    kinds: Sequence[NoticeEvent] = USUAL
    digest: Digest = Digest.AT_ONCE
    language: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelChange:
    """What is changed; None stays as it is."""

    name: str | None = None
    url: str | None = field(default=None, repr=False)
    to: Sequence[str] | None = field(default=None, repr=False)
    kinds: Sequence[NoticeEvent] | None = None
    digest: Digest | None = None
    language: str | None = None
    timezone: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class MadeChannel:
    """A channel that was made, or whose secret was: `secret` (of webhooks) is shown this once."""

    channel: NoticeChannel
    secret: str | None = field(default=None, repr=False)


def channels(runtime: Runtime, company: Company) -> list[NoticeChannel]:
    """The company's channels, the oldest first."""
    return runtime.notice_channels.listed(company.id, now=runtime.clock())


def channel(runtime: Runtime, company: Company, channel_id: UUID) -> NoticeChannel:
    """One of the company's channels. Raises `NoticeChannelUnknown`."""
    found = runtime.notice_channels.find(company.id, channel_id, now=runtime.clock())
    if found is None:
        raise NoticeChannelUnknown(str(channel_id))
    return found


def add_channel(
    runtime: Runtime, company: Company, new: NewChannel, *, actor: str, by_operator: bool
) -> MadeChannel:
    """Add a channel; it is notified of what happens from now on.

    `by_operator`: whoever runs the machine asks, not a tenant; see `AddressPolicy.fault_of`. Raises the
    refusals of `errors.alerts` that begin with Notice, `AddressNotEncrypted`, `AddressNotPublic`,
    `TimezoneUnknown`.
    """
    now, settings = runtime.clock(), runtime.settings
    if new.medium is Medium.EMAIL and not can_mail(settings):
        raise NoticeMailServerMissing
    fields = _checked(
        new.medium,
        ChannelFields(
            name=new.name,
            kinds=new.kinds,
            digest=new.digest,
            next_digest_at=None,
            language=new.language or DEFAULT,
            timezone=new.timezone or company.timezone,
        ),
        now,
    )
    target = _target(settings, new.medium, new.url, new.to, by_operator=by_operator)
    secret = new_secret() if new.medium is Medium.WEBHOOK else None
    added = runtime.notice_channels.add(
        company.id,
        new.medium,
        replace(fields, target=target, shown=_shown(new.medium, target)),
        secret=secret,
        at_most=settings.notice_channels_per_company,
        actor=actor,
        now=now,
    )
    if added is None:
        raise NoticeChannelsTooMany(settings.notice_channels_per_company)
    return MadeChannel(channel(runtime, company, added), secret)


def change_channel(
    runtime: Runtime,
    company: Company,
    channel_id: UUID,
    change: ChannelChange,
    *,
    actor: str,
    by_operator: bool,
) -> NoticeChannel:
    """Change a channel. Switched off it gives up what waits; switched on again it is notified of what happens
    from then on. Raises what `add_channel` does, and `NoticeChannelUnknown`."""
    now, before = runtime.clock(), channel(runtime, company, channel_id)
    fields = _checked(
        before.medium,
        ChannelFields(
            name=_or(change.name, before.name),
            kinds=_or(change.kinds, before.kinds),
            digest=_or(change.digest, before.digest),
            next_digest_at=None,
            language=_or(change.language, before.language),
            timezone=_or(change.timezone, before.timezone),
            enabled=_or(change.enabled, before.enabled),
        ),
        now,
    )
    if change.url is not None or change.to is not None:
        target = _target(
            runtime.settings, before.medium, change.url, change.to or (), by_operator=by_operator
        )
        fields = replace(fields, target=target, shown=_shown(before.medium, target))
    if not runtime.notice_channels.change(company.id, channel_id, fields, actor=actor, now=now):
        raise NoticeChannelUnknown(str(channel_id))
    return channel(runtime, company, channel_id)


def remove_channel(runtime: Runtime, company: Company, channel_id: UUID, *, actor: str) -> None:
    """Remove a channel with its log. Raises `NoticeChannelUnknown`."""
    now = runtime.clock()
    if not runtime.notice_channels.remove(company.id, channel_id, actor=actor, now=now):
        raise NoticeChannelUnknown(str(channel_id))


def rotate_secret(
    runtime: Runtime, company: Company, channel_id: UUID, *, actor: str
) -> MadeChannel:
    """Give a webhook another secret, shown this once. The one before signs as well for
    NOTICE_SECRET_OVERLAP_HOURS, so that the receiver can change over. Raises `NoticeChannelUnknown`,
    `NoticeSecretMissing`."""
    before, now, secret = channel(runtime, company, channel_id), runtime.clock(), new_secret()
    if before.medium is not Medium.WEBHOOK:
        raise NoticeSecretMissing(before.name)
    until = now + timedelta(hours=runtime.settings.notice_secret_overlap_hours)
    runtime.notice_channels.rotate(
        company.id, channel_id, secret, until=until, actor=actor, now=now
    )
    return MadeChannel(channel(runtime, company, channel_id), secret)


def try_out(runtime: Runtime, company: Company, channel_id: UUID, *, actor: str) -> TryResult:
    """Send a test notice now and say how that ended; it stands in the log as well. Raises
    `NoticeChannelUnknown`, `NoticeTestsTooMany`."""
    found = channel(runtime, company, channel_id)
    return send_test(runtime, company, found, actor=actor)


def messages(
    runtime: Runtime,
    company: Company,
    channel_id: UUID,
    *,
    limit: int,
    before: int | None = None,
    state: str | None = None,
) -> list[LoggedMessage]:
    """The log of a channel, newest first. Raises `NoticeChannelUnknown`."""
    found = channel(runtime, company, channel_id)
    return runtime.notice_channels.messages(
        company.id, found.id, limit=limit, before=before, state=state
    )


def send_again(
    runtime: Runtime,
    company: Company,
    channel_id: UUID,
    ids: Sequence[UUID] = (),
    *,
    all_failed: bool = False,
    actor: str,
) -> list[UUID]:
    """Send messages of a channel once more, or all that were given up, under the ids they had; returns which.

    Raises `NoticeChannelUnknown`, and `NoticeMessageUnknown` for a single one that isn't there or waits.
    """
    found = channel(runtime, company, channel_id)
    again = runtime.notice_channels.again(
        company.id, found, ids, all_failed=all_failed, actor=actor, now=runtime.clock()
    )
    if not again and not all_failed:
        raise NoticeMessageUnknown(", ".join(str(one) for one in ids))
    return again


def _checked(medium: Medium, fields: ChannelFields, now: datetime) -> ChannelFields:
    """The fields, with the time of the next digest. Raises as `add_channel` says."""
    name = " ".join(fields.name.split())[:LONGEST_NAME]
    kinds = [kind for kind in CHOSEN if kind in fields.kinds]
    if not name or not name.isprintable():
        raise NoticeNameMissing
    if not kinds:
        raise NoticeKindsMissing
    if fields.language not in CODES:
        raise NoticeLanguageUnknown(fields.language, CODES)
    if medium is Medium.WEBHOOK and fields.digest is not Digest.AT_ONCE:
        raise NoticeDigestOfWebhooks
    zone = parse_timezone(fields.timezone)
    return replace(
        fields, name=name, kinds=kinds, next_digest_at=next_digest(fields.digest, now, zone)
    )


def _target(
    settings: Settings,
    medium: Medium,
    url: str | None,
    to: Sequence[str],
    *,
    by_operator: bool,
) -> Mapping[str, Any]:
    if medium is Medium.EMAIL:
        return {"to": _emails(to)}
    if url is None or not _is_whole(url):
        raise NoticeUrlMalformed
    match notice_addresses(settings).fault_of(url, None, by_operator=by_operator):
        case AddressFault.NOT_ENCRYPTED:
            raise AddressNotEncrypted(_without_path(url))
        case AddressFault.NOT_PUBLIC:
            raise AddressNotPublic(_without_path(url))
    return {"url": url}


def _emails(to: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(one.strip() for one in to if one.strip()))
    if not 1 <= len(found) <= MOST_ADDRESSES:
        raise NoticeEmailMalformed(", ".join(found)[:200])
    for one in found:
        if not _EMAIL.fullmatch(one):
            raise NoticeEmailMalformed(one[:200])
    return found


def _is_whole(url: str) -> bool:
    if len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not {"@", "\\"} & set(parts.netloc)
            and parts.port != 0
        )
    except ValueError:
        return False


def _without_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _shown(medium: Medium, target: Mapping[str, Any]) -> str:
    """What may be read of the address by whoever sees the page: of Slack's, whose path is a secret, and of a
    webhook's query, nothing."""
    if medium is Medium.EMAIL:
        return ", ".join(target["to"])
    if medium is Medium.SLACK:
        return f"{_without_path(target['url'])}/…"
    parts = urlsplit(target["url"])
    return f"{_without_path(target['url'])}{parts.path}{'?…' if parts.query else ''}"


def _or(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value
