"""What a claim costs on a log of many deliveries, which is as it was afterwards. Not a benchmark."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import text

from benchmarks._costs import often
from benchmarks._log import NOW
from impact_in_pipelines.db.deliveries.queueing.queue import PgDeliveryLog
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.delivery.model import Selection
from impact_in_pipelines.platforms import Platform

CLAIMED = 1_000
_TIMES = 9
_DUE = """
INSERT INTO impact_deliveries
    (id, company_id, platform, schedule_id, trigger, status, period_start, period_end, scheduled_for,
     idempotency_key, attempt_count, created_at, updated_at, next_attempt_at, change_seq)
SELECT gen_random_uuid(), company_id, platform, id, 'schedule', 'pending', CAST(:now AS date),
       CAST(:now AS date), :now, gen_random_uuid(), 0, :now, :now, :now, 0
FROM scheduled_deliveries WHERE platform = :platform"""
_NOT_DUE = """
DELETE FROM impact_deliveries
WHERE platform = :platform AND scheduled_for = :now AND status IN ('pending', 'in_progress')"""


def claim(database: Database, server: int) -> None:
    """Claim some thousands of what would be due if each company's schedule on one platform were."""
    platform = Platform.BENEVITY
    log = PgDeliveryLog(database.engine, connections=cast("Any", None))
    values = {"now": NOW, "platform": platform.value}
    try:
        with database.engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            due = connection.execute(text(_DUE), values).rowcount
        often(
            f"a claim of {CLAIMED:,}, {due:,} due (limit 100 ms)",
            max(1, min(_TIMES, due // CLAIMED)),
            lambda: log.claim(
                platform,
                now=NOW,
                limit=CLAIMED,
                worker="benchmark",
                lease=timedelta(minutes=5),
                selection=Selection(),
            ),
            server,
        )
    finally:
        _remove(database, values)


def _remove(database: Database, values: dict[str, Any]) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(_NOT_DUE), values)
        # What is removed stands in the index of open rows: each other question would look through it.
        connection.execute(text("VACUUM impact_deliveries"))
