-- name: lock
-- Those to be cancelled, and the members of the batches that some of them are frozen in, in one order. A drain
-- passes them over until this has ended; one that holds them already shows in their status.
SELECT d.id, d.company_id, d.status, d.batch_id
FROM impact_deliveries d
WHERE d.id = ANY(CAST(:ids AS uuid[]))
   OR (d.status IN @open AND d.batch_id = ANY(ARRAY(
        SELECT b.batch_id FROM impact_deliveries b
        WHERE b.id = ANY(CAST(:ids AS uuid[])) AND b.batch_id IS NOT NULL)))
ORDER BY d.id
FOR UPDATE

-- name: cancel
-- A queued replay that is called off leaves the failure that it was to repair: for the record nothing has
-- happened. What was never sent, or failed so far, is cancelled.
UPDATE impact_deliveries
SET status = CASE WHEN failed_at IS NULL THEN 'cancelled' ELSE 'failed' END,
    note = CASE WHEN failed_at IS NULL THEN concat_ws('; ', note, CAST(:why AS text)) ELSE note END,
    next_attempt_at = NULL, rebuild = false, selected_by = NULL, updated_at = :now
WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN @waiting
RETURNING id, company_id, status

-- name: waiting_like
-- Cancelling by a filter: what waits, the oldest due first.
SELECT id FROM impact_deliveries
WHERE status IN @waiting
  AND (CAST(:company_ids AS uuid[]) IS NULL OR company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:platform AS text) IS NULL OR platform = :platform)
  AND (CAST(:statuses AS text[]) IS NULL OR status = ANY(CAST(:statuses AS text[])))
  AND (CAST(:trigger AS text) IS NULL OR trigger = :trigger)
  AND (CAST(:schedule_id AS uuid) IS NULL OR schedule_id = :schedule_id)
  AND (CAST(:error AS text) IS NULL OR last_error ILIKE :error)
  AND (CAST(:search AS text) IS NULL OR last_error ILIKE :search OR id = ANY(CAST(:named AS uuid[])))
  AND (CAST(:period_from AS date) IS NULL OR period_end >= :period_from)
  AND (CAST(:period_until AS date) IS NULL OR period_start <= :period_until)
  AND (CAST(:start AS timestamptz) IS NULL OR scheduled_for >= :start)
  AND (CAST(:end AS timestamptz) IS NULL OR scheduled_for < :end)
ORDER BY scheduled_for, id
LIMIT :limit

-- name: waiting_of_run
-- A person has terminated the run: what it selected and nobody sends at this moment.
SELECT id FROM impact_deliveries
WHERE selected_by = :run_id AND platform = :platform AND status IN @waiting
