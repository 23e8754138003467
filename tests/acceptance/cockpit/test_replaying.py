"""Sending again, watched while it happens."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import requests
from playwright.sync_api import expect

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries.replaying import replay

from .conftest import Visit
from .serving import MANAGER, VIEWER, Stage


def _session(stage: Stage, roles: tuple[str, ...]) -> tuple[requests.Session, str]:
    """A signed-in session without a browser, and its form token."""
    session = requests.Session()
    page = session.get(f"{stage.url}/en/cockpit/sign-in", timeout=30).text
    form = {"form_token": _form_token(page), "token": stage.token(roles), "next": ""}
    answer = session.post(f"{stage.url}/en/cockpit/sign-in", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return session, _form_token(answer.text)


def _form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    return found[1]


def _accepted(stage: Stage, *platforms: Platform) -> int:
    return sum(len(stage.world.accepted(platform)) for platform in platforms)


def test_one_failed_delivery_is_replayed_to_success_before_ones_eyes(
    own_stage: Stage, visit: Visit
) -> None:
    """The confirmation says what will be sent; the progress and the row change by themselves when the
    next drain has sent it; the platform has it once."""
    stage = own_stage
    visitor = visit(stage)
    page = visitor.open("deliveries?status=failed&platform=goodera")
    failed = page.locator("li.row").first
    id_ = failed.get_attribute("data-id")
    failed.locator(".opener").click()
    failed.get_by_role("link", name="Replay").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Replay this delivery?")).to_be_visible()
    expect(dialog.get_by_text("would be sent")).to_contain_text("1")
    expect(dialog.get_by_text("takes about")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog.get_by_role("progressbar")).to_have_attribute("value", "0")
    expect(dialog.get_by_role("heading", name="Replaying …")).to_be_visible()
    assert visitor.faults() == []
    stage.drain(Platform.GOODERA)
    expect(dialog.get_by_role("heading", name="Everything has arrived")).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("Everything has arrived")
    assert visitor.faults() == []
    dialog.get_by_role("link", name="Close").click()
    row = page.locator(f"#d-{id_}")
    expect(row.locator(".pill").first).to_have_text("Success")
    expect(row.get_by_text("recovered")).to_be_visible()
    assert _accepted(stage, Platform.GOODERA) == 1


def test_selected_ones_are_replayed_together_and_a_double_click_counts_once(
    own_stage: Stage, visit: Visit
) -> None:
    """Two clicks on Replay are one replay: one request in the log, each delivery sent once."""
    stage = own_stage
    visitor = visit(stage)
    page = visitor.open("deliveries?status=failed")
    button = page.get_by_role("button", name=re.compile("Replay selected"))
    expect(button).to_be_disabled()
    boxes = page.locator("li.row input[name=id]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(button).to_contain_text("2")
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Replay 2 deliveries?")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Replay").dblclick()
    expect(dialog.get_by_role("heading", name="Replaying …")).to_be_visible()
    stage.drain()
    expect(dialog.get_by_text("2 of 2 finished")).to_be_visible()
    assert len(stage.world.rows("SELECT id FROM replay_requests")) == 1
    assert _accepted(stage, *Platform) in (1, 2)  # Goodera takes two at once as one batch
    assert all(not stage.world.doubled(platform) for platform in Platform)


def test_each_of_several_shows_how_it_differs_and_what_waits_can_be_cancelled(
    own_stage: Stage, visit: Visit
) -> None:
    """The confirmation compares every one of them with what had arrived, by keyboard too; the progress goes
    by day, and from it what still waits is called off."""
    stage = own_stage
    visitor = visit(stage)
    page = visitor.open("deliveries?status=success&platform=benevity")
    boxes = page.locator("li.row input[name=id]")
    boxes.nth(0).check()
    boxes.nth(12).check()
    page.get_by_role("button", name=re.compile("Replay selected")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Send it all the same").click()
    different = dialog.locator("details.difference")
    expect(different).to_have_count(2)
    expect(different.first.locator("table")).to_be_hidden()
    different.nth(1).locator("summary").press("Enter")
    expect(different.nth(1).locator("table")).to_be_visible()
    expect(different.nth(1)).to_contain_text("/metrics/0")
    assert visitor.faults() == []
    dialog.get_by_label("type: again").fill("again")
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog.get_by_role("heading", name="Replaying …")).to_be_visible()
    expect(dialog.get_by_role("link", name="10 Mar")).to_have_count(1)
    expect(dialog.locator("code")).to_have_count(0)
    dialog.get_by_role("link", name="Cancel 2 waiting").click()
    dialog.get_by_role("button", name="Cancel deliveries").click()
    expect(dialog.get_by_role("heading", name="2 deliveries are called off")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("link", name="Back to the replay").click()
    expect(dialog.locator(".tally")).to_contain_text("2 Cancelled")
    expect(dialog.get_by_role("link", name=re.compile("waiting"))).to_have_count(0)
    stage.drain()
    assert _accepted(stage, *Platform) == 0


def test_all_that_failed_is_retried_and_a_failure_is_told(own_stage: Stage, visit: Visit) -> None:
    """Retry all takes the failures of four weeks; what fails again is counted and explained."""
    stage = own_stage
    stage.world.sandbox.client.add_fault("goodera", "unauthorized")
    visitor = visit(stage)
    page = visitor.open()
    page.get_by_role("link", name=re.compile(r"Retry all \d+ failed")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("would be sent")).to_contain_text("5")
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog.get_by_role("heading", name="Replaying …")).to_be_visible()
    stage.drain()
    expect(dialog.get_by_role("heading", name="Replay finished")).to_be_visible()
    expect(dialog.locator(".tally .bad")).to_contain_text("2 Failed")
    expect(dialog.locator(".tally .good")).to_contain_text("3 Success")
    expect(dialog.locator(".error-text").first).to_be_visible()
    assert visitor.faults() == []


def test_what_has_just_arrived_is_skipped_unless_forced(own_stage: Stage, visit: Visit) -> None:
    """The 24-hour window is told before it acts; sending all the same is a decision of one's own."""
    stage = own_stage
    visitor = visit(stage)
    page = visitor.open("deliveries?status=success&platform=benevity")
    page.locator("li.row input[name=id]").first.check()
    page.get_by_role("button", name=re.compile("Replay selected")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("inside the duplicate window")).to_be_visible()
    expect(dialog.get_by_role("button", name="Replay")).to_have_count(0)
    dialog.get_by_role("link", name="Send it all the same").click()
    expect(dialog.get_by_text("The platform may count it twice.")).to_be_visible()
    expect(dialog.get_by_text("would be sent a second time")).to_contain_text("1 of them has")
    compared = dialog.locator("table.changes").inner_text()
    assert not re.search(r"None|\{'", compared), compared  # the platform's words, not Python's
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog.get_by_text("Type the word exactly")).to_be_visible()
    assert stage.world.rows("SELECT id FROM replay_requests") == []
    assert visitor.faults() == []
    dialog.get_by_label("type: again").fill("Again")
    dialog.get_by_role("button", name="Replay").click()
    expect(dialog.get_by_role("heading", name="Replaying …")).to_be_visible()
    stage.drain(Platform.BENEVITY)
    expect(dialog.get_by_role("heading", name="Everything has arrived")).to_be_visible()


