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

-- name: open_of_run
-- What a run's own rows still wait for: how many are open and when the first of them is tried again.
SELECT count(*) AS open, min(next_attempt_at) AS next_attempt_at
FROM impact_deliveries
WHERE selected_by = :run_id AND platform = :platform AND status IN @open

-- name: let_go
-- A run that doesn't wait for retries has no more claim to its rows: the next drain may take them.
UPDATE impact_deliveries SET selected_by = NULL
WHERE selected_by = :run_id AND platform = :platform
  AND status IN @open

-- name: outcome_of_run
SELECT d.status, count(*) AS deliveries FROM impact_deliveries d
WHERE (d.dagster_run_id = :run_id OR d.selected_by = :run_id) AND d.platform = :platform
GROUP BY d.status
