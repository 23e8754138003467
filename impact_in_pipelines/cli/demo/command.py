"""`impact-in demo`: the main job end to end on a made-up world, checked against what the platforms took."""

import fcntl
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

import typer

from impact_in_pipelines.cli.deliveries.drains import run_drains
from impact_in_pipelines.cli.demo import world
from impact_in_pipelines.cli.demo.progress import progress
from impact_in_pipelines.cli.output import console, print_table, styled
from impact_in_pipelines.cli.stopping import leave_if_stopped, run_stoppable
from impact_in_pipelines.dagster_instance.environment import dagster_environment
from impact_in_pipelines.dagster_instance.runs.stopping import Stop
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.deliveries.reading import DeliveryReader, DeliveryRow
from impact_in_pipelines.db.engine import open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.delivery.states import OPEN, DeliveryStatus, ErrorKind
from impact_in_pipelines.errors import Conflict, ImpactInError
from impact_in_pipelines.logs.setting_up import log_to_stderr
from impact_in_pipelines.platforms import FACTS, Platform, registered_names
from impact_in_pipelines.plurals import count
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.services.accounts.connections import ConnectionChange, set_connection
from impact_in_pipelines.settings import get_settings, read_settings

HOME = Path(".impact-in/demo")
_ROUNDS = 12
_STEPS = 7
_LOST_ANSWER_MS = 4_000

ENVIRONMENT = {
    # Minutes between attempts would make the demo last half an hour.
    "SCHEDULER_RETRY_DELAY_MS": "1500",
    "HTTP_READ_TIMEOUT_MS": "1500",
    "ENABLE_SCHEDULER": "false",
}
_OURS = ("IMPACT_IN_", "SCHEDULER_", "HTTP_", "DAGSTER_")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong on purpose, and how it must end."""

    slug: str
    platform: Platform
    what: str
    ends: DeliveryStatus
    kind: ErrorKind | None = None


_S, _F = DeliveryStatus.SUCCESS, DeliveryStatus.FAILED
TROUBLES = (
    Trouble("harbor-mutual", Platform.BENEVITY, "Benevity answers 503 twice", _S),
    Trouble("dnipro-softworks", Platform.BENEVITY, "Benevity asks to wait a second (429)", _S),
    Trouble("sol-iberia", Platform.WORKDAY, "Workday takes it, but its answer is lost", _S),
    Trouble("maple-retail", Platform.WORKDAY, "Workday resets the connection", _S),
    Trouble(
        "kiwi-orchards", Platform.GOODERA, "its API key was revoked", _F, ErrorKind.AUTHENTICATION
    ),
    Trouble(
        "lagos-fintech",
        Platform.BENEVITY,
        "an event lies ahead of the clock",
        _F,
        ErrorKind.DATA_QUALITY,
    ),
)


class _Stopped(Exception):
    """Ctrl-C, between two steps."""


def demo() -> None:
    """Deliver a made-up quarter of a dozen companies to the sandbox, some of them misbehaving.

    Everything happens in `.impact-in/demo`, which is made anew each time; no other database is touched.
    Exit code 0 only if the sandbox accepted exactly once what should have arrived; 130 after Ctrl-C.
    """
    # What goes wrong on purpose is in the table; LOG_LEVEL=warning shows its lines too.
    log_to_stderr("critical")
    stop, ran = run_stoppable(
        _demonstrate, stopping="Stopping the demo …", at_once="The demo ended at once."
    )
    leave_if_stopped(stop, "The demo was stopped; nothing of it runs on. From the start: make demo")
    assert ran is not None, "only a stop leaves without rows"
    _print(ran.rows, ran.seconds)
    _verdict(ran)


@dataclass(frozen=True, slots=True)
class _Ran:
    """What the demo left in the log, what was wrong with it, and how long it took."""

    rows: Sequence[DeliveryRow]
    problems: Sequence[str]
    seconds: float


def _demonstrate(stop: Stop) -> tuple[Stop, _Ran | None]:
    started = time.monotonic()
    try:
        with _own_home(), running_sandbox() as sandbox, progress(_STEPS) as show:

            def tell(text: str) -> None:
                if stop.requested:
                    raise _Stopped
                show(text)

            tell("Starting the database and the sandbox")
            runtime = _runtime(sandbox)
            tell("Making twelve companies, their events and schedules")
            now = datetime.now(UTC)
            _build(runtime, now)
            _misbehave(runtime, sandbox, now)
            tell("Computing company_impact and checking it")
            _refresh_impact()
            tell("Sending what is due")
            _deliver_all(runtime, tell, stop)
            tell("Judging the SLA")
            _judge(runtime)
            tell("Comparing the log with what the sandbox accepted")
            rows = _rows(runtime)
            problems = check(rows, sandbox)
            world.connect_to_sandbox(runtime)
            runtime.close()
    except _Stopped:
        return stop, None
    return stop, _Ran(rows, problems, time.monotonic() - started)


def _verdict(ran: _Ran) -> None:
    if ran.problems:
        for problem in ran.problems:
            console.print(styled("[bold red]✗[/] {problem}", problem=problem))
        raise typer.Exit(1)
    arrived = sum(row.status is DeliveryStatus.SUCCESS for row in ran.rows)
    console.print(
        styled(
            f"[bold green]✓[/] The sandbox accepted exactly the {arrived} deliveries that the log calls "
            "delivered, each once.\n"
            "  Look at it in the Dagster UI: [bold]make dev[/], then http://127.0.0.1:3000/assets\n"
            "  Or here:  IMPACT_IN_HOME=.impact-in/demo .venv/bin/impact-in deliveries list"
        )
    )


@contextmanager
def _own_home() -> Iterator[None]:
    """A fresh `.impact-in/demo` of ours alone. Raises `Conflict` while `impact-in dev` uses it."""
    HOME.parent.mkdir(exist_ok=True)
    with hold_home():
        if HOME.exists():
            shutil.rmtree(HOME)
        HOME.mkdir()
        yield


@contextmanager
def hold_home() -> Iterator[IO[str]]:
    """The lock on the demo's home; `dev` holds it too, since it shows the same database."""
    HOME.parent.mkdir(exist_ok=True)
    with HOME.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                "another demo or `make dev` uses .impact-in/demo; stop it first (Ctrl-C there)"
            ) from None
        yield lock


