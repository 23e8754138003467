-- name: make_link
INSERT INTO access_tokens (token_hash, subject, roles, companies, created_by, created_at, expires_at)
VALUES (:token_hash, :subject, CAST(:roles AS text[]), CAST(:companies AS uuid[]), :created_by, :now,
        :expires_at)
RETURNING id

-- name: use
-- The first who brings the token signs in with it: no row comes back for anybody after.
INSERT INTO access_tokens AS t (token_hash, subject, roles, companies, created_by, created_at, expires_at,
                                used_at)
VALUES (:token_hash, :subject, CAST(:roles AS text[]), CAST(:companies AS uuid[]), :subject, :now,
        :expires_at, :now)
ON CONFLICT (token_hash) DO UPDATE SET used_at = :now
WHERE t.used_at IS NULL AND t.revoked_at IS NULL
RETURNING t.xmax <> 0 AS is_link -- a row that was there before

-- name: listed
-- Links that can still be used; a tenant sees only those whose companies are all its own. One without a company
-- is within any list: it is nobody's but its maker's.
SELECT id, subject, roles, companies, created_by, created_at, expires_at FROM access_tokens
WHERE expires_at > :now AND used_at IS NULL AND revoked_at IS NULL
  AND (CAST(:created_by AS text) IS NULL OR created_by = :created_by)
  AND (CAST(:within AS uuid[]) IS NULL OR companies <@ CAST(:within AS uuid[]))
  AND (CAST(:within AS uuid[]) IS NULL OR CAST(:created_by AS text) IS NOT NULL OR cardinality(companies) > 0)
ORDER BY created_at DESC, id
LIMIT :limit

-- name: revoke_links
UPDATE access_tokens SET revoked_at = :now
WHERE id = ANY(CAST(:ids AS uuid[])) AND revoked_at IS NULL RETURNING id, subject

-- name: revoke_token
INSERT INTO access_tokens AS t (token_hash, subject, roles, companies, created_by, created_at, expires_at,
                                revoked_at)
VALUES (:token_hash, :subject, CAST(:roles AS text[]), CAST(:companies AS uuid[]), :subject, :now,
        :expires_at, :now)
ON CONFLICT (token_hash) DO UPDATE SET revoked_at = coalesce(t.revoked_at, :now)

-- name: revoke_subject
INSERT INTO revoked_subjects (subject, issued_before, expires_at) VALUES (:subject, now(), :expires_at)
ON CONFLICT (subject) DO UPDATE
SET issued_before = excluded.issued_before, expires_at = excluded.expires_at

-- name: subjects_sessions
DELETE FROM web_sessions WHERE subject = :subject RETURNING id

-- name: subjects_api_tokens
-- The tokens that it has made for programs: whoever made one holds it.
UPDATE api_tokens SET revoked_at = :now, revoked_by = :actor
WHERE created_by = :subject AND revoked_at IS NULL AND expires_at > :now
RETURNING name, company_id

-- name: revoked_tokens
SELECT token_hash FROM access_tokens WHERE revoked_at IS NOT NULL AND expires_at > now()
UNION ALL
SELECT token_hash FROM api_tokens WHERE revoked_at IS NOT NULL AND expires_at > now()

-- name: revoked_subjects
SELECT subject, issued_before FROM revoked_subjects WHERE expires_at > now()

-- name: purge
-- A few that have expired with each new one (by access_tokens_expires_at_idx).
DELETE FROM access_tokens WHERE id IN (
    SELECT id FROM access_tokens WHERE expires_at < :forgotten ORDER BY expires_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
