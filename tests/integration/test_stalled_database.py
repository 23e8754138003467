"""A database that stalls or fails over in the middle of a drain: what was sent is recorded, and only once."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from factories import World, world_on
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from impact_in_pipelines.connectors.registry import connector_for
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.embedded.cluster import embedded_url
from impact_in_pipelines.db.embedded.processes import find_postmaster
from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.delivery.draining.drain import Drain
from impact_in_pipelines.delivery.draining.summary import DrainSummary
from impact_in_pipelines.delivery.model import SendResult, Shipment
from impact_in_pipelines.delivery.ports import Connector
from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

LEASE = timedelta(seconds=180)
BENEVITY = Platform.BENEVITY
STALL_S = 3.0
DELIVERIES = 60


class Server:
    """A PostgreSQL of the test's own, which can be stopped whole, as by a storage that hangs."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    def processes(self) -> list[int]:
        """The server's processes, its backends included."""
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children")
        return [self._postmaster, *(int(pid) for pid in children.read_text("ascii").split())]

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Nobody gets an answer until the block ends."""
        pids = self.processes()
        try:
            for pid in pids:
                # One that has just ended must not keep the others stopped.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@pytest.fixture
def own_world(cluster: Path, sandbox: Sandbox) -> Iterator[World]:
    """A world on a server that no other test uses."""
    url = embedded_url(cluster)
    engine = make_engine(url, pool_size=1)
    upgrade(engine)
    engine.dispose()
    with world_on(url, sandbox) as world:
        yield world


class Interrupted:
    """The platform's connector; once it has sent so many, something happens beside it."""

    def __init__(self, real: Connector, happening: threading.Thread, *, after: int) -> None:
        self.platform = real.platform
        self.batch_limit = real.batch_limit
        self._real = real
        self._happening = happening
        self._left = itertools.count(after - 1, -1)

    def send(self, shipment: Shipment, *, again: Callable[[], bool] = lambda: True) -> SendResult:
        """One attempt."""
        result = self._real.send(shipment, again=again)
        if next(self._left) == 0:
            self._happening.start()
        return result


def drain_while(world: World, happening: Callable[[], None]) -> DrainSummary:
    """A drain to its end, in the middle of which something happens."""
    runtime, thread = world.runtime, threading.Thread(target=happening)
    connector = connector_for(BENEVITY, runtime.transport, runtime.oauth_tokens)
    drain = Drain(
        log=PgDeliveryLog(runtime.database.engine, runtime.connections),
        connector=Interrupted(connector, thread, after=10),
        payloads=runtime.payloads,
        budgets=runtime.budgets,
        plan=RetryPlan.from_settings(runtime.settings, BENEVITY),
        clock=world.clock,
    )
    try:
        return drain.run()
    finally:
        thread.join()


def accounted_for(world: World) -> None:
    """Everything arrived once, in one attempt, and the log knows it."""
    assert world.statuses() == {"success": DELIVERIES}
    assert world.doubled(BENEVITY) == []
    assert world.sandbox.client.stats()["benevity"]["received"] == DELIVERIES
    outcomes = world.rows("SELECT outcome, count(*) AS n FROM delivery_attempts GROUP BY outcome")
    assert [(row["outcome"], row["n"]) for row in outcomes] == [("delivered", DELIVERIES)]


def test_a_server_that_is_stopped_for_seconds_and_goes_on(own_world: World, cluster: Path) -> None:
    """The answers of the platform that come meanwhile are kept until the log takes them."""
    own_world.due(BENEVITY, DELIVERIES)
    found = find_postmaster(cluster)
    assert found is not None
    server = Server(found.pid)

    def stall() -> None:
        with server.stalled():
            time.sleep(STALL_S)

    assert drain_while(own_world, stall).delivered == DELIVERIES
    accounted_for(own_world)


def test_connections_that_a_failover_cuts_in_the_middle(world: World) -> None:
    """Every connection of the drain ends at once, as when the server is promoted elsewhere. It may end by
    that; what it sent is recorded all the same, and the next one has nothing to send twice."""
    world.due(BENEVITY, DELIVERIES)

    def cut() -> None:
        with make_engine(world.database.url, pool_size=1).connect() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    with suppress(OperationalError):
        drain_while(world, cut)
    world.clock.advance(LEASE)
    world.drain(BENEVITY)
    accounted_for(world)
