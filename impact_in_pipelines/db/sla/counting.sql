-- name: fates
-- A fragment: what became of each delivery that was due in [start, end) (design D7). A failure stays one,
-- whatever a replay does to the row (D11). What had arrived and was sent again, or corrected, is a replay of its own
-- and in no rate. Overdue: not attempted so many minutes after its time, or between two attempts and taken up by
-- nobody. `settled_at` is when that was known. What is of a platform that isn't installed is held, and not counted.
SELECT d.id, d.company_id, d.platform, d.scheduled_for, d.trigger, d.status, d.attempt_count,
       d.payload_bytes, d.delivered_at, d.failed_at, o.fate,
       CASE o.fate
           WHEN 'failed' THEN coalesce(d.failed_at, d.updated_at)
           WHEN 'missed' THEN d.scheduled_for
           WHEN 'overdue' THEN d.scheduled_for + make_interval(mins => :overdue_after_minutes)
           ELSE d.delivered_at
       END AS settled_at
FROM impact_deliveries d
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN d.status = 'cancelled' AND d.failed_at IS NULL THEN 'cancelled'
        WHEN d.trigger IN ('replay', 'correction') THEN 'replayed'
        WHEN d.failed_at IS NOT NULL OR d.status = 'failed' THEN 'failed'
        WHEN d.status = 'success' THEN 'successful'
        WHEN d.status IN ('missed', 'skipped') THEN d.status
        WHEN CASE WHEN d.attempt_count = 0 THEN d.scheduled_for ELSE d.next_attempt_at END
             < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes) THEN 'overdue'
        ELSE 'pending'
    END AS fate
) AS o
WHERE d.scheduled_for >= :start AND d.scheduled_for < :end AND d.platform = ANY({installed})
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: facts
-- A fragment over `fates`: what is counted of each delivery. Attempts of a failure are those up to it; a
-- replay's come later. Latency is that of deliveries that arrived by themselves; a backfill has none, and
-- no lateness: nobody promised 400 days within five minutes. So it is not among the timed ones either, of
-- which those count as on time that arrived within the latency target of their company on their platform.
-- Whole milliseconds add up exactly.
SELECT m.*, m.timed AND coalesce(m.latency_ms <= coalesce(
           CAST(own.thresholds ->> 'latency_target_ms' AS float8),
           CAST(company.thresholds ->> 'latency_target_ms' AS float8),
           CAST(platform.thresholds ->> 'latency_target_ms' AS float8),
           :latency_target_ms), false) AS on_time
FROM (
    SELECT f.id, f.company_id, f.platform, f.scheduled_for, f.fate, f.settled_at, f.payload_bytes,
           f.trigger, f.fate = 'failed' AND f.status = 'success' AS recovered,
           CASE f.fate
               WHEN 'cancelled' THEN NULL
               WHEN 'replayed' THEN NULL
               WHEN 'failed' THEN (
                   SELECT CASE WHEN count(*) = 0 THEN f.attempt_count
                               ELSE count(*) FILTER (WHERE n.started_at <= f.settled_at) END
                   FROM delivery_attempts n
                   WHERE n.delivery_id = f.id AND n.due_at IN (f.scheduled_for, '-infinity')
                     AND (n.due_at >= :start AND n.due_at < :end OR n.due_at = '-infinity'))
               ELSE f.attempt_count
           END AS attempts,
           CASE WHEN f.fate = 'successful' AND f.trigger <> 'backfill'
                THEN CAST(extract(epoch FROM f.delivered_at - f.scheduled_for) * 1000 AS bigint)
           END AS latency_ms,
           f.fate IN ('successful', 'failed', 'missed', 'overdue') AND f.trigger <> 'backfill' AS timed
    FROM fates f) AS m
LEFT JOIN sla_thresholds own ON own.company_id = m.company_id AND own.platform = m.platform
LEFT JOIN sla_thresholds company ON company.company_id = m.company_id AND company.platform IS NULL
LEFT JOIN sla_thresholds platform ON platform.company_id IS NULL AND platform.platform = m.platform

-- name: started
-- A fragment over `facts`: with how late the first attempt started.
SELECT f.*, CASE WHEN f.trigger NOT IN ('backfill', 'replay', 'correction')
                 THEN CAST(extract(epoch FROM a.started_at - f.scheduled_for) * 1000 AS bigint)
            END AS lateness_ms
FROM facts f
LEFT JOIN delivery_attempts a ON a.delivery_id = f.id AND a.number = 1
      AND a.due_at IN (f.scheduled_for, '-infinity')
      AND (a.due_at >= :start AND a.due_at < :end OR a.due_at = '-infinity')

-- name: not_asked_when_started
-- In place of `started`, where nobody asks for lateness: the join is a third of a pass over everybody.
SELECT f.*, CAST(NULL AS bigint) AS lateness_ms FROM facts f

-- name: unplanned
-- A fragment: fires that are overdue and not in the log yet (`db/sla/unplanned.py` finds them; a cron can't be
-- followed in SQL), those of them that were due in [start, end).
SELECT CAST(NULL AS uuid) AS id, u.company_id, u.platform, u.at AS scheduled_for,
       'overdue' AS fate, u.at + make_interval(mins => :overdue_after_minutes) AS settled_at,
       CAST(NULL AS int) AS payload_bytes, 'schedule' AS trigger, false AS recovered,
       CAST(NULL AS bigint) AS attempts, CAST(NULL AS bigint) AS latency_ms, true AS timed,
       false AS on_time
FROM jsonb_to_recordset(CAST(:unplanned AS jsonb)) AS u(company_id uuid, platform text, at timestamptz)
WHERE u.at >= :start AND u.at < :end
  AND (CAST(:company_ids AS uuid[]) IS NULL OR u.company_id = ANY(CAST(:company_ids AS uuid[])))

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
count(*) FILTER (WHERE fate = 'replayed') AS replayed,
count(*) FILTER (WHERE timed) AS timed,
count(*) FILTER (WHERE on_time) AS on_time,
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

