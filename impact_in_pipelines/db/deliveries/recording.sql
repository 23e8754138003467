-- name: due_state
-- What a tick asks: since when something is due, and when the next thing will be. Reads only. Times that lie
-- ahead of anything possible are due now: planning puts them back (clock_faults.sql).
SELECT
    (SELECT min(CASE WHEN s.fired_until > :ahead THEN :now ELSE s.next_run END) FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id
     WHERE s.platform = :platform AND s.active AND s.deleted_at IS NULL AND c.active) AS next_fire,
    (SELECT d.next_attempt_at FROM impact_deliveries d
     WHERE d.platform = :platform AND d.status IN @open AND NOT @closed(d)
       AND (d.selected_by IS NULL OR d.status = 'in_progress' OR d.next_attempt_at <= :orphaned_before)
       AND NOT EXISTS (
           SELECT 1 FROM impact_deliveries p
           WHERE p.schedule_id = d.schedule_id AND p.scheduled_for < d.scheduled_for
             AND p.status IN @open)
     ORDER BY d.next_attempt_at LIMIT 1) AS next_attempt,
    (SELECT CAST(:now AS timestamptz) FROM impact_deliveries d
     WHERE d.platform = :platform AND d.status IN @open AND d.next_attempt_at > :lease_most
       AND (d.status = 'in_progress' OR d.next_attempt_at > :wait_most) LIMIT 1) AS out_of_time,
    (SELECT min(k.closed_until) FROM connection_closures k
     WHERE k.platform = :platform AND k.closed_until > :now AND EXISTS (
         SELECT 1 FROM impact_deliveries h
         WHERE h.platform = k.platform AND h.status IN @open
           AND (h.company_id = k.company_id OR k.company_id IS NULL))) AS reopens_at,
    (SELECT min(d.updated_at) FROM impact_deliveries d
     WHERE d.platform = :platform AND d.recorded_at IS NULL AND d.status IN @shown
       AND (d.selected_by IS NULL
            OR d.updated_at <= CASE WHEN d.status = 'failed' THEN CAST(:abandoned_before AS timestamptz)
                                    ELSE :orphaned_before END)) AS unrecorded_since

-- name: unrecorded
-- Final deliveries that Dagster doesn't show yet, locked until it does. A run shows its failures at its end
-- only, so those of a selection are left to it for as long as a run may take.
SELECT d.id, c.slug AS company_slug, d.platform, d.trigger, d.status, d.period_start, d.period_end,
       d.scheduled_for, d.delivered_at, d.failed_at, d.transaction_id, d.payload_hash, d.payload_bytes,
       d.attempt_count, d.error_kind, d.last_error, d.http_status, d.duplicate_of, d.revision
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
UPDATE impact_deliveries SET recorded_at = :now WHERE id = ANY(CAST(:ids AS uuid[]))

-- name: unmark_recorded
UPDATE impact_deliveries SET recorded_at = NULL WHERE id = ANY(CAST(:ids AS uuid[]))
