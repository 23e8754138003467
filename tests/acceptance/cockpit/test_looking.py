"""The deliveries page as people read it."""

import re
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import expect

from .conftest import Visit
from .serving import VIEWER, Stage

PAGE_BUDGET = 150 * 1024
"""Bytes of everything that the first load of the page fetches."""


def test_the_first_load_shows_health_and_the_last_thirty_within_the_budget(
    stage: Stage, visit: Visit
) -> None:
    """One load shows how the week stands and the last 30 deliveries, weighs under 150 KB, asks no other
    host for anything, and axe-core finds nothing wrong."""
    visitor = visit(stage)
    sizes: dict[str, int] = {}
    visitor.page.on("response", lambda one: sizes.update({one.url: len(one.body())}))
    page = visitor.open()
    expect(page.locator(".status-word")).to_have_text("Breach")
    expect(page.locator(".kpi").first).to_contain_text("96.7%")
    expect(page.locator(".kpi").first).to_contain_text("target ≥ 98%")
    expect(page.locator("li.row")).to_have_count(30)
    expect(page.locator(".breakdown tbody tr")).to_have_count(3)
    expect(page.locator(".incidents li")).to_have_count(2)
    assert sum(sizes.values()) < PAGE_BUDGET, sizes
    assert all(url.startswith(stage.url) for url in sizes)
    assert visitor.faults() == []


def test_no_state_depends_on_colour_alone(stage: Stage, visit: Visit) -> None:
    """Every status is a word beside its icon, so that it can be told without colours."""
    page = visit(stage).open()
    told = page.evaluate(
        "[...document.querySelectorAll('.pill')].map((pill) =>"
        " pill.innerText.trim() !== '' && pill.querySelectorAll('svg').length === 1)"
    )
    assert len(told) > 30
    assert all(told)


def test_filters_stand_in_the_address_and_the_back_button_works(stage: Stage, visit: Visit) -> None:
    """A filtered view can be shared by its address; going back gives the view before."""
    visitor = visit(stage)
    page = visitor.open()
    page.locator("[data-dropdown] summary").click()
    page.get_by_role("checkbox", name="Failed").check()
    page.get_by_role("combobox", name="Platform").select_option("goodera")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**platform=goodera&status=failed**")
    expect(page.locator("#status-chosen")).to_have_text("Failed")
    assert set(page.locator("li.row .cell-platform").all_inner_texts()) == {"Goodera"}
    assert set(page.locator("li.row .pill").all_inner_texts()) == {"Failed"}
    assert visitor.faults() == []
    page.get_by_label("From").fill("2026-03-10")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**from=2026-03-10**")
    expect(page.locator("li.row")).to_have_count(2)
    page.go_back()
    expect(page.get_by_label("From")).to_have_value("")
    page.go_back()
    expect(page.locator("#status-chosen")).to_have_text("All statuses")
    expect(page.locator("li.row")).to_have_count(30)


def test_filters_that_fit_nothing_say_so_and_can_be_cleared(stage: Stage, visit: Visit) -> None:
    """An empty list says why it is empty; one click shows everything again."""
    visitor = visit(stage)
    page = visitor.open("deliveries?status=cancelled")
    expect(page.get_by_text("No delivery fits these filters.")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("li.row")).to_have_count(30)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-03-09&to=2026-03-01", "The first day must not lie after the last one."),
        ("from=yesterday", "A date must be written like 2026-03-09."),
        ("platform=sap", "There is no such platform."),
        ("status=lost", "There is no such status."),
    ],
)
def test_a_filter_that_does_not_hold_is_named(stage: Stage, query: str, said: str) -> None:
    """A bad address still shows the page, and one line says what was wrong with it."""
    cookies = {"impact_in_session": stage.session(VIEWER)}
    answer = requests.get(stage.path(f"deliveries?{query}"), cookies=cookies, timeout=30)
    name = {"platform": "platform", "status": "status", "from": "from"}[query.partition("=")[0]]
    assert f'<p class="field-error" id="problem-{name}">{said}</p>' in answer.text
    assert f'aria-describedby="problem-{name}"' in answer.text
    assert answer.text.count('<li class="row') == 30


def test_a_row_opens_by_keyboard_and_shows_everything_but_personal_data(
    stage: Stage, visit: Visit
) -> None:
    """An opened row tells of its attempts, its payload without personal data, and the Dagster run."""
    visitor = visit(stage)
    page = visitor.open("deliveries?status=retrying")
    opener = page.locator(".opener").first
    opener.focus()
    page.keyboard.press("Enter")
    detail = page.locator(".detail").first
    expect(detail.get_by_text(str(stage.seeded.retrying)).first).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(detail.locator(".attempts li")).to_have_count(2)
    expect(detail.locator(".attempts li").first).to_contain_text("HTTP 503")
    expect(detail.locator("pre").last).to_contain_text('"contactEmail": "***"')
    assert "ingrid@nordlys.example" not in page.content()
    run = detail.get_by_role("link", name=re.compile("opens in a new tab"))
    assert "/runs/" in (run.get_attribute("href") or "")
    assert visitor.faults() == []
    opener.press("Enter")
    expect(detail).to_be_hidden()


