-- name: fates
-- A fragment: what became of each delivery that was due in [start, end) (design D7). A failure stays one,
-- whatever a replay does to the row (D11). Overdue: not attempted so many minutes after its time, or
-- between two attempts and taken up by nobody. `settled_at` is when that was known.
SELECT d.id, d.company_id, d.platform, d.scheduled_for, d.trigger, d.status, d.attempt_count,
       d.payload_bytes, d.delivered_at, d.failed_at, o.fate,
       CASE o.fate
           WHEN 'failed' THEN coalesce(d.failed_at, d.updated_at)
           WHEN 'missed' THEN d.scheduled_for + make_interval(mins => :overdue_after_minutes)
           WHEN 'overdue' THEN d.scheduled_for + make_interval(mins => :overdue_after_minutes)
           ELSE d.delivered_at
       END AS settled_at
FROM impact_deliveries d
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN d.failed_at IS NOT NULL OR d.status = 'failed' THEN 'failed'
        WHEN d.status = 'success' THEN 'successful'
        WHEN d.status IN ('missed', 'skipped', 'cancelled') THEN d.status
        WHEN CASE WHEN d.attempt_count = 0 THEN d.scheduled_for ELSE d.next_attempt_at END
             < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes) THEN 'overdue'
        ELSE 'pending'
    END AS fate
) AS o
WHERE d.scheduled_for >= :start AND d.scheduled_for < :end
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = CAST(:company_id AS uuid))

-- name: facts
-- A fragment over `fates`: what is counted of each delivery. Attempts of a failure are those up to it; a
-- replay's come later. Latency is that of deliveries that arrived by themselves; a backfill has none, and
-- no lateness: nobody promised 400 days within five minutes. Whole milliseconds add up exactly.
SELECT f.id, f.company_id, f.platform, f.scheduled_for, f.fate, f.settled_at, f.payload_bytes,
       f.trigger, f.fate = 'failed' AND f.status = 'success' AS recovered,
       CASE f.fate
           WHEN 'cancelled' THEN NULL
           WHEN 'failed' THEN (
               SELECT CASE WHEN count(*) = 0 THEN f.attempt_count
                           ELSE count(*) FILTER (WHERE n.started_at <= f.settled_at) END
               FROM delivery_attempts n WHERE n.delivery_id = f.id)
           ELSE f.attempt_count
       END AS attempts,
       CASE WHEN f.fate = 'successful' AND f.trigger <> 'backfill'
            THEN CAST(extract(epoch FROM f.delivered_at - f.scheduled_for) * 1000 AS bigint)
       END AS latency_ms
FROM fates f

-- name: started
-- A fragment over `facts`: with how late the first attempt started.
SELECT f.*, CASE WHEN f.trigger <> 'backfill'
                 THEN CAST(extract(epoch FROM a.started_at - f.scheduled_for) * 1000 AS bigint)
            END AS lateness_ms
FROM facts f
LEFT JOIN delivery_attempts a ON a.delivery_id = f.id AND a.number = 1

-- name: not_asked_when_started
-- In place of `started`, where nobody asks for lateness: the join is a third of a pass over everybody.
SELECT f.*, CAST(NULL AS bigint) AS lateness_ms FROM facts f

-- name: unplanned
-- A fragment: fires that are overdue and not in the log yet, the next one of each schedule. A window that
-- reaches up to now has them however old they are.
SELECT CAST(NULL AS uuid) AS id, s.company_id, s.platform, s.next_run AS scheduled_for,
       'overdue' AS fate, s.next_run + make_interval(mins => :overdue_after_minutes) AS settled_at,
       CAST(NULL AS int) AS payload_bytes, 'schedule' AS trigger, false AS recovered,
       CAST(NULL AS bigint) AS attempts, CAST(NULL AS bigint) AS latency_ms
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id AND c.active
WHERE s.active AND s.deleted_at IS NULL AND s.next_run < :end
  AND s.next_run < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes)
  AND (s.next_run >= :start OR CAST(:end AS timestamptz) >= CAST(:now AS timestamptz))
  AND (CAST(:company_id AS uuid) IS NULL OR s.company_id = CAST(:company_id AS uuid))

