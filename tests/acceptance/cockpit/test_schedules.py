"""Schedules in the cockpit: seen, tried out, made, changed, paused."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from impact_in_pipelines.platforms import Platform

from .browser import ONE_LANGUAGE
from .conftest import Visit
from .serving import VIEWER, Stage


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
    expect(cards.nth(2)).to_contain_text(
        "Holidays (Norway) and weekends: sent on the next business day"
    )
    assert visitor.faults() == []


def test_a_schedule_is_made_with_its_fires_shown_while_one_types(
    own_stage: Stage, visit: Visit
) -> None:
    """The preview follows what is typed; a cron that isn't one is explained; the schedule is then there."""
    visitor = visit(own_stage)
    page = visitor.open("schedules/new")
    fires = page.locator("[data-preview] .fires li")
    expect(fires.first).to_contain_text("Thu 12 Mar, 00:00")
    page.get_by_label("On chosen weekdays").check()
    page.get_by_label("At what time").fill("07:15")
    expect(fires.first).to_contain_text("Mon 16 Mar, 07:15")
    expect(page.locator("[data-preview] .words")).to_have_text("Mon · 07:15")
    assert visitor.faults() == []
    page.get_by_label("Mon", exact=True).first.uncheck()
    expect(page.locator("[data-preview]").get_by_role("alert")).to_contain_text("pick at least one")
    page.get_by_label("Wed", exact=True).first.check()
    expect(page.locator("[data-written]")).to_have_text("15 7 * * 3")
    page.get_by_label("On days of the month").check()
    page.get_by_label("15", exact=True).check()
    page.get_by_label("Last day", exact=True).check()
    expect(fires.first).to_contain_text("Sun 15 Mar, 07:15")
    expect(fires.nth(1)).to_contain_text("Tue 31 Mar, 07:15")
    assert visitor.faults() == []
    page.get_by_label("Advanced").check()
    cron = page.get_by_label("Rule in five fields")
    expect(cron).to_have_value("15 7 1,15,L * *")
    cron.fill("15 25 * * 1")
    expect(page.locator("[data-preview]").get_by_role("alert")).to_contain_text("hour '25'")
    assert visitor.faults() == []
    cron.fill("15 7 * * 1")
    page.get_by_role("combobox", name="Platform").select_option("workday")
    page.get_by_label("Time zone", exact=True).fill("America/New_York")
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
    page.get_by_label("Advanced").check()
    page.get_by_label("Rule in five fields").fill("99 * * * *")
    page.get_by_role("button", name="Activate schedule").click()
    expect(page.locator("#problem-cron")).to_contain_text("minute '99'")
    expect(page.get_by_label("Rule in five fields")).to_have_value("99 * * * *")
    expect(page.get_by_label("Time zone", exact=True)).to_have_value("Europe/Oslo")


def test_a_schedule_is_changed_paused_with_a_reason_and_resumed(
    own_stage: Stage, visit: Visit
) -> None:
    """A pause needs a reason, shows it, and ends with one click; every change names who made it."""
    visitor = visit(own_stage)
    page = visitor.open("schedules")
    card = page.locator(f"#s-{own_stage.seeded.schedules[0]}")
    card.get_by_role("link", name="Change Benevity").click()
    page.get_by_label("Every few hours").check()
    page.get_by_text("Delivery window", exact=True).click()
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


def test_holidays_are_chosen_from_lists_and_shown_in_words(own_stage: Stage, visit: Visit) -> None:
    """Country and region by name, what happens by what it means; a moved send says why."""
    visitor = visit(own_stage)
    page = visitor.open("schedules/new")
    page.get_by_role("combobox", name="Platform").select_option("workday")
    page.get_by_text("Holidays", exact=True).click()
    page.get_by_role("combobox", name="Country").select_option(label="Germany")
    page.get_by_role("combobox", name="Region").select_option(label="Bayern")
    page.get_by_role("combobox", name="On a holiday").select_option(
        label="Send on the next business day; weekends too"
    )
    page.get_by_label("Closed days of your own").fill("2026-03-12, 2026-03-13")
    lines = page.locator("[data-preview] .fires li")
    expect(lines.first).to_contain_text("Mon 16 Mar, 00:00")
    assert visitor.faults() == []
    page.get_by_role("button", name="Activate schedule").click()
    card = page.locator(".schedule").filter(has_text="Germany · Bayern")
    expect(card).to_contain_text("12 Mar 2026, 13 Mar 2026")
    expect(card).not_to_contain_text("policy")
    card.get_by_role("link", name="Change Workday").click()
    expect(page.get_by_role("combobox", name="Country")).to_have_value("DE")
    expect(page.get_by_role("combobox", name="Region")).to_have_value("BY")
    expect(page.get_by_label("Every day", exact=True)).to_be_checked()