def test_new_deliveries_are_offered_and_not_pushed_in(own_stage: Stage, visit: Visit) -> None:
    """A delivery that comes while one reads moves nothing: a line offers to show it."""
    stage = own_stage
    page = visit(stage).open()
    offer = page.get_by_role("button", name=re.compile("There are new deliveries"))
    expect(offer).to_be_hidden()
    page.wait_for_timeout(500)
    (new,) = stage.world.deliveries(Platform.BENEVITY, stage.seeded.troubled)
    expect(offer).to_be_visible()
    offer.click()
    expect(page.locator(f"#d-{new}")).to_be_visible()


def test_the_same_confirmation_sent_at_once_replays_once(own_stage: Stage) -> None:
    """Eight requests with one confirmation's id, at the same time: one replay, eight times its address."""
    stage = own_stage
    session, form_token = _session(stage, MANAGER)
    form = {
        "form_token": form_token,
        "request": str(uuid4()),
        "id": [str(one) for one in stage.seeded.failed],
    }

    def send(_: int) -> str | None:
        answer = requests.post(
            stage.path("replays"),
            data=form,
            cookies=session.cookies.get_dict(),
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    with ThreadPoolExecutor(8) as threads:
        addresses = set(threads.map(send, range(8)))
    assert len(addresses) == 1
    assert len(stage.world.rows("SELECT id FROM replay_requests")) == 1


def test_a_viewer_sees_everything_and_can_send_nothing(stage: Stage, visit: Visit) -> None:
    """Without the role to replay there is no box to tick, no button that would be dead."""
    visitor = visit(stage, roles=VIEWER)
    page = visitor.open()
    expect(page.locator("li.row")).to_have_count(30)
    expect(page.locator("#selection input[type=checkbox]")).to_have_count(0)
    expect(page.get_by_text(re.compile("Replay|Retry all"))).to_have_count(0)
    page.locator(".opener").nth(2).click()
    expect(page.locator(".detail-grid")).to_be_visible()
    expect(page.locator(".detail-grid").get_by_role("link", name="Replay")).to_have_count(0)
    assert visitor.faults() == []
    visitor.open("schedules")
    expect(page.get_by_role("link", name=re.compile(r"New schedule|Change\b|Pause"))).to_have_count(
        0
    )


def test_a_viewer_is_refused_what_the_page_does_not_offer(stage: Stage) -> None:
    """The server refuses it too: a button that isn't shown is no protection."""
    session, form_token = _session(stage, VIEWER)
    form = {"form_token": form_token, "request": str(uuid4()), "id": str(stage.seeded.failed[0])}
    answer = session.post(stage.path("replays"), data=form, timeout=30)
    assert answer.status_code == 403
    assert session.get(stage.path("replays/new?all=failed"), timeout=30).status_code == 403
    assert stage.world.rows("SELECT id FROM replay_requests") == []


def test_a_form_without_the_sessions_token_changes_nothing(stage: Stage) -> None:
    """Another site can make a browser send a form, and can't know the token that belongs to it."""
    session, _ = _session(stage, MANAGER)
    for token in ("", "guessed"):
        form = {"form_token": token, "request": str(uuid4()), "id": str(stage.seeded.failed[0])}
        answer = session.post(stage.path("replays"), data=form, timeout=30)
        assert answer.status_code == 403
    assert stage.world.rows("SELECT id FROM replay_requests") == []


def test_another_companys_things_are_not_there(stage: Stage) -> None:
    """Another company's pages, deliveries and streams are as good as none: 404, not 403."""
    session, form_token = _session(stage, MANAGER)
    other = f"{stage.url}/en/cockpit/{stage.seeded.healthy}"
    theirs = stage.world.scalars(
        "SELECT id FROM impact_deliveries WHERE company_id = :id LIMIT 1", id=stage.seeded.healthy
    )[0]
    for page in ("deliveries", "sla", "schedules", "reports", f"deliveries/{theirs}"):
        assert session.get(f"{other}/{page}", timeout=30).status_code == 404
    assert session.get(stage.path(f"deliveries/{theirs}"), timeout=30).status_code == 404
    assert session.get(stage.path(f"replays/new?id={theirs}"), timeout=30).status_code == 404
    assert session.get(f"{other}/events", timeout=30).status_code == 204
    form = {"form_token": form_token, "request": str(uuid4()), "id": str(theirs)}
    answer = session.post(stage.path("replays"), data=form, timeout=30)
    assert "Nothing was queued" in answer.text
    assert stage.world.rows("SELECT id FROM replay_requests") == []


def test_everything_works_without_scripts_too(own_stage: Stage, visit: Visit) -> None:
    """Where scripts are switched off, a row is a link and a replay is three pages."""
    visitor = visit(own_stage, roles=None, java_script_enabled=False)
    visitor.sign_in()
    page = visitor.open("deliveries?status=failed")
    page.locator(".opener").first.click()
    expect(page.locator(".attempts li")).to_have_count(1)
    page.get_by_role("link", name="Replay").click()
    expect(page.get_by_role("heading", name="Replay this delivery?")).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("heading", name="Replaying …")).to_be_visible()
    own_stage.drain()
    page.reload()
    expect(page.get_by_role("heading", name="Everything has arrived")).to_be_visible()