def test_more_rows_come_below_those_that_are_there(stage: Stage, visit: Visit) -> None:
    """Load more adds the next 30, none of them twice, and the focus goes to the first new one."""
    page = visit(stage).open()
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("li.row")).to_have_count(60)
    ids = [row.get_attribute("id") for row in page.locator("li.row").all()]
    assert len(set(ids)) == 60
    focused = page.evaluate("document.activeElement.closest('li').id")
    assert focused == ids[30]


def test_refresh_tells_when_it_was_and_moves_nothing(stage: Stage, visit: Visit) -> None:
    """The dashboard is renewed in place: what stands below it stays where it was."""
    page = visit(stage).open()
    before = page.locator("#timeline-title").bounding_box()
    with page.expect_response(lambda answer: answer.url.endswith("/sla")):
        page.locator("[data-refresh]").click()
    expect(page.locator("[data-refresh][aria-busy]")).to_have_count(0)
    expect(page.locator("#announcer")).to_contain_text("Updated")
    assert page.locator("#timeline-title").bounding_box() == before


def test_a_healthy_company_reads_healthy(stage: Stage, visit: Visit) -> None:
    """Where every target is met there is nothing red, and nothing to retry."""
    visitor = visit(stage, roles=None)
    visitor.sign_in(companies=[stage.seeded.healthy])
    page = visitor.page
    page.goto(f"{stage.url}/en/cockpit")
    expect(page.locator(".status-word")).to_have_text("Healthy")
    expect(page.get_by_text("None. All is quiet.")).to_be_visible()
    expect(page.locator(".pill.bad")).to_have_count(0)
    assert visitor.faults() == []


