-- name: lock_selection
-- Before looking: two that select for one run at once would both find nothing.
SELECT pg_advisory_xact_lock(hashtextextended(:run_id || :platform, 0))

-- name: insert_selected
-- The partitions that a run was started for, one row each; a retried step finds its rows again.
INSERT INTO impact_deliveries
    (id, company_id, platform, trigger, status, timezone, period_start, period_end, scheduled_for,
     idempotency_key, next_attempt_at, selected_by)
SELECT r.id, r.company_id, :platform, :trigger, 'pending', r.timezone, r.day, r.day, :now, r.id, :now,
       :run_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, company_id uuid, timezone text, day date)
WHERE NOT EXISTS (
    SELECT 1 FROM impact_deliveries d
    WHERE d.selected_by = :run_id AND d.platform = :platform
      AND d.company_id = r.company_id AND d.period_start = r.day AND d.period_end = r.day)
  -- One that the run has let go of since. No constraint says so: its due time is when it was selected.
  AND NOT EXISTS (SELECT 1 FROM impact_deliveries e WHERE e.id = r.id)

-- name: open_of_run
-- What a run's own rows still wait for: how many are open and when the first of them is tried again.
SELECT count(*) AS open, min(next_attempt_at) AS next_attempt_at
FROM impact_deliveries
WHERE selected_by = :run_id AND platform = :platform AND status IN @open

-- name: waiting_of_run
-- A run's own rows that are still open, the first to be tried again first: what it says when it ends before.
SELECT c.slug AS company_slug, d.period_start AS day, d.next_attempt_at, d.last_error, @hold(d) AS held
FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
WHERE d.selected_by = :run_id AND d.platform = :platform AND d.status IN @open
ORDER BY d.next_attempt_at, c.slug, d.period_start
LIMIT :limit

-- name: release_of_run
-- A run that ends has no more claim to its rows: the next drain sends what is open, and shows in Dagster
-- what is final and not shown yet.
UPDATE impact_deliveries SET selected_by = NULL
WHERE selected_by = :run_id AND platform = :platform
  AND (status IN @open OR (status IN @shown AND recorded_at IS NULL))

-- name: end_leases
-- Its process is gone: the end of the lease, by which a row comes up again, is brought forward.
UPDATE impact_deliveries SET next_attempt_at = :now, lease_until = :now
WHERE dagster_run_id = :run_id AND platform = :platform AND status = 'in_progress'

-- name: outcome_of_run
SELECT d.status, count(*) AS deliveries FROM impact_deliveries d
WHERE (d.dagster_run_id = :run_id OR d.selected_by = :run_id) AND d.platform = :platform
GROUP BY d.status