def test_a_waiting_delivery_is_cancelled_from_its_row(own_stage: Stage, visit: Visit) -> None:
    """One question, and the row changes by itself; a second window hears that it was too late."""
    stage = own_stage
    visitor = visit(stage)
    page = visitor.open("deliveries?status=retrying")
    row = page.locator(f"#d-{stage.seeded.retrying}")
    row.locator(".opener").click()
    row.get_by_role("link", name="Cancel delivery").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Cancel this delivery?")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Cancel delivery").click()
    expect(dialog.get_by_role("heading", name="The delivery is cancelled")).to_be_visible()
    dialog.get_by_role("link", name="Close").click()
    expect(row.locator(".pill").first).to_have_text("Cancelled")
    assert stage.world.delivery(stage.seeded.retrying)["status"] == "cancelled"
    assert visitor.faults() == []


def test_all_that_waits_and_fits_the_filters_is_cancelled_at_once(
    own_stage: Stage, visit: Visit
) -> None:
    """The button says how many; the question names the platforms; other platforms' rows stay."""
    stage = own_stage
    replay(stage.world.runtime, stage.seeded.failed, actor="ingrid")
    waiting = "SELECT platform FROM impact_deliveries WHERE status IN ('pending', 'retrying')"
    before = stage.world.scalars(waiting)
    platform = max(before, key=before.count)
    count = before.count(platform)
    assert count > 1
    visitor = visit(stage)
    page = visitor.open(f"deliveries?platform={platform}")
    button = page.get_by_role("link", name=f"Cancel {count} waiting")
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=f"Cancel {count} deliveries")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("button", name="Cancel deliveries").click()
    expect(dialog.get_by_role("heading", name=f"{count} deliveries are called off")).to_be_visible()
    assert visitor.faults() == []
    dialog.get_by_role("link", name="Close").click()
    expect(button).to_have_count(0)
    left = stage.world.scalars(waiting)
    assert sorted(left) == sorted(one for one in before if one != platform)


