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
SELECT f.company_id, f.platform, f.scheduled_for, f.fate, f.settled_at, f.payload_bytes,
       f.fate = 'failed' AND f.status = 'success' AS recovered,
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
       END AS latency_ms,
       CASE WHEN f.trigger <> 'backfill'
            THEN CAST(extract(epoch FROM a.started_at - f.scheduled_for) * 1000 AS bigint)
       END AS lateness_ms
FROM fates f
LEFT JOIN delivery_attempts a ON a.delivery_id = f.id AND a.number = 1

-- name: unplanned
-- A fragment: fires that are overdue and not in the log yet, the next one of each schedule. A window that
-- reaches up to now has them however old they are.
SELECT s.company_id, s.platform, s.next_run AS scheduled_for, 'overdue' AS fate,
       s.next_run + make_interval(mins => :overdue_after_minutes) AS settled_at,
       CAST(NULL AS int) AS payload_bytes, false AS recovered, CAST(NULL AS bigint) AS attempts,
       CAST(NULL AS bigint) AS latency_ms, CAST(NULL AS bigint) AS lateness_ms
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
    WHERE d.status IN ('pending', 'in_progress', 'retrying') AND d.scheduled_for >= :start
    UNION ALL
    SELECT CAST(day AS date)
    FROM generate_series(CAST(:start AS timestamp), CAST(:end AS timestamp), interval '1 day') day
    WHERE NOT EXISTS (SELECT 1 FROM sla_days r WHERE r.day = CAST(day AS date))
) AS d
WHERE d.day <= CAST(:end AS date)
ORDER BY d.day

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

-- name: stored_reports
-- What there is to read, newest first.
SELECT period, starts_on, ends_on, created_at FROM sla_reports
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND (CAST(:period AS text) IS NULL OR period = CAST(:period AS text))
ORDER BY starts_on DESC, period LIMIT :limit

-- name: slugs
SELECT id, slug, name FROM companies
