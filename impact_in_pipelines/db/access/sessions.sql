-- name: open
INSERT INTO web_sessions (id_hash, subject, roles, companies, form_token, created_at, expires_at,
                          signed_in_by)
VALUES (:id_hash, :subject, CAST(:roles AS text[]), CAST(:companies AS uuid[]), :form_token, :now,
        :expires_at, :signed_in_by)

-- name: find
SELECT id_hash, subject, roles, companies, form_token, expires_at FROM web_sessions
WHERE id_hash = ANY(CAST(:id_hashes AS char(64)[]))

-- name: listed
-- Those that are open, of one subject or of all; a tenant sees only those whose companies are all its own. One
-- without a company is within any list: it is nobody's but its subject's.
SELECT id, subject, roles, companies, signed_in_by, created_at, expires_at FROM web_sessions
WHERE expires_at > :now
  AND (CAST(:subject AS text) IS NULL OR subject = :subject)
  AND (CAST(:within AS uuid[]) IS NULL OR companies <@ CAST(:within AS uuid[]))
  AND (CAST(:within AS uuid[]) IS NULL OR CAST(:subject AS text) IS NOT NULL OR cardinality(companies) > 0)
ORDER BY created_at DESC, id
LIMIT :limit

-- name: close
DELETE FROM web_sessions WHERE id_hash = :id_hash

-- name: revoke
DELETE FROM web_sessions WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id, subject

-- name: purge
-- A few that have expired with each new one (by web_sessions_expires_at_idx).
DELETE FROM web_sessions WHERE id_hash IN (
    SELECT id_hash FROM web_sessions WHERE expires_at < :forgotten ORDER BY expires_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
