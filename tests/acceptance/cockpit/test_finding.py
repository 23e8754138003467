"""Finding deliveries in the cockpit, and taking them along."""

import csv
import io
import json
from urllib.parse import quote

import requests
from playwright.sync_api import expect

from .conftest import Visit
from .serving import VIEWER, Stage


def test_one_field_finds_by_id_transaction_and_error(stage: Stage, visit: Visit) -> None:
    """What a person has of a delivery goes into one field; the view has an address of its own."""
    visitor = visit(stage)
    page = visitor.open()
    failed = str(stage.seeded.failed[0])
    for text, count in ((failed, 1), (failed[:8], 1), ("isn't valid", None), ("no such thing", 0)):
        page.get_by_role("searchbox", name="Search").fill(text)
        page.get_by_role("button", name="Apply").click()
        page.wait_for_url("**q=**")
        expect(page.get_by_role("searchbox", name="Search")).to_have_value(text)
        if count is not None:
            expect(page.locator("li.row")).to_have_count(count)
    page = visitor.open("deliveries?q=API+key")
    assert set(page.locator("li.row .pill").all_inner_texts()) == {"Failed"}
    transaction = stage.world.scalars(
        "SELECT transaction_id FROM impact_deliveries WHERE company_id = :id AND transaction_id IS NOT NULL "
        "LIMIT 1",
        id=stage.seeded.troubled,
    )[0]
    page = visitor.open(f"deliveries?q={transaction}")
    expect(page.locator("li.row")).to_have_count(1)
    assert visitor.faults() == []


def test_several_statuses_and_the_days_reported(stage: Stage, visit: Visit) -> None:
    """Several statuses at once, by keyboard too; days mean when a delivery is due, or what it reports."""
    visitor = visit(stage)
    page = visitor.open()
    page.locator("[data-dropdown] summary").press("Enter")
    page.get_by_role("checkbox", name="Failed").press("Space")
    page.get_by_role("checkbox", name="Retrying").press("Space")
    assert visitor.faults() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox", name="Failed")).to_be_hidden()
    page.get_by_role("combobox", name="Days").select_option("period")
    page.get_by_label("From").fill("2026-03-10")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**status=retrying&status=failed**")
    expect(page.locator("#status-chosen")).to_have_text("Retrying, Failed")
    periods = set(page.locator("li.row .cell-period").all_inner_texts())
    assert periods
    assert all("10 Mar" in one for one in periods), periods
    expect(page.get_by_role("combobox", name="Days")).to_have_value("period")


def test_the_log_is_taken_along_as_filtered(stage: Stage, visit: Visit) -> None:
    """Whoever may look may take along what is shown, in both forms, all pages of it."""
    page = visit(stage, roles=VIEWER).open(
        "deliveries?status=failed&status=skipped&platform=goodera"
    )
    names = []
    for form in ("CSV", "JSON"):
        with page.expect_download() as taken:
            page.get_by_role("link", name=form).click()
        names.append(taken.value.suggested_filename)
        text = taken.value.path().read_text("utf-8")
        rows = list(csv.DictReader(io.StringIO(text))) if form == "CSV" else json.loads(text)
        assert {row["platform"] for row in rows} == {"goodera"}
        assert {row["status"] for row in rows} == {"failed"}
    assert names == [f"nordlys-energi-deliveries-2026-03-11.{form}" for form in ("csv", "json")]
    cookies = {"impact_in_session": stage.session(VIEWER)}
    everything = requests.get(stage.path("deliveries.csv"), cookies=cookies, timeout=30).text
    (count,) = stage.world.scalars(
        "SELECT count(*) FROM impact_deliveries WHERE company_id = :id", id=stage.seeded.troubled
    )
    assert len(list(csv.DictReader(io.StringIO(everything)))) == count > 300


def test_payload_and_receipt_of_one_delivery_are_files(stage: Stage, visit: Visit) -> None:
    """Personal data in them is masked, and a delivery that failed has no receipt."""
    page = visit(stage, roles=VIEWER).open("deliveries?status=success&platform=workday")
    page.locator(".opener").first.click()
    detail = page.locator(".detail").first
    with page.expect_download() as taken:
        detail.get_by_role("link", name="Payload").click()
    payload = json.loads(taken.value.path().read_text("utf-8"))
    assert payload["contactEmail"] == "***"
    with page.expect_download() as taken:
        detail.get_by_role("link", name="Receipt").click()
    receipt = json.loads(taken.value.path().read_text("utf-8"))
    assert receipt["platform"] == "workday"
    assert receipt["transactionId"].startswith("txn-")
    assert receipt["answer"]["success"] is True
    page = visit(stage).open(f"deliveries/{stage.seeded.failed[0]}")
    expect(page.get_by_role("link", name="Payload")).to_be_visible()
    expect(page.get_by_role("link", name="Receipt")).to_have_count(0)


