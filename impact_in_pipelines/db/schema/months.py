"""The tables that are partitioned by month, and the names of their partitions.

The months tile the whole of time: `{table}_before` has what lies before the first, `{table}_after` what lies
after the last, so that no row is ever without a place, and whoever reads in the order of time reads one after
the other (which a DEFAULT partition would prevent).
"""

import re
from collections.abc import Mapping
from typing import Any

MONTHLY = {"impact_deliveries": "scheduled_for", "delivery_attempts": "due_at"}
"""Each table, and what its months are taken from (UTC). An attempt lies in the month of its delivery."""

MONTHS_AHEAD = 1
"""So many months after the present one are there before they begin; the job that makes them runs daily."""

_PARTITION = re.compile(rf"({'|'.join(MONTHLY)})_(before|after|\d{{4}}_\d\d)(_.*)?")


def is_of_a_month(name: str) -> bool:
    """Whether `name` is a partition's, or an index's of one."""
    return _PARTITION.fullmatch(name) is not None


def compared(name: str | None, _: object, parents: Mapping[Any, str | None]) -> bool:
    """Alembic's `include_name`: months come and go, so a schema is compared without them."""
    return not any(one and is_of_a_month(one) for one in (name, parents.get("table_name")))


def months_of(table: str) -> str:
    """The statement that gives a new `table` its first partitions: this month and `MONTHS_AHEAD` more."""
    return f"""
DO $$
DECLARE
    bound timestamptz := date_trunc('month', now(), 'UTC');
BEGIN
    EXECUTE format('CREATE TABLE {table}_before PARTITION OF {table} '
                   'FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    FOR n IN 0..{MONTHS_AHEAD} LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF {table} FOR VALUES FROM (%L) TO (%L)',
                       '{table}' || to_char(bound AT TIME ZONE 'UTC', '_YYYY_MM'),
                       bound, bound + interval '1 month');
        bound := bound + interval '1 month';
    END LOOP;
    EXECUTE format('CREATE TABLE {table}_after PARTITION OF {table} '
                   'FOR VALUES FROM (%L) TO (MAXVALUE)', bound);
END $$
"""
