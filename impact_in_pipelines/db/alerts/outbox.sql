-- name: claim
-- The oldest notice of a channel that is due, unless an earlier one of the same incident is still to be sent
-- there: nothing overtakes. A second sender skips what the first one holds. The lease ends by itself, so a
-- notice whose sender died is sent by the next one.
WITH chosen AS (
    SELECT n.id FROM notifications n
    WHERE n.channel = :channel AND n.sent_at IS NULL AND n.next_attempt_at <= :now
      AND NOT EXISTS (
          SELECT 1 FROM alert_channels c WHERE c.channel = :channel AND c.closed_until > :now)
      AND NOT EXISTS (
          SELECT 1 FROM notifications e
          WHERE e.incident_id = n.incident_id AND e.channel = n.channel AND e.sent_at IS NULL
            AND e.seq < n.seq)
    ORDER BY n.seq
    LIMIT 1
    FOR UPDATE OF n SKIP LOCKED
)
UPDATE notifications n SET attempts = n.attempts + 1, next_attempt_at = :lease_until
FROM chosen WHERE n.id = chosen.id
RETURNING n.id, n.channel, n.attempts, n.body

-- name: sent
UPDATE notifications SET sent_at = :now, last_error = NULL WHERE id = :id

-- name: release
UPDATE notifications SET next_attempt_at = :again_at, last_error = :error
WHERE id = :id AND sent_at IS NULL

-- name: close_channel
INSERT INTO alert_channels (channel, failures, closed_until, last_error, updated_at)
VALUES (:channel, :failures, :closed_until, :error, :now)
ON CONFLICT (channel) DO UPDATE SET failures = EXCLUDED.failures, last_error = EXCLUDED.last_error,
    closed_until = EXCLUDED.closed_until, updated_at = EXCLUDED.updated_at

-- name: channel_failures
SELECT failures FROM alert_channels WHERE channel = :channel

-- name: open_channel
DELETE FROM alert_channels WHERE channel = :channel

-- name: reroute
-- Notices for a channel that is no longer configured go where they are at least kept.
UPDATE notifications SET channel = :target
WHERE channel = :channel AND sent_at IS NULL

-- name: backlog
-- What waits, by channel, and why.
SELECT n.channel, count(*) AS waiting, min(n.created_at) AS oldest,
       coalesce(max(c.last_error), (array_agg(n.last_error ORDER BY n.seq)
           FILTER (WHERE n.last_error IS NOT NULL))[1]) AS error
FROM notifications n LEFT JOIN alert_channels c ON c.channel = n.channel
WHERE n.sent_at IS NULL
GROUP BY n.channel ORDER BY n.channel

-- name: purge_sent
DELETE FROM notifications WHERE sent_at < :before
