"""The statements of the SLA that are put together: one definition of what is counted, used by windows, the
rollup, burn rates and the search for `since`. Fragments: sql/sla.sql."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import TextClause, text

from impact_in_pipelines.db.queries import load
from impact_in_pipelines.sla.metrics import COUNTERS, LATENCY_BUCKETS_MS

_SQL = load("sla")
_FATES, _FACTS, _COUNTERS, _UNPLANNED = (
    _SQL[name].text for name in ("fates", "facts", "counters", "unplanned")
)
_FROM_THE_LOG = f"fates AS ({_FATES}),\nfacts AS ({_FACTS})"
_WITH_UNPLANNED = f"fates AS ({_FATES}),\nfacts AS ({_FACTS}\nUNION ALL\n{_UNPLANNED})"

MEASURE: TextClause = text(
    f"""WITH {_WITH_UNPLANNED}
SELECT company_id, platform, {_COUNTERS},
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) AS latency_percentiles,
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY lateness_ms) AS lateness_percentiles,
       min(scheduled_for) FILTER (WHERE fate = 'overdue') AS oldest_overdue
FROM facts
GROUP BY GROUPING SETS ((company_id, platform), (company_id), (platform), ())"""
)
"""Counters and percentiles of `[start, end)` by company and platform, by each alone, and of all: one pass.
A null company or platform means all of them."""

_EDGES = (0, *LATENCY_BUCKETS_MS)
_BUCKETS = ", ".join(
    [
        f"count(*) FILTER (WHERE latency_ms {'>' if low else '>='} {low if low else -(2**62)} "
        f"AND latency_ms <= {high})"
        for low, high in zip(_EDGES, LATENCY_BUCKETS_MS, strict=False)
    ]
    + [f"count(*) FILTER (WHERE latency_ms > {LATENCY_BUCKETS_MS[-1]})"]
)

ROLL_UP: TextClause = text(
    f"""WITH {_FROM_THE_LOG}
INSERT INTO sla_daily (day, company_id, platform, {", ".join(COUNTERS)}, latency_ms_buckets, computed_at)
SELECT day, company_id, platform, {", ".join(COUNTERS)}, latency_ms_buckets, :now
FROM (
    SELECT CAST(scheduled_for AT TIME ZONE 'UTC' AS date) AS day, company_id, platform, {_COUNTERS},
           ARRAY[{_BUCKETS}] AS latency_ms_buckets
    FROM facts
    WHERE CAST(scheduled_for AT TIME ZONE 'UTC' AS date) = ANY(CAST(:days AS date[]))
    GROUP BY 1, 2, 3
) AS counted"""
)
"""The rows of `sla_daily` for the days `:days`, all of which lie in `[start, end)`."""


def summed(by: str) -> TextClause:
    """Counters of `sla_daily` added up over `[first, last]` per value of `by`, a column or expression over
    its rows, as `bucket`; by company and platform, by each alone, and of all."""
    sums = ", ".join(f"{'max' if c.endswith('_max') else 'sum'}({c}) AS {c}" for c in COUNTERS)
    slots = len(LATENCY_BUCKETS_MS) + 1
    histogram = ", ".join(f"sum(latency_ms_buckets[{n}])" for n in range(1, slots + 1))
    return text(
        f"""SELECT {by} AS bucket, company_id, platform, {sums},
       ARRAY[{histogram}] AS latency_ms_buckets
FROM sla_daily
WHERE day BETWEEN :first AND :last
  AND (CAST(:company_id AS uuid) IS NULL OR company_id = CAST(:company_id AS uuid))
GROUP BY GROUPING SETS ((1, company_id, platform), (1, company_id), (1, platform), (1))"""
    )


def ends_within(windows: Sequence[timedelta]) -> TextClause:
    """Per scope: how many deliveries came to their end within each of `windows` before `:now` (`due_N`),
    and how many of those did not arrive (`errors_N`); `since` is the first such end in the longest."""
    columns = []
    for n, span in enumerate(windows):
        within = (
            f"settled_at > CAST(:now AS timestamptz) - interval '{int(span.total_seconds())} s'"
        )
        columns += [
            f"count(*) FILTER (WHERE {within}) AS due_{n}",
            f"count(*) FILTER (WHERE fate <> 'successful' AND {within}) AS errors_{n}",
            f"min(settled_at) FILTER (WHERE fate <> 'successful' AND {within}) AS since_{n}",
        ]
    return text(
        f"""WITH fates AS ({_FATES})
SELECT company_id, platform, {", ".join(columns)}
FROM fates
WHERE fate IN ('successful', 'failed', 'missed', 'overdue')
  AND settled_at <= CAST(:now AS timestamptz)
GROUP BY GROUPING SETS ((company_id, platform), (company_id), (platform), ())"""
    )


def since_when() -> TextClause:
    """Since when each of `:keys` (n, company_id, platform, type, threshold) has been beyond its threshold.

    The window's deliveries are replayed in the order in which they came to their end, with the metric as it
    stood after each: bad since the first end after which it was never good again.
    """
    shapes = " UNION ALL ".join(
        f"SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms "
        f"FROM keys k JOIN facts f ON {on} WHERE {where}"
        for on, where in (
            (
                "f.company_id = k.company_id AND f.platform = k.platform",
                "k.company_id IS NOT NULL AND k.platform IS NOT NULL",
            ),
            ("f.company_id = k.company_id", "k.company_id IS NOT NULL AND k.platform IS NULL"),
            ("f.platform = k.platform", "k.company_id IS NULL AND k.platform IS NOT NULL"),
            ("true", "k.company_id IS NULL AND k.platform IS NULL"),
        )
    )
    return text(
        f"""WITH {_WITH_UNPLANNED},
keys AS (
    SELECT * FROM jsonb_to_recordset(CAST(:keys AS jsonb))
        AS k(n int, company_id uuid, platform text, type text, threshold float8)
),
counted AS (
    SELECT n, type, threshold, settled_at,
           CASE WHEN type = 'latency' THEN latency_ms
                WHEN fate = 'successful' THEN 100 ELSE 0 END AS part
    FROM ({shapes}) AS s
    WHERE CASE type
              WHEN 'latency' THEN latency_ms IS NOT NULL
              WHEN 'success_rate' THEN fate IN ('successful', 'failed', 'missed', 'overdue')
              ELSE attempts > 1 AND fate IN ('successful', 'failed') END
),
running AS (
    SELECT n, settled_at,
           CASE WHEN type = 'latency'
                THEN avg(part) OVER so_far > threshold ELSE avg(part) OVER so_far < threshold END AS bad
    FROM counted
    WINDOW so_far AS (PARTITION BY n ORDER BY settled_at)
)
SELECT n, min(settled_at) AS since
FROM (
    SELECT n, settled_at,
           max(settled_at) FILTER (WHERE NOT bad) OVER (PARTITION BY n) AS last_good
    FROM running
) AS r
WHERE last_good IS NULL OR settled_at > last_good
GROUP BY n"""
    )
