"""Alerting put together: breaches become incidents, incidents notices, notices messages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.alerting.causes import (
    AFTERMATH,
    CAUSE_TYPES,
    Cause,
    affected_by,
    causes_of,
    naming,
    worth_an_incident,
)
from impact_in_pipelines.alerting.channels.channel import AlertChannel
from impact_in_pipelines.alerting.channels.log import LogChannel
from impact_in_pipelines.alerting.freshness import OldAsset, not_refreshed, undecided
from impact_in_pipelines.alerting.holds import PAUSED_BY, needing_people, to_pause
from impact_in_pipelines.alerting.outages import OutageRule, health, look_back_to, outages
from impact_in_pipelines.alerting.reconciling import Quiet, acknowledged, reconcile
from impact_in_pipelines.alerting.routing import Configured, routes
from impact_in_pipelines.alerting.sender import Sender, Sent
from impact_in_pipelines.alerting.widespread import cause_of_standstill, standstill, together
from impact_in_pipelines.alerting.wording import Links
from impact_in_pipelines.db.alerts.incidents import IncidentSession
from impact_in_pipelines.db.alerts.outbox import Backlog
from impact_in_pipelines.errors.alerts import IncidentAcknowledged, IncidentClosed
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.incidents import (
    Channel,
    FailedRun,
    Incident,
    IncidentChange,
    Notice,
    NoticeKind,
)
from impact_in_pipelines.sla.model import Breach, BreachType

_OUTAGE = frozenset({BreachType.PLATFORM_OUTAGE})
_HOLDS = frozenset({BreachType.CONNECTION_REFUSED, BreachType.HELD})
_WIDESPREAD = frozenset({BreachType.WIDESPREAD})
_ANOMALY = frozenset({BreachType.ANOMALY})
_FRESHNESS = frozenset({BreachType.NOT_REFRESHED})
_CORRECTIONS = frozenset({BreachType.CORRECTION_UNDECIDED})
_ELSEWHERE = _OUTAGE | _HOLDS | _WIDESPREAD | _ANOMALY | _FRESHNESS | _CORRECTIONS
SLA_TYPES = frozenset(BreachType) - _ELSEWHERE


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look at the breaches changed."""

    breaches: int
    opened: int
    closed: int
    notices: int
    moved: tuple[str, ...] = ()
    """Each incident that was opened or closed, for the trace of a tick."""

    def __str__(self) -> str:
        return (
            f"{count(self.breaches, 'breach', 'breaches')}; incidents opened {self.opened}, "
            f"closed {self.closed}; notices written {self.notices}"
        )

    def and_of(self, wider: "Watched") -> "Watched":
        """With what the same look changed of the incidents of many companies."""
        return Watched(
            self.breaches,
            self.opened + wider.opened,
            self.closed + wider.closed,
            self.notices + wider.notices,
            (*self.moved, *wider.moved),
        )


@dataclass(frozen=True, slots=True)
class Purged:
    """How much was dropped."""

    notices: int
    incidents: int
    budgets: int = 0