-- name: counters
-- A fragment: the counters of sla/metrics.py over `facts`.
count(*) FILTER (WHERE fate = 'successful') AS successful,
count(*) FILTER (WHERE fate = 'failed') AS failed,
count(*) FILTER (WHERE recovered) AS recovered,
count(*) FILTER (WHERE fate = 'missed') AS missed,
count(*) FILTER (WHERE fate = 'overdue') AS overdue,
count(*) FILTER (WHERE fate = 'skipped') AS skipped,
count(*) FILTER (WHERE fate = 'pending') AS pending,
count(*) FILTER (WHERE fate = 'cancelled') AS cancelled,
count(*) FILTER (WHERE attempts > 1) AS retried,
count(*) FILTER (WHERE attempts > 1 AND fate = 'successful') AS retried_successful,
count(*) FILTER (WHERE attempts > 1 AND fate = 'failed') AS retried_failed,
count(*) FILTER (WHERE attempts = 2 AND fate = 'successful') AS retry_1,
count(*) FILTER (WHERE attempts = 3 AND fate = 'successful') AS retry_2,
count(*) FILTER (WHERE attempts = 4 AND fate = 'successful') AS retry_3,
count(*) FILTER (WHERE attempts > 4 AND fate = 'successful') AS retry_later,
coalesce(sum(attempts) FILTER (WHERE attempts > 0), 0) AS attempts_sum,
count(*) FILTER (WHERE attempts > 0) AS attempts_n,
max(attempts) FILTER (WHERE attempts > 0) AS attempts_max,
coalesce(sum(payload_bytes), 0) AS payload_bytes_sum,
count(payload_bytes) AS payload_bytes_n,
max(payload_bytes) AS payload_bytes_max,
coalesce(sum(latency_ms), 0) AS latency_ms_sum,
count(latency_ms) AS latency_ms_n,
max(latency_ms) AS latency_ms_max,
coalesce(sum(lateness_ms), 0) AS lateness_ms_sum,
count(lateness_ms) AS lateness_ms_n,
max(lateness_ms) AS lateness_ms_max

-- name: streaks
-- Schedules that are in an unbroken series of failures at :end: what failed after the last arrival. By
-- unique(schedule_id, scheduled_for), newest first: a healthy schedule costs one row.
SELECT s.id AS schedule_id, s.company_id, s.platform, f.failures, f.since, f.error_kind, f.last_error
FROM scheduled_deliveries s
CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT d.scheduled_for FROM impact_deliveries d
        WHERE d.schedule_id = s.id AND d.scheduled_for < :end AND d.status IN ('success', 'skipped')
        ORDER BY d.scheduled_for DESC LIMIT 1), '-infinity') AS at
) AS arrived
CROSS JOIN LATERAL (
    SELECT count(*) AS failures, min(d.failed_at) AS since, max(d.scheduled_for) AS last_at,
           (array_agg(d.error_kind ORDER BY d.scheduled_for DESC))[1] AS error_kind,
           (array_agg(d.last_error ORDER BY d.scheduled_for DESC))[1] AS last_error
    FROM impact_deliveries d
    WHERE d.schedule_id = s.id AND d.scheduled_for < :end AND d.scheduled_for > arrived.at
      AND d.status = 'failed'
) AS f
WHERE s.deleted_at IS NULL AND f.failures > 0 AND (s.active OR f.last_at >= :start)
  AND (CAST(:company_id AS uuid) IS NULL OR s.company_id = CAST(:company_id AS uuid))
ORDER BY f.failures DESC, s.id

-- name: timeline
-- delivery timeline: one company's latest deliveries, by impact_deliveries_timeline_idx.
SELECT d.id, d.platform, d.trigger, d.status, d.period_start, d.period_end, d.scheduled_for,
       d.created_at, d.attempt_count, d.next_attempt_at, d.delivered_at, d.failed_at, d.error_kind,
       d.last_error, d.http_status, d.transaction_id, d.payload, d.payload_bytes, d.duplicate_of,
       d.replay_of
FROM impact_deliveries d
WHERE d.company_id = :company_id
ORDER BY d.scheduled_for DESC, d.created_at DESC, d.id
LIMIT :limit

-- name: thresholds
SELECT t.company_id, c.slug AS company, t.platform, t.thresholds, t.updated_by, t.updated_at
FROM sla_thresholds t LEFT JOIN companies c ON c.id = t.company_id
WHERE (CAST(:company_id AS uuid) IS NULL OR t.company_id IS NULL
       OR t.company_id = CAST(:company_id AS uuid))
ORDER BY c.slug NULLS FIRST, t.platform NULLS FIRST

-- name: set_thresholds
INSERT INTO sla_thresholds (company_id, platform, thresholds, updated_by, updated_at)
VALUES (:company_id, :platform, CAST(:thresholds AS jsonb), :actor, :now)
ON CONFLICT (company_id, platform) DO UPDATE
SET thresholds = excluded.thresholds, updated_by = excluded.updated_by, updated_at = excluded.updated_at

