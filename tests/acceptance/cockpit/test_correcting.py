"""Days that have changed since they were delivered, in the cockpit: seen, corrected, left or not."""

from playwright.sync_api import expect

from impact_in_pipelines.delivery.resending.correcting import Policy
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.deliveries import corrections
from impact_in_pipelines.services.refreshing import company_impact

from .conftest import Visit
from .serving import Stage


def test_a_changed_day_is_seen_and_corrected_with_a_click(own_stage: Stage, visit: Visit) -> None:
    """From the calendar's notice to what differs, and from there to a correction that goes out."""
    stage = own_stage
    company = stage.world.runtime.companies.find(str(stage.seeded.troubled))
    stage.world.execute(
        "UPDATE impact_deliveries SET figures = jsonb_build_object('participants', 1), "
        "figures_hash = repeat('0', 64) WHERE company_id = :id AND platform = 'goodera' AND "
        "period_start = '2026-03-05' AND status = 'success'",
        id=company.id,
    )
    company_impact(stage.world.runtime, full=True)
    corrections.compare(stage.world.runtime)
    visitor = visit(stage)
    page = visitor.open("calendar")
    page.get_by_role("link", name="Look and correct").click()
    expect(page.get_by_role("heading", name="Changed since")).to_be_visible()
    assert visitor.faults() == []
    page.get_by_role("button", name="Send a correction").click()
    expect(page.get_by_role("status").filter(has_text="is queued")).to_be_visible()
    stage.drain(Platform.GOODERA)
    assert stage.world.scalars(
        "SELECT status FROM impact_deliveries WHERE trigger = 'correction'"
    ) == ["success"]
    page = visitor.open("corrections")
    expect(page.get_by_text("Everything that was delivered is")).to_be_visible()


def test_what_is_done_by_itself_is_chosen_there(own_stage: Stage, visit: Visit) -> None:
    """A choice for each platform, kept and audited."""
    visitor = visit(own_stage)
    page = visitor.open("corrections")
    assert visitor.faults() == []
    form = page.locator("form", has_text="delivered to Benevity change")
    form.get_by_role("combobox").select_option("automatic")
    form.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status").filter(has_text="is kept")).to_be_visible()
    company = own_stage.world.runtime.companies.find(str(own_stage.seeded.troubled))
    kept = corrections.policy_of(own_stage.world.runtime, company, Platform.BENEVITY)
    assert kept.policy is Policy.AUTOMATIC