def test_a_cron_opens_in_the_fields_that_can_say_it_and_is_kept(
    own_stage: Stage, visit: Visit
) -> None:
    """Saving it unchanged leaves it as it was written; what the fields can't say opens as it is."""
    stage, (daily, weekdays, _) = own_stage, own_stage.seeded.schedules
    crons = "SELECT schedule FROM scheduled_deliveries WHERE id = :id"
    stage.world.execute(
        "UPDATE scheduled_deliveries SET schedule = '30 08 * * MON-FRI' WHERE id = :id", id=weekdays
    )
    stage.world.execute(
        "UPDATE scheduled_deliveries SET schedule = '0 8 * * 1#2' WHERE id = :id", id=daily
    )
    page = visit(stage).open(f"schedules/{weekdays}/edit")
    expect(page.get_by_label("On chosen weekdays")).to_be_checked()
    expect(page.get_by_label("At what time")).to_have_value("08:30")
    expect(page.get_by_label("Fri", exact=True).first).to_be_checked()
    expect(page.get_by_label("Sat", exact=True).first).not_to_be_checked()
    page.get_by_role("button", name="Save changes").click()
    assert stage.world.scalars(crons, id=weekdays) == ["30 08 * * MON-FRI"]
    page.goto(stage.path(f"schedules/{daily}/edit"))
    expect(page.get_by_label("Advanced")).to_be_checked()
    expect(page.get_by_label("Rule in five fields")).to_have_value("0 8 * * 1#2")


def test_the_form_works_without_scripts(own_stage: Stage, visit: Visit) -> None:
    """Only what belongs to the choice is shown, and a button shows the next sends."""
    page = visit(own_stage, java_script_enabled=False).open("schedules/new")
    expect(page.get_by_label("At what time")).to_be_visible()
    page.get_by_label("On days of the month").check()
    expect(page.get_by_label("Last day", exact=True)).to_be_visible()
    page.get_by_label("Last day", exact=True).check()
    page.get_by_role("button", name="Show the next sends").click()
    expect(page.locator("[data-preview] .fires li").first).to_contain_text("Tue 31 Mar, 00:00")
    expect(page.get_by_label("Last day", exact=True)).to_be_checked()


def test_a_schedule_is_run_now_and_the_delivery_arrives(own_stage: Stage, visit: Visit) -> None:
    """The days it reports are said before; afterwards a link leads to the delivery."""
    visitor = visit(own_stage)
    page = visitor.open("schedules")
    page.get_by_role("link", name="Send now Goodera").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It reports 11 Mar 2026")
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Send now").click()
    page.get_by_role("link", name="See the delivery").click()
    expect(page.get_by_role("main")).to_contain_text("Goodera")
    own_stage.drain(Platform.GOODERA)
    made = own_stage.world.scalars(
        "SELECT status FROM impact_deliveries WHERE trigger = 'manual' AND platform = 'goodera'"
    )
    assert made == ["success"]


def test_what_deleting_cancels_is_said_before_and_done(own_stage: Stage, visit: Visit) -> None:
    """The number in the question is the number that is cancelled; the history stays."""
    stage = own_stage
    id_ = stage.seeded.schedules[1]
    for hours in (1, 2):
        stage.world.execute(
            """INSERT INTO impact_deliveries (id, company_id, platform, schedule_id, trigger, status,
                   period_start, period_end, scheduled_for, idempotency_key, next_attempt_at)
               SELECT gen_random_uuid(), :company, 'goodera', :id, 'schedule', 'pending', '2026-03-10',
                   '2026-03-10', :at, gen_random_uuid(), :at""",
            company=stage.seeded.troubled,
            id=id_,
            at=stage.world.clock() - timedelta(hours=hours),
        )
    visitor = visit(stage)
    page = visitor.open("schedules")
    page.get_by_role("link", name="Delete Goodera").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 deliveries that wait are cancelled with it.")
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Delete schedule").click()
    said = page.get_by_role("status").filter(has_text="The schedule is deleted.")
    expect(said).to_contain_text("2 deliveries were cancelled with it.")
    expect(page.locator(".schedule")).to_have_count(2)
    assert visitor.faults() == []


def test_a_duplicate_starts_from_the_other_schedule(own_stage: Stage, visit: Visit) -> None:
    """Nothing is made until it is activated."""
    page = visit(own_stage).open("schedules")
    page.get_by_role("link", name="Duplicate Workday").click()
    expect(page.get_by_role("combobox", name="Country")).to_have_value("NO")
    expect(page.get_by_role("combobox", name="Platform")).to_have_value("workday")
    page.get_by_role("combobox", name="Platform").select_option("benevity")
    page.get_by_role("button", name="Activate schedule").click()
    expect(page.locator(".schedule")).to_have_count(4)


def test_the_year_shows_what_moves_and_why(stage: Stage, visit: Visit) -> None:
    """A weekly schedule on Sundays, sent on the next business day: every send moves, Easter's further."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("schedules")
    page.get_by_role("link", name="The year Workday").click()
    expect(page.get_by_role("heading", name="Sends to Workday in 2026")).to_be_visible()
    april = page.locator(".year-month").filter(has=page.get_by_role("heading", name="April 2026"))
    expect(april).to_contain_text("Sun 5 Apr → Tue 7 Apr: Easter Sunday")
    expect(april).to_contain_text("3 moved: the weekend")
    assert visitor.faults() == []
    page.get_by_role("link", name="2027").click()
    expect(page.get_by_role("heading", name="Sends to Workday in 2027")).to_be_visible()


@pytest.mark.parametrize("code", ONE_LANGUAGE)
def test_schedules_fit_a_phone_in_every_language(stage: Stage, visit: Visit, code: str) -> None:
    """At 360 px nothing scrolls sideways."""
    visitor = visit(stage, viewport={"width": 360, "height": 760})
    one = stage.seeded.schedules[2]
    names = ("schedules", "schedules/new", f"schedules/{one}/edit", f"schedules/{one}/year")
    for name in names:
        page = visitor.open(name, code)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (code, name)
        assert visitor.faults() == []
