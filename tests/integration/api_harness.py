"""The API as it is served: uvicorn on a real socket, PostgreSQL and the sandbox behind it, two companies."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID

import requests
import uvicorn
from cryptography.fernet import Fernet
from factories import YESTERDAY, World, copied_database, world_on
from fastapi import FastAPI
from lending import Lender
from sqlalchemy import URL

from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import ApiContext, build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.db.access.tokens import TokenClaims, token_digest
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.delivery.notifying.model import Medium
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import BENEVITY_KEY
from impact_in_pipelines.sandbox.server import Sandbox
from impact_in_pipelines.scheduling import ScheduleRule
from impact_in_pipelines.services.impact import uploads
from impact_in_pipelines.services.notices.channels import NewChannel, add_channel

SECRET = "a secret for tests that is long enough"
VIEWER = ("ADMIN_CONSOLE",)
MANAGER = ("ADMIN_CONSOLE", "MANAGE_INTEGRATIONS")
BASE = "/v1/impact-in"
SETTINGS = {
    "IMPACT_IN_JWT_SECRET": SECRET,
    "DAGSTER_TIMEOUT_MS": "200",
    "IMPACT_IN_API_RATE_LIMIT_PER_MINUTE": "1000000",
    "IMPACT_IN_API_ANONYMOUS_LIMIT_PER_MINUTE": "1000000",
}

# No test of the API looks at the plans of its statements.
_LENT_UP_TO_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Holdings:
    """What one company has: one of everything that an address can name."""

    company: UUID
    slug: str
    arrived: UUID
    failed: UUID
    schedule: UUID
    incident: UUID
    window: UUID
    replay: UUID
    session: UUID
    link: UUID
    channel: UUID
    message: UUID
    token: UUID
    upload: UUID


@dataclass(frozen=True)
class Held:
    """Databases in which two companies have their holdings, lent to one test after the other; `key` is what
    their credentials are encrypted with."""

    lender: Lender
    own: Holdings
    other: Holdings
    key: str


@dataclass
class Served:
    """A served API with `own` and `other`, of which tokens hold the first unless told otherwise."""

    url: str
    world: World
    api: ApiContext
    own: Holdings
    other: Holdings

    def token(
        self,
        roles: Sequence[str] = MANAGER,
        companies: Sequence[object] | None = None,
        *,
        subject: str = "ingrid",
        lasting: timedelta = timedelta(hours=1),
    ) -> str:
        """A token for these companies; None: the own one."""
        ids = [str(one) for one in (companies if companies is not None else [self.own.company])]
        at = datetime.now(UTC) + lasting
        return minted(self.world.settings, subject, list(roles), ids, at)

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        """An answer; `token` "" is a manager's of the own company, None none at all."""
        bearer = self.token() if token == "" else token
        sent = dict(headers or {})
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        address = path if path.startswith("/v1") or path in ROOT else f"{BASE}{path}"
        return requests.request(method, f"{self.url}{address}", headers=sent, timeout=30, **options)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a GET that succeeds."""
        answer = self.call("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """The answer to a POST of JSON."""
        return self.call("POST", path, json=body, **options)


ROOT = ("/healthz", "/readyz", "/metrics")


@contextmanager
def holding(server: URL, template: str, sandbox: Sandbox) -> Iterator[Held]:
    """Makes the holdings once: they cost a quarter of a second, and hundreds of tests want them."""
    key = Fernet.generate_key().decode()
    with copied_database(server, template) as url:
        with world_on(url, sandbox, gated=False, IMPACT_IN_SECRET_KEY=key, **SETTINGS) as world:
            own, other = (holdings(world, prefix) for prefix in ("own", "other"))
        assert url.database is not None
        lender = Lender(server, url.database, at_most=_LENT_UP_TO_BYTES)
        yield Held(lender, own, other, key)
        lender.close()


@contextmanager
def lent(held: Held, sandbox: Sandbox, **changes: str) -> Iterator[Served]:
    """An API on a database of the test's own, in which two companies have their holdings; `changes` are
    settings by their environment names."""
    settings = {**SETTINGS, "IMPACT_IN_SECRET_KEY": held.key, **changes}
    with (
        held.lender.lent() as url,
        world_on(url, sandbox, gated=False, **settings) as world,
        served(world, held) as running,
    ):
        yield running


@contextmanager
def served(world: World, held: Held | None = None) -> Iterator[Served]:
    """The API of `world` on a free port, stopped at the end. The holdings are made if none are `held`."""
    own, other = (
        (held.own, held.other)
        if held is not None
        else (holdings(world, prefix) for prefix in ("own", "other"))
    )
    runtime = world.another_runtime()
    api = build_context(runtime)
    with running(api) as url:
        try:
            yield Served(url, world, api, own, other)
        finally:
            runtime.close()


@contextmanager
def running(api: ApiContext, app: FastAPI | None = None) -> Iterator[str]:
    """The URL of an API process on `api`, or one that serves `app`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app or create_app(api), log_level="error", timeout_graceful_shutdown=1, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server ended before it listened"
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def holdings(world: World, prefix: str) -> Holdings:
    """A company with deliveries that arrived and failed, a schedule, an incident, a window, a replay."""
    (company,) = world.due(Platform.BENEVITY, 1, prefix=prefix)
    runtime = world.runtime
    found = runtime.companies.find(str(company))
    runtime.connections.save(
        company,
        Platform.BENEVITY,
        organization_id=found.slug,
        base_url=world.sandbox.benevity_url,
        credentials={"api_key": BENEVITY_KEY},
        webhook_secret=f"the secret of {found.slug}",
    )
    world.drain(Platform.BENEVITY)
    sent = world.of_company(company)
    assert sent["status"] == "success", sent["last_error"]
    arrived = sent["id"]
    (failed,) = world.deliveries(Platform.GOODERA, company, days=[YESTERDAY])
    world.execute(
        "UPDATE impact_deliveries SET status = 'failed', failed_at = :now, updated_at = :now, "
        "next_attempt_at = NULL, "
        "last_error = '503: busy', error_kind = 'server_error', attempt_count = 4 WHERE id = :id",
        id=failed,
        now=world.clock(),
    )
    schedule = runtime.schedules.create(
        found, Platform.GOODERA, ScheduleRule("weekly"), now=world.clock()
    ).id
    (incident,) = world.scalars(
        "INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, sample_size, "
        "low_confidence, opened_at) VALUES (:company, 'goodera', 'success_rate', 'critical', 98, 50, 20, "
        "false, :now) RETURNING id",
        company=company,
        now=world.clock(),
    )
    window = runtime.maintenance.add(
        company_id=company,
        platform=None,
        starts_at=world.clock(),
        ends_at=world.clock() + timedelta(hours=1),
        reason="the account is being moved",
        by="kari",
        now=world.clock(),
    ).id
    (replay,) = world.scalars(
        "INSERT INTO replay_requests (requested_by, company_ids, delivery_ids) VALUES "
        "('kari', CAST(:companies AS uuid[]), CAST(:ids AS uuid[])) RETURNING id",
        companies=[company],
        ids=[arrived],
    )
    subject = "ingrid" if prefix == "own" else "olena"
    session, link = signed_in(world, subject, company)
    return Holdings(
        *(company, found.slug, arrived, failed, schedule, incident, window, replay, session, link),
        *notified(world, found),
        runtime.api_tokens.add(
            company,
            "Nightly export",
            VIEWER,
            expires_at=world.clock() + timedelta(days=9),
            at_most=9,
            actor="kari",
            now=world.clock(),
        )[0],  # type: ignore[index]
        uploaded(world, found),
    )


