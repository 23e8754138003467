-- name: insert
INSERT INTO scheduled_deliveries
    (company_id, platform, schedule, timezone, active, next_run, paused_reason, holiday_calendar,
     window_start, window_end, window_days, catch_up, catch_up_limit_days, spread_minutes, fired_until,
     covered_until, created_at, updated_at)
VALUES (:company_id, :platform, :schedule, :timezone, :active, :next_run, :paused_reason,
        :holiday_calendar, :window_start, :window_end, CAST(:window_days AS smallint[]), :catch_up,
        :catch_up_limit_days, :spread_minutes, :fired_until, :covered_until, :now, :now)
RETURNING id

-- name: read
-- Every reader's columns. `low` and `high` bound the ids that begin with a prefix: the primary key serves.
SELECT s.id, s.company_id, c.slug AS company, s.platform, s.schedule, s.timezone, s.active, s.next_run,
       s.last_run, s.last_status, s.last_error, s.consecutive_failures, s.paused_reason,
       s.holiday_calendar, s.window_start, s.window_end, s.window_days, s.catch_up,
       s.catch_up_limit_days, s.spread_minutes, s.fired_until, s.covered_until, s.created_at,
       s.updated_at, s.deleted_at
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id
WHERE (CAST(:ids AS uuid[]) IS NULL OR s.id = ANY(CAST(:ids AS uuid[])))
  AND (CAST(:low AS uuid) IS NULL OR s.id BETWEEN CAST(:low AS uuid) AND CAST(:high AS uuid))
  AND (CAST(:company_id AS uuid) IS NULL OR s.company_id = CAST(:company_id AS uuid))
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:platform AS text) IS NULL OR s.platform = CAST(:platform AS text))
  AND (:deleted OR s.deleted_at IS NULL)
ORDER BY c.slug, s.platform, s.next_run NULLS LAST, s.id

-- name: page
-- GET /schedules: the ids of a page, by company, platform and id.
SELECT s.id
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id
WHERE s.deleted_at IS NULL
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:platform AS text) IS NULL OR s.platform = CAST(:platform AS text))
  AND (CAST(:active AS boolean) IS NULL OR s.active = CAST(:active AS boolean))
  AND (CAST(:after_slug AS text) IS NULL
       OR (c.slug, s.platform, s.id) > (:after_slug, :after_platform, CAST(:after_id AS uuid)))
ORDER BY c.slug, s.platform, s.id
LIMIT :limit

-- name: lock
-- A planner skips what is locked here, and this waits for a planner: a change and a tick never mix.
SELECT s.id FROM scheduled_deliveries s
WHERE s.deleted_at IS NULL
  AND (CAST(:ids AS uuid[]) IS NULL OR s.id = ANY(CAST(:ids AS uuid[])))
  AND (CAST(:company_id AS uuid) IS NULL OR s.company_id = CAST(:company_id AS uuid))
  AND (CAST(:platform AS text) IS NULL OR s.platform = CAST(:platform AS text))
  AND (CAST(:active AS boolean) IS NULL OR s.active = CAST(:active AS boolean))
  AND (CAST(:reason AS text) IS NULL OR s.paused_reason = CAST(:reason AS text))
ORDER BY s.id
FOR NO KEY UPDATE

-- name: save
UPDATE scheduled_deliveries s
SET schedule = r.schedule, timezone = r.timezone, active = r.active, next_run = r.next_run,
    paused_reason = r.paused_reason, last_error = r.last_error, holiday_calendar = r.holiday_calendar,
    window_start = r.window_start, window_end = r.window_end, window_days = r.window_days,
    catch_up = r.catch_up, catch_up_limit_days = r.catch_up_limit_days,
    spread_minutes = r.spread_minutes, fired_until = r.fired_until, covered_until = r.covered_until,
    deleted_at = r.deleted_at, updated_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, schedule text, timezone text, active boolean, next_run timestamptz, paused_reason text,
    last_error text, holiday_calendar text, window_start time, window_end time, window_days smallint[],
    catch_up text, catch_up_limit_days int, spread_minutes int, fired_until timestamptz,
    covered_until date, deleted_at timestamptz)
WHERE s.id = r.id

-- name: audit
INSERT INTO audit_log (at, actor, action, company_id, subject, before, after)
SELECT :now, :actor, r.action, r.company_id, r.subject, r.before, r.after
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    action text, company_id uuid, subject text, before jsonb, after jsonb)

-- name: waiting_of
-- What a schedule has planned and not sent yet: waiting retries too, and what catches up its missed fires.
SELECT d.id FROM impact_deliveries d LEFT JOIN impact_deliveries m ON m.id = d.replay_of AND m.status = 'missed'
WHERE (d.schedule_id = :id OR m.schedule_id = :id) AND d.status IN @waiting ORDER BY d.id

-- name: open_of
-- The same and what is being sent.
SELECT d.id FROM impact_deliveries d LEFT JOIN impact_deliveries m ON m.id = d.replay_of AND m.status = 'missed'
WHERE (d.schedule_id = :id OR m.schedule_id = :id) AND d.status IN @open

-- name: insert_run_now
INSERT INTO impact_deliveries
    (id, company_id, platform, schedule_id, trigger, status, timezone, period_start, period_end,
     scheduled_for, note, idempotency_key, next_attempt_at)
VALUES (:id, :company_id, :platform, :schedule_id, 'manual', 'pending', :timezone, :period_start,
        :period_end, :now, :note, :id, :now)
ON CONFLICT (schedule_id, scheduled_for) DO NOTHING
RETURNING id

-- name: recent
-- The latest deliveries of one schedule, newest first; unique(schedule_id, scheduled_for) serves.
SELECT id, trigger, status, period_start, period_end, scheduled_for, delivered_at, attempt_count, note,
       last_error
FROM impact_deliveries WHERE schedule_id = :id ORDER BY scheduled_for DESC LIMIT :limit

-- name: stats
-- One row for each platform and one, without a platform, for all. A company that is switched off has
-- nothing due.
SELECT s.platform, count(*) AS total,
       count(*) FILTER (WHERE s.active) AS active,
       count(*) FILTER (WHERE NOT s.active) AS paused,
       count(*) FILTER (WHERE s.consecutive_failures >= :failing_from) AS failing,
       count(*) FILTER (WHERE s.active AND c.active AND s.next_run < :overdue_before) AS overdue,
       min(s.next_run) FILTER (WHERE s.active AND c.active) AS next_due
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id
WHERE s.deleted_at IS NULL
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
GROUP BY GROUPING SETS ((s.platform), ())

-- name: version
SELECT count(*) AS total, max(updated_at) AS changed_at, max(last_run) AS last_run
FROM scheduled_deliveries

-- name: mean_latency
-- What a delivered attempt took, in milliseconds, over the latest three deliveries of each schedule within 100 days.
SELECT s.platform, avg(a.latency_ms) AS latency_ms
FROM scheduled_deliveries s
CROSS JOIN LATERAL (
    SELECT d.id, d.scheduled_for FROM impact_deliveries d
    WHERE d.schedule_id = s.id AND d.scheduled_for >= (SELECT CAST(at AS timestamptz) FROM latest_due()) - interval '100 days'
    ORDER BY d.scheduled_for DESC LIMIT 3) AS d
JOIN delivery_attempts a ON a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity') AND a.outcome = 'delivered'
WHERE s.deleted_at IS NULL AND s.active
GROUP BY s.platform
