"""A world whose alerts lead to the sandbox's Slack and PagerDuty, and logs that break its SLA."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from factories import World, world_on
from sqlalchemy import URL, RowMapping

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.services.alerts import Alerts, Watched

MINUTE = timedelta(minutes=1)
KEY = "sandbox-routing-key"


@dataclass
class AlertWorld:
    """A world and what was said in it."""

    world: World

    @property
    def alerts(self) -> Alerts:
        """What the sensors call; new each time, as after a restart."""
        return Alerts(self.world.another_runtime())

    def later(self, by: timedelta = MINUTE) -> None:
        """Let time pass."""
        self.world.clock.advance(by)

    def watch(self, by: timedelta = MINUTE) -> Watched:
        """Let time pass, then look at the SLA, as the sensor does."""
        self.later(by)
        watched = self.alerts.watch_sla()
        assert watched is not None
        return watched

    def settled(
        self,
        company: UUID,
        platform: Platform,
        *,
        arrived: int = 0,
        failed: int = 0,
        **columns: Any,
    ) -> None:
        """Final deliveries, one each hour up to now. Those that arrived did so `latency` after their time.
        The failed ones are the first, so that no error budget burns now, or the last (`latest`)."""
        latency = columns.get("latency", timedelta(seconds=10))
        order = "n" if columns.get("latest") else ":all + 1 - n"
        self.world.execute(
            f"""INSERT INTO impact_deliveries (id, company_id, platform, schedule_id, trigger, status,
                   period_start, period_end, scheduled_for, idempotency_key, attempt_count, created_at,
                   delivered_at, failed_at, error_kind, last_error)
               SELECT gen_random_uuid(), :company, :platform, CAST(:schedule AS uuid), 'schedule',
                      CASE WHEN n > :failed THEN 'success' ELSE 'failed' END, at::date, at::date, at,
                      gen_random_uuid(), 1, at,
                      CASE WHEN n > :failed THEN at + CAST(:latency AS interval) END,
                      CASE WHEN n <= :failed THEN at + interval '10 seconds' END,
                      CASE WHEN n <= :failed THEN 'server_error' END,
                      CASE WHEN n <= :failed THEN 'Goodera answered HTTP 503' END
               FROM generate_series(1, :all) n,
                    LATERAL (SELECT CAST(:now AS timestamptz) - ({order}) * interval '1 hour' AS at) t""",
            company=company,
            platform=platform.value,
            schedule=columns.get("schedule"),
            failed=failed,
            all=arrived + failed,
            now=self.world.clock(),
            latency=latency,
        )

    def attempts(
        self, company: UUID, platform: Platform, *outcomes: str, every: timedelta = 3 * MINUTE
    ) -> None:
        """Attempts that have just ended, the last one now and the others `every` before the next."""
        (delivery,) = self.world.deliveries(platform, company)
        self.world.execute(
            """INSERT INTO delivery_attempts (delivery_id, number, started_at, finished_at, outcome,
                   error_kind, error)
               SELECT :delivery, n, :now - (:count - n) * CAST(:every AS interval) - interval '1 second',
                      :now - (:count - n) * CAST(:every AS interval), outcome,
                      CASE WHEN outcome <> 'delivered' THEN 'server_error' END,
                      CASE WHEN outcome <> 'delivered' THEN 'HTTP 503' END
               FROM unnest(CAST(:outcomes AS text[])) WITH ORDINALITY o(outcome, n)""",
            delivery=delivery,
            now=self.world.clock(),
            count=len(outcomes),
            every=every,
            outcomes=list(outcomes),
        )

    def recovered(self, company: UUID) -> None:
        """The log of `company` is good again."""
        self.world.execute(
            "DELETE FROM impact_deliveries WHERE company_id = :id AND status = 'failed'", id=company
        )

    @property
    def slack(self) -> list[dict[str, Any]]:
        """What the webhooks accepted, in order."""
        return self.world.sandbox.client.messages("slack")

    def headers(self, name: str = "alerts") -> list[str]:
        """The headers of the messages of one webhook, in order."""
        return [
            line["message"]["blocks"][0]["text"]["text"]
            for line in self.slack
            if line["name"] == name
        ]

    @property
    def pages(self) -> list[tuple[str, str]]:
        """Action and dedup key of each PagerDuty event, in order."""
        lines = self.world.sandbox.client.messages("pagerduty")
        return [(line["message"]["event_action"], line["dedupKey"]) for line in lines]

    def incidents(self) -> list[RowMapping]:
        """All incidents, the oldest first."""
        return self.world.rows("SELECT * FROM incidents ORDER BY opened_at, id")

    def outbox(self) -> list[RowMapping]:
        """All notices, in order."""
        return self.world.rows("SELECT * FROM notifications ORDER BY seq")


@contextmanager
def alert_world(url: URL, sandbox: Sandbox, **changes: str) -> Iterator[AlertWorld]:
    """A world with Slack and PagerDuty configured; `changes` are settings, an empty one is absent."""
    channels = {
        "SLACK_WEBHOOK_URL": sandbox.slack_url("alerts"),
        "PAGERDUTY_INTEGRATION_KEY": KEY,
        "PAGERDUTY_EVENTS_URL": sandbox.pagerduty_url,
        "ALERT_TIMEOUT_MS": "1000",
    }
    with world_on(url, sandbox, gated=False, **{**channels, **changes}) as world:
        yield AlertWorld(world)
