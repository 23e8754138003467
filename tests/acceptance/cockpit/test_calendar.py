"""The calendar in the cockpit: a year at a glance, a month in detail, a hole that is sent."""

from datetime import date
from itertools import product

from playwright.sync_api import expect

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.calendar import DayState, calendar
from impact_in_pipelines.services.refreshing import company_impact

from .conftest import Visit
from .serving import VIEWER, Stage

_FIFTH = (
    "SELECT id FROM impact_deliveries WHERE platform = 'goodera' AND period_start = '2026-03-05'"
)


def test_a_day_leads_to_its_delivery(stage: Stage, visit: Visit) -> None:
    """From the year to the month, from there to the delivery that decides the day."""
    visitor = visit(stage)
    page = visitor.open("calendar")
    expect(page.get_by_role("heading", name="Calendar 2026")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("link", name="March 2026").click()
    days = page.locator(".day:not(.outside)")
    expect(days).to_have_count(31)
    assert visitor.faults() == []
    days.nth(4).get_by_role("link", name="Benevity").click()
    expect(page.locator(".cell-platform, .detail, main").first).to_contain_text("Benevity")


def test_a_hole_is_sent_with_two_clicks(own_stage: Stage, visit: Visit) -> None:
    """There are figures and no delivery: the day says so, and sending it makes one that arrives."""
    stage = own_stage
    company = stage.world.runtime.companies.find(str(stage.seeded.troubled))
    company_impact(stage.world.runtime, full=True)
    stage.world.execute(f"DELETE FROM delivery_attempts WHERE delivery_id IN ({_FIFTH})")
    stage.world.execute(f"DELETE FROM impact_deliveries WHERE id IN ({_FIFTH})")
    day = date(2026, 3, 5)
    (found,) = calendar(stage.world.runtime, company, day, day)[Platform.GOODERA]
    assert found.state is DayState.HOLE
    visitor = visit(stage)
    page = visitor.open("calendar/2026-03")
    page.get_by_role("link", name="Send it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Send 5 Mar to Goodera?")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("status").filter(has_text="It is queued")).to_be_visible()
    stage.drain(Platform.GOODERA)
    (found,) = calendar(stage.world.runtime, company, day, day)[Platform.GOODERA]
    assert found.state is DayState.ARRIVED
    audited = stage.world.scalars("SELECT actor FROM audit_log WHERE action = 'delivery.send_day'")
    assert audited == ["ingrid"]


def test_a_day_that_is_not_over_is_refused(own_stage: Stage, visit: Visit) -> None:
    """Its figures aren't complete: the month comes back and says so."""
    page = visit(own_stage).open("calendar/send?platform=goodera&day=2026-03-11")
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("alert")).to_contain_text("isn't over at the company")


def test_a_viewer_looks_and_sends_nothing(stage: Stage, visit: Visit) -> None:
    """No link to send, no form by its address."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("calendar/2026-03")
    expect(page.get_by_role("link", name="Send it")).to_have_count(0)
    visitor.open("calendar/send?platform=goodera&day=2026-03-05")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()


def test_the_calendar_fits_a_phone_in_every_language(stage: Stage, visit: Visit) -> None:
    """At 360 px nothing scrolls sideways."""
    visitor = visit(stage, viewport={"width": 360, "height": 760})
    for code, name in product(("en", "nb", "es", "uk"), ("calendar", "calendar/2026-03")):
        page = visitor.open(name, code)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (code, name)
        assert visitor.faults() == []
