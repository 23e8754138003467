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
    WHERE w.status IN @open AND @within(w) AND w.status <> 'in_progress' AND w.next_attempt_at < r.closed_until
    ORDER BY w.id
    FOR UPDATE OF w SKIP LOCKED) AS h
WHERE d.id = h.id AND @within(d)

-- name: closures
SELECT k.company_id, k.platform, k.kind, k.closed_until, k.since, k.reason, k.state, k.cause, k.held_by,
       k.probing
FROM connection_closures k
WHERE (k.holds OR k.closed_until > :now)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR k.company_id IS NULL
       OR k.company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY k.closed_until, k.platform, k.company_id

-- name: hold
-- A person's hold; no row: one is there already.
INSERT INTO connection_closures AS k (company_id, platform, kind, closed_until, since, reason, holds, held_by,
    notified_at, updated_at)
VALUES (:company_id, :platform, 'person', '9999-01-01T00:00:00Z', :now, :reason, true, :by, :now, :now)
ON CONFLICT (platform, company_id, kind) DO UPDATE
SET closed_until = excluded.closed_until, since = excluded.since, reason = excluded.reason, holds = true,
    held_by = excluded.held_by, notified_at = excluded.notified_at, updated_at = :now
WHERE NOT k.holds
RETURNING k.company_id, k.platform, k.kind, k.closed_until, k.since, k.reason, k.state, k.cause, k.held_by,
    k.probing

-- name: to_resume
SELECT k.kind, k.holds OR k.closed_until > :now AS in_force, k.resumed_at, k.reason
FROM connection_closures k
WHERE k.platform = :platform AND k.company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
ORDER BY k.kind
FOR UPDATE

-- name: resume
-- A person's hold ends, a wait that a platform asked for too; a breaker tries a canary now.
UPDATE connection_closures k
SET holds = k.kind = 'breaker' AND k.holds, closed_until = :now, probing = false, resumed_at = :now,
    updated_at = :now
WHERE k.platform = :platform AND k.company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND (k.holds OR k.closed_until > :now)

-- name: probe_now
-- The connection was set anew: its breaker tries it at once.
UPDATE connection_closures k
SET closed_until = :now, probing = false, updated_at = :now
WHERE k.platform = :platform AND k.company_id = :company_id AND k.kind = 'breaker' AND k.holds

-- name: due_again
-- What waited for the end of a closure is due, where nothing else holds it.
UPDATE impact_deliveries d SET next_attempt_at = :now, updated_at = :now
WHERE d.platform = :platform AND d.status IN @waiting AND @within(d) AND d.next_attempt_at > :now
  AND d.failed_attempts = 0 AND NOT @closed(d)
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
  AND EXISTS (
      SELECT 1 FROM delivery_attempts a WHERE @attempt(a, d) AND a.outcome = 'held')

-- name: held
-- How many open deliveries are held, by platform.
SELECT d.platform, count(*) AS held, min(d.scheduled_for) AS oldest FROM impact_deliveries d
WHERE d.status IN @waiting AND d.scheduled_for <= :now AND @shut(d)
  AND (CAST(:platform AS text) IS NULL OR d.platform = :platform)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
GROUP BY d.platform
