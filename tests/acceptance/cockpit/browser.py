"""A person at the cockpit: Debian's Chromium, driven by Playwright, watched by axe-core."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Playwright

from .seeding import NOW
from .serving import MANAGER, Stage

# The first is the same engine without a desktop's browser around it, which Playwright itself installs where
# nobody looks on: it needs half the processor time, for it keeps no renderers in reserve.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000
"""How long a page may take to show what a test expects: Playwright's 5 s are too short on a busy machine."""

ONE_LANGUAGE = [
    "uk",
    *(pytest.param(code, marks=pytest.mark.slow) for code in ("en", "nb", "es")),
]
"""Every language that a page must fit a phone in; the one with the longest words in `make test` too."""

_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
# The page's own standards: WCAG 2.2 A and AA, and axe's best practices.
_AXE_OPTIONS = {"resultTypes": ["violations"]}


def chromium_path() -> str | None:
    """Where a Chromium is, None if there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def launched(playwright: Playwright) -> Browser:
    """A running browser."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=list(_ARGUMENTS))


class Visitor:
    """One signed-in window. `troubles` collects what the browser complains about: errors in scripts,
    refused by the Content-Security-Policy, answers that failed."""

    def __init__(self, stage: Stage, page: Page) -> None:
        self.stage = stage
        self.page = page
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.troubles.append(message.text)

    def sign_in(
        self, roles: Sequence[str] = MANAGER, companies: Sequence[object] | None = ()
    ) -> None:
        """Hold a session, as signing in opens one (test_entry.py does it by the form)."""
        session_id = self.stage.session(roles, companies)
        cookie = {"name": "impact_in_session", "value": session_id, "url": self.stage.url}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]

    def open(self, page: str = "deliveries", language: str = "en") -> Page:
        """Go to a page of the company in trouble."""
        self.page.goto(self.stage.path(page, language))
        return self.page

    def faults(self) -> list[str]:
        """What axe-core finds wrong with the page as it stands (with a dialog open: with the dialog), and
        what the browser complained about."""
        within = "dialog[open]" if self.page.locator("dialog[open]").count() else None
        found = Axe().run(self.page, context=within, options=_AXE_OPTIONS).response["violations"]
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ] + self.troubles


@contextmanager
def visiting(browser: Browser, stage: Stage, **options: Any) -> Iterator[Visitor]:
    """A window of its own, whose clock goes on from the seeded present."""
    options.setdefault("viewport", {"width": 1360, "height": 900})
    context = browser.new_context(reduced_motion="reduce", locale="en-GB", **options)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.clock.install(time=NOW)
        yield Visitor(stage, page)
    finally:
        context.close()