def notified(world: World, company: Company) -> tuple[UUID, UUID]:
    """The ids of a channel on which nobody answers, and of a message that was given up."""
    new = NewChannel("Our programs", Medium.WEBHOOK, url="http://127.0.0.1:9/notices")
    channel = add_channel(world.runtime, company, new, actor="kari", by_operator=True).channel.id
    (message,) = world.scalars(
        "INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, gave_up_at) "
        "VALUES (:company, :channel, 'a', 'delivery.late', now(), '{}', now()) RETURNING id",
        company=company.id,
        channel=channel,
    )
    return channel, message


def uploaded(world: World, company: Company) -> UUID:
    """The id of a file that was checked and awaits a yes."""
    with NamedTemporaryFile("w") as file:
        file.write(",".join(HEADER) + "\n,,,,,,,,x\n")
        file.flush()
        return uploads.check(
            world.runtime, company, Path(file.name), file_name="march.csv", actor="kari"
        ).id


def signed_in(world: World, subject: str, company: UUID) -> tuple[UUID, UUID]:
    """The ids of a session of `subject`'s, and of a sign-in link that it made and nobody has used."""
    runtime, now = world.runtime, world.clock()
    until = datetime.now(UTC) + timedelta(
        hours=12
    )  # they may be held for as long as all tests take
    runtime.sessions.open(subject, VIEWER, [company], now=now, expires_at=until)
    (session,) = (one.id for one in runtime.sessions.listed(now=now, subject=subject))
    claims = TokenClaims(token_digest(str(company)), "guest", VIEWER, [company], until)
    return session, runtime.access_tokens.make_link(claims, created_by=subject, now=now)
