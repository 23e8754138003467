-- name: listed
-- A company's channels, with what waits and what was given up in the last days.
SELECT c.id, c.company_id, c.name, c.medium, c.shown, c.kinds, c.digest, c.language, c.timezone, c.enabled,
       c.disabled_reason, c.disabled_at, c.failures, c.failing_since, c.last_error, c.last_success_at,
       CASE WHEN c.old_secret_until > :now THEN c.old_secret_until END AS old_secret_until,
       c.created_by, c.created_at, c.updated_at,
       coalesce(w.waiting, 0) AS waiting, coalesce(w.given_up, 0) AS given_up
FROM notice_channels c
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.gave_up_at IS NULL) AS waiting,
           count(*) FILTER (WHERE m.gave_up_at IS NOT NULL) AS given_up
    FROM notice_messages m WHERE m.channel_id = c.id AND m.sent_at IS NULL) w ON true
WHERE c.company_id = :company_id AND (CAST(:id AS uuid) IS NULL OR c.id = :id)
ORDER BY c.created_at, c.id

-- name: count
SELECT count(*) FROM notice_channels WHERE company_id = :company_id

-- name: add
INSERT INTO notice_channels (company_id, name, medium, target, shown, secret, kinds, digest, next_digest_at,
    language, timezone, created_by, created_at, updated_at)
VALUES (:company_id, :name, :medium, :target, :shown, :secret, :kinds, :digest, :next_digest_at, :language,
    :timezone, :actor, :now, :now)
RETURNING id

-- name: lock
SELECT id, medium, name, kinds, digest, language, timezone, enabled, shown FROM notice_channels
WHERE id = :id AND company_id = :company_id FOR UPDATE

-- name: change
-- Switched on again it begins anew: what failed before says nothing about now.
UPDATE notice_channels SET
    name = :name, kinds = :kinds, digest = :digest, next_digest_at = :next_digest_at, language = :language,
    timezone = :timezone, enabled = :enabled,
    target = coalesce(CAST(:target AS bytea), target), shown = coalesce(CAST(:shown AS text), shown),
    disabled_reason = CASE WHEN :enabled THEN NULL WHEN enabled THEN 'person' ELSE disabled_reason END,
    disabled_at = CASE WHEN :enabled THEN NULL WHEN enabled THEN :now ELSE disabled_at END,
    failures = CASE WHEN :enabled AND NOT enabled THEN 0 ELSE failures END,
    failing_since = CASE WHEN :enabled AND NOT enabled THEN NULL ELSE failing_since END,
    updated_at = :now
WHERE id = :id

-- name: remove
-- With its messages and their tries.
DELETE FROM notice_channels WHERE id = :id AND company_id = :company_id RETURNING name, medium, shown

-- name: rotate
-- The secret of before signs as well until its end.
UPDATE notice_channels SET old_secret = secret, old_secret_until = :until, secret = :secret, updated_at = :now
WHERE id = :id

-- name: give_up_waiting
UPDATE notice_messages SET gave_up_at = :now, last_error = :error
WHERE channel_id = :id AND sent_at IS NULL AND gave_up_at IS NULL

-- name: to_rotate
SELECT id, company_id, name, target, secret, old_secret FROM notice_channels
WHERE CAST(:after AS uuid) IS NULL OR id > :after ORDER BY id LIMIT :limit FOR UPDATE

-- name: rotated
UPDATE notice_channels SET target = coalesce(CAST(:target AS bytea), target),
    secret = coalesce(CAST(:secret AS bytea), secret),
    old_secret = coalesce(CAST(:old_secret AS bytea), old_secret)
WHERE id = :id

-- name: messages
-- The log of a channel, newest first.
SELECT m.id, m.seq, m.channel_id, m.kind, m.at, m.data, m.attempts, m.last_error, m.created_at, m.sent_at,
       m.gave_up_at, CASE WHEN m.sent_at IS NULL AND m.gave_up_at IS NULL THEN m.next_attempt_at END
           AS next_attempt_at
FROM notice_messages m
WHERE m.channel_id = :channel_id AND m.company_id = :company_id
  AND (CAST(:before AS bigint) IS NULL OR m.seq < :before)
  AND (CAST(:state AS text) IS NULL OR :state = CASE WHEN m.sent_at IS NOT NULL THEN 'sent'
       WHEN m.gave_up_at IS NOT NULL THEN 'failed' ELSE 'waiting' END)
ORDER BY m.seq DESC LIMIT :limit

-- name: attempts
SELECT message_id, number, at, latency_ms, accepted, http_status, error FROM notice_attempts
WHERE message_id = ANY(CAST(:ids AS uuid[])) ORDER BY message_id, number

-- name: again
-- Put into the queue once more, under the id it had: whoever takes each id once isn't told twice.
UPDATE notice_messages SET sent_at = NULL, gave_up_at = NULL, failed_attempts = 0, next_attempt_at = :now
WHERE channel_id = :channel_id AND company_id = :company_id
  AND (sent_at IS NOT NULL OR gave_up_at IS NOT NULL)
  AND (id = ANY(CAST(:ids AS uuid[])) OR (:all_failed AND gave_up_at IS NOT NULL))
RETURNING id

-- name: purge
DELETE FROM notice_messages WHERE created_at < :before AND (sent_at IS NOT NULL OR gave_up_at IS NOT NULL)
