-- name: add
SELECT add_evidence(CAST(:ids AS uuid[]), CAST(:due_from AS timestamptz), CAST(:due_until AS timestamptz), :removed)

-- name: lock_chains
-- In the order in which add_evidence locks them.
SELECT company_id FROM evidence_heads WHERE company_id = ANY(CAST(:company_ids AS uuid[]))
ORDER BY company_id FOR NO KEY UPDATE

-- name: mark
SELECT mark, marked_at FROM evidence_marks

-- name: set_mark
INSERT INTO evidence_marks (id, mark, marked_at) VALUES (1, :mark, :now)
ON CONFLICT (id) DO UPDATE SET mark = EXCLUDED.mark, marked_at = EXCLUDED.marked_at

-- name: companies
SELECT id FROM companies ORDER BY id

-- name: unlinked
-- Ends that have no link: from before there was a chain, or written by a program of before. What has a link was
-- linked in the transaction that changed it, so links that are older than the mark by more than a transaction can
-- take need not be looked at. A link from before the last change says nothing of it; the minute is for clocks.
SELECT d.company_id, d.id, d.scheduled_for
FROM impact_deliveries d
WHERE d.status NOT IN @open AND @changed_since(d, :mark)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND NOT EXISTS (
      SELECT 1 FROM evidence_links l
      WHERE l.company_id = d.company_id AND l.delivery_id = d.id AND l.status = d.status
        AND l.recorded_at >= CAST(:linked_since AS timestamptz)
        AND l.recorded_at >= d.updated_at - interval '1 minute')
ORDER BY d.company_id, greatest(d.delivered_at, d.failed_at, d.taken_back_at), d.scheduled_for, d.id
