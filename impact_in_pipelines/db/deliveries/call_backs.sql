-- name: addressees
-- Whose deliveries carry a platform's transaction id (impact_deliveries_transaction_idx).
SELECT DISTINCT d.company_id, p.webhook_secret
FROM impact_deliveries d
JOIN platform_connections p ON p.company_id = d.company_id AND p.platform = d.platform
WHERE d.platform = :platform AND d.transaction_id = :transaction_id AND p.webhook_secret IS NOT NULL
ORDER BY d.company_id
LIMIT :limit

-- name: take_message
INSERT INTO webhook_messages (platform, company_id, message_id, result, received_at)
VALUES (:platform, :company_id, :message_id, :result, :now)
ON CONFLICT DO NOTHING

-- name: purge_messages
DELETE FROM webhook_messages WHERE (platform, company_id, message_id) IN (
    SELECT platform, company_id, message_id FROM webhook_messages WHERE received_at <= :forgotten
    ORDER BY received_at LIMIT 20 FOR UPDATE SKIP LOCKED)

-- name: take_back
-- A platform that accepted it says now that it failed. delivered_at stays: it is settled that it arrived.
UPDATE impact_deliveries
SET status = 'failed', error_kind = :kind, last_error = :error, failed_at = :now, recorded_at = NULL,
    next_attempt_at = NULL, updated_at = :now
WHERE platform = :platform AND transaction_id = :transaction_id AND company_id = :company_id
  AND status = 'success'
RETURNING id
