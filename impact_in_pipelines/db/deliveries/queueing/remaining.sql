-- name: remaining
-- What is open, by what it waits for. Reads the open rows of the asked platforms only, by
-- impact_deliveries_open_due_idx. With days: what was selected by day, for those days.
SELECT w.platform, w.why, count(*) AS deliveries, min(w.until) AS first_at, max(w.until) AS last_at
FROM (
    SELECT d.platform,
           CASE
               WHEN d.status = 'in_progress' AND d.lease_until > :now THEN 'held'
               WHEN @closed(d) THEN 'closed'
               WHEN d.next_attempt_at > :now AND d.failed_attempts > 0 THEN 'retry'
               WHEN d.next_attempt_at > :now THEN 'later'
               WHEN d.selected_by IS NOT NULL AND d.status <> 'in_progress'
                 AND d.next_attempt_at > :orphaned_before THEN 'selected'
               WHEN d.schedule_id IS NOT NULL AND EXISTS (
                   SELECT 1 FROM impact_deliveries p
                   WHERE p.schedule_id = d.schedule_id AND p.scheduled_for < d.scheduled_for
                     AND p.status IN @open AND @within(p)) THEN 'behind'
               ELSE 'due'
           END AS why,
           CASE WHEN d.status = 'in_progress' THEN d.lease_until
                WHEN @closed(d) THEN greatest(d.next_attempt_at, (
                    SELECT max(k.closed_until) FROM connection_closures k
                    WHERE k.kind <> 'person' AND k.platform = d.platform
                      AND (k.company_id = d.company_id OR k.company_id IS NULL)))
                WHEN d.selected_by IS NOT NULL AND d.next_attempt_at <= :now
                    THEN d.next_attempt_at + (:now - :orphaned_before)
                ELSE d.next_attempt_at END AS until
    FROM impact_deliveries d
    WHERE d.platform = ANY(CAST(:platforms AS text[]))
      AND d.status IN @open AND @within(d)
      AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
      AND (CAST(:start AS date) IS NULL
        OR (d.trigger IN ('manual', 'backfill') AND d.period_start >= :start AND d.period_end <= :end))
) AS w
GROUP BY w.platform, w.why
ORDER BY w.platform, w.why

-- name: due_fires
-- Schedules that have come due and are not in the log yet.
SELECT s.platform, count(*) AS schedules
FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id AND c.active
WHERE s.platform = ANY(CAST(:platforms AS text[])) AND s.active AND s.deleted_at IS NULL
  AND s.next_run <= :now AND (CAST(:company_id AS uuid) IS NULL OR s.company_id = :company_id)
GROUP BY s.platform
