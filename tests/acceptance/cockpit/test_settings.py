"""What a company settles for itself in the cockpit: service levels, its people's sessions, its tokens."""

import re

import pytest
import requests
from playwright.sync_api import expect

from .browser import ONE_LANGUAGE
from .conftest import Visit
from .serving import VIEWER, Stage


def test_service_levels_are_set_within_the_operators_limits(own_stage: Stage, visit: Visit) -> None:
    """A number outside them is refused at its field; an empty one is the usual again."""
    visitor = visit(own_stage)
    page = visitor.open("settings/notices")
    page.get_by_role("link", name="Service levels").click()
    assert visitor.faults() == []
    target = page.get_by_label("Success rate in percent: a breach below")
    target.fill("12")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#problem-success_rate_target_percent")).to_have_text(
        "A number from 90 to 100."
    )
    visitor.troubles.clear()  # the browser notes the 422
    assert visitor.faults() == []
    target.fill("99.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    expect(target).to_have_value("99.5")
    stored = own_stage.world.scalars("SELECT thresholds FROM sla_thresholds")
    assert stored == [{"success_rate_target_percent": 99.5}]
    target.fill("")
    page.get_by_role("button", name="Save").click()
    expect(target).to_have_value("")
    assert own_stage.world.scalars("SELECT thresholds FROM sla_thresholds") == []


def test_a_token_is_made_used_and_revoked(own_stage: Stage, visit: Visit) -> None:
    """Shown once; the API takes it, and refuses it once it is revoked."""
    visitor = visit(own_stage)
    page = visitor.open("settings/notices")
    page.get_by_role("link", name="API tokens").click()
    assert visitor.faults() == []
    page.get_by_label("Name").fill("Nightly export")
    page.get_by_role("button", name="Make a token").click()
    shown = page.locator(".secret code")
    expect(shown).to_have_text(re.compile("^impactin_"))
    assert visitor.faults() == []
    token = shown.inner_text()

    def status() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{own_stage.url}/v1/impact-in/deliveries"
        return requests.get(address, headers=headers, timeout=30).status_code

    assert status() == 200
    visitor.open("settings/tokens")
    expect(page.locator(".secret")).to_have_count(0)
    expect(page.get_by_text("used last")).to_be_visible()
    page.get_by_role("button", name="Revoke : Nightly export").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
    page.wait_for_timeout(2_500)  # a look at what is revoked may be two seconds old
    assert status() == 401


def test_a_manager_ends_a_colleagues_session(own_stage: Stage, visit: Visit) -> None:
    """Whoever is signed in with this company alone is listed; the session is over with one click."""
    visitor = visit(own_stage)
    world = own_stage.world
    world.runtime.sessions.open(
        "a colleague",
        VIEWER,
        [own_stage.seeded.troubled],
        now=world.clock(),
        expires_at=world.clock().replace(year=2100),
    )
    page = visitor.open("settings/people")
    assert visitor.faults() == []
    page.get_by_role("button", name="Sign out : a colleague").click()
    expect(page.get_by_role("status").filter(has_text="must sign in again")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out : a colleague")).to_have_count(0)


def test_a_viewer_changes_nothing(own_stage: Stage, visit: Visit) -> None:
    """Levels are read; tokens aren't there; of the people one sees oneself."""
    visitor = visit(own_stage, roles=VIEWER)
    page = visitor.open("settings/levels")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("link", name="API tokens")).to_have_count(0)
    assert visitor.faults() == []


@pytest.mark.parametrize("code", ONE_LANGUAGE)
def test_settings_fit_a_phone_in_every_language(own_stage: Stage, visit: Visit, code: str) -> None:
    """360 px wide, light and dark, nothing scrolls sideways."""
    for scheme in ("light", "dark"):
        visitor = visit(own_stage, color_scheme=scheme, viewport={"width": 360, "height": 760})
        for name in ("levels", "people", "tokens"):
            page = visitor.open(f"settings/{name}", code)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 360, (code, name)
            assert visitor.faults() == []
