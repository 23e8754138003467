"""What an examination has found, in a sentence, and what a person at a terminal does about it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from impact_in_pipelines.cli.context import NO_SETTING
from impact_in_pipelines.cli.next_steps import NEXT
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.plurals import count
from impact_in_pipelines.services.operating.health import Diagnosis, Fact, State
from impact_in_pipelines.sla.wording import duration
from impact_in_pipelines.wording import sentence

STYLES: Mapping[State, str] = MappingProxyType(
    {State.OK: "green", State.WARNING: "bold yellow", State.FAILED: "bold red"}
)

SENTENCES: Mapping[Fact, str] = MappingProxyType(
    {
        Fact.SETTINGS_KNOWN: "every variable that is meant as a setting is one",
        Fact.SETTING_WRONG: "{why}",
        Fact.SETTING_UNKNOWN: NO_SETTING,
        Fact.CONNECTORS_WORK: "every connector can be used: {names}",
        Fact.CONNECTOR_BROKEN: "{why}",
        Fact.DATABASE_ANSWERS: "PostgreSQL {version} answers in {ms:.1f} ms",
        Fact.DATABASE_AWAY: "{error}",
        Fact.TABLES_CURRENT: "the tables are at revision {revision}",
        Fact.TABLES_OUT_OF_STEP: "{error}",
        Fact.CLOCK_RIGHT: "this machine's clock is the database's, within {seconds:.1f} s",
        Fact.CLOCK_OFF: "this machine's clock is {seconds:.0f} s {direction} the database's, which counts",
        Fact.KEY_FITS: "the secrets of {connections} can be read",
        Fact.KEY_FITS_NOT: "no key reads the secrets of {connections}: {names}",
        Fact.DISK_ROOMY: "{free_gb:.0f} GB are free where {folder} lies",
        Fact.DISK_LOW: "only {free_gb:.1f} GB are free where {folder} lies",
        Fact.DISK_FULL: "only {free_gb:.2f} GB are free where {folder} lies",
        Fact.CONNECTIONS_USABLE: "{connections} can be used, nothing is held",
        Fact.CONNECTION_LACKS: "{name} can't be used, it lacks: {lacks}",
        Fact.CONNECTION_CLOSED: "{name} is held since {since}{whose}: {reason}",
        Fact.ALERTS_TAKEN: "no alert waits for a channel that doesn't take it",
        Fact.ALERTS_REFUSED: "{alerts} on {channel} since {oldest}, it takes none: {error}",
        Fact.STORAGE_ANSWERS: "Dagster {version}'s storage answers",
        Fact.STORAGE_FAILS: "Dagster's storage can't be used: {why}",
        Fact.DAEMON_AT_WORK: "the daemon was at work {lasted} ago",
        Fact.DAEMON_SILENT: "of the daemon, {parts} {silent}: nothing starts by itself",
        Fact.AUTOMATION_ON: "all {count} schedules and sensors are on",
        Fact.AUTOMATION_OFF: "somebody has switched off {names}",
        Fact.CODE_LOADED: "the code server has loaded the present code, at {at}",
        Fact.CODE_OLD: "the code server has loaded what the code was at {at}; it has changed since",
        Fact.CODE_BROKEN: "the code server can't load the code: {why}",
        Fact.WEB_SERVER_AWAY: "Dagster's web server doesn't answer at {url}, the code server can't be asked",
    }
)

_STEPS: Mapping[Fact, str] = MappingProxyType(
    {
        Fact.CONNECTOR_BROKEN: "install a version of it that works, or take it away; the others work",
        Fact.CLOCK_OFF: "set it by NTP",
        Fact.KEY_FITS_NOT: "add the key they were written with to IMPACT_IN_SECRET_KEY",
        Fact.DISK_LOW: "make room, see: impact-in retention --dry-run",
        Fact.DISK_FULL: "make room, see: impact-in retention --dry-run",
        Fact.CONNECTION_LACKS: "see: impact-in connections list",
        Fact.CONNECTION_CLOSED: "see: impact-in platforms list",
        Fact.ALERTS_REFUSED: "put the webhook or key right, or make a new one there",
        Fact.DAEMON_SILENT: "start it: dagster-daemon run, or impact-in dev",
        Fact.AUTOMATION_OFF: "switch them on in Dagster's UI, under Automation",
        Fact.CODE_OLD: "reload it in Dagster's UI, under Deployment",
        Fact.CODE_BROKEN: "see its log, or run: dagster definitions validate",
        Fact.WEB_SERVER_AWAY: "start it, or correct DAGSTER_UI_URL",
    }
)


def sentence_of(finding: Diagnosis) -> str:
    """The finding in a sentence."""
    return SENTENCES[finding.fact].format(**_readable(finding.values))


def step_of(finding: Diagnosis) -> str | None:
    """What to do about it; None: nothing, or the sentence says it."""
    values = finding.values
    if finding.fact is Fact.SETTING_UNKNOWN:
        return f"did you mean {values['meant']}?" if values["meant"] else "unset it"
    error = values.get("error")
    if isinstance(error, ImpactInError):
        step = NEXT.get(error.code)
        return None if step is None else step % error.parameters
    return _STEPS.get(finding.fact)


def _readable(values: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: _text(value) for name, value in values.items()}
    if "ahead_s" in values:
        shown["seconds"] = abs(values["ahead_s"])
        shown["direction"] = "ahead of" if values["ahead_s"] > 0 else "behind"
    if values.get("seconds") is not None:
        shown["lasted"] = duration(round(values["seconds"]) * 1000)
    if "parts" in values:
        seconds = values["seconds"]
        shown["silent"] = (
            "have never run"
            if seconds is None
            else f"have said nothing for up to {shown['lasted']}"
        )
    if "count" in values:
        shown["connections"] = count(values["count"], "connection")
    if "waiting" in values:
        shown["alerts"] = count(values["waiting"], "alert waits", "alerts wait")
    if "by" in values:
        shown["whose"] = f" by {values['by']}" if values["by"] else ""
    return shown


def _text(value: Any) -> Any:
    match value:
        case ImpactInError():
            return sentence(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case _:
            return value