def test_the_count_of_failures_follows_what_happens(own_stage: Stage, visit: Visit) -> None:
    """The button that retries them all says what there is now, not what there was."""
    stage = own_stage
    page = visit(stage).open("deliveries?status=failed")
    button = page.locator("[data-failed] a")
    count = int("".join(filter(str.isdigit, button.inner_text())))
    stage.world.execute(
        "UPDATE impact_deliveries SET status = 'cancelled' WHERE id = :id",
        id=stage.seeded.failed[0],
    )
    expect(button).to_contain_text(str(count - 1))


def test_the_button_that_closes_a_long_dialog_stays_in_sight(stage: Stage, visit: Visit) -> None:
    """However far one has scrolled."""
    visitor = visit(stage, viewport={"width": 360, "height": 420})
    page = visitor.open("deliveries?status=failed")
    page.locator("[data-failed] a").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Replay").scroll_into_view_if_needed()
    assert page.locator("#dialog").evaluate("dialog => dialog.scrollTop") > 0
    expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_a_dialog_always_closes(stage: Stage, visit: Visit) -> None:
    """While it loads, when the server can't be reached, and whatever it shows."""
    page = visit(stage).open("deliveries?status=failed")
    page.route("**/replays/new?*", lambda _: None)
    link = page.locator("[data-failed] a")
    dialog = page.get_by_role("dialog")
    link.click()
    expect(dialog.get_by_text("One moment")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.unroute_all()
    page.route("**/replays/new?*", lambda route: route.abort())
    link.click()
    expect(dialog.get_by_text("could not be reached")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
