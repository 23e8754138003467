"""The pictures of the documentation, taken anew: `cd tests && python -m acceptance.cockpit.pictures`."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from factories import world_on
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import text

from impact_in_pipelines.db.embedded.cluster import embedded_url, stop_server
from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import running_sandbox

from .alert_seeding import seed_refused_alerts
from .browser import Visitor, launched, visiting
from .notice_seeding import seed_notices
from .seeding import seed
from .serving import MANAGER, SECRET, VIEWER, Stage, served

IMAGES = Path(__file__).parents[3] / "docs" / "images"
PHONE = {"viewport": {"width": 360, "height": 760}, "device_scale_factor": 1.5}


@contextmanager
def staged() -> Iterator[Stage]:
    """A served world on a server of its own."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ii-")))
        url = embedded_url(home / "pg")
        stack.callback(stop_server, home / "pg")
        admin = make_engine(url).execution_options(isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE pictures"))
        admin.dispose()
        url = url.set(database="pictures")
        engine = make_engine(url)
        upgrade(engine)
        engine.dispose()
        sandbox = stack.enter_context(running_sandbox())
        world = stack.enter_context(world_on(url, sandbox, IMPACT_IN_JWT_SECRET=SECRET))
        yield stack.enter_context(served(world, seed(world)))


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Save what the page shows as docs/images/cockpit-NAME.png."""
    page.wait_for_load_state("networkidle" if name.startswith("sign") else "load")
    taken = Image.open(BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    # 256 colours are more than the page has; the repository needn't carry the others.
    small = taken.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(IMAGES / f"cockpit-{name}.png", optimize=True)


def entry(stage: Stage, browser: Browser) -> None:
    """Sign-in, after a session's end, the choice of a company."""
    with visiting(browser, stage, viewport={"width": 1000, "height": 640}) as visitor:
        page = visitor.page
        page.goto(f"{stage.url}/en/cockpit/sign-in")
        keep(page, "sign-in")
        page.goto(f"{stage.url}/en/cockpit/sign-in?expired=1")
        keep(page, "expired")
        visitor.sign_in(MANAGER, [stage.seeded.troubled, stage.seeded.healthy])
        visitor.open("nothing")
        keep(page, "not-found")


def looking(stage: Stage, browser: Browser) -> None:
    """The page in its languages, sizes and schemes."""
    with visiting(browser, stage) as visitor:
        visitor.sign_in()
        for code in ("en", "nb", "es", "uk"):
            keep(visitor.open(language=code), f"deliveries-{code}")
        page = visitor.open("deliveries?status=failed&status=retrying&by=period&from=2026-03-01")
        page.evaluate("document.querySelector('.timeline').scrollIntoView()")
        page.locator("[data-dropdown] summary").click()
        keep(page, "filters")
        keep(visitor.open("deliveries?status=cancelled"), "empty")
    with visiting(browser, stage, color_scheme="dark") as visitor:
        visitor.sign_in()
        keep(visitor.open(), "dark")
    with visiting(browser, stage) as visitor:
        visitor.sign_in(VIEWER)
        keep(visitor.open(), "viewer")
    with visiting(browser, stage) as visitor:
        visitor.sign_in(MANAGER, [stage.seeded.healthy])
        visitor.page.goto(f"{stage.url}/en/cockpit")
        keep(visitor.page, "healthy")
    for scheme in ("light", "dark"):
        with visiting(browser, stage, color_scheme=scheme, **PHONE) as visitor:
            visitor.sign_in()
            page = visitor.open()
            keep(page, f"phone-{scheme}")
            keep(visitor.open("schedules/new"), f"phone-schedule-{scheme}", whole=True)
            page = visitor.open()
            page.locator(".filters").scroll_into_view_if_needed()
            page.evaluate("document.querySelector('.filters').scrollIntoView()")
            keep(page, f"phone-timeline-{scheme}")


def changing(stage: Stage, visitor: Visitor) -> None:
    """Schedules made and paused; replays from the confirmation to the summary."""
    page = visitor.open("schedules/new")
    page.get_by_label("On days of the month").check()
    page.get_by_label("15", exact=True).check()
    page.get_by_label("At what time").fill("08:30")
    page.locator("[data-written]", has_text="30 8 1,15 * *").wait_for()
    keep(page, "schedule-new", whole=True)
    page = visitor.open("schedules")
    page.get_by_role("link", name="Pause Goodera").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The account moves to a new organisation")
    keep(page, "pause")
    dialog.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused", exact=True).wait_for()
    keep(page, "schedules-paused")
    page = visitor.open("deliveries?status=retrying")
    page.locator(".opener").first.click()
    page.get_by_role("link", name="Cancel delivery").click()
    dialog.get_by_role("button", name="Cancel delivery").wait_for()
    keep(page, "cancel")
    page = visitor.open("deliveries?status=success&platform=benevity")
    page.locator("li.row input[name=id]").first.check()
    page.get_by_role("button", name=re.compile("Replay selected")).click()
    dialog.get_by_role("link", name="Send it all the same").click()
    dialog.get_by_label("type: again").fill("again")
    dialog.get_by_role("button", name="Replay").scroll_into_view_if_needed()
    keep(page, "replay-word")
    page = visitor.open()
    page.get_by_role("link", name=re.compile("Retry all")).click()
    dialog.get_by_role("button", name="Replay").wait_for()
    keep(page, "replay-confirm")
    dialog.get_by_role("button", name="Replay").click()
    dialog.get_by_role("heading", name="Replaying …").wait_for()
    stage.drain(Platform.WORKDAY)
    dialog.get_by_text("2 of 5 finished").wait_for()
    keep(page, "replay-progress")
    stage.drain()
    dialog.get_by_role("heading", name="Everything has arrived").wait_for()
    keep(page, "replay-done")


def comparing(visitor: Visitor) -> None:
    """A replay of several, each beside what had arrived."""
    page = visitor.open("deliveries?status=success&platform=benevity")
    boxes = page.locator("li.row input[name=id]")
    boxes.nth(0).check()
    boxes.nth(12).check()
    page.get_by_role("button", name=re.compile("Replay selected")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Send it all the same").click()
    dialog.locator("details.difference summary").nth(1).click()
    keep(page, "replay-differences")


LOOKS: dict[str, dict[str, Any]] = {
    "": {},
    "-dark": {"color_scheme": "dark"},
    "-phone": PHONE,
}
"""Each of the other pages is taken in light, in dark and on a phone."""

_WHOLE = ("trends", "corrections", "analytics")


def rooms(stage: Stage, browser: Browser) -> None:
    """The other pages."""
    reports = (("weekly", "2026-03-02"), ("monthly", "2026-02-01"))
    for suffix, option in LOOKS.items():
        with visiting(browser, stage, **option) as visitor:
            visitor.sign_in()
            for name in (
                *("calendar", "connections", "trends", "incidents", "audit-log", "corrections"),
                *("schedules", "reports", "analytics"),
            ):
                keep(visitor.open(name), f"{name}{suffix}", whole=name in _WHOLE or bool(suffix))
            keep(visitor.open("calendar/2026-03"), f"calendar-month{suffix}", whole=bool(suffix))
            keep(
                visitor.open(f"schedules/{stage.seeded.schedules[2]}/year"),
                f"schedule-year{suffix}",
                whole=True,
            )
            visitor.open("connections").get_by_role(
                "link", name=re.compile("Goodera")
            ).first.click()
            keep(visitor.page, f"connection{suffix}", whole=True)
            page = visitor.open("deliveries?status=retrying")
            page.locator(".opener").first.click()
            page.locator(".detail-grid").wait_for()
            page.locator("#timeline-title").scroll_into_view_if_needed()
            keep(page, f"detail{suffix}", whole=True)
            for period, first in reports:
                keep(
                    visitor.open(f"reports/{period}/{first}.html"),
                    f"report-{period}{suffix}",
                    whole=True,
                )
            page = visitor.open("incidents")
            page.get_by_role("link", name="Success rate").first.click()
            if not suffix:
                page.get_by_label("Write a note").fill(
                    "Their key has expired; a new one comes on Thursday."
                )
                page.get_by_role("button", name="Add note").click()
            page.locator(".story-note").wait_for()
            keep(page, f"incident{suffix}", whole=bool(suffix))
        with visiting(browser, stage, **option) as visitor:
            visitor.sign_in(MANAGER, None)
            visitor.page.goto(f"{stage.url}/en/cockpit/overview")
            keep(visitor.page, f"overview{suffix}", whole=bool(suffix))
            visitor.page.goto(f"{stage.url}/en/cockpit")
            keep(visitor.page, f"companies{suffix}", whole=bool(suffix))


def everybody_compared(stage: Stage, browser: Browser) -> None:
    """Analytics over all companies, as operators see them."""
    with visiting(browser, stage) as visitor:
        visitor.sign_in(MANAGER, None)
        visitor.page.goto(f"{stage.url}/en/cockpit/analytics?days=90")
        keep(visitor.page, "analytics-all", whole=True)


def unheard(stage: Stage, browser: Browser) -> None:
    """The operators' overview while Slack and PagerDuty take no alerts."""
    seed_refused_alerts(stage)
    for suffix, option in LOOKS.items():
        with visiting(browser, stage, **option) as visitor:
            visitor.sign_in(MANAGER, None)
            visitor.page.goto(f"{stage.url}/en/cockpit/overview")
            keep(visitor.page, f"alerts-refused{suffix}")
    stage.world.execute("DELETE FROM notifications WHERE last_error IS NOT NULL")


def settings(stage: Stage, browser: Browser) -> None:
    """What a company settles for itself: notices, service levels, people, tokens."""
    seed_notices(stage)
    world, until = stage.world, datetime.now(UTC) + timedelta(hours=8)
    for suffix, option in LOOKS.items():
        # Every window before has left its session, and every look a token.
        for table in ("web_sessions", "api_tokens"):
            world.execute(f"DELETE FROM {table}")
        for who, roles, ago in (("kari.nordmann", MANAGER, 40), ("ola.hansen", VIEWER, 150)):
            world.runtime.sessions.open(
                who,
                roles,
                [stage.seeded.troubled],
                now=world.clock() - timedelta(minutes=ago),
                expires_at=until,
            )
        with visiting(browser, stage, **option) as visitor:
            visitor.sign_in()
            page = visitor.open("settings/notices")
            keep(page, f"notices{suffix}", whole=bool(suffix))
            page.locator("li", has_text="Our intranet").get_by_role("link", name="Log").click()
            page.locator("details summary").nth(0).click()
            keep(page, f"notice-log{suffix}", whole=True)
            keep(
                visitor.open("settings/notices/new?medium=slack"),
                f"notice-channel{suffix}",
                whole=True,
            )
            keep(visitor.open("settings/levels"), f"service-levels{suffix}", whole=bool(suffix))
            keep(visitor.open("settings/people"), f"people{suffix}")
            page = visitor.open("settings/tokens")
            page.get_by_label("Name").fill("Nightly export")
            page.get_by_role("button", name="Make a token").click()
            keep(page, f"tokens{suffix}", whole=bool(suffix))


def beginning(stage: Stage, browser: Browser, folder: Path) -> None:
    """A new company's first steps, a file of events that is checked, and the operators' page of it."""
    new = stage.world.runtime.companies.add("fjordvik", name="Fjordvik AS", timezone="Europe/Oslo")
    file, at = folder / "march-2026.csv", None
    good = [
        f"e{n},fjordvik,2026-03-0{1 + n % 8}T10:00:00Z,session,p{n % 14},v{n % 4},1.5,,"
        for n in range(1, 41)
    ]
    bad = (
        "e91,fjordvik,2026-03-04 10:00,session,p2,,2,,",
        'e92,fjordvik,2026-03-05T09:00:00Z,mentoring,p3,v1,"1,250",,',
        "e93,acme-uk,2026-03-05T09:00:00Z,mentoring,p3,v1,2,,",
        "e94,fjordvik,2026-03-06T09:00:00Z,language_course,p5,,2,language,",
    )
    file.write_text("\r\n".join([",".join(HEADER), *good, *bad, ""]))
    for suffix, options in LOOKS.items():
        with visiting(browser, stage, **options) as visitor:
            visitor.sign_in(MANAGER, [new.id])
            page, base = visitor.page, f"{stage.url}/en/cockpit/{new.id}"
            page.goto(f"{base}/deliveries")
            keep(page, f"first-steps{suffix}")
            page.goto(f"{base}/data")
            if at is None:
                page.get_by_label("File").set_input_files(file)
                page.get_by_role("button", name="Check the file").click()
                page.get_by_role("region", name="Rejected rows").wait_for()
                at = page.url
            page.goto(f"{base}/data")
            keep(page, f"data{suffix}")
            page.goto(at)
            keep(page, f"upload{suffix}", whole=True)
        with visiting(browser, stage, **options) as visitor:
            visitor.sign_in(MANAGER, None)
            visitor.page.goto(f"{stage.url}/en/cockpit/{new.id}/company")
            keep(visitor.page, f"company{suffix}", whole=True)


def main() -> None:
    """Take all of them."""
    with staged() as stage, sync_playwright() as playwright:
        browser = launched(playwright)
        entry(stage, browser)
        looking(stage, browser)
        with tempfile.TemporaryDirectory() as folder:
            beginning(stage, browser, Path(folder))
        with visiting(browser, stage) as visitor:
            visitor.sign_in()
            comparing(visitor)
            changing(stage, visitor)
        rooms(stage, browser)
        everybody_compared(stage, browser)
        unheard(stage, browser)
        settings(stage, browser)
        browser.close()


if __name__ == "__main__":
    main()
