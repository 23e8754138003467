-- name: holders
-- The accounts whose deliveries carry a platform's transaction id (impact_deliveries_transaction_idx), or did
-- when an earlier call-back named it.
SELECT p.company_id, p.webhook_secret
FROM platform_connections p
WHERE p.platform = :platform AND p.webhook_secret IS NOT NULL AND p.company_id IN (
    SELECT d.company_id FROM impact_deliveries d
    WHERE d.platform = :platform AND d.transaction_id = :transaction_id
    UNION
    SELECT m.company_id FROM webhook_messages m
    WHERE m.platform = :platform AND m.transaction_id = :transaction_id)
ORDER BY p.company_id
LIMIT :limit

-- name: accounts
-- Every account of a platform that can sign call-backs.
SELECT p.company_id, p.webhook_secret
FROM platform_connections p
WHERE p.platform = :platform AND p.webhook_secret IS NOT NULL
ORDER BY p.company_id

-- name: lock
-- The company's deliveries under a transaction id, held until the call-back has been applied.
SELECT id, scheduled_for, failed_at FROM impact_deliveries
WHERE platform = :platform AND transaction_id = :transaction_id AND company_id = :company_id
ORDER BY id
FOR UPDATE

-- name: known_by_message
-- A replay has since given the delivery another transaction, or the very message was taken before.
SELECT count(*) FROM webhook_messages
WHERE platform = :platform AND company_id = :company_id
  AND (transaction_id = :transaction_id OR message_id = :message_id)

-- name: take_message
INSERT INTO webhook_messages (platform, company_id, message_id, transaction_id, result, received_at)
VALUES (:platform, :company_id, :message_id, :transaction_id, :result, :now)
ON CONFLICT DO NOTHING

-- name: purge_messages
DELETE FROM webhook_messages WHERE (platform, company_id, message_id) IN (
    SELECT platform, company_id, message_id FROM webhook_messages WHERE received_at <= :forgotten
    ORDER BY received_at LIMIT 20 FOR UPDATE SKIP LOCKED)

-- name: note_result
UPDATE webhook_messages SET result = :result
WHERE platform = :platform AND company_id = :company_id AND message_id = :message_id

-- name: take_back
-- A platform that accepted it says now that it failed. delivered_at stays: it is settled that it arrived. A
-- failure that a replay had recovered keeps its time: for the record it is the same failure.
UPDATE impact_deliveries d
SET status = 'failed', error_kind = :kind, last_error = :error, failed_at = coalesce(failed_at, :now),
    taken_back_at = :now, call_back_at = :at, recorded_at = NULL, next_attempt_at = NULL, updated_at = :now
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND status = 'success'
  AND (call_back_at IS NULL OR call_back_at <= :at)
RETURNING id

-- name: restore
-- The platform has it after all, and nothing was sent in between: the failure of the take-back is undone, one
-- from before it stays. A replay that still waits would bring it a second time.
UPDATE impact_deliveries d
SET status = 'success', error_kind = NULL, last_error = NULL,
    failed_at = CASE WHEN failed_at < taken_back_at THEN failed_at END,
    taken_back_at = NULL, call_back_at = :at, recorded_at = NULL, next_attempt_at = NULL, rebuild = false,
    updated_at = :now
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND status IN ('failed', 'pending') AND taken_back_at IS NOT NULL
  AND (call_back_at IS NULL OR call_back_at < :at)
RETURNING id

-- name: note_good_time
-- A good word about what has arrived: an older bad one, which comes later, doesn't overrule it.
UPDATE impact_deliveries d SET call_back_at = :at
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND status = 'success'
  AND (call_back_at IS NULL OR call_back_at < :at)
RETURNING id

-- name: note_bad_time
-- A bad word about what was taken back already: a good one between the two, which comes later, restores nothing.
UPDATE impact_deliveries d SET call_back_at = :at
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND taken_back_at IS NOT NULL
  AND (call_back_at IS NULL OR call_back_at < :at)
RETURNING id
