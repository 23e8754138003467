"""`calls_daily`, `platform_hours` and `platform_daily`: written in the transaction of `sla_daily`.

They are counted from the log and can be counted again at any time. Statements: rollup.sql.
"""

from datetime import date, timedelta

from sqlalchemy import Connection

from impact_in_pipelines.db.analytics.statements import COUNT_CALLS, COUNT_PLATFORMS, single_senders
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.sla.windows import midnight

_SQL = load("analytics/rollup")
_DAY = timedelta(days=1)


def count_day(connection: Connection, day: date) -> None:
    """Count the calls of `day` anew, and what all companies did; `sla_daily` has its rows already."""
    values = {
        "day": day,
        "start": midnight(day),
        "end": midnight(day + _DAY),
        "company_id": None,
        "single": single_senders(),
    }
    for name in ("forget_calls", "forget_hours", "forget_platforms"):
        connection.execute(_SQL[name], values)
    connection.execute(COUNT_CALLS, values)
    connection.execute(COUNT_PLATFORMS, values)
