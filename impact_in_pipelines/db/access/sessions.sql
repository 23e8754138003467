-- name: open
INSERT INTO web_sessions (id_hash, subject, roles, companies, form_token, created_at, expires_at)
VALUES (:id_hash, :subject, CAST(:roles AS text[]), CAST(:companies AS uuid[]), :form_token, :now,
        :expires_at)

-- name: find
SELECT subject, roles, companies, form_token, expires_at FROM web_sessions WHERE id_hash = :id_hash

-- name: close
DELETE FROM web_sessions WHERE id_hash = :id_hash

-- name: purge
-- A few that have expired with each new one (by web_sessions_expires_at_idx).
DELETE FROM web_sessions WHERE id_hash IN (
    SELECT id_hash FROM web_sessions WHERE expires_at < :forgotten ORDER BY expires_at LIMIT 20
    FOR UPDATE SKIP LOCKED)
