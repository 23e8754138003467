"""The API over a log of 1,000,000 deliveries: 16 clients at once on `sla-status`, `delivery-timeline`,
`deliveries`, each asking for another company every time, without a pause.

Outcomes are packed before, as the hourly run leaves them. `--keep DIR` asks about the log that
`python -m benchmarks sla --keep DIR` has made, `--only NAME` one of the questions.
"""

import itertools
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import FastAPI

from benchmarks import _log as log
from benchmarks._kept import asked, opened, server_pid
from benchmarks._results import figure
from benchmarks._usage import busy_s, cpu_of, session_cpu
from impact_in_pipelines.api import server as api
from impact_in_pipelines.api.app import create_app
from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.cli.accounts.token import minted
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.settings import read_settings

CLIENTS = 16
WORKERS = 2
SECONDS = 15.0
LIMIT_MS = 50.0
Path = Callable[[random.Random], str]
"""Makes the path of a request."""
Question = Callable[[Sequence[UUID]], Path]
"""Makes paths about some of these companies."""
_PAYLOAD = """jsonb_build_object('organizationId', company_id, 'programId', 'impact-in', 'programName',
    'Impact-In', 'reportingPeriod', jsonb_build_object('startDate', CAST(at AS date), 'endDate',
    CAST(at AS date)), 'timestamp', at, 'metrics', (SELECT jsonb_agg(jsonb_build_object('metricType',
    'outcome_score', 'metricValue', 7.25, 'metricUnit', 'score', 'category', 'language ' || n,
    'description', 'Average score of the participants')) FROM generate_series(1, 7) n))"""


def _of_some(path: str) -> Question:
    """`path` with some company's id at its end."""
    return lambda ids: lambda rng: f"{path}{rng.choice(ids)}"


def _of_each(path: str) -> Question:
    """`path` with the id of a company that wasn't asked for before, while there are any."""

    def question(ids: Sequence[UUID]) -> Path:
        left = itertools.cycle(random.Random(1).sample(ids, len(ids)))
        return lambda _: f"{path}{next(left)}"

    return question


QUESTIONS: Mapping[str, Question] = {
    "sla-status, each a company's first": _of_each("/sla-status?companyId="),
    "sla-status": _of_some("/sla-status?companyId="),
    "delivery-timeline": _of_some("/delivery-timeline?companyId="),
    "deliveries": _of_some("/deliveries?companyId="),
    "deliveries, failed ones": _of_some("/deliveries?status=failed&error=503&companyId="),
    "deliveries, of all companies": lambda _: lambda _: "/deliveries",
    "the three in turn": lambda ids: (
        lambda rng: (
            rng.choice(["/sla-status", "/delivery-timeline", "/deliveries"])
            + f"?companyId={rng.choice(ids)}"
        )
    ),
}


def main() -> None:
    """Generate the log, serve it from a process of its own, and print percentiles."""
    wanted = asked("api", __doc__, only=QUESTIONS)
    environment = {
        "IMPACT_IN_JWT_SECRET": secrets.token_urlsafe(48),
        "IMPACT_IN_API_RATE_LIMIT_PER_MINUTE": "10000000",
    }
    with opened(wanted, payload=_PAYLOAD, environment=environment) as database:
        if wanted.only_generate:
            return
        home = {"IMPACT_IN_HOME": str(database.settings.home)}
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.api", "serve"],
            env={**os.environ, **environment, **home},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            SlaOutcomes(database.engine, database.settings).refresh(log.NOW)
            measure(database, server, wanted.only)
        finally:
            server.terminate()
            server.wait(timeout=30)


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


def measure(database: Database, server: "subprocess.Popen[str]", only: Sequence[str]) -> None:
    """Ask each endpoint for a while from all clients."""
    assert server.stdout is not None
    settings, postgres = database.settings, server_pid(database.settings)
    port = int(server.stdout.readline().rpartition(":")[2])
    at = datetime.now(UTC) + timedelta(hours=1)
    bearer = {"Authorization": f"Bearer {minted(settings, 'bench', ['ADMIN_CONSOLE'], ['*'], at)}"}
    ids = [company.id for company in CompanyStore(database.engine).listed()]
    for name in only or QUESTIONS:
        path = QUESTIONS[name](ids)
        # Kept statuses are asked for until each process has been asked for each company.
        ask(port, path, bearer, seconds=30 if name == "sla-status" else 2)
        before, busy = used(server.pid, postgres), busy_s()
        times = sorted(ask(port, path, bearer, seconds=SECONDS))
        each = [(now - then) for then, now in zip(before, used(server.pid, postgres), strict=True)]
        others = (busy_s() - busy - sum(each)) / SECONDS
        p50, p95, p99 = (times[int(len(times) * share)] for share in (0.5, 0.95, 0.99))
        print(
            f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms (limit {LIMIT_MS:.0f}), p99 {p99:.0f} ms, "
            f"{len(times) / SECONDS:.0f} requests a second; CPU-ms of each: "
            f"{_each(each, len(times))} (server, PostgreSQL, clients); {others:.1f} cores for others",
            flush=True,
        )
        figure(f"{name}, p95", p95, "ms")
        figure(f"{name}, CPU of server and PostgreSQL", 1000 * sum(each[:2]) / len(times), "ms")
        figure(f"{name}, CPU of clients", 1000 * each[2] / len(times), "ms")


def used(server: int, postgres: int) -> tuple[float, float, float]:
    """CPU seconds so far of the server's processes, PostgreSQL's, and the clients, who are this one."""
    return session_cpu([server]), cpu_of([postgres]), time.process_time()


def _each(seconds: Sequence[float], requests: int) -> str:
    return " + ".join(f"{1000 * one / requests:.1f}" for one in seconds)


def ask(port: int, path: Path, headers: dict[str, str], *, seconds: float) -> list[float]:
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
