-- name: count_companies
SELECT count(*) FROM companies

-- name: companies
SELECT id FROM companies ORDER BY id

-- name: slugs_of
SELECT id, slug FROM companies
WHERE CAST(:company_ids AS uuid[]) IS NULL OR id = ANY(CAST(:company_ids AS uuid[]))

-- name: touched
-- Companies whose breaches may differ from what they were at :before: a row has changed since the mark (by
-- impact_deliveries_changes_brin), has come into the window or left it (by impact_deliveries_due_idx), or waits
-- too long, which is the clock's affair.
SELECT d.company_id FROM impact_deliveries d WHERE @changed_since(d, :mark)
UNION
SELECT company_id FROM impact_deliveries
WHERE (scheduled_for >= :start_before AND scheduled_for < :start)
   OR (scheduled_for >= :before AND scheduled_for < :now)
UNION
SELECT company_id FROM impact_deliveries
WHERE status IN @open
  AND CASE WHEN attempt_count = 0 THEN scheduled_for ELSE next_attempt_at END
      < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes)
UNION
SELECT s.company_id FROM scheduled_deliveries s
WHERE @changed_since(s, :mark)
   OR (s.active AND s.deleted_at IS NULL
       AND s.next_run < CAST(:now AS timestamptz) - make_interval(mins => :overdue_after_minutes))
