"""Channels of the company in trouble, with a log: one that works, one that fails, one that is off."""

import json
from datetime import timedelta

from impact_in_pipelines.delivery.notifying.model import Digest, Medium, NoticeEvent
from impact_in_pipelines.services.notices.channels import NewChannel, add_channel

from .serving import Stage


def seed_notices(stage: Stage) -> None:
    """Three channels; the first one's log holds what arrived, what was given up and what waits."""
    world, company = stage.world, stage.world.runtime.companies.find(str(stage.seeded.troubled))
    now = world.clock()
    kinds = [NoticeEvent.FAILED, NoticeEvent.LATE, NoticeEvent.RECOVERED]
    made = [
        add_channel(world.runtime, company, new, actor="ingrid", by_operator=True).channel.id
        for new in (
            NewChannel(
                "Our intranet", Medium.WEBHOOK, url="https://intranet.example.org/hooks/impact"
            ),
            NewChannel(
                "The HR channel",
                Medium.SLACK,
                url="https://hooks.slack.com/services/T/B/x",
                kinds=kinds,
            ),
            NewChannel(
                "The board",
                Medium.SLACK,
                url="https://hooks.slack.com/services/T/C/x",
                digest=Digest.DAILY,
                timezone="Europe/Oslo",
            ),
        )
    ]
    world.execute(
        "UPDATE notice_channels SET last_success_at = :at WHERE id = :id",
        id=made[0],
        at=now - timedelta(minutes=8),
    )
    world.execute(
        "UPDATE notice_channels SET failures = 3, failing_since = :at, last_error = 'answered HTTP 404' "
        "WHERE id = :id",
        id=made[1],
        at=now - timedelta(hours=3),
    )
    world.execute(
        "UPDATE notice_channels SET enabled = false, disabled_reason = 'failing', disabled_at = :at "
        "WHERE id = :id",
        id=made[2],
        at=now - timedelta(days=1),
    )
    delivery = {
        "id": str(stage.seeded.troubled),
        "platform": "goodera",
        "periodStart": "2026-03-08",
        "periodEnd": "2026-03-08",
        "scheduledFor": now.isoformat(),
        "deliveredAt": now.isoformat(),
        "attemptCount": 4,
        "error": "503: the platform is busy",
    }
    for minutes, kind, state in (
        (50, NoticeEvent.DELIVERED, "sent"),
        (40, NoticeEvent.LATE, "sent"),
        (30, NoticeEvent.FAILED, "gave_up"),
        (1, NoticeEvent.RECOVERED, "waits"),
    ):
        at = now - timedelta(minutes=minutes)
        (message,) = world.scalars(
            "INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, attempts, sent_at, "
            "gave_up_at, created_at, last_error) VALUES (:company, :channel, :key, :kind, :at, "
            "CAST(:data AS jsonb), :attempts, :sent, :gave_up, :at, :error) RETURNING id",
            company=company.id,
            channel=made[0],
            key=f"seeded {minutes}",
            kind=kind.value,
            at=at,
            data=json.dumps({"platform": "goodera", "delivery": delivery}),
            attempts=0 if state == "waits" else 1,
            sent=at if state == "sent" else None,
            gave_up=at if state == "gave_up" else None,
            error="answered HTTP 503" if state == "gave_up" else None,
        )
        if state != "waits":
            world.execute(
                "INSERT INTO notice_attempts (message_id, number, at, latency_ms, accepted, http_status, "
                "error) VALUES (:id, 1, :at, 143, :accepted, :status, :error)",
                id=message,
                at=at,
                accepted=state == "sent",
                status=204 if state == "sent" else 503,
                error=None if state == "sent" else "answered HTTP 503",
            )
