-- name: listed
-- deliveries list: newest first. One company's come by impact_deliveries_timeline_idx.
SELECT d.id, c.slug AS company, d.platform, d.trigger, d.status, d.period_start, d.period_end,
       d.scheduled_for, d.attempt_count, d.next_attempt_at, d.delivered_at, d.failed_at, d.error_kind,
       d.last_error, d.http_status, d.transaction_id, d.payload_bytes, d.duplicate_of, d.replay_of, d.note
FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
WHERE (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
  AND (CAST(:platform AS text) IS NULL OR d.platform = :platform)
  AND (CAST(:statuses AS text[]) IS NULL OR d.status = ANY(:statuses))
ORDER BY d.scheduled_for DESC, d.created_at DESC, d.id
LIMIT :limit

-- name: matching
-- Up to :limit ids in each range of ids, by primary key.
SELECT r.place, d.id
FROM jsonb_to_recordset(CAST(:ranges AS jsonb)) AS r(place int, lowest uuid, highest uuid)
CROSS JOIN LATERAL (
    SELECT m.id FROM impact_deliveries m
    WHERE m.id BETWEEN r.lowest AND r.highest
      AND (CAST(:company_id AS uuid) IS NULL OR m.company_id = :company_id)
    ORDER BY m.id
    LIMIT :limit
) AS d
ORDER BY r.place, d.id

-- name: shown
SELECT d.id, c.slug AS company, d.platform, d.trigger, d.status, d.period_start, d.period_end,
       d.scheduled_for, d.attempt_count, d.next_attempt_at, d.delivered_at, d.failed_at, d.error_kind,
       d.last_error, d.http_status, d.transaction_id, d.payload_bytes, d.duplicate_of, d.replay_of, d.note,
       d.timezone, d.schedule_id, s.schedule, d.payload_hash, d.revision, d.idempotency_key, d.batch_id,
       d.force, d.dagster_run_id, d.created_at, d.updated_at, d.payload, d.provider_response
FROM impact_deliveries d
JOIN companies c ON c.id = d.company_id
LEFT JOIN scheduled_deliveries s ON s.id = d.schedule_id
WHERE d.id = :id

-- name: attempts
SELECT number, started_at, finished_at, outcome, http_status, error_kind, error, latency_ms
FROM delivery_attempts WHERE delivery_id = :id ORDER BY number
