"""What the cockpit's tests start from: a browser, a served world to look at, one of a test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from factories import copied_database, world_on
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .browser import Visitor, chromium_path, launched, visiting
from .seeding import seed
from .serving import SECRET, Stage, served

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once; without one these tests are skipped."""
    if chromium_path() is None:
        pytest.skip("no Chromium here: apt-get install chromium, then the cockpit is tested too")
    with sync_playwright() as playwright:
        running = launched(playwright)
        yield running
        running.close()


def _staged(server: URL, template: str, sandbox: Sandbox) -> Iterator[Stage]:
    sandbox.client.reset()
    with (
        copied_database(server, template) as url,
        world_on(url, sandbox, IMPACT_IN_JWT_SECRET=SECRET) as world,
        served(world, seed(world)) as stage,
    ):
        yield stage


@pytest.fixture(scope="module")
def stage(postgres_url: URL, template: str, sandbox: Sandbox) -> Iterator[Stage]:
    """A served world that the tests of a module look at and leave as it is."""
    yield from _staged(postgres_url, template, sandbox)


@pytest.fixture
def own_stage(postgres_url: URL, template: str, sandbox: Sandbox) -> Iterator[Stage]:
    """A served world of the test's own."""
    yield from _staged(postgres_url, template, sandbox)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens a window on a stage, signed in with the roles given (`roles=None`: not signed in)."""
    with ExitStack() as open_windows:

        def opened(stage: Stage, *, roles: Any = ..., **options: Any) -> Visitor:
            visitor = open_windows.enter_context(visiting(browser, stage, **options))
            if roles is ...:
                visitor.sign_in()
            elif roles is not None:
                visitor.sign_in(roles)
            return visitor

        yield opened