def _environment(sandbox: Sandbox) -> None:
    """A user's own settings must not leak into the demo, nor the demo reach a user's database."""
    ours = (*_OURS, *(f"{name.upper()}_" for name in registered_names()))
    for name in list(os.environ):
        if name.startswith(ours) or name == "DATABASE_URL":
            del os.environ[name]
    os.environ.update(ENVIRONMENT | world.sandbox_environment(sandbox.url))
    os.environ["IMPACT_IN_HOME"] = str(HOME.absolute())
    get_settings.cache_clear()


def _runtime(sandbox: Sandbox) -> Runtime:
    _environment(sandbox)
    settings = read_settings()
    database = open_database(settings)
    upgrade(database.engine)
    os.environ.update(dagster_environment(settings))
    return Runtime(settings, database=database)


def _build(runtime: Runtime, now: datetime) -> None:
    companies = world.add_companies(runtime)
    summary = world.import_sample(runtime, now, broken_rows=3)
    schedules = world.add_schedules(runtime, companies, now)
    console.print(
        f"{count(len(companies), 'company', 'companies')}, {count(schedules, 'schedule')}; "
        f"{count(summary.imported, 'event')} imported, {count(summary.rejected, 'row')} refused"
    )


def _misbehave(runtime: Runtime, sandbox: Sandbox, now: datetime) -> None:
    """Set up `TROUBLES`."""
    faults = sandbox.client
    faults.add_fault("benevity", "server_error", organization="harbor-mutual", count=2)
    faults.add_fault(
        "benevity",
        "rate_limited",
        organization="dnipro-softworks",
        count=1,
        retry_after_seconds=1,
    )
    faults.add_fault(
        "workday", "timeout_after", organization="sol-iberia", count=1, delay_ms=_LOST_ANSWER_MS
    )
    faults.add_fault("workday", "connection_reset", organization="maple-retail", count=1)
    kiwi = runtime.companies.find("kiwi-orchards")
    change = ConnectionChange(credentials={"api_key": "revoked-key"})
    set_connection(runtime, kiwi, Platform.GOODERA, change, actor="demo", by_operator=True)
    world.import_ahead_of_the_clock(runtime, "lagos-fintech", now)


def _refresh_impact() -> None:
    _execute("refresh_company_impact", {})


def _judge(runtime: Runtime) -> None:
    """What happens at ten past every hour: whoever opens the SLA's assets before would find them empty."""
    from impact_in_pipelines.assets.reporting.sla import FIRST_DAY
    from impact_in_pipelines.schedules.sla import RANGE_END, RANGE_START

    now = runtime.clock()
    today = now.date()
    first = min([*runtime.sla_rollup.stale_days(FIRST_DAY, now).days, today])
    _execute("monitor_sla", {RANGE_START: first.isoformat(), RANGE_END: today.isoformat()})


def _execute(job: str, tags: dict[str, str]) -> None:
    from impact_in_pipelines.dagster_instance.runs.running import run_job
    from impact_in_pipelines.definitions import defs

    run_job(defs, job, tags=tags)


def _deliver_all(runtime: Runtime, tell: Callable[[str], None], stop: Stop) -> None:
    """Run the drain jobs until nothing is open: first what is due, then the retries as they fall due."""
    _drain(runtime, list(world.SIMULATED), stop)
    tell("Retrying what failed for a while")
    for _ in range(_ROUNDS):
        waiting = [row for row in _rows(runtime) if row.status in OPEN]
        if not waiting:
            break
        due = min(row.next_attempt_at for row in waiting if row.next_attempt_at)
        time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + 0.05)
        _drain(runtime, sorted({row.platform for row in waiting}), stop)
        if stop.requested:
            break