-- name: clear_thresholds
DELETE FROM sla_thresholds
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND platform IS NOT DISTINCT FROM CAST(:platform AS text)

-- name: audit_thresholds
INSERT INTO audit_log (at, actor, action, company_id, subject, before, after)
SELECT :now, :actor, :action, :company_id, 'sla_thresholds',
       (SELECT jsonb_build_object('platform', CAST(:platform AS text), 'thresholds', t.thresholds)
        FROM sla_thresholds t
        WHERE t.company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
          AND t.platform IS NOT DISTINCT FROM CAST(:platform AS text)),
       jsonb_build_object('platform', CAST(:platform AS text), 'thresholds', CAST(:thresholds AS jsonb))

-- name: stale_days
-- Days whose rollup no longer says what the log does: rows that changed since (by the BRIN index; the
-- margin covers transactions that committed later than they began), rows still open, whose fate is the
-- clock's affair, and days of which there is no rollup yet.
SELECT DISTINCT d.day FROM (
    SELECT u.day
    FROM (
        SELECT CAST(d.scheduled_for AT TIME ZONE 'UTC' AS date) AS day, max(d.updated_at) AS changed_at
        FROM impact_deliveries d
        WHERE d.scheduled_for >= :start
          AND d.updated_at >= (SELECT min(computed_at) FROM sla_days
                               WHERE day >= CAST(:start AS date)) - make_interval(mins => 10)
        GROUP BY 1) AS u
    JOIN sla_days r ON r.day = u.day
    WHERE u.changed_at >= r.computed_at - make_interval(mins => 10)
    UNION ALL
    SELECT CAST(d.scheduled_for AT TIME ZONE 'UTC' AS date)
    FROM impact_deliveries d
    WHERE d.status IN @open AND d.scheduled_for >= :start
    UNION ALL
    SELECT CAST(day AS date)
    FROM generate_series(CAST(:start AS timestamp), CAST(:end AS timestamp), interval '1 day') day
    WHERE NOT EXISTS (SELECT 1 FROM sla_days r WHERE r.day = CAST(day AS date))
) AS d
WHERE d.day <= CAST(:end AS date)
ORDER BY d.day

-- name: lock_days
LOCK TABLE sla_days IN SHARE ROW EXCLUSIVE MODE

-- name: forget_days
DELETE FROM sla_daily WHERE day = ANY(CAST(:days AS date[]))

-- name: mark_days
INSERT INTO sla_days (day, computed_at)
SELECT day, :now FROM unnest(CAST(:days AS date[])) AS day
ON CONFLICT (day) DO UPDATE SET computed_at = greatest(sla_days.computed_at, excluded.computed_at)

-- name: save_report
INSERT INTO sla_reports (company_id, period, starts_on, ends_on, report, created_at)
SELECT r.company_id, :period, :starts_on, :ends_on, r.report, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, report jsonb)
ON CONFLICT (company_id, period, starts_on) DO UPDATE
SET ends_on = excluded.ends_on, report = excluded.report, created_at = excluded.created_at

-- name: stored_report
SELECT report FROM sla_reports
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid) AND period = :period
  AND starts_on = :starts_on

-- name: stored_of_all
SELECT r.report FROM sla_reports r LEFT JOIN companies c ON c.id = r.company_id
WHERE r.period = :period AND r.starts_on = :starts_on ORDER BY c.slug NULLS FIRST

-- name: stored_reports
-- What there is to read, newest first.
SELECT period, starts_on, ends_on, created_at FROM sla_reports
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND (CAST(:period AS text) IS NULL OR period = CAST(:period AS text))
ORDER BY starts_on DESC, period LIMIT :limit

-- name: slugs
SELECT id, slug, name FROM companies
WHERE CAST(:company_id AS uuid) IS NULL OR id = CAST(:company_id AS uuid)

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

