"""Notices to companies: found, and sent by their channels, many at once.

A channel is in one sender's hands at a time and gives its messages in order. Those that work are served
before those that fail, and of one that fails a single message is tried: a company whose receiver is broken
costs the others nothing. Whatever dies between a receiver's acceptance and the mark sends that message
again, under the same id.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.notices.channels import NoticeChannel
from impact_in_pipelines.delivery.notifying.digests import next_digest
from impact_in_pipelines.delivery.notifying.model import (
    ClaimedChannel,
    Medium,
    Message,
    MessageResult,
    TryResult,
)
from impact_in_pipelines.errors.alerts import NoticeChannelUnknown
from impact_in_pipelines.errors.schedules import TimezoneUnknown
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import parse_timezone

_log = logging.getLogger(__name__)
CHANNELS_AT_ONCE = 8
"""Threads that send; each has one channel."""
_MOST_SINGLY, _MOST_TOGETHER = 20, 500
_DEFECT = "it can't be sent for a fault of the program's own, which its log has"
_UNREADABLE = "its address can't be decrypted with the present keys"
GONE, FAILING = "gone", "failing"
"""Why a channel is switched off: the receiver said that it wants no more, or failed for too long."""


@dataclass(slots=True)
class SentNotices:
    """What one round came to: messages accepted and not, and the channels that were switched off."""

    accepted: int = 0
    refused: int = 0
    disabled: list[UUID] = field(default_factory=list)

    def add(self, other: "SentNotices") -> None:
        """Count another one's in."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.disabled += other.disabled


def write_notices(runtime: Runtime) -> int | None:
    """Write what companies are to be notified of; how many messages. None: another tick is at it."""
    return runtime.notice_writer.write(runtime.clock())


def purge_notices(runtime: Runtime) -> int:
    """Drop messages of RETENTION_NOTICES_DAYS ago; returns how many."""
    kept = timedelta(days=runtime.settings.retention_notices_days)
    return runtime.notice_queue.purge(before=runtime.clock() - kept)


def send_notices(
    runtime: Runtime,
    *,
    seconds: float = 20.0,
    stopwatch: Callable[[], float] = time.monotonic,
) -> SentNotices:
    """Send what waits for at most `seconds` and the time-outs of one message."""
    done, until = SentNotices(), stopwatch() + seconds
    _pass_empty_digests(runtime)
    seen: list[UUID] = []
    with ThreadPoolExecutor(CHANNELS_AT_ONCE, thread_name_prefix="notices") as threads:
        for failing in (False, True):
            while stopwatch() < until:
                claimed = _claimed(runtime, failing=failing, not_again=seen if failing else ())
                if not claimed:
                    break
                # One that fails is tried once in a round, also if it has only begun to.
                seen += [one.id for one in claimed]
                for part in threads.map(
                    lambda one: _sent(runtime, one, lambda: stopwatch() < until), claimed
                ):
                    done.add(part)
    return done


def send_test(
    runtime: Runtime, company: Company, channel: NoticeChannel, *, actor: str
) -> TryResult:
    """Send a test message on a channel now, whether it is switched on or not; it isn't repeated. Raises
    `NoticeChannelUnknown`, `NoticeTestsTooMany`."""
    now = runtime.clock()
    claimed = runtime.notice_queue.add_test(
        company.id,
        channel.id,
        {
            "company": {"id": str(company.id), "slug": company.slug, "name": company.name},
            "test": {"requestedBy": actor},
        },
        actor=actor,
        now=now,
        held_until=now + _lease(runtime),
    )
    if claimed is None:
        raise NoticeChannelUnknown(str(channel.id))
    result = _tried(runtime, claimed, claimed.messages)
    (message,) = claimed.messages
    ended = MessageResult(message, result, gave_up=result.error is not None)
    runtime.notice_queue.settle(claimed, [ended], now=runtime.clock(), counts=False)
    return result


def _claimed(runtime: Runtime, *, failing: bool, not_again: Sequence[UUID]) -> list[ClaimedChannel]:
    now = runtime.clock()
    return runtime.notice_queue.claim(
        now=now,
        lease_until=now + _lease(runtime),
        failing=failing,
        channels=CHANNELS_AT_ONCE,
        most=_MOST_TOGETHER,
        not_again=not_again,
    )


def _lease(runtime: Runtime) -> timedelta:
    """Longer than a round and the last message begun in it."""
    return timedelta(seconds=60, milliseconds=4 * runtime.settings.notice_timeout_ms)


