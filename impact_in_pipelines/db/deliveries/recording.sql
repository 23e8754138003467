-- name: unrecorded
-- Final deliveries that Dagster doesn't show yet, locked until it does. A run shows its failures at its end
-- only, so those of a selection are left to it for as long as a run may take.
SELECT d.id, c.slug AS company_slug, d.platform, d.trigger, d.status, d.period_start, d.period_end,
       d.scheduled_for, d.delivered_at, d.failed_at, d.transaction_id, d.payload_hash, d.payload_bytes,
       d.attempt_count, d.error_kind, d.last_error, d.http_status, d.duplicate_of, d.revision, d.company_id,
       d.figures, d.figures_hash, d.corrects
FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
WHERE d.platform = :platform AND d.recorded_at IS NULL AND d.status IN @shown
  AND (CASE
           WHEN CAST(:run_id AS text) IS NOT NULL THEN d.selected_by = :run_id
           WHEN d.selected_by IS NOT NULL
               THEN d.updated_at <= CASE WHEN d.status = 'failed'
                                         THEN CAST(:abandoned_before AS timestamptz)
                                         ELSE :orphaned_before END
           ELSE true
       END)
  AND (:failures OR d.status <> 'failed')
ORDER BY d.updated_at
LIMIT :limit
FOR UPDATE OF d SKIP LOCKED

-- name: mark_recorded
UPDATE impact_deliveries d SET recorded_at = :now WHERE d.id = ANY(CAST(:ids AS uuid[])) AND @within(d)

-- name: unmark_recorded
UPDATE impact_deliveries SET recorded_at = NULL WHERE id = ANY(CAST(:ids AS uuid[]))
