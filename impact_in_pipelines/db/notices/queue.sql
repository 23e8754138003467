-- name: claim
-- Channels on which something is to be sent, each into one sender's hands until the lease ends. Those that
-- fail are claimed apart from those that work, so that they hold nobody up.
WITH chosen AS (
    SELECT c.id FROM notice_channels c
    WHERE c.enabled AND (c.failures > 0) = :failing AND (c.lease_until IS NULL OR c.lease_until <= :now)
      AND (c.digest = 'at_once' OR c.next_digest_at <= :now)
      AND c.id IN (
          SELECT m.channel_id FROM notice_messages m
          WHERE m.sent_at IS NULL AND m.gave_up_at IS NULL AND m.next_attempt_at <= :now)
      AND NOT c.id = ANY(CAST(:not_again AS uuid[]))
    LIMIT :limit
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE notice_channels c SET lease_until = :lease_until
FROM chosen, companies o
WHERE c.id = chosen.id AND o.id = c.company_id
RETURNING c.id, c.company_id, o.name AS company, c.name, c.medium, c.digest, c.language, c.timezone, c.target,
    c.secret, CASE WHEN c.old_secret_until > :now THEN c.old_secret END AS old_secret, c.failures,
    c.failing_since

-- name: claim_one
-- One channel with one message of it, for a test.
SELECT c.id, c.company_id, o.name AS company, c.name, c.medium, c.digest, c.language, c.timezone, c.target,
    c.secret, CASE WHEN c.old_secret_until > :now THEN c.old_secret END AS old_secret, c.failures,
    c.failing_since
FROM notice_channels c JOIN companies o ON o.id = c.company_id
WHERE c.id = :id AND c.company_id = :company_id

-- name: tests_in_turn
-- One test of a company at a time until its transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('notice test ' || :company_id, 0))

-- name: last_test
-- By the audit log: a channel may be gone since, with its messages.
SELECT max(at) FROM audit_log WHERE company_id = :company_id AND at > :after AND action = :action

-- name: messages
SELECT c.id AS channel_id, m.id, m.kind, m.at, m.data, m.attempts, m.failed_attempts
FROM unnest(CAST(:ids AS uuid[])) AS c(id)
CROSS JOIN LATERAL (
    SELECT m.* FROM notice_messages m
    WHERE m.channel_id = c.id AND m.sent_at IS NULL AND m.gave_up_at IS NULL AND m.next_attempt_at <= :now
    ORDER BY m.seq LIMIT :most) m
ORDER BY c.id, m.seq

-- name: add
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
VALUES (:company_id, :channel_id, :key, :kind, :now, CAST(:data AS jsonb), :now, :held_until)
RETURNING id, kind, at, data, attempts, failed_attempts

-- name: record_messages
UPDATE notice_messages m
SET attempts = m.attempts + 1, failed_attempts = m.failed_attempts + (r.error IS NOT NULL)::int,
    last_error = r.error, sent_at = CASE WHEN r.error IS NULL THEN CAST(:now AS timestamptz) END,
    gave_up_at = CASE WHEN r.gave_up THEN CAST(:now AS timestamptz) END,
    next_attempt_at = coalesce(r.again_at, m.next_attempt_at)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, error text, again_at timestamptz, gave_up boolean)
WHERE m.id = r.id

-- name: record_attempts
INSERT INTO notice_attempts (message_id, number, at, latency_ms, accepted, http_status, error)
SELECT r.id, r.number, :now, r.latency_ms, r.error IS NULL, r.http_status, r.error
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, number int, latency_ms float8, http_status smallint, error text)
WHERE EXISTS (SELECT 1 FROM notice_messages m WHERE m.id = r.id)

-- name: works
-- A test has no lease: whoever has the channel keeps it.
UPDATE notice_channels SET lease_until = CASE WHEN :leased THEN NULL ELSE lease_until END, failures = 0, failing_since = NULL, last_error = NULL,
    last_success_at = :now, next_digest_at = coalesce(CAST(:next_digest_at AS timestamptz), next_digest_at)
WHERE id = :id

-- name: catch_up
-- A receiver that is back needn't wait for what was put off while it was away.
UPDATE notice_messages SET next_attempt_at = :now
WHERE channel_id = :id AND sent_at IS NULL AND gave_up_at IS NULL AND next_attempt_at > :now

-- name: fails
UPDATE notice_channels SET lease_until = NULL, failures = failures + 1,
    failing_since = coalesce(failing_since, :now), last_error = :error
WHERE id = :id

-- name: unchanged
UPDATE notice_channels SET lease_until = NULL WHERE id = :id

-- name: disable
UPDATE notice_channels SET lease_until = NULL, enabled = false, disabled_reason = :reason, disabled_at = :now,
    failures = failures + 1, failing_since = coalesce(failing_since, :now), last_error = :error,
    updated_at = :now
WHERE id = :id AND enabled

-- name: tell_others
-- The company's other channels are notified that this one was switched off.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT c.company_id, c.id, 'channel.disabled:' || x.id || ':' || extract(epoch FROM CAST(:now AS timestamptz)),
       'channel.disabled', :now,
       jsonb_build_object(
           'company', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name),
           'channel', jsonb_build_object('id', x.id, 'name', x.name, 'medium', x.medium,
                                         'reason', x.disabled_reason, 'error', x.last_error)),
       :now, :now
FROM notice_channels x
JOIN notice_channels c ON c.company_id = x.company_id AND c.id <> x.id AND c.enabled
JOIN companies o ON o.id = x.company_id
WHERE x.id = :id
ON CONFLICT (channel_id, key) DO NOTHING

-- name: pass_digests
-- Digests whose time has come with nothing to say: the next one is another day's.
SELECT id, digest, timezone FROM notice_channels c
WHERE c.enabled AND c.next_digest_at <= :now AND c.digest <> 'at_once' AND c.failures = 0
  AND NOT EXISTS (
      SELECT 1 FROM notice_messages m
      WHERE m.channel_id = c.id AND m.sent_at IS NULL AND m.gave_up_at IS NULL)

-- name: digest_at
UPDATE notice_channels c SET next_digest_at = r.at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, at timestamptz) WHERE c.id = r.id
