"""A made-up world for `demo` and `dev`: a dozen companies, a quarter of events, a schedule each.

While the demo runs, connections are the environment's defaults, since its sandbox has a port of its own; what
stays behind are accounts on the sandbox of `impact-in dev`, which commands in any other terminal find.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.schedules.rows import RuleChanges
from impact_in_pipelines.impact.sample import EventRow, generate_events, write_csv
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    DEFAULT_PORT,
    GOODERA_KEY,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)
from impact_in_pipelines.scheduling import ScheduleRule
from impact_in_pipelines.scheduling.clock import previous_instant
from impact_in_pipelines.services import schedules
from impact_in_pipelines.services.accounts.companies import add_company
from impact_in_pipelines.services.accounts.connections import ConnectionChange, set_connection
from impact_in_pipelines.services.importing import ImportSummary, import_file

EVENT_DAYS = 92
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """One company of the world and how often it delivers where; `missed_days` were nobody's watch."""

    slug: str
    name: str
    country: str
    timezone: str
    schedules: tuple[tuple[Platform, str], ...]
    size: int = 60
    missed_days: int = 0


_B, _G, _W = SIMULATED = Platform.BENEVITY, Platform.GOODERA, Platform.WORKDAY
"""What the sandbox stands in for, whatever else is installed."""

COMPANIES: tuple[Plan, ...] = (
    Plan("nordlys-energi", "Nordlys Energi", "NO", "Europe/Oslo", ((_B, "daily"), (_W, "weekly"))),
    Plan("fjord-shipping", "Fjord Shipping", "NO", "Europe/Oslo", ((_G, "daily"),), 40),
    Plan("sol-iberia", "Sol Iberia", "ES", "Europe/Madrid", ((_W, "daily"), (_B, "monthly")), 90),
    Plan(
        "dnipro-softworks", "Dnipro Softworks", "UA", "Europe/Kyiv", ((_G, "weekly"), (_B, "daily"))
    ),
    Plan("harbor-mutual", "Harbor Mutual", "US", "America/New_York", ((_B, "daily"),), 120),
    Plan("maple-retail", "Maple Retail", "CA", "America/Toronto", ((_W, "daily"),), 80),
    Plan("kiwi-orchards", "Kiwi Orchards", "NZ", "Pacific/Auckland", ((_G, "daily"),), 30),
    Plan("kanda-precision", "Kanda Precision", "JP", "Asia/Tokyo", ((_W, "weekly"), (_G, "daily"))),
    Plan("lagos-fintech", "Lagos Fintech", "NG", "Africa/Lagos", ((_B, "hourly"),), 50),
    Plan("paulista-foods", "Paulista Foods", "BR", "America/Sao_Paulo", ((_G, "daily"),), 70, 3),
    Plan("bharat-tech", "Bharat Tech", "IN", "Asia/Kolkata", ((_W, "daily"), (_B, "weekly")), 150),
    Plan(
        "spree-mobility",
        "Spree Mobility",
        "DE",
        "Europe/Berlin",
        ((_G, "daily"), (_G, "daily, in other words")),
    ),
)

DEV_COMPANY = "minute-by-minute"
LOOPBACK = "127.0.0.0/8,::1,localhost"
"""Where the sandbox is: base URLs elsewhere lead to public addresses only."""
_OFF = "impact-in dev is off"
_ACTOR = "dev"
_MAKER = "demo"
_IN_OTHER_WORDS = {"daily, in other words": "0 0 * * 0-6"}


def sandbox_environment(url: str) -> dict[str, str]:
    """The default connections to the sandbox at `url`, with its published stand-in credentials."""
    return {
        "BENEVITY_API_URL": f"{url}/benevity",
        "BENEVITY_API_KEY": BENEVITY_KEY,
        "GOODERA_API_URL": f"{url}/goodera",
        "GOODERA_API_KEY": GOODERA_KEY,
        "WORKDAY_API_URL": f"{url}/workday",
        "WORKDAY_CLIENT_ID": OAUTH_CLIENT_ID,
        "WORKDAY_CLIENT_SECRET": OAUTH_CLIENT_SECRET,
        "WORKDAY_TENANT_ID": WORKDAY_TENANT,
        "IMPACT_IN_ALLOWED_HOSTS": LOOPBACK,
    }


