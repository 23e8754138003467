"""Incidents and changes in the cockpit: read, filtered, taken on, taken along."""

import csv
import io
from itertools import product
from pathlib import Path

from playwright.sync_api import expect

from impact_in_pipelines.evidence.archive import PAYLOADS
from impact_in_pipelines.evidence.verifying import verify
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.evidence.exporting import complete_chains
from impact_in_pipelines.services.operating.platforms import hold, resume

from .conftest import Visit
from .serving import VIEWER, Stage


def test_an_incident_is_taken_on_with_one_click(own_stage: Stage, visit: Visit) -> None:
    """Whoever clicks is named, and the button is gone."""
    visitor = visit(own_stage)
    page = visitor.open("incidents")
    assert visitor.faults() == []
    buttons = page.get_by_role("button", name="I am on it")
    count = buttons.count()
    assert count > 0
    buttons.first.click()
    expect(page.get_by_role("status").filter(has_text="It is yours")).to_be_visible()
    expect(buttons).to_have_count(count - 1)
    assert (
        own_stage.world.scalars(
            "SELECT acknowledged_by FROM incidents WHERE acknowledged_at IS NOT NULL"
        ).count("ingrid")
        == 1
    )


def test_an_incident_has_a_history_and_takes_notes(own_stage: Stage, visit: Visit) -> None:
    """A note shows who wrote it; one without a word is refused at its field, in the page's language."""
    visitor = visit(own_stage)
    page = visitor.open("incidents")
    page.get_by_role("link", name="Success rate · Goodera").click()
    story = page.locator(".story li")
    expect(story).to_have_count(1)
    expect(story.first).to_contain_text("Opened")
    page.get_by_label("Write a note").fill("Their key has expired.\nAsked for a new one.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("status").filter(has_text="The note is kept.")).to_be_visible()
    expect(story.last).to_contain_text("Asked for a new one.")
    expect(story.last).to_contain_text("ingrid")
    page.get_by_role("button", name="I am on it").click()
    expect(story.filter(has_text="Somebody is on it")).to_contain_text("ingrid")
    assert visitor.faults() == []
    page.goto(page.url.replace("/en/", "/nb/").partition("?")[0])
    page.locator("textarea").fill("   ")
    page.get_by_role("button", name="Legg til notat").click()
    expect(page.locator("#problem-text")).to_have_text("Et notat trenger en tekst")


def test_a_viewer_reads_incidents_and_changes(stage: Stage, visit: Visit) -> None:
    """Nothing to click but what shows more."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("incidents?all=1")
    expect(page.get_by_role("button", name="I am on it")).to_have_count(0)
    assert visitor.faults() == []
    page.get_by_role("link", name="Success rate · Goodera").click()
    expect(page.locator(".story li")).to_have_count(1)
    expect(page.get_by_label("Write a note")).to_have_count(0)
    assert visitor.faults() == []
    visitor.open("audit-log")
    assert visitor.faults() == []


def test_changes_are_filtered_and_taken_along(own_stage: Stage, visit: Visit) -> None:
    """The file has what the filter has, of this company alone; a text that looks like a formula is text."""
    runtime, company = own_stage.world.runtime, own_stage.seeded.troubled
    reason = '=HYPERLINK("x")'
    hold(runtime, Platform.GOODERA, company_id=company, reason=reason, actor="=olga")
    resume(runtime, Platform.GOODERA, company_id=company, actor="=olga")
    hold(
        runtime,
        Platform.GOODERA,
        company_id=own_stage.seeded.healthy,
        reason="another's",
        actor="=olga",
    )
    visitor = visit(own_stage)
    page = visitor.open("audit-log")
    page.get_by_label("Who").fill("olga")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row")).to_have_count(3)
    assert visitor.faults() == []
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    text = saved.value.path().read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["action"] for row in rows} == {"platform.resume", "platform.hold"}
    assert len(rows) == 2
    assert {row["actor"] for row in rows} == {"'=olga"}
    assert "another's" not in text


def test_evidence_is_taken_along_and_holds(own_stage: Stage, visit: Visit, tmp_path: Path) -> None:
    """An admin chooses two days and gets a file that verifies; a wrong span is said at its field."""
    complete_chains(own_stage.world.runtime)
    visitor = visit(own_stage)
    page = visitor.open("reports")
    assert visitor.faults() == []
    last = page.get_by_label("Until").input_value()
    page.get_by_label("From").fill("2999-01-01")
    page.get_by_role("button", name="Download").click()
    expect(page.locator("#problem-to")).to_contain_text("lies before the first")
    visitor.troubles.clear()  # the browser complains about 422
    assert visitor.faults() == []
    page.get_by_label("From").fill("2020-01-01")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert file.name.endswith(f"-2020-01-01-{last}.zip")
    found = verify(file)
    # The payloads of the seeded log are made up, and their hashes too.
    assert {one.file for one in found.findings} <= {PAYLOADS}
    assert found.deliveries > 0


def test_a_viewer_gets_no_evidence(stage: Stage, visit: Visit) -> None:
    """Payloads unmasked and every attempt are for admins."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("reports")
    expect(page.get_by_role("button", name="Download")).to_have_count(0)
    page.goto(page.url.replace("/reports", "/evidence.zip?from=2026-01-01&to=2026-01-02"))
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Reports")


def test_records_fit_a_phone_in_every_language(stage: Stage, visit: Visit) -> None:
    """At 360 px nothing scrolls sideways."""
    visitor = visit(stage, viewport={"width": 360, "height": 760})
    for code, name in product(
        ("en", "nb", "es", "uk"), ("incidents?all=1", "audit-log", "reports")
    ):
        page = visitor.open(name, code)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (code, name)
        assert visitor.faults() == []


def test_a_report_is_read_in_the_pages_language(stage: Stage, visit: Visit) -> None:
    """Headings, figures and what to do; the file says it too."""
    visitor = visit(stage)
    page = visitor.open("reports", "uk")
    address = page.get_by_role("link", name="Переглянути").first.get_attribute("href")
    assert address
    page.goto(f"{stage.url}{address}")
    expect(page.get_by_role("heading", name="Що робити")).to_be_visible()
    expect(page.locator(".advice")).not_to_contain_text("deliver")
    assert page.locator("html").get_attribute("lang") == "uk"
    told = page.request.get(f"{stage.url}{address.replace('.html', '.json')}").json()
    assert "deliver" not in " ".join(one["action"] for one in told["recommendationDetails"])
