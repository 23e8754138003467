"""Alerts that wait on channels whose other side takes none."""

from datetime import timedelta

from .serving import Stage


def seed_refused_alerts(stage: Stage) -> None:
    """Three wait for Slack since this morning, whose webhook was removed; one for PagerDuty."""
    now = stage.world.clock()
    for channel, waiting, since, error in (
        ("slack", 3, now - timedelta(hours=2), "Slack answered HTTP 404 no_service"),
        ("pagerduty", 1, now - timedelta(minutes=20), "PagerDuty didn't answer in time"),
    ):
        stage.world.execute(
            "INSERT INTO notifications (key, channel, kind, body, created_at, next_attempt_at, attempts, "
            "last_error) SELECT :channel || n, :channel, 'opened', '{}'::jsonb, :since, :now, 4, :error "
            "FROM generate_series(1, :waiting) n",
            channel=channel,
            since=since,
            now=now,
            error=error,
            waiting=waiting,
        )
