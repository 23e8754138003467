"""The outbox of notices: claimed in order, under a lease. Statements: outbox.sql."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from impact_in_pipelines.db.alerts.notices import from_body
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.sla.incidents import Channel, ClaimedNotice

_SQL = load("alerts/outbox")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits on a channel: how many notices, since when, and what keeps them (None: nothing yet)."""

    channel: Channel
    waiting: int
    oldest: datetime
    error: str | None


class PgOutbox:
    """`alerting.sender.Outbox` on PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(
        self, channel: Channel, *, now: datetime, lease_until: datetime
    ) -> ClaimedNotice | None:
        """The next notice of `channel`, held until `lease_until`; None: nothing may be sent now."""
        with self._engine.begin() as connection:
            rows = rows_of(
                connection.execute(
                    _SQL["claim"],
                    {"channel": channel.value, "now": now, "lease_until": lease_until},
                )
            )
        if not rows:
            return None
        (row,) = rows
        return ClaimedNotice(row["id"], channel, row["attempts"], from_body(row["body"]))

    def sent(self, claimed: ClaimedNotice, now: datetime) -> None:
        """The channel has taken it, and works."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["sent"], {"id": claimed.id, "now": now})
            connection.execute(_SQL["open_channel"], {"channel": claimed.channel.value})

    def release(self, claimed: ClaimedNotice, again_at: datetime, error: str) -> None:
        """Release it, to be tried again at `again_at`; `error` is one line without secrets."""
        values = {"id": claimed.id, "again_at": again_at, "error": error}
        with self._engine.begin() as connection:
            connection.execute(_SQL["release"], values)

    def channel_failures(self, channel: Channel) -> int:
        """How often in a row the channel hasn't answered."""
        with self._engine.connect() as connection:
            found: int | None = connection.execute(
                _SQL["channel_failures"], {"channel": channel.value}
            ).scalar_one_or_none()
        return found or 0

    def close_channel(
        self,
        claimed: ClaimedNotice,
        *,
        failures: int,
        until: datetime,
        error: str,
        now: datetime,
    ) -> None:
        """Nothing is sent on the notice's channel before `until`; the notice itself comes first then."""
        values: Mapping[str, object] = {
            "channel": claimed.channel.value,
            "failures": failures,
            "closed_until": until,
            "error": error,
            "now": now,
        }
        with self._engine.begin() as connection:
            connection.execute(_SQL["close_channel"], values)
            connection.execute(
                _SQL["release"], {"id": claimed.id, "again_at": until, "error": error}
            )

    def reroute(self, channel: Channel, target: Channel) -> int:
        """Send what waits on `channel` to `target` instead; returns how many notices."""
        with self._engine.begin() as connection:
            result = connection.execute(
                _SQL["reroute"], {"channel": channel.value, "target": target.value}
            )
            return result.rowcount

    def purge(self, *, sent_before: datetime) -> int:
        """Drop notices that were sent before `sent_before`; returns how many."""
        with self._engine.begin() as connection:
            return connection.execute(_SQL["purge_sent"], {"before": sent_before}).rowcount

    def backlog(self) -> list[Backlog]:
        """The channels on which something waits."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["backlog"]))
        return [Backlog(**{**row, "channel": Channel(row["channel"])}) for row in rows]