class Alerts:
    """What the alert sensors and the incident commands do."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._configured = Configured.from_settings(runtime.settings)

    def watch_sla(self) -> Watched | None:
        """Make incidents agree with the SLA breaches of now; None: another tick is at it.

        Raises what reading raises, and then nothing is changed: a failed read closes nothing.
        """
        runtime = self._runtime
        with runtime.incidents.exclusively() as session:
            if session is None:
                return None
            # Read under the lock: an older reading must not be applied over a younger one.
            now = runtime.clock()
            incidents = session.open()
            told = {one.key for one in incidents if one.since is not None}
            breaches = worth_an_incident(runtime.sla_watch.breaches(now, told), incidents)
            wider = self._watch_widespread(session, breaches, incidents, now)
            # Which companies' incidents are told with another one is judged by what is known now.
            incidents = session.open()
            causes = self._causes(session, incidents, now)
            # Nobody looks for anomalies any more, and what is open would stay so for ever.
            off = not runtime.settings.enable_anomaly_detection
            scope = SLA_TYPES | _ANOMALY if off else SLA_TYPES
            found = self._apply(session, breaches, incidents, scope, now, causes)
            return found.and_of(wider)

    def _watch_widespread(
        self,
        session: IncidentSession,
        breaches: Sequence[Breach],
        incidents: Sequence[Incident],
        now: datetime,
    ) -> Watched:
        runtime = self._runtime
        key = (None, None, BreachType.WIDESPREAD)
        known = next((one for one in incidents if one.key == key), None)
        critical_after = timedelta(minutes=runtime.settings.sla_overdue_critical_after_minutes)
        standing = standstill(runtime.sla_watch.unplanned, known, critical_after, now)
        causes = self._causes(session, incidents, now)
        if standing is not None:
            causes.append(cause_of_standstill(standing))
        windows = runtime.maintenance.overlapping(now, now + timedelta(seconds=1))
        found = together(breaches, incidents, causes, windows, now)
        if standing is not None:
            found = [standing, *(one for one in found if one.platform is not None)]
        return self._apply(session, found, incidents, _WIDESPREAD, now)

    def _causes(
        self, session: IncidentSession, incidents: Sequence[Incident], now: datetime
    ) -> list[Cause]:
        over = session.closed_since(now - AFTERMATH, CAUSE_TYPES)
        return causes_of([*incidents, *over], self._runtime.closures.in_force(now))

    def watch_outages(self) -> Watched | None:
        """Make outage incidents agree with the last hours' attempts, and those of what is held with the
        closures in force; a connection that was refused for too long is paused. None: another tick is at
        it."""
        runtime = self._runtime
        self._pause_refused()
        rule = OutageRule.from_settings(runtime.settings)
        with runtime.incidents.exclusively() as session:
            if session is None:
                return None
            now = runtime.clock()
            incidents = session.open()
            known = [one for one in incidents if one.type in _OUTAGE]
            activity = runtime.incidents.activity(since=look_back_to(known, rule, now), now=now)
            overview = runtime.closures.overview(now)
            closures = [closure for one in overview for closure in one.closures]
            found = outages(
                activity,
                known,
                rule,
                now,
                held={one.platform: one.held for one in overview},
                holding={c.platform for c in closures if c.by == "platform_breaker"},
            )
            session.note_health(health(activity, found, rule, now), now)
            incidents = _with_what_went_out(session, incidents, found)
            slugs = {one.id: one.slug for one in runtime.companies.listed()} if closures else {}
            found = [_with_who_is_late(one, incidents) for one in found]
            found += needing_people(closures, slugs, now, self._pause_after, incidents)
            return self._apply(session, found, incidents, _OUTAGE | _HOLDS, now)

    def watch_freshness(self, old: Sequence[OldAsset]) -> Watched | None:
        """Make the incident of assets that nobody fills agree with those that are `old` now; None: another
        tick is at it."""
        with self._runtime.incidents.exclusively() as session:
            if session is None:
                return None
            now = self._runtime.clock()
            found = not_refreshed(old, now)
            return self._apply(session, found, session.open(), _FRESHNESS, now)

    def watch_corrections(self) -> Watched | None:
        """Make the incidents of delivered figures that have changed and wait for a decision agree with those
        that do now; None: another tick is at it."""
        with self._runtime.incidents.exclusively() as session:
            if session is None:
                return None
            found = [
                undecided(one.platform, days=one.days, companies=one.companies, since=one.since)
                for one in self._runtime.staleness.undecided()
            ]
            now = self._runtime.clock()
            return self._apply(session, found, session.open(), _CORRECTIONS, now)

    @property
    def _pause_after(self) -> timedelta:
        return timedelta(hours=self._runtime.settings.breaker_refused_pause_hours)

    def _pause_refused(self) -> None:
        runtime, now = self._runtime, self._runtime.clock()
        for one in to_pause(runtime.closures.in_force(now), now, self._pause_after):
            hours = self._pause_after // timedelta(hours=1)
            reason = f"refused for {count(hours, 'hour')}: {one.reason}"
            runtime.closures.hold(
                one.platform, one.company_id, reason=reason, by=PAUSED_BY, now=now
            )

    def run_failed(self, run: FailedRun) -> bool:
        """Write the notice of a failed run; False: it was written before."""
        now = self._runtime.clock()
        notice = Notice(f"run:{run.run_id}", NoticeKind.RUN_FAILED, now, pages=False, run=run)
        return self._runtime.incidents.write_notice(notice, self._routes(notice), now) > 0

    def acknowledge(self, text: str, by: str) -> Incident:
        """Acknowledge the open incident that `text` (an id or its beginning) names.

        Raises `IdMalformed`, `IdAmbiguous`, `IncidentUnknown`, `IncidentClosed`, `IncidentAcknowledged`.
        """
        runtime, now = self._runtime, self._runtime.clock()
        id_ = runtime.incidents.resolve(text)
        with runtime.incidents.in_turn() as session:
            incident = next((one for one in session.open() if one.id == id_), None)
            if incident is None:
                raise IncidentClosed(id_)
            if incident.acknowledged_at is not None:
                raise IncidentAcknowledged(id_, incident.acknowledged_by or "")
            change = acknowledged(incident, by, now)
            session.apply([change], self._routes, now)
            session.note_acknowledged(change.incident, by, now)
        return change.incident

    def send(self, *, seconds: float = 20.0) -> Sent:
        """Send what waits in the outbox, for at most `seconds` and the time-out of one message."""
        runtime = self._runtime
        for channel in Channel:
            if not self._configured.has(channel):
                runtime.outbox.reroute(channel, self._configured.instead_of(channel))
        channels = alert_channels(runtime.settings)
        return Sender(runtime.outbox, channels, clock=runtime.clock, seconds=seconds).run()

    def purge(self) -> Purged:
        """Drop what nobody reads any more: notices sent RETENTION_NOTICES_DAYS ago, and incidents closed
        before the first day that a report can be made of (IMPACT_IN_PARTITION_DAYS). Never an open one. Also
        the budgets of accounts to which nothing is sent any more."""
        runtime, now = self._runtime, self._runtime.clock()
        kept = timedelta(days=runtime.settings.retention_notices_days)
        reported = timedelta(days=runtime.settings.partition_days)
        incidents = runtime.incidents.purge(closed_before=now - max(reported, kept))
        notices = runtime.outbox.purge(sent_before=now - kept)
        return Purged(notices, incidents, runtime.budgets.purge())

    def agree(
        self,
        session: IncidentSession,
        breaches: Sequence[Breach],
        incidents: Sequence[Incident],
        scope: Collection[BreachType],
        now: datetime,
    ) -> Watched:
        """Make the incidents of the types in `scope` agree with `breaches`, which must be all of these types
        that there are now; `incidents` are those open."""
        return self._apply(session, breaches, incidents, scope, now)

    def _apply(
        self,
        session: IncidentSession,
        breaches: Sequence[Breach],
        incidents: Sequence[Incident],
        scope: Collection[BreachType],
        now: datetime,
        causes: Sequence[Cause] = (),
    ) -> Watched:
        changes = reconcile(
            incidents,
            breaches,
            now,
            scope=scope,
            quiet=self._quiet(incidents, now, causes),
            hold=timedelta(minutes=self._runtime.settings.alert_recovery_hold_minutes),
        )
        notices = session.apply(changes, self._routes, now)
        known = {incident.id for incident in incidents}
        return Watched(
            breaches=len(breaches),
            opened=sum(change.incident.id not in known for change in changes),
            closed=sum(_is_closed(change) for change in changes),
            notices=notices,
            moved=tuple(
                f"{'closed' if _is_closed(change) else 'opened'} {_named(change.incident)}"
                for change in changes
                if _is_closed(change) or change.incident.id not in known
            ),
        )

    def _quiet(
        self, incidents: Sequence[Incident], now: datetime, causes: Sequence[Cause]
    ) -> Quiet:
        out = {one.platform for one in incidents if one.type in _OUTAGE and one.platform}
        soon = now + timedelta(seconds=1)
        return Quiet(self._runtime.maintenance.overlapping(now, soon), frozenset(out), causes)

    def _routes(self, notice: Notice) -> Sequence[Channel]:
        return routes(notice, self._configured)


def _named(incident: Incident) -> str:
    whose = incident.company or "all companies"
    where = incident.platform.value if incident.platform else "all platforms"
    return f"{incident.type.value} of {whose} on {where} ({incident.id})"


def _with_who_is_late(breach: Breach, incidents: Sequence[Incident]) -> Breach:
    """An outage, with the companies whose incidents it explains."""
    own = next((one for one in incidents if one.key == (None, breach.platform, breach.type)), None)
    late = affected_by(
        incidents,
        cause_id=str(own.id) if own else "",
        platforms={breach.platform} if breach.platform else (),
    )
    named = naming((one.company for one in late), own.details if own else {})
    return replace(breach, details={**breach.details, **named})


def _with_what_went_out(
    session: IncidentSession, incidents: Sequence[Incident], found: Sequence[Breach]
) -> list[Incident]:
    """The incidents, with how many deliveries went out in those outages that end now, and how late."""
    still = {breach.platform for breach in found}
    over = [one for one in incidents if one.type in _OUTAGE and one.platform not in still]
    told = session.went_out(over)
    return [
        replace(one, details={**one.details, **told[one.platform]})
        if one in over and one.platform in told
        else one
        for one in incidents
    ]


def listed_incidents(
    runtime: Runtime,
    *,
    company_id: UUID | None,
    platform: Platform | None,
    closed_too: bool,
    limit: int,
) -> tuple[list[Incident], list[Backlog]]:
    """At most `limit` incidents, the newest first (the open ones unless `closed_too`), and what waits to be
    sent."""
    found = runtime.incidents.listed(
        company_id=company_id, platform=platform, closed_too=closed_too, limit=limit
    )
    return found, runtime.outbox.backlog()


def alert_channels(settings: Settings) -> dict[Channel, AlertChannel]:
    """Every channel that has an address, the log included."""
    links, timeout_s = Links.from_settings(settings), settings.alert_timeout_ms / 1000
    found: dict[Channel, AlertChannel] = {Channel.LOG: LogChannel()}
    # Imported where they are needed: the clients cost 0.4 s.
    if settings.pagerduty_integration_key is not None:
        from impact_in_pipelines.alerting.channels.pagerduty import EVENTS_URL, PagerDutyChannel

        found[Channel.PAGERDUTY] = PagerDutyChannel(
            settings.pagerduty_integration_key,
            links,
            events_url=settings.pagerduty_events_url or EVENTS_URL,
            timeout_s=timeout_s,
        )
    for channel, url in (
        (Channel.SLACK_CRITICAL, settings.slack_critical_webhook_url),
        (Channel.SLACK, settings.slack_webhook_url),
    ):
        if url is not None:
            from impact_in_pipelines.alerting.channels.slack import SlackChannel

            found[channel] = SlackChannel(url, links, timeout_s=timeout_s)
    return found


def _is_closed(change: IncidentChange) -> bool:
    return change.incident.closed_at is not None