def connect_to_sandbox(runtime: Runtime) -> None:
    """Give each of the made-up companies an account with every platform of the sandbox of `impact-in dev`.

    The environment's defaults end with the process. Without stored accounts, a command in another terminal
    would find nobody connected, and `impact-in deliver` would fail everything that is due.
    """
    standing_in: dict[Platform, dict[str, str]] = {
        Platform.BENEVITY: {"api_key": BENEVITY_KEY},
        Platform.GOODERA: {"api_key": GOODERA_KEY},
        Platform.WORKDAY: {
            "client_id": OAUTH_CLIENT_ID,
            "client_secret": OAUTH_CLIENT_SECRET,
            "tenant_id": WORKDAY_TENANT,
        },
    }
    stored = {(row["company"], row["platform"]): row for row in runtime.connections.listed()}
    slugs = [*(plan.slug for plan in COMPANIES), DEV_COMPANY]
    for slug, company in runtime.companies.by_slug(slugs).items():
        for platform, made_up in standing_in.items():
            row = stored.get((slug, platform.value), {})
            if row.get("base_url"):
                continue
            # Credentials are bound to where they were entered for: a kept one is entered anew.
            kept = runtime.connections.of_companies(platform, [company.id]).get(company.id)
            has_own = kept is not None and bool(row.get("credential_names"))
            credentials = kept.credentials if kept and has_own else made_up
            change = ConnectionChange(
                base_url=f"http://127.0.0.1:{DEFAULT_PORT}/{platform.value}",
                credentials=credentials,
            )
            set_connection(runtime, company, platform, change, actor=_MAKER, by_operator=True)


def add_companies(runtime: Runtime) -> list[Company]:
    """Add those of `COMPANIES` that are missing; returns all of them, in order."""
    known = runtime.companies.by_slug([plan.slug for plan in COMPANIES])
    return [
        known.get(plan.slug)
        or add_company(
            runtime,
            plan.slug,
            name=plan.name,
            country=plan.country,
            timezone=plan.timezone,
            actor=_MAKER,
        )
        for plan in COMPANIES
    ]


def add_schedules(
    runtime: Runtime, companies: Sequence[Company], now: datetime, *, days_are_missed: bool = True
) -> int:
    """Give each company its schedules, each of which has fired in this very minute; returns how many. Unless
    `days_are_missed`, nobody has missed the `missed_days` of some.

    A fire of last midnight, or of last month, would be delivered hours or weeks late: true, and a wall of
    alarms for whoever looks at the world next. So the first fire is of now, and what it planned stays
    planned when the schedule then goes over to the rhythm that it is known by.
    """
    count = 0
    for plan, company in zip(COMPANIES, companies, strict=True):
        for platform, rhythm in plan.schedules:
            zone = _in_mid_day(now) if rhythm == "hourly" else company.timezone
            first = ScheduleRule(_firing_at(now.astimezone(ZoneInfo(zone)), rhythm), timezone=zone)
            missed = plan.missed_days if days_are_missed else 0
            before = _before_last_fire(first, now) - missed * _DAY
            made = schedules.create(
                runtime, company, platform, first, now=before, actor=_MAKER
            ).schedule
            cron = _IN_OTHER_WORDS.get(rhythm, rhythm)
            changes = RuleChanges(cron=cron, timezone=company.timezone)
            schedules.update(runtime, made.id, changes, actor=_MAKER, now=now)
            count += 1
    return count


def _firing_at(local: datetime, rhythm: str) -> str:
    """The cron expression of this rhythm that fires in the minute of `local`."""
    minute, at = f"{local.minute}", f"{local.minute} {local.hour}"
    return {
        "hourly": f"{minute} * * * *",
        "daily": f"{at} * * *",
        "daily, in other words": f"{at} * * 0-6",
        "weekly": f"{at} * * {local.isoweekday() % 7}",
        "monthly": f"{at} {local.day} * *",
    }[rhythm]


def _in_mid_day(now: datetime) -> str:
    """A zone where it is far from midnight: an hourly delivery then reports on a day that goes on, and an
    event two hours ahead lies in it."""
    return "UTC" if 1 <= now.hour <= 20 else "Asia/Tokyo"


