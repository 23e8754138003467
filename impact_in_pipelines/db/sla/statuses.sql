-- name: roomy
-- The pass over all companies sorts a quarter of a million rows; the default would spill them to disk.
SET LOCAL work_mem = '64MB'

-- name: slugs
SELECT id, slug, name FROM companies
WHERE CAST(:company_ids AS uuid[]) IS NULL OR id = ANY(CAST(:company_ids AS uuid[]))

-- name: measure
-- Counters and percentiles of [start, end) by company and platform, by each alone, and of all: one pass.
-- A null company or platform means all of them. All companies by the BRIN index, one by the timeline index.
WITH fates AS ({fates}),
facts AS ({facts} UNION ALL {unplanned}),
started AS ({started})
SELECT company_id, platform, {counters},
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) AS latency_percentiles,
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY lateness_ms) AS lateness_percentiles,
       min(scheduled_for) FILTER (WHERE fate = 'overdue') AS oldest_overdue
FROM started
GROUP BY GROUPING SETS ((company_id, platform), (company_id), (platform), ())

-- name: ends_within
-- Per scope: how many deliveries came to their end within each of some spans before :now (due_N), how many
-- of those did not arrive (errors_N), and the first of these (since_N).
WITH fates AS ({fates})
SELECT company_id, platform, {ends}
FROM fates
WHERE fate IN ('successful', 'failed', 'missed', 'overdue') AND settled_at <= CAST(:now AS timestamptz)
GROUP BY GROUPING SETS ((company_id, platform), (company_id), (platform), ())

-- name: streaks
-- Schedules that are in an unbroken series of failures at :end: what failed after the last arrival. A failure
-- stays one, whatever a replay has made of the row (D11): to queue one ends no series, and neither does its
-- success, which says nothing about the next fire. By unique(schedule_id, scheduled_for), newest first: a
-- healthy schedule costs one row of the window's months, and only one without any looks further back.
SELECT s.id AS schedule_id, s.company_id, s.platform, f.failures, f.since, f.error_kind, f.last_error
FROM scheduled_deliveries s
CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT d.scheduled_for FROM impact_deliveries d
        WHERE d.schedule_id = s.id AND d.scheduled_for < :end AND d.scheduled_for >= :start
          AND d.status IN ('success', 'skipped') AND d.failed_at IS NULL
        ORDER BY d.scheduled_for DESC LIMIT 1), (
        SELECT d.scheduled_for FROM impact_deliveries d
        WHERE d.schedule_id = s.id AND d.scheduled_for < :start AND d.status IN ('success', 'skipped')
          AND d.failed_at IS NULL
        ORDER BY d.scheduled_for DESC LIMIT 1), '-infinity') AS at
) AS arrived
CROSS JOIN LATERAL (
    SELECT count(*) AS failures, min(d.failed_at) AS since, max(d.scheduled_for) AS last_at,
           (array_agg(d.error_kind ORDER BY d.scheduled_for DESC))[1] AS error_kind,
           (array_agg(d.last_error ORDER BY d.scheduled_for DESC))[1] AS last_error
    FROM impact_deliveries d
    WHERE d.schedule_id = s.id AND d.scheduled_for < :end AND d.scheduled_for > arrived.at
      AND (d.failed_at IS NOT NULL OR d.status = 'failed')
) AS f
WHERE s.deleted_at IS NULL AND f.failures > 0 AND (s.active OR f.last_at >= :start)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY f.failures DESC, s.id

-- name: lagging
-- Schedules of which a fire is overdue and not in the log: what nobody has planned.
SELECT s.company_id, c.slug AS company, s.platform, s.next_run, s.schedule, s.timezone, s.holiday_calendar, s.window_start,
       s.window_end, s.window_days, s.catch_up, s.catch_up_limit_days, s.spread_minutes, s.fired_until,
       s.covered_until
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id AND c.active
WHERE s.active AND s.deleted_at IS NULL
  AND s.next_run < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: overdue_earlier
-- Rows that are overdue now and were due before the window, by impact_deliveries_open_due_idx: they are in no
-- rate of it, and a breach all the same.
SELECT d.company_id, d.platform, d.scheduled_for AS at
FROM impact_deliveries d
WHERE d.status IN @open AND d.scheduled_for < :start
  AND d.failed_at IS NULL AND d.trigger NOT IN ('replay', 'correction')
  AND CASE WHEN d.attempt_count = 0 THEN d.scheduled_for ELSE d.next_attempt_at END
      < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: since_when
-- Since when each key has been beyond its threshold. The window's deliveries are replayed in the order in
-- which they came to their end, with the metric as it stood after each: bad since the first end after which
-- it was never good again. Joins by equality: one join on "null or equal" would be a nested loop.
WITH fates AS ({fates}),
facts AS ({facts} UNION ALL {unplanned}),
keys AS (
    SELECT * FROM jsonb_to_recordset(CAST(:keys AS jsonb))
        AS k(n int, company_id uuid, platform text, type text, threshold float8)
),
matched AS (
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms, f.timed, f.on_time
    FROM keys k JOIN facts f ON f.company_id = k.company_id AND f.platform = k.platform
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms, f.timed, f.on_time
    FROM keys k JOIN facts f ON f.company_id = k.company_id WHERE k.platform IS NULL
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms, f.timed, f.on_time
    FROM keys k JOIN facts f ON f.platform = k.platform WHERE k.company_id IS NULL
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms, f.timed, f.on_time
    FROM keys k JOIN facts f ON true WHERE k.company_id IS NULL AND k.platform IS NULL
),
running AS (
    SELECT n, settled_at,
           CASE type
               WHEN 'latency' THEN avg(latency_ms) OVER so_far > threshold
               WHEN 'on_time_rate' THEN avg(CASE WHEN on_time THEN 100 ELSE 0 END) OVER so_far < threshold
               ELSE avg(CASE WHEN fate = 'successful' THEN 100 ELSE 0 END) OVER so_far < threshold
           END AS bad
    FROM matched
    WHERE CASE type
              WHEN 'latency' THEN latency_ms IS NOT NULL
              WHEN 'on_time_rate' THEN timed
              WHEN 'success_rate' THEN fate IN ('successful', 'failed', 'missed', 'overdue')
              ELSE attempts > 1 AND fate IN ('successful', 'failed')
          END
    WINDOW so_far AS (PARTITION BY n ORDER BY settled_at)
)
SELECT n, least(min(settled_at), CAST(:now AS timestamptz)) AS since
FROM (
    SELECT n, settled_at, max(settled_at) FILTER (WHERE NOT bad) OVER (PARTITION BY n) AS last_good
    FROM running
) AS r
WHERE last_good IS NULL OR settled_at > last_good
GROUP BY n
