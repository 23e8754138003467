"""Webhooks and Slack: JSON by POST to an address that a tenant has named, so to public ones only."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from impact_in_pipelines.connectors.http.addresses import (
    AddressFault,
    AddressPolicy,
    AddressRefused,
)
from impact_in_pipelines.connectors.http.answer import Answer
from impact_in_pipelines.connectors.http.failures import WIRE_ERRORS, explain, is_unusable
from impact_in_pipelines.connectors.http.retry_after import retry_after_ms
from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.connectors.notices.signing import signed_headers
from impact_in_pipelines.delivery.notifying.model import Address, Message, NoticeEvent, TryResult
from impact_in_pipelines.settings import Settings

_GONE = 410


def notice_addresses(settings: Settings) -> AddressPolicy:
    """What notices may be sent to. The addresses of the operator's own platforms are no exception here: a
    tenant that names one would reach it from inside."""
    policy = AddressPolicy.from_settings(settings)
    return AddressPolicy(
        names=policy.names,
        networks=policy.networks,
        development=policy.development,
        resolver=policy.resolver,
    )


def notice_transport(settings: Settings, *, now: Callable[[], datetime]) -> Transport:
    """A transport for notices: shorter time-outs than a platform's, and no waiting within a call, since a
    customer's server that hangs must not hold up the others."""
    bounded = settings.model_copy(
        update={
            "http_connect_timeout_ms": min(
                settings.http_connect_timeout_ms, settings.notice_timeout_ms
            ),
            "http_read_timeout_ms": settings.notice_timeout_ms,
            "http_retry_after_max_ms": 0,
        }
    )
    return Transport(bounded, now=now, addresses=notice_addresses(settings))


def webhook_body(kind: NoticeEvent, at: datetime, data: Mapping[str, Any]) -> bytes:
    """What a webhook carries: type, time of the event, data. The same bytes at every try."""
    document = {"type": kind.value, "timestamp": at.isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def post_webhook(
    transport: Transport, address: Address, message: Message, now: datetime
) -> TryResult:
    """Send one message, signed. Any 2xx has accepted it; a redirect hasn't."""
    body = webhook_body(message.kind, message.at, message.data)
    headers = signed_headers(message.id, now, body, address.secrets)
    return _posted(transport, address, headers, body, now)


def post_slack(
    transport: Transport, address: Address, text: str, blocks: list[dict[str, Any]], now: datetime
) -> TryResult:
    """Send one message to an incoming webhook of Slack's."""
    document = {"text": text, "blocks": blocks, "unfurl_links": False}
    body = json.dumps(document, ensure_ascii=False).encode()
    return _posted(transport, address, {}, body, now)


def _posted(
    transport: Transport, address: Address, headers: Mapping[str, str], body: bytes, now: datetime
) -> TryResult:
    assert address.url is not None
    fields = {"Content-Type": "application/json", **headers}
    started = time.perf_counter()
    try:
        answer = transport.post(address.url, fields, body, again=lambda: False)
    except WIRE_ERRORS as error:
        return TryResult(_since(started), _trouble(error))
    return _judged(answer, _since(started), now)


def _judged(answer: Answer, latency_ms: float, now: datetime) -> TryResult:
    if 200 <= answer.status < 300:
        return TryResult(latency_ms, http_status=answer.status)
    wait_ms = retry_after_ms(answer.retry_after, now=now, date=answer.date)
    # The answer's text is the receiver's: it may quote what it was sent, and is nobody else's to read.
    return TryResult(
        latency_ms,
        f"answered HTTP {answer.status}",
        http_status=answer.status,
        retry_after_s=None if wait_ms is None else wait_ms / 1000,
        gone=answer.status == _GONE,
    )


def _trouble(error: Exception) -> str:
    if isinstance(error, AddressRefused):
        encrypted = error.fault is AddressFault.NOT_ENCRYPTED
        return (
            "its address isn't encrypted; nothing was sent"
            if encrypted
            else "its address isn't a public one; nothing was sent"
        )
    if is_unusable(error):
        return "its address can't be used; nothing was sent"
    return explain(error)[1].removesuffix("; check the base URL")


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
