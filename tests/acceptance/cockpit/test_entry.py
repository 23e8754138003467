"""Coming in, being away too long, going out."""

from playwright.sync_api import expect

from .conftest import Visit
from .serving import MANAGER, Stage


def test_a_token_link_signs_in_and_leaves_no_token_in_the_address(
    stage: Stage, visit: Visit
) -> None:
    """The token is exchanged for a cookie that scripts can't read; neither address nor history keeps it."""
    visitor = visit(stage, roles=None)
    token = stage.token(MANAGER)
    visitor.page.goto(f"{stage.url}/en/cockpit/sign-in?token={token}")
    visitor.page.wait_for_url("**/sign-in")
    assert visitor.faults() == []
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url("**/deliveries")
    (cookie,) = visitor.page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert token not in cookie["value"]


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(stage: Stage, visit: Visit) -> None:
    """A shared address works after sign-in, filters and all."""
    visitor = visit(stage, roles=None)
    page = visitor.open("deliveries?status=failed")
    expect(page.get_by_role("heading", name="Sign in to Impact-In")).to_be_visible()
    page.get_by_label("Access token").fill(stage.token(MANAGER))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/deliveries?status=failed")


def test_a_token_that_is_none_is_refused_with_a_reason(stage: Stage, visit: Visit) -> None:
    """A bad token gets one line, and nobody is signed in."""
    visitor = visit(stage, roles=None)
    visitor.page.goto(f"{stage.url}/en/cockpit/sign-in")
    visitor.page.get_by_label("Access token").fill("not a token")
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("it isn't a signed JWT")
    visitor.troubles.clear()  # the browser reports the 401 that was expected
    assert visitor.faults() == []
    visitor.open()
    expect(visitor.page.get_by_role("heading", name="Sign in to Impact-In")).to_be_visible()


def test_an_expired_session_asks_to_sign_in_again_and_goes_on_where_one_was(
    own_stage: Stage, visit: Visit
) -> None:
    """What a script fetches after the session's end leads to sign-in with a message, and back."""
    visitor = visit(own_stage)
    page = visitor.open("deliveries?status=failed")
    own_stage.world.execute("UPDATE web_sessions SET expires_at = '2026-03-01'")
    page.locator(".opener").first.click()
    expect(page.get_by_text("Your session has expired.")).to_be_visible()
    visitor.troubles.clear()  # the browser reports the 401 that was expected
    assert visitor.faults() == []
    page.get_by_label("Access token").fill(own_stage.token(MANAGER))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/deliveries?status=failed")


def test_signing_out_ends_the_session_on_the_server_too(own_stage: Stage, visit: Visit) -> None:
    """A copy of the cookie is worth nothing after sign-out."""
    visitor = visit(own_stage)
    page = visitor.open()
    copied = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Impact-In")).to_be_visible()
    page.context.add_cookies(copied)  # type: ignore[arg-type]
    visitor.open()
    expect(page.get_by_role("heading", name="Sign in to Impact-In")).to_be_visible()
    assert own_stage.world.rows("SELECT * FROM web_sessions") == []


def test_several_companies_are_offered_and_one_is_gone_to_at_once(
    stage: Stage, visit: Visit
) -> None:
    """Whoever has several companies chooses; the choice is always one click away."""
    visitor = visit(stage, roles=None)
    visitor.sign_in(companies=[stage.seeded.troubled, stage.seeded.healthy])
    page = visitor.page
    page.goto(f"{stage.url}/en/cockpit")
    expect(page.get_by_role("heading", name="Choose a company")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("link", name="Sol Iberia").click()
    expect(page.locator(".company-name")).to_have_text("Sol Iberia")
    page.get_by_role("link", name="Switch company").click()
    expect(page.get_by_role("heading", name="Choose a company")).to_be_visible()


def test_what_is_not_there_is_a_page_that_leads_on(stage: Stage, visit: Visit) -> None:
    """An address without a page says so in the page's language, with a way back."""
    visitor = visit(stage)
    page = visitor.open("nothing/here", "es")
    expect(page.get_by_role("heading", name="No encontrado")).to_be_visible()
    visitor.troubles.clear()  # the browser reports the 404 that was expected
    assert visitor.faults() == []
    page.get_by_role("link", name="A la página de inicio").click()
    page.wait_for_url("**/deliveries")
