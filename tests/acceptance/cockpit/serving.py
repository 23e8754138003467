"""The cockpit as it is served: uvicorn on a real socket, PostgreSQL and the sandbox behind it."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uvicorn
from factories import World

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.server import build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.platforms import Platform

from .seeding import Seeded

SECRET = "a secret for tests that is long enough"
VIEWER = ("ADMIN_CONSOLE",)
MANAGER = ("ADMIN_CONSOLE", "MANAGE_INTEGRATIONS")


@dataclass
class Stage:
    """A served cockpit; `drain` does what Dagster's next tick would."""

    url: str
    world: World
    seeded: Seeded

    def token(
        self, roles: Sequence[str], companies: Sequence[object] = (), *, subject: str = "ingrid"
    ) -> str:
        """A token for these companies, by default the one in trouble."""
        ids = [str(one) for one in companies or (self.seeded.troubled,)]
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        return minted(self.world.settings, subject, list(roles), ids, expires_at)

    def session(self, roles: Sequence[str], companies: Sequence[object] | None = ()) -> str:
        """The id of a session of an hour, by default for the company in trouble; None: for all."""
        now = self.world.clock()
        some = companies if companies is None else companies or (self.seeded.troubled,)
        ids = None if some is None else [UUID(str(one)) for one in some]
        return self.world.runtime.sessions.open(
            "ingrid", roles, ids, now=now, expires_at=datetime.now(UTC) + timedelta(hours=1)
        )

    def path(self, page: str, language: str = "en") -> str:
        """The address of a page of the company in trouble."""
        return f"{self.url}/{language}/cockpit/{self.seeded.troubled}/{page}"

    def drain(self, *platforms: Platform) -> None:
        """Send what is due."""
        for platform in platforms or Platform:
            self.world.drain(platform)


@contextmanager
def served(world: World, seeded: Seeded, *, port: int = 0) -> Iterator[Stage]:
    """The cockpit of `world` on a port, by default a free one; stopped at the end."""
    runtime = world.another_runtime()
    app = create_app(build_context(runtime))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        port = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server ended before it listened"
            time.sleep(0.02)
        try:
            yield Stage(f"http://127.0.0.1:{port}", world, seeded)
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            runtime.close()
