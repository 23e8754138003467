"""A platform whose connector isn't installed any more: what the log knows of it is shown, held, and in
nobody's way."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import requests
from factories import World, world_on
from sqlalchemy import text

from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.db.sla.outcomes import is_packed
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services import refreshing
from impact_in_pipelines.services.accounts import connections
from impact_in_pipelines.services.alerts import Alerts
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.reports import rolling_report
from impact_in_pipelines.sla.model import Window

from .api_harness import MANAGER, SETTINGS, Served, served
from .cli_harness import Cli
from .test_api_access import OPERATIONS

GONE = "gopher"
_PAGES = (
    *("deliveries", "schedules", "connections", "corrections", "calendar", "reports", "trends"),
    *("incidents", "audit", "sla", "rows", "settings/notices", "settings/levels"),
)
_LISTS = (
    ("deliveries", "list"),
    ("deliveries", "show", "{failed}"),
    ("deliveries", "stale"),
    ("schedules", "list"),
    ("schedules", "stats"),
    ("schedules", "show", "{schedule}"),
    ("connections", "list"),
    ("incidents", "list"),
    ("platforms", "list"),
    ("sla", "status", "--json"),
)


@pytest.fixture
def api(world: World) -> Iterator[Served]:
    """An API whose companies were on Goodera too, and what was Goodera's is of a platform that is gone."""
    with (
        world_on(world.database.url, world.sandbox, gated=False, **SETTINGS) as one,
        served(one) as running,
    ):
        company = running.own.company
        one.schedules(Platform.GOODERA, [company])
        one.deliveries(Platform.GOODERA, company)
        one.runtime.connections.save(company, Platform.GOODERA, credentials={"api_key": "k" * 8})
        one.execute(
            "UPDATE incidents SET platform = 'goodera' WHERE id = :id", id=running.own.incident
        )
        for table in metadata.sorted_tables:
            if "platform" in table.columns:
                one.execute(
                    f"UPDATE {table.name} SET platform = '{GONE}' WHERE platform = 'goodera'"
                )
        yield running


def test_every_list_shows_it_and_none_fails(api: Served) -> None:
    """In the API by every question that there is."""
    token = api.token(MANAGER, ["*"])
    failed = {}
    for one in OPERATIONS:
        if one.method != "GET" or one.id == "streamEvents":
            continue
        answer = api.call("GET", one.address(api.own), token=token)
        if answer.status_code >= 500:
            failed[one.id] = answer.text
    assert failed == {}
    shown = api.get("/deliveries", companyId=str(api.own.company))
    assert {row["platform"] for row in shown["data"]} == {"benevity", GONE}
    (account,) = [
        one
        for one in connections.listed(api.world.runtime, api.own.company)
        if one.platform == GONE
    ]
    assert [lack.value for lack in account.lacks] == ["connector"]


def test_every_page_of_the_cockpit_is_there(api: Served) -> None:
    """With the platform called what it is."""
    world = api.world
    session = world.runtime.sessions.open(
        "ingrid", MANAGER, None, now=world.clock(), expires_at=world.clock() + timedelta(hours=1)
    )
    browser = requests.Session()
    browser.cookies.set("impact_in_session", session)
    failed = {}
    for page in _PAGES:
        answer = browser.get(f"{api.url}/en/cockpit/{api.own.company}/{page}", timeout=60)
        if answer.status_code >= 500:
            failed[page] = answer.text
    assert failed == {}
    shown = browser.get(f"{api.url}/en/cockpit/{api.own.company}/deliveries", timeout=60).text
    assert "gopher (not installed)" in shown


def test_every_list_of_a_terminal_is_there(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, no traceback."""
    cli = Cli(monkeypatch, api.world.database)
    names = {"failed": str(api.own.failed), "schedule": str(api.own.schedule)}
    for words in _LISTS:
        cli.good(*(word.format(**names) for word in words))


def test_it_is_held_and_the_others_go_on(api: Served) -> None:
    """Nothing of it is planned or sent, nothing counts as late; the same rows go out once it is back."""
    world, runtime = api.world, api.world.runtime
    before = _statuses(world)
    for platform in Platform:
        world.drain(platform)
    assert _statuses(world) == before
    refreshing.company_impact(runtime)
    corrections.compare(runtime)
    today: datetime = world.clock()
    refreshing.sla_days(runtime, [today.date()], first=today.date())
    alerts = Alerts(runtime)
    alerts.watch_sla()
    alerts.watch_outages()
    rolling_report(runtime, None)
    world.execute(f"UPDATE impact_deliveries SET platform = 'goodera' WHERE platform = '{GONE}'")
    world.execute(f"UPDATE platform_connections SET platform = 'goodera' WHERE platform = '{GONE}'")
    world.drain(Platform.GOODERA)
    assert "pending" not in _statuses(world).values()


def test_what_changes_meanwhile_is_found_when_it_is_back(world: World) -> None:
    """Only its connector says what its reports hold: the day waits on the list of those to compare."""
    (company,) = world.due(Platform.GOODERA)
    world.drain(Platform.GOODERA)
    world.execute(f"UPDATE impact_deliveries SET platform = '{GONE}'")

    def stale() -> int:
        refreshing.company_impact(world.runtime)
        corrections.compare(world.runtime)
        return len(corrections.stale_days(world.runtime).days)

    world.clock.advance(timedelta(minutes=1))
    world.execute(
        "DELETE FROM impact_events WHERE company_id = :id AND participant_ref = 'p1'", id=company
    )
    assert stale() == 0
    world.execute("UPDATE impact_deliveries SET platform = 'goodera'")
    assert stale() == 1


@pytest.mark.parametrize("days", [7, 30])
def test_its_deliveries_count_in_no_window(world: World, days: int) -> None:
    """A week is counted by columns and a month by the server: the same of both, for everybody and for one."""
    company, other = world.companies(2)
    for one in (company, other):
        world.deliveries(Platform.GOODERA, one)
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now", now=world.clock()
    )
    world.execute(
        f"UPDATE impact_deliveries SET platform = '{GONE}' WHERE company_id = :id", id=company
    )
    now = world.clock() + timedelta(hours=1)
    window = Window(now - timedelta(days=days), now)
    for whose in (None, company):
        scopes = world.runtime.sla.assess(window, now, company_id=whose).scopes
        assert GONE not in {platform for _, platform in scopes}
        everybody = scopes.get((whose, None))
        assert everybody is None or everybody.metrics.due == (1 if whose is None else 0)


def test_outcomes_that_number_other_platforms_are_packed_anew(world: World) -> None:
    """A record has its platform's number among those that were installed when it was packed."""
    world.due(Platform.WORKDAY, 2)
    world.drain(Platform.WORKDAY)

    def packed() -> tuple[bool, str]:
        with world.database.engine.connect() as connection:
            names = connection.scalar(text("SELECT platforms FROM sla_outcome_marks"))
            return is_packed(connection), names

    world.runtime.sla_outcomes.refresh(world.clock())
    assert packed() == (True, "benevity,goodera,workday")
    world.execute("UPDATE sla_outcome_marks SET platforms = 'benevity,goodera,gopher,workday'")
    assert packed()[0] is False
    world.runtime.sla_outcomes.refresh(world.clock())
    assert packed() == (True, "benevity,goodera,workday")


def _statuses(world: World) -> dict[UUID, str]:
    rows = world.rows(
        "SELECT id, status FROM impact_deliveries WHERE platform IN ('gopher', 'goodera')"
    )
    return {row["id"]: row["status"] for row in rows}
