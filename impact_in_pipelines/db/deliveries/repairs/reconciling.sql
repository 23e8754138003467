-- name: known
SELECT id FROM impact_deliveries WHERE id = ANY(CAST(:ids AS uuid[]))

-- name: companies
SELECT id, slug, timezone FROM companies WHERE slug = ANY(CAST(:slugs AS text[]))

-- name: schedules
-- The schedules of these companies, locked, with their rules and how far they are planned.
SELECT s.id, s.company_id, s.schedule, s.timezone, s.holiday_calendar, s.window_start, s.window_end,
       s.window_days, s.catch_up, s.catch_up_limit_days, s.spread_minutes, s.fired_until, s.covered_until
FROM scheduled_deliveries s
WHERE s.platform = :platform AND s.company_id = ANY(CAST(:companies AS uuid[])) AND s.deleted_at IS NULL
ORDER BY s.id
FOR UPDATE OF s

-- name: mark_arrived
-- Rows that the log has as open, missed or failed although they have arrived. What has changed in the log since
-- it arrived (a replay, a call-back) is newer than the event, unless the row itself was only planned after it:
-- then the log had been put back. What a worker holds is left to it.
WITH arrived AS (
    SELECT r.id, r.transaction_id, r.payload_hash, r.payload_bytes, r.attempts, r.arrived_at,
           r.period_start, r.period_end, d.status AS before
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, transaction_id text, payload_hash text, payload_bytes int, attempts int,
        arrived_at timestamptz, period_start date, period_end date)
    JOIN impact_deliveries d ON d.id = r.id
    WHERE (d.updated_at < r.arrived_at OR d.created_at > r.arrived_at)
      AND (d.status IN @waiting OR d.status = 'missed'
        OR (d.status = 'in_progress' AND (d.lease_until IS NULL OR d.lease_until <= :now))
        OR (d.status = 'failed' AND coalesce(d.failed_at, '-infinity') < r.arrived_at))
    ORDER BY r.id
    FOR UPDATE OF d
)
UPDATE impact_deliveries d
SET status = 'success', transaction_id = coalesce(a.transaction_id, d.transaction_id),
    payload = CASE WHEN a.payload_hash IS NULL OR a.payload_hash = d.payload_hash THEN d.payload END,
    payload_hash = coalesce(a.payload_hash, d.payload_hash),
    payload_bytes = coalesce(a.payload_bytes, d.payload_bytes),
    period_start = a.period_start, period_end = a.period_end,
    attempt_count = greatest(d.attempt_count, a.attempts), delivered_at = a.arrived_at,
    next_attempt_at = NULL, lease_until = NULL, claimed_by = NULL, lost_claims = 0, rebuild = false,
    last_error = NULL, error_kind = NULL, taken_back_at = NULL,
    note = concat_ws('; ', d.note, 'had arrived, by the events in Dagster'),
    recorded_at = :now, updated_at = :now
FROM arrived a WHERE d.id = a.id
RETURNING d.id, d.scheduled_for, d.company_id, a.before, d.transaction_id, false AS fails_anew
