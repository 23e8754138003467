"""Connections and platforms in the cockpit: their state, held with a reason, resumed."""

import pytest
from playwright.sync_api import expect

from .browser import ONE_LANGUAGE
from .conftest import Visit
from .serving import VIEWER, Stage


def test_a_connection_is_held_for_a_reason_that_everybody_reads_and_resumed(
    own_stage: Stage, visit: Visit
) -> None:
    """A hold needs a reason; the deliveries page says who waits and why; one click ends it."""
    visitor = visit(own_stage)
    page = visitor.open("connections")
    card = page.locator("#p-benevity")
    expect(card).to_contain_text("Open")
    assert visitor.faults() == []
    card.get_by_role("link", name="Hold Benevity").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    assert visitor.faults() == []
    dialog.get_by_label("Reason").fill("The contract is being renewed")
    dialog.get_by_role("button", name="Hold").click()
    expect(page.get_by_role("status").filter(has_text="It is held")).to_be_visible()
    expect(card).to_contain_text("The contract is being renewed")
    expect(card).to_contain_text("ingrid")
    assert visitor.faults() == []
    visitor.open("deliveries")
    expect(page.locator(".notice", has_text="The contract is being renewed")).to_be_visible()
    visitor.open("connections")
    card.get_by_role("button", name="Resume Benevity").click()
    expect(page.get_by_role("status").filter(has_text="It is resumed")).to_be_visible()
    expect(card).to_contain_text("Open")
    audited = own_stage.world.scalars(
        "SELECT action FROM audit_log WHERE actor = 'ingrid' ORDER BY at"
    )
    assert audited[-2:] == ["platform.hold", "platform.resume"]


def test_a_reason_of_blanks_is_refused_where_it_was_typed(own_stage: Stage, visit: Visit) -> None:
    """Without a script the form is a page of its own, and says what is missing."""
    visitor = visit(own_stage, java_script_enabled=False)
    page = visitor.open("connections/goodera/hold")
    page.get_by_label("Reason").fill("   ")
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_role("alert")).to_contain_text("The reason of a hold is empty")
    page.get_by_label("Reason").fill("An audit")
    page.get_by_role("button", name="Hold").click()
    expect(page.locator("#p-goodera")).to_contain_text("An audit")


def test_operators_hold_a_platform_for_all_companies(own_stage: Stage, visit: Visit) -> None:
    """The chooser leads operators to the platforms; a hold there shows on each company's page without the
    operator's name, and only operators may end it."""
    visitor = visit(own_stage, roles=None)
    visitor.sign_in(companies=None)
    page = visitor.page
    page.goto(f"{own_stage.url}/en/cockpit")
    page.get_by_role("link", name="Platforms").click()
    assert visitor.faults() == []
    page.get_by_role("link", name="Hold Workday").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Workday moves its data centre")
    page.get_by_role("dialog").get_by_role("button", name="Hold").click()
    expect(page.locator("#p-workday")).to_contain_text("ingrid")
    tenant = visit(own_stage, roles=None)
    tenant.sign_in(companies=[own_stage.seeded.troubled])
    own = tenant.open("connections").locator("#p-workday")
    expect(own).to_contain_text("For all companies.")
    expect(own).to_contain_text("Workday moves its data centre")
    expect(own).not_to_contain_text("ingrid")
    expect(own.get_by_role("button", name="Resume Workday")).to_have_count(0)
    tenant.page.goto(f"{own_stage.url}/en/cockpit/platforms")
    expect(tenant.page.get_by_role("heading", name="Not allowed")).to_be_visible()
    page.get_by_role("button", name="Resume Workday").click()
    expect(page.locator("#p-workday")).to_contain_text("Open")


def test_a_viewer_sees_the_state_and_changes_nothing(stage: Stage, visit: Visit) -> None:
    """Whoever only looks gets no button, and no form by its address."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open("connections")
    expect(page.locator("#p-benevity")).to_contain_text("Open")
    expect(page.get_by_role("link", name="Hold Benevity")).to_have_count(0)
    assert visitor.faults() == []
    visitor.open("connections/benevity/hold")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()


def test_a_connection_is_set_up_and_tested_without_showing_a_secret(
    own_stage: Stage, visit: Visit
) -> None:
    """What is wrong is said at its field and nothing typed is lost; a secret left empty stays; the test says
    what came out of it."""
    visitor = visit(own_stage)
    page = visitor.open("connections")
    page.get_by_role("link", name="Set up Workday").click()
    assert visitor.faults() == []
    page.get_by_label("Client id").fill("a-client-alone")
    page.get_by_label("Requests a minute").fill("many")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#problem-credentials")).to_contain_text("client_secret")
    expect(page.locator("#problem-rate_limit_per_minute")).to_contain_text("from 1 to 100,000")
    expect(page.get_by_label("Requests a minute")).to_have_value("many")
    visitor.troubles.clear()  # the answer is a 422, which the browser notes
    assert visitor.faults() == []
    page.get_by_label("Client id").fill("")
    page.get_by_label("Requests a minute").fill("25")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="The connection is saved")).to_be_visible()
    stored = "SELECT rate_limit_per_minute FROM platform_connections WHERE platform = 'workday'"
    assert 25 in own_stage.world.scalars(stored)
    card = page.locator("#p-workday")
    card.get_by_role("button", name="Test Workday").click()
    expect(card.get_by_role("status")).to_contain_text("took the client id and secret")
    assert visitor.faults() == []
    page.locator("#p-benevity").get_by_role("button", name="Test Benevity").click()
    expect(page.locator("#p-benevity").get_by_role("status")).to_contain_text("Something answers")


def test_a_connection_that_is_switched_off_says_so(own_stage: Stage, visit: Visit) -> None:
    """One box switches it off; nothing is claimed to be open then, and there is nothing to test."""
    page = visit(own_stage).open("connections/goodera")
    page.get_by_label("Switched on").uncheck()
    page.get_by_role("button", name="Save").click()
    card = page.locator("#p-goodera")
    expect(card).to_contain_text("Switched off")
    expect(card.get_by_role("button", name="Test Goodera")).to_have_count(0)


@pytest.mark.parametrize("code", ONE_LANGUAGE)
def test_the_page_fits_a_phone_in_every_language(stage: Stage, visit: Visit, code: str) -> None:
    """At 360 px nothing scrolls sideways."""
    visitor = visit(stage, viewport={"width": 360, "height": 760})
    for name in ("connections", "connections/benevity"):
        page = visitor.open(name, code)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, code
        assert visitor.faults() == []