def _before_last_fire(rule: ScheduleRule, now: datetime) -> datetime:
    """An instant after which exactly one fire has come due by `now`."""
    last = previous_instant(rule.cron, rule.zone, now)
    assert last is not None, f"{rule.cron} has never fired"
    return last - timedelta(minutes=1)


def import_sample(runtime: Runtime, now: datetime, *, broken_rows: int = 0) -> ImportSummary:
    """Generate a quarter of events for every company and import them from a CSV file, as a user would.

    `broken_rows` rows that don't hold are written among them.
    """
    return write_and_import(runtime, chain(_events(now), _broken(broken_rows)), now)


def _events(now: datetime) -> Iterator[EventRow]:
    for plan in COMPANIES:
        today = now.astimezone(ZoneInfo(plan.timezone)).date()
        yield from generate_events(
            plan.slug,
            today - EVENT_DAYS * _DAY,
            today - _DAY,
            timezone=plan.timezone,
            participants=plan.size,
            volunteers=max(4, plan.size // 5),
        )


def _broken(count: int) -> Iterator[EventRow]:
    """Rows that the import must refuse: hours that are no number."""
    for number in range(count):
        yield EventRow(
            event_id=f"broken-{number}",
            company=COMPANIES[0].slug,
            occurred_at="2026-01-01T09:00:00Z",
            activity="session",
            participant_ref=f"p-{number}",
            volunteer_ref="",
            hours="two",
            outcome_category="",
            outcome_score="",
        )


def import_ahead_of_the_clock(runtime: Runtime, slug: str, now: datetime) -> None:
    """Import an event that lies two hours ahead, as an importer with a wrong clock would."""
    write_and_import(runtime, [_event(slug, "ahead-1", now + timedelta(hours=2))], now)


def import_activity(runtime: Runtime, slug: str, now: datetime) -> None:
    """Import one session of this minute."""
    write_and_import(runtime, [_event(slug, f"live-{now:%Y%m%d%H%M%S}", now)], now)


def write_and_import(runtime: Runtime, rows: Iterable[EventRow], now: datetime) -> ImportSummary:
    """Import `rows` from a CSV file, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        write_csv(path, rows)
        return import_file(runtime, path, actor="demo", now=now)


def _event(slug: str, event_id: str, at: datetime) -> EventRow:
    return EventRow(
        event_id=f"{slug}-{event_id}",
        company=slug,
        occurred_at=at.isoformat(timespec="seconds"),
        activity="session",
        participant_ref=f"p-{at.minute}",
        volunteer_ref=f"v-{at.hour % 5}",
        hours="1.5",
        outcome_category="",
        outcome_score="",
    )


def build_dev_world(runtime: Runtime, now: datetime) -> None:
    """The companies, their events and schedules where there are none yet, and one company whose schedule
    fires every minute on every platform of the sandbox. What was there, and that company, is paused until
    `wake`."""
    _pause_since_it_ended(runtime, now)
    if not runtime.companies.listed():
        companies = add_companies(runtime)
        import_sample(runtime, now)
        # What was missed is alarming, and this world begins well.
        add_schedules(runtime, companies, now, days_are_missed=False)
    if DEV_COMPANY not in runtime.companies.by_slug([DEV_COMPANY]):
        company = add_company(runtime, DEV_COMPANY, name="Minute by Minute", actor=_ACTOR)
        for platform in SIMULATED:
            made = schedules.create(
                runtime, company, platform, ScheduleRule("* * * * *"), now=now, actor=_ACTOR
            ).schedule
            schedules.pause(runtime, made.id, _OFF, actor=_ACTOR, now=now)
    connect_to_sandbox(runtime)


def wake(runtime: Runtime, now: datetime) -> None:
    """Let the schedules fire again, once there is somebody to deliver."""
    schedules.resume_all(runtime, reason=_OFF, actor=_ACTOR, now=now)


def _pause_since_it_ended(runtime: Runtime, now: datetime) -> None:
    """Nobody missed what fired while `impact-in dev` was off: it was paused, since the first such fire."""
    due = [one.next_run for one in runtime.schedules.listed() if one.active and one.next_run]
    if due:
        since = min(now, min(due) - timedelta(seconds=1))
        schedules.pause_all(runtime, _OFF, now=since, actor=_ACTOR)
