"""How the parts are that everything rests on: the database, the keys, the accounts, the disk.

Each examination returns findings and raises nothing for what it finds. Dagster's part is
`dagster_instance.health`.
"""

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from impact_in_pipelines.clock import utc_now
from impact_in_pipelines.connectors.credentials import Lack
from impact_in_pipelines.connectors.dagster_graphql import DagsterGraphql, DagsterUnreachable
from impact_in_pipelines.db.engine import (
    Database,
    database_time,
    ping,
    require_current,
    translated_errors,
)
from impact_in_pipelines.errors import DatabaseUnavailable
from impact_in_pipelines.platforms import Platform, installed_files, problems
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.connections import ShownConnection, listed
from impact_in_pipelines.services.operating.overview import refused_alerts
from impact_in_pipelines.setting_names import unknown_settings

CLOCK_OFF_S = 2.0
"""More than any round trip explains."""
LOW_GB, FULL_GB = 5.0, 1.0


class State(StrEnum):
    """`failed`: something can't work; `warning`: somebody should know."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Fact(Enum):
    """What can be found: its name for programs, what it is about, how bad it is."""

    SETTINGS_KNOWN = ("settings_known", "settings", State.OK)
    SETTING_WRONG = ("setting_wrong", "settings", State.FAILED)
    SETTING_UNKNOWN = ("setting_unknown", "settings", State.WARNING)
    CONNECTORS_WORK = ("connectors_work", "connectors", State.OK)
    CONNECTOR_BROKEN = ("connector_broken", "connectors", State.FAILED)
    DATABASE_ANSWERS = ("database_answers", "database", State.OK)
    DATABASE_AWAY = ("database_away", "database", State.FAILED)
    TABLES_CURRENT = ("tables_current", "migrations", State.OK)
    TABLES_OUT_OF_STEP = ("tables_out_of_step", "migrations", State.FAILED)
    CLOCK_RIGHT = ("clock_right", "clock", State.OK)
    CLOCK_OFF = ("clock_off", "clock", State.WARNING)
    KEY_FITS = ("key_fits", "secret key", State.OK)
    KEY_FITS_NOT = ("key_fits_not", "secret key", State.FAILED)
    DISK_ROOMY = ("disk_roomy", "disk", State.OK)
    DISK_LOW = ("disk_low", "disk", State.WARNING)
    DISK_FULL = ("disk_full", "disk", State.FAILED)
    CONNECTIONS_USABLE = ("connections_usable", "connections", State.OK)
    CONNECTION_LACKS = ("connection_lacks", "connections", State.WARNING)
    CONNECTION_CLOSED = ("connection_closed", "connections", State.WARNING)
    ALERTS_TAKEN = ("alerts_taken", "alerts", State.OK)
    ALERTS_REFUSED = ("alerts_refused", "alerts", State.FAILED)
    STORAGE_ANSWERS = ("storage_answers", "Dagster", State.OK)
    STORAGE_FAILS = ("storage_fails", "Dagster", State.FAILED)
    DAEMON_AT_WORK = ("daemon_at_work", "daemon", State.OK)
    DAEMON_SILENT = ("daemon_silent", "daemon", State.FAILED)
    AUTOMATION_ON = ("automation_on", "schedules", State.OK)
    AUTOMATION_OFF = ("automation_off", "schedules", State.WARNING)
    CODE_LOADED = ("code_loaded", "code server", State.OK)
    CODE_OLD = ("code_old", "code server", State.WARNING)
    CODE_BROKEN = ("code_broken", "code server", State.FAILED)
    WEB_SERVER_AWAY = ("web_server_away", "code server", State.WARNING)

    @property
    def about(self) -> str:
        """The part it is about."""
        return self.value[1]

    @property
    def state(self) -> State:
        """How bad it is."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A fact with its figures: counts, seconds, GB, UTC instants, names."""

    fact: Fact
    values: Mapping[str, Any] = field(default_factory=dict)


def cheap(runtime: Runtime) -> list[Diagnosis]:
    """What readiness looks at, every few seconds: of the examinations of `impact-in doctor` those that cost
    some statements at most, whatever is stored. What rests on something that has failed is left out."""
    settings = runtime.settings
    folders = (settings.home, settings.archive_folder)
    disks = of_disk(one.absolute() for one in folders if one is not None)
    try:
        with translated_errors(runtime.database.url):
            found = of_database(runtime.database)
            if not any(one.fact.state is State.FAILED for one in found):
                found += of_alerts(runtime)
    except DatabaseUnavailable as error:
        found = [Diagnosis(Fact.DATABASE_AWAY, {"error": error})]
    return [*found, *disks]


def of_settings(names: Iterable[str], known: tuple[str, ...]) -> list[Diagnosis]:
    """Variables, of these, that are meant as settings and are none."""
    unknown = unknown_settings(names, known)
    if not unknown:
        return [Diagnosis(Fact.SETTINGS_KNOWN)]
    return [
        Diagnosis(Fact.SETTING_UNKNOWN, {"name": one.name, "meant": one.meant}) for one in unknown
    ]


