-- name: write
INSERT INTO audit_log (at, actor, action, company_id, subject, before, after)
SELECT :now, :actor, r.action, r.company_id, r.subject, r.before, r.after
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    action text, company_id uuid, subject text, before jsonb, after jsonb)

-- name: listed
-- GET /audit-log, newest first: a page of each company by audit_log_company_idx, or of everything.
SELECT a.id, a.at, a.actor, a.action, a.company_id, c.slug AS company, a.subject, a.before, a.after
FROM audit_log a LEFT JOIN companies c ON c.id = a.company_id
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR a.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:actor AS text) = '' OR position(lower(:actor) IN lower(a.actor)) > 0)
  AND (CAST(:action AS text) = '' OR position(lower(:action) IN lower(a.action)) > 0)
  AND (CAST(:before_at AS timestamptz) IS NULL OR (a.at, a.id) < (:before_at, CAST(:before_id AS uuid)))
ORDER BY a.at DESC, a.id DESC
LIMIT :limit