-- name: roll_up
-- The rows of sla_daily for some days, all of which lie in [start, end).
WITH fates AS ({fates}),
facts AS ({facts}),
started AS ({started})
INSERT INTO sla_daily (day, company_id, platform, {names}, latency_ms_buckets, computed_at)
SELECT day, company_id, platform, {names}, latency_ms_buckets, :now
FROM (
    SELECT CAST(scheduled_for AT TIME ZONE 'UTC' AS date) AS day, company_id, platform, {counters},
           {buckets} AS latency_ms_buckets
    FROM started
    WHERE CAST(scheduled_for AT TIME ZONE 'UTC' AS date) = ANY(CAST(:days AS date[]))
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
-- The same per company and of all, without platforms: what a report's trend needs.
SELECT p.starts_on, d.company_id, {sums}, {histogram} AS latency_ms_buckets
FROM jsonb_to_recordset(CAST(:periods AS jsonb)) AS p(starts_on date, ends_on date)
JOIN sla_daily d ON d.day BETWEEN p.starts_on AND p.ends_on
WHERE CAST(:company_id AS uuid) IS NULL OR d.company_id = CAST(:company_id AS uuid)
GROUP BY GROUPING SETS ((p.starts_on, d.company_id), (p.starts_on))

-- name: ends_within
-- Per scope: how many deliveries came to their end within each of some spans before :now (due_N), how many
-- of those did not arrive (errors_N), and the first of these (since_N).
WITH fates AS ({fates})
SELECT company_id, platform, {ends}
FROM fates
WHERE fate IN ('successful', 'failed', 'missed', 'overdue') AND settled_at <= CAST(:now AS timestamptz)
GROUP BY GROUPING SETS ((company_id, platform), (company_id), (platform), ())

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
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms
    FROM keys k JOIN facts f ON f.company_id = k.company_id AND f.platform = k.platform
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms
    FROM keys k JOIN facts f ON f.company_id = k.company_id WHERE k.platform IS NULL
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms
    FROM keys k JOIN facts f ON f.platform = k.platform WHERE k.company_id IS NULL
    UNION ALL
    SELECT k.n, k.type, k.threshold, f.settled_at, f.fate, f.attempts, f.latency_ms
    FROM keys k JOIN facts f ON true WHERE k.company_id IS NULL AND k.platform IS NULL
),
running AS (
    SELECT n, settled_at,
           CASE type
               WHEN 'latency' THEN avg(latency_ms) OVER so_far > threshold
               ELSE avg(CASE WHEN fate = 'successful' THEN 100 ELSE 0 END) OVER so_far < threshold
           END AS bad
    FROM matched
    WHERE CASE type
              WHEN 'latency' THEN latency_ms IS NOT NULL
              WHEN 'success_rate' THEN fate IN ('successful', 'failed', 'missed', 'overdue')
              ELSE attempts > 1 AND fate IN ('successful', 'failed')
          END
    WINDOW so_far AS (PARTITION BY n ORDER BY settled_at)
)
SELECT n, min(settled_at) AS since
FROM (
    SELECT n, settled_at, max(settled_at) FILTER (WHERE NOT bad) OVER (PARTITION BY n) AS last_good
    FROM running
) AS r
WHERE last_good IS NULL OR settled_at > last_good
GROUP BY n

-- name: roomy
-- The pass over all companies sorts a quarter of a million rows; the default would spill them to disk.
SET LOCAL work_mem = '64MB'

-- name: causes
-- Why deliveries of the window failed: per company and platform, and per platform over all companies. A
-- replayed row has lost its error; its last failed attempt still has it.
WITH fates AS ({fates}),
failures AS (
    SELECT f.id, f.company_id, f.platform, f.settled_at, f.status = 'success' AS recovered,
           coalesce(e.error_kind, d.error_kind, 'unknown') AS error_kind,
           CASE WHEN e.error_kind IS NULL THEN d.http_status ELSE e.http_status END AS http_status
    FROM fates f
    JOIN impact_deliveries d ON d.id = f.id
    LEFT JOIN LATERAL (
        SELECT a.error_kind, a.http_status FROM delivery_attempts a
        WHERE a.delivery_id = f.id AND a.error_kind IS NOT NULL AND a.started_at <= f.settled_at
        ORDER BY a.number DESC LIMIT 1) AS e ON f.status <> 'failed'
    WHERE f.fate = 'failed'
),
grouped AS (
    SELECT company_id, platform, error_kind, http_status, count(*) AS deliveries,
           count(DISTINCT company_id) AS companies, count(*) FILTER (WHERE recovered) AS recovered,
           min(settled_at) AS first_at, max(settled_at) AS last_at,
           (array_agg(id ORDER BY settled_at DESC, id))[1] AS example_delivery
    FROM failures
    GROUP BY GROUPING SETS ((company_id, platform, error_kind, http_status),
                            (platform, error_kind, http_status))
)
SELECT g.*, c.slug AS example_company,
       coalesce(d.last_error, (
           SELECT a.error FROM delivery_attempts a
           WHERE a.delivery_id = d.id AND a.error IS NOT NULL ORDER BY a.number DESC LIMIT 1)) AS example
