-- name: due_schedules
-- Active schedules of a platform whose next run has come, locked so that two planners never share one.
SELECT s.id, s.company_id, s.schedule, s.timezone, s.holiday_calendar, s.window_start, s.window_end,
       s.window_days, s.catch_up, s.catch_up_limit_days, s.spread_minutes, s.fired_until, s.covered_until
FROM scheduled_deliveries s
JOIN companies c ON c.id = s.company_id AND c.active
WHERE s.platform = :platform AND s.active AND s.deleted_at IS NULL AND s.next_run <= :now
  AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY s.next_run, s.id
LIMIT :limit
FOR UPDATE OF s SKIP LOCKED

-- name: insert_fires
-- A fire becomes a row; one that is there already was planned by somebody else.
INSERT INTO impact_deliveries
    (id, company_id, platform, schedule_id, trigger, status, timezone, period_start, period_end,
     scheduled_for, note, idempotency_key, next_attempt_at)
SELECT f.id, f.company_id, :platform, f.schedule_id, 'schedule', f.status, f.timezone, f.period_start,
       f.period_end, f.scheduled_for, f.note, f.id,
       CASE WHEN f.status = 'pending' THEN greatest(f.scheduled_for, (
           SELECT max(k.closed_until) FROM connection_closures k
           WHERE k.platform = :platform AND k.kind = 'retry_after' AND (k.company_id = f.company_id OR k.company_id IS NULL))) END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS f(
    id uuid, company_id uuid, schedule_id uuid, status text, timezone text, period_start date,
    period_end date, scheduled_for timestamptz, note text)
ON CONFLICT DO NOTHING
RETURNING id

-- name: send_missed
-- What catch-up sends of a fire that stays missed: as a replay, which the rates leave out (D6, D17).
INSERT INTO impact_deliveries
    (id, company_id, platform, trigger, status, timezone, period_start, period_end, scheduled_for, note,
     idempotency_key, next_attempt_at, replay_of)
SELECT r.id, d.company_id, d.platform, 'replay', 'pending', d.timezone, d.period_start, d.period_end,
       :now, 'catches up a missed fire', r.id, :now, d.id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, missed uuid)
JOIN impact_deliveries d ON d.id = r.missed AND @within(d) AND d.status = 'missed'

-- name: advance_schedules
-- A schedule without a next run never fires again: it is paused with the reason.
UPDATE scheduled_deliveries s
SET next_run = a.next_run, active = a.next_run IS NOT NULL,
    paused_reason = CASE WHEN a.next_run IS NULL THEN a.needs_person END, fired_until = a.fired_until, covered_until = a.covered_until,
    last_error = coalesce(a.needs_person, s.last_error), updated_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS a(
    id uuid, next_run timestamptz, fired_until timestamptz, covered_until date, needs_person text)
WHERE s.id = a.id