def of_connectors() -> list[Diagnosis]:
    """Which platforms can be sent to at all, and which connectors are registered and can't be used."""
    broken = [Diagnosis(Fact.CONNECTOR_BROKEN, {"why": str(one)}) for one in problems()]
    return broken or [Diagnosis(Fact.CONNECTORS_WORK, {"names": list(Platform)})]


def of_database(database: Database) -> list[Diagnosis]:
    """Whether it answers, its tables are this program's, and its clock is this machine's."""
    try:
        version, took_ms = ping(database)
    except DatabaseUnavailable as error:
        return [Diagnosis(Fact.DATABASE_AWAY, {"error": error})]
    found = [Diagnosis(Fact.DATABASE_ANSWERS, {"version": version, "ms": took_ms})]
    try:
        revision = require_current(database.engine)
    except DatabaseUnavailable as error:
        found.append(Diagnosis(Fact.TABLES_OUT_OF_STEP, {"error": error}))
    else:
        found.append(Diagnosis(Fact.TABLES_CURRENT, {"revision": revision}))
    began, before = time.monotonic(), utc_now()
    ahead_s = (before - database_time(database.engine)).total_seconds() + (
        time.monotonic() - began
    ) / 2
    fact = Fact.CLOCK_OFF if abs(ahead_s) >= CLOCK_OFF_S else Fact.CLOCK_RIGHT
    return [*found, Diagnosis(fact, {"ahead_s": ahead_s})]


def of_accounts(runtime: Runtime) -> Iterator[Diagnosis]:
    """Whether the secret key reads what is stored, and which connections can't be used now, and why.
    One that somebody has disabled is what it is meant to be."""
    stored = listed(runtime)
    unreadable = [_name(one) for one in stored if Lack.UNREADABLE in one.lacks]
    with_secrets = sum(bool(one.credential_names or one.webhook_secret_set) for one in stored)
    if unreadable:
        yield Diagnosis(Fact.KEY_FITS_NOT, {"count": len(unreadable), "names": unreadable})
    else:
        yield Diagnosis(Fact.KEY_FITS, {"count": with_secrets})
    lacking = [
        one
        for one in stored
        if Lack.ENABLED not in one.lacks and set(one.lacks) - {Lack.UNREADABLE}
    ]
    for one in lacking:
        lacks = [lack.value for lack in one.lacks if lack is not Lack.UNREADABLE]
        yield Diagnosis(Fact.CONNECTION_LACKS, {"name": _name(one), "lacks": lacks})
    slugs = {one.company_id: one.company for one in stored}
    closures = runtime.closures.in_force(runtime.clock())
    for closure in closures:
        whose = slugs.get(closure.company_id) if closure.company_id else None
        yield Diagnosis(
            Fact.CONNECTION_CLOSED,
            {
                "name": f"{whose or closure.company_id or 'all'}/{closure.platform.value}",
                "since": closure.since,
                "reason": closure.reason,
                "by": closure.held_by,
            },
        )
    if not lacking and not closures:
        usable = sum(not one.lacks for one in stored)
        yield Diagnosis(Fact.CONNECTIONS_USABLE, {"count": usable})


def of_alerts(runtime: Runtime) -> Iterator[Diagnosis]:
    """Whether Slack and PagerDuty take what is sent to them: where they don't, nobody hears of anything."""
    refused = refused_alerts(runtime)
    for one in refused:
        yield Diagnosis(
            Fact.ALERTS_REFUSED,
            {
                "channel": one.channel.value,
                "waiting": one.waiting,
                "oldest": one.oldest,
                "error": one.error,
            },
        )
    if not refused:
        yield Diagnosis(Fact.ALERTS_TAKEN)


def of_disk(folders: Iterable[Path]) -> list[Diagnosis]:
    """The free space where each of the folders lies, a file system once; folders that aren't there yet are
    looked for above."""
    seen: dict[int, Diagnosis] = {}
    for folder in folders:
        there = next((one for one in (folder, *folder.parents) if one.exists()), None)
        if there is None or there.stat().st_dev in seen:
            continue
        free_gb = shutil.disk_usage(there).free / 1e9
        fact = Fact.DISK_ROOMY
        if free_gb < LOW_GB:
            fact = Fact.DISK_FULL if free_gb < FULL_GB else Fact.DISK_LOW
        seen[there.stat().st_dev] = Diagnosis(fact, {"folder": str(there), "free_gb": free_gb})
    return list(seen.values())


def of_code_server(dagster: DagsterGraphql, url: str, package: Path) -> Diagnosis:
    """Whether Dagster's code server has loaded the code in `package`, and since it or a connector of another
    package was last changed or installed."""
    try:
        loaded = dagster.code_location()
    except DagsterUnreachable:
        return Diagnosis(Fact.WEB_SERVER_AWAY, {"url": url})
    if loaded.error is not None or loaded.at is None:
        return Diagnosis(Fact.CODE_BROKEN, {"why": loaded.error or "it is not among its locations"})
    files = (*package.rglob("*.py"), *installed_files())
    changed_at = max(one.stat().st_mtime for one in files)
    fact = Fact.CODE_OLD if changed_at > loaded.at.timestamp() else Fact.CODE_LOADED
    return Diagnosis(fact, {"at": loaded.at})


def _name(one: ShownConnection) -> str:
    return f"{one.company}/{one.platform.value}"
