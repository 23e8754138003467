"""Notices in the cockpit: a channel from its form to its log, reached from the navigation."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from receivers import Receiver, receiving

from impact_in_pipelines.delivery.notifying.model import Medium
from impact_in_pipelines.services.notices.channels import NewChannel, add_channel

from .browser import ONE_LANGUAGE
from .conftest import Visit
from .serving import VIEWER, Stage


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program of the company's."""
    with receiving() as running:
        yield running


def our_channel(stage: Stage, receiver: Receiver) -> None:
    """One that leads to the receiver: a tenant couldn't name a local address, an operator can."""
    world = stage.world
    company = world.runtime.companies.find(str(stage.seeded.troubled))
    new = NewChannel("Our programs", Medium.WEBHOOK, url=f"{receiver.url}/notices")
    add_channel(world.runtime, company, new, actor="kari", by_operator=True)


def test_a_webhook_is_added_and_its_secret_shown_once(own_stage: Stage, visit: Visit) -> None:
    """From the navigation; a wrong address is refused at its field; the secret is gone after a reload."""
    visitor = visit(own_stage)
    page = visitor.open()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("Nobody is notified yet.")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("link", name="Webhook").click()
    page.get_by_label("Name").fill("Our intranet")
    page.get_by_label("Address that takes the notices").fill("https://10.0.0.8/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#problem-address")).to_contain_text("isn't public")
    visitor.troubles.clear()  # the browser notes the 422
    assert visitor.faults() == []
    page.get_by_label("Address that takes the notices").fill("https://hooks.example.org/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".secret code")).to_have_text(re.compile("^whsec_"))
    assert visitor.faults() == []
    visitor.open("settings/notices")
    expect(page.get_by_text("https://hooks.example.org/hook")).to_be_visible()
    expect(page.locator(".secret")).to_have_count(0)


def test_a_channel_is_tried_out_and_its_log_sends_again(
    own_stage: Stage, visit: Visit, receiver: Receiver
) -> None:
    """The outcome stands beside the channel; the log shows each try."""
    our_channel(own_stage, receiver)
    visitor = visit(own_stage)
    page = visitor.open("settings/notices")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").filter(has_text="was accepted")).to_be_visible()
    assert receiver.posted[0].json["type"] == "channel.test"
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("alert")).to_contain_text("was sent a moment ago")
    own_stage.world.clock.now += timedelta(minutes=1)
    receiver.answers = [500]
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("alert")).to_contain_text("answered HTTP 500")
    assert visitor.faults() == []
    page.get_by_role("link", name="Log").click()
    expect(page.locator("li.card")).to_have_count(2)
    page.locator("details summary").first.click()
    expect(page.locator(".tries li").first).to_contain_text("answered HTTP 500")
    assert visitor.faults() == []


def test_a_channel_is_changed_switched_off_and_removed(
    own_stage: Stage, visit: Visit, receiver: Receiver
) -> None:
    """By keyboard too: what is removed asks once."""
    our_channel(own_stage, receiver)
    visitor = visit(own_stage)
    page = visitor.open("settings/notices")
    page.get_by_role("link", name="Change : Our programs").click()
    page.get_by_label("Name").fill("Their programs")
    page.get_by_label("Switched on").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Off", exact=True)).to_be_visible()
    page.locator("summary", has_text="Remove").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove the channel").press("Enter")
    expect(page.get_by_text("Nobody is notified yet.")).to_be_visible()


def test_a_viewer_sees_channels_and_changes_nothing(
    own_stage: Stage, visit: Visit, receiver: Receiver
) -> None:
    """The log is there; no button is."""
    our_channel(own_stage, receiver)
    visitor = visit(own_stage, roles=VIEWER)
    page = visitor.open("settings/notices")
    expect(page.get_by_text("Our programs").first).to_be_visible()
    expect(page.locator("main button")).to_have_count(0)
    assert visitor.faults() == []


@pytest.mark.parametrize("code", ONE_LANGUAGE)
def test_notices_fit_a_phone_in_every_language(
    own_stage: Stage, visit: Visit, receiver: Receiver, code: str
) -> None:
    """360 px wide, light and dark, nothing scrolls sideways."""
    our_channel(own_stage, receiver)
    for scheme in ("light", "dark"):
        visitor = visit(own_stage, color_scheme=scheme, viewport={"width": 360, "height": 760})
        for address in ("settings/notices", "settings/notices/new?medium=slack"):
            page = visitor.open(address, code)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 360, (code, address)
        assert visitor.faults() == []
