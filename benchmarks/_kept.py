"""The log that `sla`, `analytics` and `api` ask about, made for the occasion, or kept in a folder and used
again. Not a benchmark."""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from benchmarks._log import KILOBYTE, SMALL, is_prepared, prepare
from benchmarks._results import of_size
from impact_in_pipelines.db.accounts.companies import CompanyStore
from impact_in_pipelines.db.embedded.cluster import cluster_folder
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.settings import Settings, read_settings

COMPANIES = 1_000
"""Of the log whose results are a benchmark's own; those of a larger one stand beside them."""


def asked(name: str, about: str | None, *, only: Iterable[str] = ()) -> argparse.Namespace:
    """What the command line of the benchmark `name` says of the log, and which of its questions are asked, if
    they have names (`only`)."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=about)
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument(
        "--keep", metavar="DIR", help="keep the log here, and use the one that is here"
    )
    parser.add_argument(
        "--small", action="store_true", help="payloads of 60 bytes instead of a kilobyte"
    )
    parser.add_argument("--only-generate", action="store_true")
    if names := list(only):
        parser.add_argument("--only", choices=names, metavar="QUESTION", nargs="+", default=[])
    return parser.parse_args()


@contextmanager
def opened(
    wanted: argparse.Namespace,
    *,
    payload: str = KILOBYTE,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Database]:
    """The log that `wanted` names, at this program's revision; made where it isn't there, of payloads that
    the SQL `payload` makes. Its settings are read from `environment`."""
    kept = wanted.keep
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="ii-") as home:
        database = open_database(read_settings({**(environment or {}), "IMPACT_IN_HOME": home}))
        upgrade(database.engine)
        if not is_prepared(database.engine):
            started = time.perf_counter()
            payload = SMALL if wanted.small else payload
            database = prepare(database, companies=wanted.companies, payload=payload)
            print(f"generating the log: {time.perf_counter() - started:.0f} s", flush=True)
        companies = len(CompanyStore(database.engine).listed())
        if companies != COMPANIES:
            of_size(f"{companies:,} companies")
        try:
            yield database
        finally:
            database.close()


def server_pid(settings: Settings) -> int:
    """The process of the embedded PostgreSQL."""
    pid_file = cluster_folder(settings) / "postmaster.pid"
    return int(pid_file.read_text("utf-8").split("\n", 1)[0])