def _sent(runtime: Runtime, channel: ClaimedChannel, may_go_on: Callable[[], bool]) -> SentNotices:
    """Send a channel's messages and record how that ended."""
    ended: list[MessageResult] = []
    for group in _groups(channel):
        result = _tried(runtime, channel, group)
        ended += [_ended(runtime, one, result) for one in group]
        if result.error is not None or not may_go_on():
            break
    return _settled(runtime, channel, ended)


def _groups(channel: ClaimedChannel) -> list[Sequence[Message]]:
    """What goes out together: people get one message with all that has happened, programs each by itself."""
    if channel.medium is not Medium.WEBHOOK:
        return [channel.messages] if channel.messages else []
    most = 1 if channel.failures else _MOST_SINGLY
    return [[one] for one in channel.messages[:most]]


def _tried(runtime: Runtime, channel: ClaimedChannel, group: Sequence[Message]) -> TryResult:
    """Send a group. However that ends, the result says so: one company's channel stops no other's."""
    try:
        return _handed_over(runtime, channel, group)
    except Exception:
        _log.exception("notice channel %s: a message can't be sent", channel.id)
        return TryResult(0.0, _DEFECT)


def _handed_over(runtime: Runtime, channel: ClaimedChannel, group: Sequence[Message]) -> TryResult:
    address, now = channel.address, runtime.clock()
    if address is None:
        return TryResult(0.0, _UNREADABLE)
    # Imported where they are needed: clients and languages cost half a second, and most rounds send nothing.
    from impact_in_pipelines.connectors.notices import mailing, posting
    from impact_in_pipelines.wording.language import notices as words
    from impact_in_pipelines.wording.language.formats import Formats

    if channel.medium is Medium.WEBHOOK:
        (message,) = group
        return posting.post_webhook(runtime.notice_transport, address, message, now)
    language, zone = words.reader_language(channel.language), _zone(channel.timezone)
    reader = words.NoticeReader(
        language,
        Formats(language, zone, now.astimezone(zone).year),
        channel.company_id,
        channel.company,
        runtime.settings.cockpit_url,
    )
    texts = [words.worded(one, reader) for one in group]
    if channel.medium is Medium.SLACK:
        text, blocks = words.as_slack(texts, reader)
        return posting.post_slack(runtime.notice_transport, address, text, blocks, now)
    text, html = words.as_mail(texts, reader)
    letter = mailing.Letter(
        id=_id_of(group),
        subject=words.subject(texts, reader),
        text=text,
        html=html,
        language=language.code,
    )
    return mailing.send_mail(runtime.settings, address, letter, now)


def _id_of(group: Sequence[Message]) -> UUID:
    """The same for the same messages, so that a repetition is known as one."""
    return uuid5(NAMESPACE_URL, "impact-in:notices:" + ",".join(one.id.hex for one in group))


def _ended(runtime: Runtime, message: Message, result: TryResult) -> MessageResult:
    """By the plan of NOTICE_RETRY_MINUTES: for two days more and more rarely, then never by itself."""
    if result.error is None:
        return MessageResult(message, result)
    wait_s = result.retry_after_s
    again_at = runtime.retry_plan_of_notices.next_attempt_at(
        failed_attempts=message.failed_attempts + 1,
        now=runtime.clock(),
        rng=runtime.rng,
        retry_after_ms=None if wait_s is None else wait_s * 1000,
    )
    return MessageResult(message, result, again_at, gave_up=again_at is None)


def _settled(
    runtime: Runtime, channel: ClaimedChannel, ended: Sequence[MessageResult]
) -> SentNotices:
    now = runtime.clock()
    failed = [one for one in ended if one.result.error is not None]
    disable = None
    if any(one.result.gone for one in failed):
        disable = GONE
    elif failed and channel.failing_since is not None:
        limit = timedelta(hours=runtime.settings.notice_disable_after_hours)
        disable = FAILING if now - channel.failing_since >= limit else None
    runtime.notice_queue.settle(
        channel,
        ended,
        now=now,
        next_digest_at=next_digest(channel.digest, now, _zone(channel.timezone)),
        disable=disable,
    )
    off = [channel.id] if disable else []
    return SentNotices(len(ended) - len(failed), len(failed), off)


def _pass_empty_digests(runtime: Runtime) -> None:
    now = runtime.clock()
    due = runtime.notice_queue.digests_without_messages(now)
    later = {id_: next_digest(digest, now, _zone(zone)) for id_, digest, zone in due}
    runtime.notice_queue.set_digests({id_: at for id_, at in later.items() if at is not None})


def _zone(name: str) -> ZoneInfo:
    """The zone; UTC where this machine no longer knows it: one channel's trouble is its own."""
    try:
        return parse_timezone(name)
    except TimezoneUnknown:
        return parse_timezone("UTC")
