-- name: oldest_mark
-- Below this transaction every day from :start on has seen everything; null where no day is marked.
SELECT min(CAST(CAST(pg_snapshot_xmin(CAST(mark AS pg_snapshot)) AS text) AS bigint)) FROM sla_days
WHERE day >= CAST(:start AS date) AND mark IS NOT NULL
  AND pg_snapshot_xmax(CAST(mark AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())

-- name: stale_days
-- Days whose rollup no longer says what the log does: something of them has changed since their mark (by
-- impact_deliveries_changes_brin, from the oldest mark on), is still open, so that its fate is the clock's affair,
-- or they have no rollup, or one whose mark is of another server. :oldest is `oldest_mark`: of a number the
-- planner knows how few rows lie above it; of a subquery it would guess a third, and read the whole log.
WITH days AS (
    SELECT day, mark FROM sla_days
    WHERE day >= CAST(:start AS date) AND mark IS NOT NULL
      AND pg_snapshot_xmax(CAST(mark AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
)
SELECT DISTINCT d.day FROM (
    SELECT r.day
    FROM impact_deliveries d JOIN days r ON r.day = CAST(d.scheduled_for AT TIME ZONE 'UTC' AS date)
    WHERE d.scheduled_for >= :start
      AND d.change_seq >= CAST(:oldest AS bigint)
      AND @changed_since(d, r.mark)
    UNION ALL
    -- An attempt whose result came when its delivery had ended without it.
    SELECT r.day
    FROM delivery_attempts a JOIN days r ON r.day = CAST(a.due_at AT TIME ZONE 'UTC' AS date)
    WHERE a.due_at >= :start
      AND a.change_seq >= CAST(:oldest AS bigint)
      AND @changed_since(a, r.mark)
    UNION ALL
    SELECT CAST(d.scheduled_for AT TIME ZONE 'UTC' AS date)
    FROM impact_deliveries d
    WHERE d.status IN @open AND d.scheduled_for >= :start
    UNION ALL
    SELECT CAST(day AS date)
    FROM generate_series(CAST(:start AS timestamp), CAST(:end AS timestamp), interval '1 day') day
    WHERE NOT EXISTS (SELECT 1 FROM days r WHERE r.day = CAST(day AS date))
) AS d
WHERE d.day <= CAST(:end AS date)
ORDER BY d.day

-- name: uncounted_days
-- The newest days of which an older program has not counted the calls, as long as the log has them.
SELECT r.day
FROM sla_days r
WHERE r.day >= CAST(:start AS date) AND r.day <= CAST(:end AS date) AND r.calls_at IS DISTINCT FROM r.computed_at
  AND EXISTS (
      SELECT 1 FROM impact_deliveries d
      WHERE d.scheduled_for >= CAST(r.day AS timestamp) AT TIME ZONE 'UTC'
        AND d.scheduled_for < CAST(r.day + 1 AS timestamp) AT TIME ZONE 'UTC')
ORDER BY r.day DESC
LIMIT :limit

-- name: lock_days
LOCK TABLE sla_days IN SHARE ROW EXCLUSIVE MODE

-- name: forget_day
DELETE FROM sla_daily WHERE day = :day

-- name: mark_day
-- This day says what the log said at :mark.
INSERT INTO sla_days (day, computed_at, mark, calls_at) VALUES (:day, :now, :mark, :now)
ON CONFLICT (day) DO UPDATE SET computed_at = excluded.computed_at, mark = excluded.mark, calls_at = excluded.calls_at

-- name: mark_fresh
-- Days in which nothing had changed at :mark; one that was computed later keeps its own.
INSERT INTO sla_days (day, computed_at, mark, calls_at)
SELECT day, :now, :mark, :now FROM unnest(CAST(:days AS date[])) AS day
ON CONFLICT (day) DO UPDATE SET mark = excluded.mark
WHERE pg_snapshot_xmin(CAST(sla_days.mark AS pg_snapshot)) < pg_snapshot_xmin(CAST(excluded.mark AS pg_snapshot))

-- name: forget_marks
-- Every day is computed anew by the next run: what is on time is judged by another target now.
DELETE FROM sla_days

-- name: roll_up
-- The rows of sla_daily for the day [start, end).
WITH fates AS ({fates}),
facts AS ({facts}),
started AS ({started})
INSERT INTO sla_daily (day, company_id, platform, {names}, latency_ms_buckets, computed_at)
SELECT day, company_id, platform, {names}, latency_ms_buckets, :now
FROM (
    SELECT CAST(scheduled_for AT TIME ZONE 'UTC' AS date) AS day, company_id, platform, {counters},
           {buckets} AS latency_ms_buckets
    FROM started
    GROUP BY 1, 2, 3
) AS counted

-- name: summed_days
-- Counters of sla_daily added up per period: by company and platform, by each alone, and of all.
SELECT p.starts_on, d.company_id, d.platform, {sums}, {histogram} AS latency_ms_buckets
FROM jsonb_to_recordset(CAST(:periods AS jsonb)) AS p(starts_on date, ends_on date)
JOIN sla_daily d ON d.day BETWEEN p.starts_on AND p.ends_on
WHERE CAST(:company_id AS uuid) IS NULL OR d.company_id = CAST(:company_id AS uuid)
GROUP BY GROUPING SETS ((p.starts_on, d.company_id, d.platform), (p.starts_on, d.company_id),
                        (p.starts_on, d.platform), (p.starts_on))

-- name: trends
-- The same per company and of all, without platforms, of the companies between two or of everybody: what the trends
-- of reports need.
SELECT p.starts_on, d.company_id, {sums}, {histogram} AS latency_ms_buckets
FROM jsonb_to_recordset(CAST(:periods AS jsonb)) AS p(starts_on date, ends_on date)
JOIN sla_daily d ON d.day BETWEEN p.starts_on AND p.ends_on
WHERE CAST(:first_company AS uuid) IS NULL
   OR (d.company_id >= CAST(:first_company AS uuid) AND d.company_id <= CAST(:last_company AS uuid))
GROUP BY GROUPING SETS ((p.starts_on, d.company_id), (p.starts_on))

-- name: days_of_all
SELECT day, sum(successful) AS successful, sum(failed + missed + overdue) AS not_arrived,
       sum(timed) AS timed, sum(on_time) AS on_time
FROM sla_daily WHERE day >= :first AND day <= :last GROUP BY day ORDER BY day
