"""Where companies are notified, what was sent there, and sending it again."""

from dataclasses import asdict
from functools import partial
from typing import Annotated
from uuid import UUID

from anyio.to_thread import run_sync
from fastapi import Query

from impact_in_pipelines.api.access.rights import MANAGE, VIEW, Api, Caller, own_company
from impact_in_pipelines.api.access.session_schemas import Revoked
from impact_in_pipelines.api.http.pagination import DEFAULT_LIMIT, decode_cursor, encode_cursor
from impact_in_pipelines.api.http.problems import invalid
from impact_in_pipelines.api.http.routing import api_router
from impact_in_pipelines.api.http.schemas import Limit
from impact_in_pipelines.api.notices.schemas import (
    MadeNoticeChannel,
    NewNoticeChannel,
    NoticeAttemptView,
    NoticeChannelBody,
    NoticeChannelList,
    NoticeChannelView,
    NoticeMessagePage,
    NoticeMessageView,
    NoticeTest,
    SentAgain,
    StateName,
)
from impact_in_pipelines.db.notices.channels import LoggedMessage, NoticeChannel
from impact_in_pipelines.delivery.notifying.model import USUAL, Digest, Medium, NoticeEvent
from impact_in_pipelines.services.notices import channels as service

router = api_router("Notices")
"""Notices to companies."""

_ALL = "/companies/{companyId}/notice-channels"
_ONE = f"{_ALL}/{{channelId}}"


@router.get(
    _ALL, operation_id="listNoticeChannels", summary="A company's channels", dependencies=[VIEW]
)
def list_channels(api: Api, caller: Caller, companyId: UUID) -> NoticeChannelList:  # noqa: N803
    company = own_company(api, caller, companyId)
    return NoticeChannelList(data=[_shown(one) for one in service.channels(api.runtime, company)])


@router.post(
    _ALL,
    operation_id="addNoticeChannel",
    summary="Add a channel; the secret of a webhook is shown only now",
    status_code=201,
    dependencies=[MANAGE],
)
def add_channel(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    body: NewNoticeChannel,
) -> MadeNoticeChannel:
    new = service.NewChannel(
        name=body.name,
        medium=Medium(body.medium),
        url=body.url,
        to=body.to or (),
        kinds=USUAL if body.kinds is None else [NoticeEvent(one) for one in body.kinds],
        digest=Digest(body.digest),
        language=body.language,
        timezone=body.timezone,
    )
    made = service.add_channel(
        api.runtime,
        own_company(api, caller, companyId),
        new,
        actor=caller.subject,
        by_operator=caller.company_ids is None,
    )
    return MadeNoticeChannel(channel=_shown(made.channel), secret=made.secret)


@router.patch(
    _ONE,
    operation_id="changeNoticeChannel",
    summary="Change a channel; what is absent stays as it is",
    dependencies=[MANAGE],
)
def change_channel(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
    body: NoticeChannelBody,
) -> NoticeChannelView:
    change = service.ChannelChange(
        name=body.name,
        url=body.url,
        to=body.to,
        kinds=None if body.kinds is None else [NoticeEvent(one) for one in body.kinds],
        digest=None if body.digest is None else Digest(body.digest),
        language=body.language,
        timezone=body.timezone,
        enabled=body.enabled,
    )
    changed = service.change_channel(
        api.runtime,
        own_company(api, caller, companyId),
        channelId,
        change,
        actor=caller.subject,
        by_operator=caller.company_ids is None,
    )
    return _shown(changed)


@router.delete(
    _ONE,
    operation_id="removeNoticeChannel",
    summary="Remove a channel with its log",
    dependencies=[MANAGE],
)
def remove_channel(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
) -> Revoked:
    company = own_company(api, caller, companyId)
    service.remove_channel(api.runtime, company, channelId, actor=caller.subject)
    return Revoked(id=channelId)


@router.post(
    f"{_ONE}/test",
    operation_id="testNoticeChannel",
    summary="Send a test notice now",
    dependencies=[MANAGE],
)
async def test_channel(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
) -> NoticeTest:
    company = await run_sync(own_company, api, caller, companyId)
    result = await api.connection_tests.run(
        company.id,
        partial(service.try_out, api.runtime, company, channelId, actor=caller.subject),
    )
    return NoticeTest(
        ok=result.error is None,
        http_status=result.http_status,
        latency_ms=result.latency_ms,
        error=result.error,
    )


@router.post(
    f"{_ONE}/rotate-secret",
    operation_id="rotateNoticeSecret",
    summary="Give a webhook another secret, shown only now",
    dependencies=[MANAGE],
)
def rotate_secret(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
) -> MadeNoticeChannel:
    company = own_company(api, caller, companyId)
    made = service.rotate_secret(api.runtime, company, channelId, actor=caller.subject)
    return MadeNoticeChannel(channel=_shown(made.channel), secret=made.secret)


@router.get(
    f"{_ONE}/messages",
    operation_id="listNoticeMessages",
    summary="What was sent on a channel, and each try, newest first",
    dependencies=[VIEW],
)
def list_messages(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
    state: Annotated[StateName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> NoticeMessagePage:
    company = own_company(api, caller, companyId)
    question = {"of": "notice-messages", "channel": channelId, "state": state}
    before = _place(decode_cursor(cursor, question, "seq")[0]) if cursor is not None else None
    rows = service.messages(
        api.runtime, company, channelId, limit=limit + 1, before=before, state=state
    )
    more = encode_cursor({"seq": str(rows[limit - 1].seq)}, question) if len(rows) > limit else None
    return NoticeMessagePage(data=[_message(row) for row in rows[:limit]], next_cursor=more)


@router.post(
    f"{_ONE}/messages/{{messageId}}/send-again",
    operation_id="sendNoticeAgain",
    summary="Send a message once more, under the same id",
    dependencies=[MANAGE],
)
def send_again(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
    messageId: UUID,  # noqa: N803
) -> SentAgain:
    company = own_company(api, caller, companyId)
    ids = service.send_again(api.runtime, company, channelId, [messageId], actor=caller.subject)
    return SentAgain(ids=ids)


@router.post(
    f"{_ONE}/send-failed-again",
    operation_id="sendFailedNoticesAgain",
    summary="Send all messages of a channel once more that were given up",
    dependencies=[MANAGE],
)
def send_failed_again(
    api: Api,
    caller: Caller,
    companyId: UUID,  # noqa: N803
    channelId: UUID,  # noqa: N803
) -> SentAgain:
    company = own_company(api, caller, companyId)
    ids = service.send_again(api.runtime, company, channelId, all_failed=True, actor=caller.subject)
    return SentAgain(ids=ids)


def _place(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise invalid("query", "cursor", "is not one of this list's")
    return int(text)


def _shown(one: NoticeChannel) -> NoticeChannelView:
    values = asdict(one) | {"kinds": [kind.value for kind in one.kinds]}
    return NoticeChannelView(**values | {"medium": one.medium.value, "digest": one.digest.value})


def _message(one: LoggedMessage) -> NoticeMessageView:
    return NoticeMessageView(
        id=one.id,
        kind=one.kind.value,
        at=one.at,
        data=dict(one.data),
        state=one.state,
        attempts=[NoticeAttemptView(**asdict(attempt)) for attempt in one.attempts],
        last_error=one.last_error,
        created_at=one.created_at,
        sent_at=one.sent_at,
        gave_up_at=one.gave_up_at,
        next_attempt_at=one.next_attempt_at,
    )
