-- name: listed
-- Those that may be used still, and what has ended in the last month.
SELECT id, company_id, name, shown, roles, created_by, created_at, expires_at, last_used_at, revoked_at,
       revoked_by
FROM api_tokens
WHERE company_id = :company_id AND coalesce(revoked_at, expires_at) > :ended_after
ORDER BY created_at DESC, id

-- name: count
SELECT count(*) FROM api_tokens WHERE company_id = :company_id AND revoked_at IS NULL AND expires_at > :now

-- name: add
INSERT INTO api_tokens (company_id, name, token_hash, shown, roles, created_by, created_at, expires_at)
VALUES (:company_id, :name, :token_hash, :shown, :roles, :actor, :now, :expires_at)
RETURNING id

-- name: found
SELECT id, company_id, name, roles, created_by, created_at, expires_at, revoked_at FROM api_tokens
WHERE token_hash = :token_hash

-- name: used
-- To the minute is enough: not each request writes.
UPDATE api_tokens SET last_used_at = :now
WHERE token_hash = :token_hash AND (last_used_at IS NULL OR last_used_at < :not_since)

-- name: revoke
UPDATE api_tokens SET revoked_at = :now, revoked_by = :actor
WHERE id = :id AND company_id = :company_id AND revoked_at IS NULL AND expires_at > :now
RETURNING name, shown
