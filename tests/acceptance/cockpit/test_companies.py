"""Many companies in the cockpit: sought, walked through by keys, the worst first for operators."""

import re

import pytest
from playwright.sync_api import expect

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.operating.platforms import hold

from .alert_seeding import seed_refused_alerts
from .browser import ONE_LANGUAGE
from .conftest import Visit
from .serving import MANAGER, Stage


@pytest.fixture
def crowded(own_stage: Stage) -> Stage:
    """A hundred and twenty companies besides the two, of which nothing was ever sent."""
    own_stage.world.execute(
        "INSERT INTO companies (slug, name, timezone) SELECT 'firma-' || lpad(n::text, 3, '0'), "
        "'Firma ' || n, 'Europe/Oslo' FROM generate_series(1, 120) n"
    )
    return own_stage


def test_a_company_is_found_while_one_types_and_opened_by_keys(
    crowded: Stage, visit: Visit
) -> None:
    """The server searches; the arrows walk through what it found; nothing sent yet is not healthy."""
    visitor = visit(crowded, roles=None)
    visitor.sign_in(companies=None)
    page = visitor.page
    page.goto(f"{crowded.url}/en/cockpit")
    links = page.locator("[data-companies] a")
    expect(links).to_have_count(50)
    expect(links.first).to_contain_text("Nothing sent yet")
    expect(page.locator("[data-companies]")).not_to_contain_text("Healthy")
    assert visitor.faults() == []
    page.keyboard.type("nordlys")
    expect(links).to_have_count(1)
    expect(links.first).to_contain_text("2 open incidents")
    expect(links.first).to_contain_text("Breach")
    assert visitor.faults() == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".company-name")).to_have_text("Nordlys Energi")


def test_the_chooser_works_without_scripts_and_in_pages(crowded: Stage, visit: Visit) -> None:
    """Search and pages are addresses; a search that finds nothing leads on."""
    visitor = visit(crowded, roles=None, java_script_enabled=False)
    visitor.sign_in(companies=None)
    page = visitor.page
    page.goto(f"{crowded.url}/en/cockpit")
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("[data-companies] a").last).to_contain_text("Sol Iberia")
    page.get_by_label("Search by name").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No company is called anything like")).to_be_visible()
    page.get_by_role("link", name="All companies").last.click()
    page.get_by_role("link", name="Only those in trouble").click()
    expect(page.locator("[data-companies] a")).to_have_count(1)


def test_operators_see_everything_on_one_page(crowded: Stage, visit: Visit) -> None:
    """The worst company first, a way to each incident, held connections counted, on Platforms too."""
    runtime = crowded.world.runtime
    hold(runtime, Platform.GOODERA, company_id=crowded.seeded.healthy, reason="a move", actor="k")
    (outage,) = crowded.world.scalars(
        "INSERT INTO incidents (platform, type, severity, threshold, actual, opened_at) VALUES "
        "('workday', 'platform_outage', 'critical', 5, 9, :now) RETURNING id",
        now=crowded.world.clock(),
    )
    visitor = visit(crowded, roles=None)
    visitor.sign_in(MANAGER, companies=None)
    page = visitor.page
    page.goto(f"{crowded.url}/en/cockpit")
    page.get_by_role("link", name="Overview").click()
    goodera = page.locator(".cards li").filter(has=page.get_by_role("link", name="Goodera"))
    expect(goodera).to_contain_text(re.compile(r"Single connections held\s*1"))
    worst = page.get_by_role("region", name="Companies in trouble")
    expect(worst.get_by_role("link").first).to_contain_text("Nordlys Energi")
    expect(worst.get_by_role("link").nth(1)).to_contain_text("1 connection held")
    assert visitor.faults() == []
    page.get_by_role("link", name="Platform outage · Workday").click()
    assert page.url.endswith(f"/cockpit/incidents/{outage}")
    page.get_by_label("Write a note").fill("Their status page knows.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".story")).to_contain_text("Their status page knows.")
    assert visitor.faults() == []
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Platforms").click()
    expect(page.locator("#p-goodera")).to_contain_text("1 connection of a single company is held.")
    assert visitor.faults() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_operators_are_warned_where_alerts_are_refused(
    own_stage: Stage, visit: Visit, scheme: str
) -> None:
    """Nobody would hear of anything: both first pages say it, why, and that nothing is lost, in the page's
    language; on a phone too, without scrolling sideways."""
    seed_refused_alerts(own_stage)
    visitor = visit(
        own_stage, roles=None, color_scheme=scheme, viewport={"width": 360, "height": 760}
    )
    visitor.sign_in(companies=None)
    page = visitor.page
    for place in ("", "/overview"):
        page.goto(f"{own_stage.url}/en/cockpit{place}")
        alerts = page.get_by_role("alert")
        expect(alerts).to_have_count(2)
        expect(alerts.first).to_contain_text("PagerDuty takes no alerts. 1 has waited since")
        expect(alerts.last).to_contain_text("Slack takes no alerts. 3 have waited since")
        expect(alerts.last).to_contain_text("Slack answered HTTP 404 no_service")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert visitor.faults() == []
    page.goto(f"{own_stage.url}/nb/cockpit/overview")
    expect(page.get_by_role("alert").first).to_contain_text(
        "PagerDuty svarte ikke i tide. Ingenting"
    )


def test_a_tenant_is_not_told_of_refused_alerts(own_stage: Stage, visit: Visit) -> None:
    """Whoever operates this is: the channels are theirs."""
    seed_refused_alerts(own_stage)
    visitor = visit(own_stage, roles=None)
    visitor.sign_in(companies=[own_stage.seeded.troubled, own_stage.seeded.healthy])
    visitor.page.goto(f"{own_stage.url}/en/cockpit")
    expect(visitor.page.get_by_role("link", name="Nordlys Energi")).to_be_visible()
    expect(visitor.page.get_by_role("alert")).to_have_count(0)


def test_a_company_admin_has_no_overview(stage: Stage, visit: Visit) -> None:
    """Neither a link to it nor the page."""
    visitor = visit(stage, roles=None)
    visitor.sign_in(companies=[stage.seeded.troubled, stage.seeded.healthy])
    page = visitor.page
    page.goto(f"{stage.url}/en/cockpit")
    expect(page.get_by_role("link", name="Overview")).to_have_count(0)
    page.goto(f"{stage.url}/en/cockpit/overview")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
    page.goto(f"{stage.url}/en/cockpit/incidents/{stage.seeded.troubled}")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()


@pytest.mark.parametrize("code", ONE_LANGUAGE)
def test_both_fit_a_phone_in_every_language(crowded: Stage, visit: Visit, code: str) -> None:
    """At 360 px nothing scrolls sideways."""
    visitor = visit(crowded, roles=None, viewport={"width": 360, "height": 760})
    visitor.sign_in(companies=None)
    page = visitor.page
    for name in ("", "/overview"):
        page.goto(f"{crowded.url}/{code}/cockpit{name}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (code, name)
        assert visitor.faults() == []
