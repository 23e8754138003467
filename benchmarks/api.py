"""The API over a log of 1,000,000 deliveries: 16 clients at once on `sla-status`, `delivery-timeline`,
`deliveries`, each asking for another company every time, without a pause.

`--keep DIR` asks about the log that `python -m benchmarks.sla --keep DIR` has made.
"""

import argparse
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from benchmarks import _log as log
from benchmarks._results import figure
from impact_in_pipelines.api import server as api
from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.settings import Settings, read_settings

CLIENTS = 16
WORKERS = 2
SECONDS = 15.0
LIMIT_MS = 50.0
_PAYLOAD = """jsonb_build_object('organizationId', company_id, 'programId', 'impact-in', 'programName',
    'Impact-In', 'reportingPeriod', jsonb_build_object('startDate', CAST(at AS date), 'endDate',
    CAST(at AS date)), 'timestamp', at, 'metrics', (SELECT jsonb_agg(jsonb_build_object('metricType',
    'outcome_score', 'metricValue', 7.25, 'metricUnit', 'score', 'category', 'language ' || n,
    'description', 'Average score of the participants')) FROM generate_series(1, 7) n))"""


def main() -> None:
    """Generate the log, serve it from a process of its own, and print percentiles."""
    parser = argparse.ArgumentParser(prog="benchmarks api", description=__doc__)
    parser.add_argument("--keep", metavar="DIR", help="a log that `benchmarks.sla` has made")
    kept = parser.parse_args().keep
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="ii-") as home:
        environment = {
            "IMPACT_IN_HOME": home,
            "IMPACT_IN_JWT_SECRET": secrets.token_urlsafe(48),
            "IMPACT_IN_API_RATE_LIMIT_PER_MINUTE": "10000000",
        }
        settings = read_settings(environment)
        database = open_database(settings)
        upgrade(database.engine)
        if not kept:
            database = log.prepare(database, payload=_PAYLOAD)
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.api", "serve"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            measure(database, settings, server)
        finally:
            server.terminate()
            server.wait(timeout=30)
        database.close()


def worker() -> FastAPI:
    """The application of one process, at the time of the log."""
    runtime = api.open_api_runtime(read_settings())
    runtime.clock = lambda: log.NOW
    return create_app(build_context(runtime))


def serve() -> None:
    """Two processes of the API at the time of the log, until they are ended."""
    api.serve(
        api.open_api_runtime(read_settings()),
        "127.0.0.1",
        0,
        workers=WORKERS,
        application="benchmarks.api:worker",
    )


def measure(database: Database, settings: Settings, server: "subprocess.Popen[str]") -> None:
    """Ask each endpoint for a while from all clients."""
    assert server.stdout is not None
    port = int(server.stdout.readline().rpartition(":")[2])
    at = datetime.now(UTC) + timedelta(hours=1)
    bearer = {"Authorization": f"Bearer {minted(settings, 'bench', ['ADMIN_CONSOLE'], ['*'], at)}"}
    ids = [company.id for company in CompanyStore(database.engine).listed()]
    paths: dict[str, Callable[[random.Random], str]] = {
        "sla-status": lambda rng: f"/sla-status?companyId={rng.choice(ids)}",
        "delivery-timeline": lambda rng: f"/delivery-timeline?companyId={rng.choice(ids)}",
        "deliveries": lambda rng: f"/deliveries?companyId={rng.choice(ids)}",
        "deliveries, failed ones": lambda rng: (
            f"/deliveries?companyId={rng.choice(ids)}&status=failed&error=503"
        ),
        "deliveries, of all companies": lambda _: "/deliveries",
        "the three in turn": lambda rng: (
            rng.choice(["/sla-status", "/delivery-timeline", "/deliveries"])
            + f"?companyId={rng.choice(ids)}"
        ),
    }
    for name, path in paths.items():
        # Until each process has been asked for each company: error budgets are kept for five minutes.
        ask(port, path, bearer, seconds=60 if name == "sla-status" else 2)
        times = sorted(ask(port, path, bearer, seconds=SECONDS))
        p50, p95, p99 = (times[int(len(times) * share)] for share in (0.5, 0.95, 0.99))
        print(
            f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms (limit {LIMIT_MS:.0f}), p99 {p99:.0f} ms, "
            f"{len(times) / SECONDS:.0f} requests a second",
            flush=True,
        )
        figure(f"{name}, p95", p95, "ms")


def ask(
    port: int, path: Callable[[random.Random], str], headers: dict[str, str], *, seconds: float
) -> list[float]:
    """Milliseconds of every answer that `CLIENTS` clients got in `seconds`."""
    times: list[list[float]] = [[] for _ in range(CLIENTS)]
    until = time.perf_counter() + seconds

    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def client(number: int) -> None:
        rng = random.Random(number)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
            while time.perf_counter() < until:
                request = f"GET /v1/impact-in{path(rng)} HTTP/1.1\r\nHost: bench\r\n{head}\r\n"
                started = time.perf_counter()
                wire.sendall(request.encode())
                received(wire)
                times[number].append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [ms for one in times for ms in one]


def received(wire: socket.socket) -> None:
    """Read one answer whole; it must be a 200. Bare sockets: a client's own work would be measured too."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += wire.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    size = len(body)
    while size < length:
        size += len(wire.recv(65_536))
    assert head.startswith(b"HTTP/1.1 200"), data[:500]


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
