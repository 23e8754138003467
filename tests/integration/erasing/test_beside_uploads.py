"""Uploads that wait for an erasure."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from factories import World
from sqlalchemy import text

from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.db.erasing.people import no_erasing_meanwhile
from impact_in_pipelines.db.impact.importing import import_events
from impact_in_pipelines.db.impact.uploads import UploadStore
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.services.impact import uploads
from impact_in_pipelines.settings import Settings

FILE = f"{','.join(HEADER)}\ne1,c-1,2026-03-09T10:00:00Z,session,p1,v1,1.5,,\n"


def test_an_erasure_may_take_longer_than_a_statement_may(world: World, tmp_path: Path) -> None:
    """It writes every archive anew. The upload whose events were in already said that nothing was imported,
    and its file stayed; one that was checked was lost."""
    world.companies()
    company = world.runtime.companies.find("c-1")
    path = tmp_path / "march.csv"
    path.write_text(FILE)
    upload = uploads.check(world.runtime, company, path, file_name="march.csv", actor="ingrid")
    summary = import_events(world.database.engine, path, now=world.clock())
    hurried = make_engine(world.database.url, settings=Settings(statement_timeout_ms=1000))
    store = UploadStore(hurried)

    def add() -> UUID | None:
        return store.add(
            *(company.id, path, summary),
            file_name="a.csv",
            sha256="0" * 64,
            erased=0,
            actor="ingrid",
            now=world.clock(),
        )

    with ThreadPoolExecutor() as threads:
        with world.database.engine.begin() as erasing:
            erasing.execute(text("SELECT pg_advisory_xact_lock(727105)"))
            noting = threads.submit(store.imported, upload, summary, erased=0)
            adding = threads.submit(add)
            _wait_until_overdue(world, noting, adding)
        noting.result(timeout=30)
        assert adding.result(timeout=30) is not None
    assert uploads.find(world.runtime, company, upload.id).imported == 1
    assert list(store.content(upload.id, "file")) == []
    with hurried.begin() as connection:
        no_erasing_meanwhile(connection)
        assert connection.scalar(text("SHOW statement_timeout")) == "1s"
    hurried.dispose()


def _wait_until_overdue(world: World, *waiting: Future[Any]) -> None:
    """Until all of them have waited for an advisory lock longer than a second, or one has ended."""
    overdue = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event = 'advisory' AND clock_timestamp() - query_start > interval '1.2 seconds'"
    )
    for _ in range(600):
        if world.scalars(overdue) == [len(waiting)] or any(one.done() for one in waiting):
            return
        time.sleep(0.05)
    raise AssertionError("nobody waits for the erasure")
