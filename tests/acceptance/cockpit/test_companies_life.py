"""A company's life on the operators' page: renamed, switched off and on, exported, erased."""

from playwright.sync_api import expect

from .conftest import Visit
from .serving import MANAGER, Stage


def test_an_operator_takes_a_company_from_its_name_to_its_last_row(
    own_stage: Stage, visit: Visit
) -> None:
    """Reached from the navigation; nothing is erased before it was switched off and exported."""
    company = own_stage.world.runtime.companies.add("leaving", name="Leaving AS")
    visitor = visit(own_stage, roles=None)
    visitor.sign_in(MANAGER, None)
    page = visitor.page
    page.goto(f"{own_stage.url}/en/cockpit/{company.id}/deliveries")
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Company").click()
    assert visitor.faults() == []
    page.get_by_label("Name").fill("Left AS")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="The name is changed")).to_be_visible()
    expect(page.locator(".company-name")).to_have_text("Left AS")
    page.get_by_label("Reason").fill("The contract ended")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("status").filter(has_text="switched off")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_label("To confirm, type: leaving").fill("leaving")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("alert")).to_contain_text("must be exported")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export").click()
    assert downloading.value.suggested_filename == "leaving.zip"
    page.get_by_label("To confirm, type: leaving").fill("leaving")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("heading", name="Choose a company")).to_be_visible()
    assert own_stage.world.scalars("SELECT 1 FROM companies WHERE id = :id", id=company.id) == []


def test_a_tenants_manager_has_no_such_page(own_stage: Stage, visit: Visit) -> None:
    """Neither in the navigation nor by its address."""
    visitor = visit(own_stage)
    page = visitor.open("deliveries")
    navigation = page.get_by_role("navigation", name="Sections")
    expect(navigation.get_by_role("link", name="Company")).to_have_count(0)
    visitor.open("company")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
