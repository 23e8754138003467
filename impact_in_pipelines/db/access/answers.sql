-- name: take_key
-- A key is free if it is new, its answer has expired, or the process that took it died.
INSERT INTO idempotency_keys AS k (scope, key, request_hash, created_at)
VALUES (:scope, :key, :request_hash, :now)
ON CONFLICT (scope, key) DO UPDATE
SET request_hash = excluded.request_hash, created_at = excluded.created_at, status = NULL,
    headers = NULL, body = NULL
WHERE k.created_at <= :expired OR (k.status IS NULL AND k.created_at <= :abandoned)

-- name: read_key
SELECT request_hash, status, headers, body FROM idempotency_keys WHERE scope = :scope AND key = :key

-- name: keep_answer
UPDATE idempotency_keys SET status = :status, headers = CAST(:headers AS jsonb), body = :body
WHERE scope = :scope AND key = :key

-- name: forget_key
DELETE FROM idempotency_keys WHERE scope = :scope AND key = :key AND status IS NULL

-- name: purge_keys
-- A few expired answers with each new key: the table holds a day.
DELETE FROM idempotency_keys WHERE (scope, key) IN (
    SELECT scope, key FROM idempotency_keys WHERE created_at <= :expired ORDER BY created_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
