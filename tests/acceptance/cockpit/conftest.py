"""What the cockpit's tests start from: a browser, a served world to look at, one of a test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from factories import copied_database, world_on
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import URL

from impact_in_pipelines.sandbox.server import Sandbox

from .browser import PATIENCE_MS, Visitor, chromium_path, launched, visiting
from .seeding import NOW, Seeded, seed
from .serving import SECRET, Stage, served

Visit = Callable[..., Visitor]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: while Playwright runs, its event loop is this thread's, and tests of other
    rooms that want one of their own would fail. Without a browser these tests are skipped."""
    if chromium_path() is None:
        pytest.skip(
            "no Chromium here: apt-get install chromium-headless-shell, then the cockpit is tested too"
        )
    with sync_playwright() as playwright:
        running = launched(playwright)
        yield running
        running.close()


@pytest.fixture(scope="session")
def filled(postgres_url: URL, template: str, sandbox: Sandbox) -> Iterator[tuple[str, Seeded]]:
    """The name of a database that holds the companies and their nine weeks, only copied from here on."""
    with copied_database(postgres_url, template) as url:
        with world_on(url, sandbox) as world:
            seeded = seed(world)
        assert url.database is not None
        yield url.database, seeded


def _staged(server: URL, filled: tuple[str, Seeded], sandbox: Sandbox) -> Iterator[Stage]:
    sandbox.client.reset()
    name, seeded = filled
    with (
        copied_database(server, name) as url,
        world_on(url, sandbox, IMPACT_IN_JWT_SECRET=SECRET) as world,
    ):
        world.clock.now = NOW
        with served(world, seeded) as stage:
            yield stage


@pytest.fixture(scope="module")
def stage(postgres_url: URL, filled: tuple[str, Seeded], sandbox: Sandbox) -> Iterator[Stage]:
    """A served world that the tests of a module look at and leave as it is."""
    yield from _staged(postgres_url, filled, sandbox)


@pytest.fixture
def own_stage(postgres_url: URL, filled: tuple[str, Seeded], sandbox: Sandbox) -> Iterator[Stage]:
    """A served world of the test's own."""
    yield from _staged(postgres_url, filled, sandbox)


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
