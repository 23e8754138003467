"""Schedules in the cockpit: seen, tried out, made, changed, paused."""

from playwright.sync_api import expect

from .conftest import Visit
from .serving import Stage


def test_schedules_tell_in_words_and_local_time_what_comes_next(stage: Stage, visit: Visit) -> None:
    """Each schedule says when it fires, where its clock stands, and what each fire will report."""
    visitor = visit(stage)
    page = visitor.open("schedules")
    cards = page.locator(".schedule")
    expect(cards).to_have_count(3)
    expect(cards.nth(1)).to_contain_text("Mon–Fri · 08:30")
    expect(cards.nth(1).locator(".fires li")).to_have_count(5)
    expect(cards.nth(1).locator(".fires li").first).to_contain_text("Thu 12 Mar, 08:30")
    expect(cards.nth(1).locator(".fires li").nth(2)).to_contain_text("reports 13–15 Mar")
    expect(cards.nth(2)).to_contain_text("Holidays NO: sent on the next business day")
    assert visitor.faults() == []


def test_a_schedule_is_made_with_its_fires_shown_while_one_types(
    own_stage: Stage, visit: Visit
) -> None:
    """The preview follows what is typed; a cron that isn't one is explained; the schedule is then there."""
    visitor = visit(own_stage)
    page = visitor.open("schedules/new")
    fires = page.locator("[data-preview] .fires li")
    expect(fires.first).to_contain_text("Thu 12 Mar, 00:00")
    page.get_by_label("Custom").check()
    cron = page.get_by_label("Rule in five fields", exact=True)
    cron.fill("15 7 * * 1")
    expect(fires.first).to_contain_text("Mon 16 Mar, 07:15")
    expect(page.locator("[data-preview] .words")).to_have_text("Mon · 07:15")
    assert visitor.faults() == []
    cron.fill("15 25 * * 1")
    expect(page.locator("[data-preview]").get_by_role("alert")).to_contain_text("hour '25'")
    assert visitor.faults() == []
    cron.fill("15 7 * * 1")
    page.get_by_role("combobox", name="Platform").select_option("workday")
    page.get_by_label("Time zone").fill("America/New_York")
    expect(page.locator("[data-preview]")).to_contain_text("America/New_York")
    page.get_by_role("button", name="Activate schedule").click()
    expect(page.get_by_role("status").filter(has_text="The schedule is active.")).to_be_visible()
    expect(page.locator(".schedule").filter(has_text="America/New_York")).to_contain_text("Active")
    assert visitor.faults() == []


def test_a_form_that_does_not_hold_comes_back_with_what_was_typed(
    own_stage: Stage, visit: Visit
) -> None:
    """A refused schedule says why and loses nothing of what was typed."""
    page = visit(own_stage).open("schedules/new")
    page.get_by_label("Custom").check()
    page.get_by_label("Rule in five fields", exact=True).fill("99 * * * *")
    page.get_by_role("button", name="Activate schedule").click()
    expect(page.locator("#problem-cron")).to_contain_text("minute '99'")
    expect(page.get_by_label("Rule in five fields", exact=True)).to_have_value("99 * * * *")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Oslo")


def test_a_schedule_is_changed_paused_with_a_reason_and_resumed(
    own_stage: Stage, visit: Visit
) -> None:
    """A pause needs a reason, shows it, and ends with one click; every change names who made it."""
    visitor = visit(own_stage)
    page = visitor.open("schedules")
    card = page.locator(f"#s-{own_stage.seeded.schedules[0]}")
    card.get_by_role("link", name="Change Benevity").click()
    page.get_by_label("Every six hours").check()
    page.get_by_text("Delivery window and holidays").click()
    page.get_by_label("Not before").fill("06:00")
    page.get_by_label("Not after").fill("20:00")
    assert visitor.faults() == []
    page.get_by_role("button", name="Save changes").click()
    expect(card).to_contain_text("Every six hours")
    expect(card).to_contain_text("Window 06:00 to 20:00")
    card.get_by_role("link", name="Pause Benevity").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    assert visitor.faults() == []
    dialog.get_by_label("Reason").fill("Budget year closes")
    dialog.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused")
    expect(card).to_contain_text("Budget year closes")
    assert visitor.faults() == []
    card.get_by_role("button", name="Resume Benevity").click()
    expect(card).to_contain_text("Active")
    actors = own_stage.world.scalars(
        "SELECT DISTINCT actor FROM audit_log WHERE subject LIKE 'schedule %' AND actor <> 'cli'"
    )
    assert actors == ["ingrid"]