def _drain(runtime: Runtime, platforms: Sequence[Platform], stop: Stop) -> None:
    for result in run_drains(runtime, platforms, {}, begun={}, quiet=True, stop=stop):
        if result["error"]:
            raise ImpactInError(f"the drain to {result['platform']} failed: {result['error']}")


def _rows(runtime: Runtime) -> list[DeliveryRow]:
    return DeliveryReader(runtime.database.engine).listed(None, DeliveryFilter(), limit=1000)


def check(rows: Sequence[DeliveryRow], sandbox: Sandbox) -> list[str]:
    """What differs between the log and what the platforms accepted, and between both and the plan; in
    words. Empty: all is as it should be."""
    problems = []
    for platform in world.SIMULATED:
        taken = Counter(
            (entry["organizationId"], entry["periodStart"], entry["periodEnd"])
            for entry in sandbox.client.accepted(platform.value)["accepted"]
            for _ in range(entry["timesAccepted"])
        )
        logged = Counter(
            (row.company, row.period_start.isoformat(), row.period_end.isoformat())
            for row in rows
            if row.platform is platform and row.status is DeliveryStatus.SUCCESS
        )
        problems += [f"{platform}: {key} is delivered, but not accepted" for key in logged - taken]
        problems += [f"{platform}: {key} was accepted more than once" for key in taken - logged]
    problems += [
        f"{row.company} to {row.platform} is still {row.status}"
        for row in rows
        if row.status in OPEN
    ]
    return problems + _unlike_the_plan(rows)


def _unlike_the_plan(rows: Sequence[DeliveryRow]) -> list[str]:
    problems = []
    planned = {(trouble.slug, trouble.platform): trouble for trouble in TROUBLES}
    for row in rows:
        trouble = planned.get((row.company, row.platform))
        if row.status is DeliveryStatus.FAILED and (
            trouble is None or trouble.ends is not row.status or trouble.kind != row.error_kind
        ):
            problems.append(f"{row.company} to {row.platform} failed: {row.last_error}")
    for (slug, platform), trouble in planned.items():
        ends = {row.status for row in rows if (row.company, row.platform) == (slug, platform)}
        if trouble.ends not in ends:
            problems.append(
                f"{slug} to {platform} should have ended as {trouble.ends}; it is {ends}"
            )
    return problems


def _print(rows: Sequence[DeliveryRow], seconds: float) -> None:
    statuses = (
        DeliveryStatus.SUCCESS,
        DeliveryStatus.SKIPPED,
        DeliveryStatus.FAILED,
        DeliveryStatus.MISSED,
    )
    counts = Counter((row.platform, row.status) for row in rows)
    retried = Counter(row.platform for row in rows if row.attempt_count > 1)
    print_table(
        f"Deliveries ({seconds:.0f} s)",
        ["platform", "delivered", "of these retried", "skipped", "failed for good", "missed"],
        [
            [
                FACTS[platform].title,
                counts[platform, _S] or "–",
                retried[platform] or "–",
                *(counts[platform, status] or "–" for status in statuses[1:]),
            ]
            for platform in world.SIMULATED
        ],
        empty="nothing was delivered",
    )
    print_table(
        "What did not go smoothly",
        ["company", "platform", "what happened", "ended as", "attempts"],
        [*_stories(rows), *_missed(rows)],
        empty="nothing",
    )


def _stories(rows: Sequence[DeliveryRow]) -> list[list[object]]:
    notable = [row for row in rows if _notable(row)]
    return [_story(row) for row in sorted(notable, key=lambda row: (row.status, row.company))]


def _missed(rows: Sequence[DeliveryRow]) -> list[list[object]]:
    """One line for each schedule with missed fires."""
    days: dict[tuple[str, Platform], list[date]] = {}
    for row in rows:
        if row.status is DeliveryStatus.MISSED:
            days.setdefault((row.company, row.platform), []).append(row.period_start)
    return [
        [
            company,
            FACTS[platform].title,
            f"nobody ran for {count(len(missed), 'fire')} ({min(missed)} to {max(missed)}); one delivery "
            "covers them",
            DeliveryStatus.MISSED,
            0,
        ]
        for (company, platform), missed in sorted(days.items())
    ]


def _notable(row: DeliveryRow) -> bool:
    return row.status in (DeliveryStatus.FAILED, DeliveryStatus.SKIPPED) or row.attempt_count > 1


def _story(row: DeliveryRow) -> list[object]:
    trouble = next(
        (t for t in TROUBLES if (t.slug, t.platform) == (row.company, row.platform)), None
    )
    text = trouble.what if trouble else ""
    if row.status is DeliveryStatus.FAILED:
        text = f"{text}: {row.last_error}"
    elif row.status is DeliveryStatus.SKIPPED:
        text = "the same figures had just arrived; not sent twice"
    return [row.company, FACTS[row.platform].title, text, row.status, row.attempt_count]