FROM grouped g
JOIN impact_deliveries d ON d.id = g.example_delivery
JOIN companies c ON c.id = d.company_id
ORDER BY g.deliveries DESC, g.last_at DESC, g.platform, g.error_kind

-- name: crowded
-- The minute of the day of each platform whose first attempts start latest on average, of those that are
-- due at least :fewest times: per company and platform, and per platform.
WITH fates AS ({fates}),
facts AS ({facts}),
started AS ({started}),
minutes AS (
    SELECT company_id, platform, to_char(scheduled_for AT TIME ZONE 'UTC', 'HH24:MI') AS at,
           count(*) AS deliveries, avg(lateness_ms) AS average_lateness_ms,
           max(lateness_ms) AS max_lateness_ms
    FROM started WHERE lateness_ms IS NOT NULL
    GROUP BY GROUPING SETS ((company_id, platform, 3), (platform, 3))
    HAVING avg(lateness_ms) >= :late_ms AND count(*) >= :fewest
)
SELECT DISTINCT ON (company_id, platform) *
FROM minutes ORDER BY company_id, platform, average_lateness_ms DESC, at

-- name: days
-- The days of a period from sla_daily: per company, and of all.
SELECT day, company_id, sum(successful) AS successful, sum(failed + missed + overdue) AS not_arrived
FROM sla_daily
WHERE day >= :first AND day <= :last
  AND (CAST(:company_id AS uuid) IS NULL OR company_id = CAST(:company_id AS uuid))
GROUP BY GROUPING SETS ((day, company_id), (day))
ORDER BY day

-- name: days_of_all
SELECT day, sum(successful) AS successful, sum(failed + missed + overdue) AS not_arrived
FROM sla_daily WHERE day >= :first AND day <= :last GROUP BY day ORDER BY day

-- name: histograms
-- The latency histogram of a period from sla_daily: per company, and of all.
SELECT company_id, {histogram} AS latency_ms_buckets
FROM sla_daily
WHERE day >= :first AND day <= :last
  AND (CAST(:company_id AS uuid) IS NULL OR company_id = CAST(:company_id AS uuid))
GROUP BY GROUPING SETS ((company_id), ())

-- name: incidents_within
-- Incidents that were open at some time of the period, by incidents_opened_at_idx.
SELECT i.id, i.type, i.severity, i.company_id, c.slug AS company, i.platform, i.opened_at, i.closed_at,
       i.low_confidence, i.muted_by
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE i.opened_at < :end AND coalesce(i.closed_at, 'infinity') >= :start
  AND (CAST(:company_id AS uuid) IS NULL OR i.company_id IS NULL
       OR i.company_id = CAST(:company_id AS uuid))
ORDER BY i.opened_at, i.id

-- name: maintenance_within
SELECT m.platform, m.company_id, c.slug AS company, m.starts_at, m.ends_at, m.reason, m.created_by
FROM maintenance_windows m LEFT JOIN companies c ON c.id = m.company_id
WHERE m.starts_at < :end AND m.ends_at > :start AND m.starts_at < m.ends_at
  AND (CAST(:company_id AS uuid) IS NULL OR m.company_id IS NULL
       OR m.company_id = CAST(:company_id AS uuid))
ORDER BY m.starts_at, m.id

-- name: listed_companies
SELECT id, slug, name FROM companies
WHERE CAST(:company_id AS uuid) IS NULL OR id = CAST(:company_id AS uuid) ORDER BY slug

-- name: of_some
-- In place of `fates`, `unplanned` or `streaks`: those of some companies.
SELECT * FROM ({everybodys}) AS everybodys WHERE company_id = ANY(CAST(:company_ids AS uuid[]))

-- name: touched
-- Companies whose breaches may differ from what they were at :before: a row has changed since (by the BRIN
-- index; the margin covers transactions that committed later than they began), has come into the window or
-- left it (by impact_deliveries_due_idx), or waits too long, which is the clock's affair.
SELECT company_id FROM impact_deliveries WHERE updated_at >= :changed_since
UNION
SELECT company_id FROM impact_deliveries
WHERE (scheduled_for >= :start_before AND scheduled_for < :start)
   OR (scheduled_for >= :before AND scheduled_for < :now)
UNION
SELECT company_id FROM impact_deliveries
WHERE status IN @open
  AND CASE WHEN attempt_count = 0 THEN scheduled_for ELSE next_attempt_at END
      < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes)
UNION
SELECT company_id FROM scheduled_deliveries
WHERE updated_at >= :changed_since
   OR (active AND deleted_at IS NULL
       AND next_run < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes))
