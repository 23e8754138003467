"""The API's documentation page in a browser."""

from playwright.sync_api import expect

from .conftest import Visit
from .serving import Stage


def test_the_api_can_be_tried_out_from_its_own_page(stage: Stage, visit: Visit) -> None:
    """Swagger UI runs under our policy, loads nothing from elsewhere, and shows every operation."""
    visitor = visit(stage, roles=None)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.goto(f"{stage.url}/docs")
    expect(visitor.page.locator("#operations-Deliveries-listDeliveries")).to_be_visible()
    visitor.page.locator("#operations-Operations-getHealth button").first.click()
    visitor.page.get_by_role("button", name="Try it out").click()
    visitor.page.get_by_role("button", name="Execute").click()
    answered = visitor.page.locator(".live-responses-table tbody .response-col_status").first
    expect(answered).to_contain_text("200")
    assert visitor.troubles == []
    assert [url for url in asked if not url.startswith((stage.url, "data:"))] == []
