-- name: close
-- A platform has asked to be left alone. Two drains may hear it one after the other: the later end counts,
-- and a closure that had ended begins anew.
INSERT INTO connection_closures AS k (company_id, platform, kind, closed_until, since, reason, updated_at)
SELECT r.company_id, r.platform, 'retry_after', r.closed_until, :now, r.reason, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    company_id uuid, platform text, closed_until timestamptz, reason text)
ORDER BY r.platform, r.company_id
ON CONFLICT (platform, company_id, kind) DO UPDATE
SET closed_until = greatest(k.closed_until, excluded.closed_until),
    since = CASE WHEN k.closed_until > :now THEN k.since ELSE excluded.since END,
    reason = excluded.reason, updated_at = :now

-- name: hold_open_rows
-- What waits for a closed connection says until when. Rows that somebody has locked are left out: claiming
-- looks at the closure itself.
UPDATE impact_deliveries d
SET next_attempt_at = h.closed_until, updated_at = :now
FROM (
    SELECT w.id, r.closed_until
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        company_id uuid, platform text, closed_until timestamptz)
    JOIN impact_deliveries w ON w.company_id = r.company_id AND w.platform = r.platform
    WHERE w.status IN @open AND w.status <> 'in_progress' AND w.next_attempt_at < r.closed_until
    ORDER BY w.id
    FOR UPDATE OF w SKIP LOCKED) AS h
WHERE d.id = h.id

-- name: closures
SELECT k.company_id, k.platform, k.kind, k.closed_until, k.since, k.reason
FROM connection_closures k
WHERE k.closed_until > :now
  AND (CAST(:company_ids AS uuid[]) IS NULL OR k.company_id IS NULL
       OR k.company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY k.closed_until, k.platform, k.company_id