def test_copying_says_that_it_was_done(stage: Stage, visit: Visit) -> None:
    """Beside the button and aloud, on the page of one delivery too; without https as well."""
    visitor = visit(stage, permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open(f"deliveries/{stage.seeded.failed[0]}")
    button = page.get_by_role("button", name="Copy the id")
    button.click()
    expect(button).to_have_attribute("data-done", "Copied")
    expect(page.locator("#announcer")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == str(stage.seeded.failed[0])
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copy the key")).to_have_attribute("data-done", "Copied")
    assert visitor.faults() == []


def test_times_are_shown_as_the_reader_wants_and_that_is_kept(stage: Stage, visit: Visit) -> None:
    """Exactly or how long ago, in the company's zone or the reader's; on every page, after the next visit
    too; a day in the filters is one of the zone that is shown."""
    visitor = visit(stage, timezone_id="America/New_York")
    page = visitor.open()
    due = page.locator("li.row .cell-when time").first
    expect(due).to_have_text("15 minutes ago")
    expect(page.get_by_text("Times are shown in Europe/Oslo.")).to_be_visible()
    page.get_by_role("combobox", name="Times").select_option("exact")
    page.get_by_role("combobox", name="Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("Times are shown in America/New_York.")).to_be_visible()
    expect(due).to_have_text("11 Mar, 05:00")
    assert visitor.faults() == []
    page = visitor.open("deliveries?from=2026-03-11&to=2026-03-11&platform=benevity")
    # Hourly from 00:00 to 05:00 there, and one by hand.
    expect(page.locator("li.row")).to_have_count(7)
    page = visitor.open("incidents")
    expect(page.locator("main")).to_contain_text("opened 11 Mar")
    page.get_by_role("combobox", name="Times").select_option("ago")
    page.get_by_role("combobox", name="Time zone").select_option("Europe/Oslo")
    page.get_by_role("button", name="Keep").click()
    page.wait_for_url("**/incidents")
    expect(page.locator("main")).to_contain_text("hours ago")
    expect(page.get_by_text("Times are shown in Europe/Oslo.")).to_be_visible()


def test_a_cookie_that_is_not_ours_changes_nothing(stage: Stage) -> None:
    """Whatever stands in it, the page is shown, in the company's zone."""
    for text in ("exact Mars/Olympus", "%00", "exact", " ../../etc/passwd"):
        cookies = {"impact_in_session": stage.session(VIEWER), "impact_in_times": quote(text)}
        answer = requests.get(stage.path("deliveries"), cookies=cookies, timeout=30)
        assert answer.status_code == 200
        assert "Times are shown in Europe/Oslo." in answer.text


def test_trends_are_drawn_with_axes_and_told_in_figures(stage: Stage, visit: Visit) -> None:
    """By week and by month, reached from the navigation; in each language; a company of which nothing was
    ever due reads what to do instead."""
    visitor = visit(stage)
    page = visitor.open()
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Trends").click()
    charts = page.locator("svg.chart")
    expect(charts).to_have_count(4)
    expect(charts.first).to_contain_text("target 98%")
    expect(charts.first).to_contain_text("96.7%")
    expect(charts.first).to_contain_text("9 Mar")
    expect(page.locator(".trend-figures tbody tr").first).to_contain_text("so far")
    expect(page.locator(".trend-figures tbody tr").first).to_contain_text("96.7%")
    assert visitor.faults() == []
    page.get_by_role("link", name="By month").click()
    expect(page.locator(".trend-figures tbody tr").first).to_contain_text("March 2026")
    expect(page.locator(".trend-figures tbody tr")).to_have_count(3)
    page = visitor.open("trends", language="nb")
    expect(charts.first).to_contain_text("mål 98")


def test_trends_of_a_company_without_deliveries_say_what_to_do(
    own_stage: Stage, visit: Visit
) -> None:
    """No empty axes: where nothing was ever due, the page leads to the schedules."""
    company = own_stage.world.runtime.companies.add("empty", name="Empty").id
    visitor = visit(own_stage, roles=None)
    visitor.sign_in(companies=[company])
    visitor.page.goto(f"{own_stage.url}/en/cockpit/{company}/trends")
    expect(visitor.page.get_by_text("Trends begin with the first delivery.")).to_be_visible()
    expect(visitor.page.locator("main").get_by_role("link", name="Schedules")).to_be_visible()
    assert visitor.faults() == []


def test_analytics_compare_platforms_hours_and_calls(stage: Stage, visit: Visit) -> None:
    """Reached from the navigation, in each language and on a phone; as files too. Over all companies only
    operators see them, with each company's calls, from their overview."""
    visitor = visit(stage)
    page = visitor.open()
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Analytics").click()
    charts = page.locator("svg.chart")
    expect(charts).to_have_count(7)
    expect(page.locator("main")).to_contain_text("too few calls to compare hours")
    expect(page.get_by_role("heading", name="Platforms compared")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Sol Iberia")
    assert visitor.faults() == []
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename.endswith("-7-days.csv")
    expect(visitor.open("analytics", language="nb").locator("main")).to_contain_text("API-kall")
    refused = page.goto(f"{stage.url}/en/cockpit/analytics")
    assert refused is not None
    assert refused.status == 403
    operator = visit(stage, roles=None, viewport={"width": 360, "height": 740})
    operator.sign_in(companies=None)
    page = operator.page
    page.goto(f"{stage.url}/en/cockpit/overview")
    page.get_by_role("link", name="Analytics").click()
    expect(page.get_by_role("region", name="Calls and costs by company")).to_contain_text(
        "Sol Iberia"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert operator.faults() == []


def test_on_a_phone_the_tab_that_one_is_on_is_in_sight(stage: Stage, visit: Visit) -> None:
    """There are more tabs than fit: the present one tells where one is."""
    visitor = visit(stage, viewport={"width": 360, "height": 740})
    for name in ("deliveries", "trends", "audit-log"):
        page = visitor.open(name)
        expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