def test_a_viewer_gets_no_link_into_the_operators_dagster(stage: Stage, visit: Visit) -> None:
    """Dagster shows every company to whoever reaches it."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("deliveries?status=retrying")
    page.locator(".opener").first.click()
    expect(page.locator(".detail-grid")).to_be_visible()
    assert "/runs/" not in page.content()


def test_healthy_beside_an_overspent_budget_says_why(own_stage: Stage, visit: Visit) -> None:
    """This week and the last 28 days are two windows: together without a word they contradict each other."""
    own_stage.world.execute(
        "UPDATE impact_deliveries SET status = 'success', failed_at = NULL, attempt_count = 1, "
        "delivered_at = scheduled_for + interval '20 s' WHERE company_id = :id "
        "AND scheduled_for >= CAST(:now AS timestamptz) - interval '7 days'",
        id=own_stage.seeded.troubled,
        now=own_stage.world.clock(),
    )
    own_stage.world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = scheduled_for + interval '1 min', "
        "delivered_at = NULL WHERE id IN (SELECT id FROM impact_deliveries WHERE company_id = :id "
        "AND scheduled_for < CAST(:now AS timestamptz) - interval '8 days' "
        "AND scheduled_for >= CAST(:now AS timestamptz) - interval '14 days' ORDER BY id LIMIT 20)",
        id=own_stage.seeded.troubled,
        now=own_stage.world.clock(),
    )
    now = own_stage.world.clock()
    own_stage.world.runtime.sla_rollup.refresh(now.date() - timedelta(days=30), now)

    page = visit(own_stage).open()

    expect(page.locator(".status-card .status-word")).to_contain_text("Healthy")
    expect(page.locator(".kpi.budget .kpi-value")).to_have_text("overspent")
    expect(page.locator(".status-card")).to_contain_text("The error budget counts the last 28 days")


def test_being_offline_is_shown_and_over_when_it_is(stage: Stage, visit: Visit) -> None:
    """A page that no longer hears of changes must not look as if it did."""
    page = visit(stage).open(FEW)
    line = page.get_by_text("No connection. What you see may be out of date.")
    expect(line).to_be_hidden()
    page.context.set_offline(True)
    expect(line).to_be_visible()
    page.context.set_offline(False)
    expect(line).to_be_hidden()


@pytest.mark.parametrize("code", ["en", "uk"])
def test_no_page_scrolls_sideways_at_360_pixels(stage: Stage, visit: Visit, code: str) -> None:
    """Every page of the cockpit, in the longest of its languages too."""
    page = visit(stage, viewport={"width": 360, "height": 740}).page
    ids = f"id={stage.seeded.failed[0]}"
    for path in (
        "deliveries",
        f"deliveries/{stage.seeded.failed[0]}",
        f"replays/new?{ids}",
        "schedules",
        "schedules/new",
        "reports",
        f"cancellations/new?id={stage.seeded.retrying}",
        "deliveries?platform=sap&from=yesterday",
        "reports/weekly/2026-03-02.html",
        "settings/people",
        "corrections",
    ):
        page.goto(stage.path(path, code))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_text_with_nowhere_to_break_widens_no_page(own_stage: Stage, visit: Visit) -> None:
    """Errors, reasons and names are anybody's: twenty pages were up to ten screens wide on a phone."""
    world, endless = own_stage.world, "W" * 100
    world.execute("UPDATE impact_deliveries SET last_error = :text", text=endless)
    world.execute(
        "UPDATE scheduled_deliveries SET last_error = :text, last_status = 'failed'", text=endless
    )
    world.execute(
        "UPDATE incidents SET acknowledged_by = :text, acknowledged_at = now()", text=endless
    )
    page = visit(own_stage, viewport={"width": 360, "height": 740}).page
    incident = world.scalars(
        "SELECT id FROM incidents WHERE company_id = :company", company=own_stage.seeded.troubled
    )[0]
    delivery = own_stage.seeded.failed[0]
    for path in (f"deliveries/{delivery}", "schedules", "incidents", f"incidents/{incident}"):
        page.goto(own_stage.path(path, "en"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


FEW = "deliveries?platform=goodera&from=2026-03-07"
"""A view with a few rows of every kind: axe-core takes its time with thirty."""


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [360, 1920])
def test_it_fits_every_screen_in_both_schemes(
    stage: Stage, visit: Visit, width: int, scheme: str
) -> None:
    """At 360 pixels and on a wide screen, dark and light: nothing sticks out, contrast holds."""
    visitor = visit(stage, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = visitor.open(FEW)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    red, green, blue = map(
        int,
        re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3],
    )
    assert (red + green + blue < 384) == (scheme == "dark")
    page.locator(".opener").first.click()
    expect(page.locator(".detail-grid")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visitor.faults() == []


LANGUAGES = {
    "en": ("Delivery health", "Breach", "96.7%"),
    "nb": ("Leveringshelse", "Brudd", "96,7 %"),
    "es": ("Estado de las entregas", "Incumplimiento", "96,7 %"),
    "uk": ("Стан доставок", "Порушення", "96,7%"),
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_is_spoken_throughout(stage: Stage, visit: Visit, code: str) -> None:
    """The page is in its address's language, numbers and dates too, and says so to a screen reader."""
    title, state, rate = LANGUAGES[code]
    visitor = visit(stage)
    page = visitor.open(FEW, code)
    expect(page.locator("html")).to_have_attribute("lang", code)
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator(".status-word")).to_have_text(state)
    shown = page.locator(".kpi-value").first.inner_text().replace("\u00a0", " ")
    assert shown == rate
    assert visitor.faults() == []


def test_the_language_changes_where_one_is(stage: Stage, visit: Visit) -> None:
    """Changing the language keeps the page and its filters."""
    page = visit(stage).open("deliveries?status=failed")
    page.get_by_role("link", name="Norsk bokmål").click()
    page.wait_for_url("**/nb/cockpit/**status=failed")
    expect(page.locator("h2").filter(has_text="Tidslinje")).to_be_visible()


def test_an_unknown_language_leads_to_english(stage: Stage, visit: Visit) -> None:
    """A language that there isn't is no dead end."""
    page = visit(stage).open("deliveries?status=failed", "fr")
    assert page.url == stage.path("deliveries?status=failed", "en")


def test_the_reports_can_be_read_and_taken_along(stage: Stage, visit: Visit) -> None:
    """The weekly and the monthly report open as pages; CSV and JSON are files with telling names."""
    visitor = visit(stage)
    page = visitor.open("reports")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert visitor.faults() == []
    with page.expect_popup() as opened:
        page.get_by_role("link", name="View").first.click()
    expect(opened.value.locator("h1").first).to_contain_text("Nordlys Energi")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").first.click()
    assert saved.value.suggested_filename.startswith("nordlys-energi-")


def test_a_company_whose_zone_is_gone_is_read_in_utc(own_stage: Stage, visit: Visit) -> None:
    """A zone that this machine no longer knows spoils no page; the foot says which zone the times are in."""
    own_stage.world.execute("UPDATE companies SET timezone = 'Europe/Atlantis'")
    visitor = visit(own_stage)
    for name in ("deliveries", "schedules", "connections", "reports"):
        page = visitor.open(name)
        expect(page.get_by_role("contentinfo")).to_contain_text("Times are shown in UTC")
    assert visitor.faults() == []
