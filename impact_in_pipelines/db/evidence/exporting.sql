-- name: chain_of
-- Where a company's chain stands, the first link of a delivery that reports on a day of the span, and the last
-- one up to there that was recorded before anything of the span could be: the archive begins with it, so that
-- whoever verifies it sees that no link of the span lies before. Both are looked for from their end of the key.
SELECT h.links, encode(h.hash, 'hex') AS hash, (
    SELECT b.link FROM evidence_links b
    WHERE b.company_id = h.company_id AND b.link <= coalesce(s.link, h.links)
      AND b.recorded_at < (CAST(:first AS date) - 7) AT TIME ZONE 'UTC'
    ORDER BY b.link DESC LIMIT 1) AS first
FROM evidence_heads h
LEFT JOIN LATERAL (
    SELECT l.link FROM evidence_links l
    WHERE l.company_id = h.company_id
      AND CAST(CAST(l.record AS jsonb) -> 'period' ->> 0 AS date) <= CAST(:last AS date)
      AND CAST(CAST(l.record AS jsonb) -> 'period' ->> 1 AS date) >= CAST(:first AS date)
    ORDER BY l.link LIMIT 1) AS s ON true
WHERE h.company_id = :company_id

-- name: hash_at
SELECT encode(hash, 'hex') FROM evidence_links WHERE company_id = :company_id AND link = :link

-- name: size
SELECT count(*) AS deliveries, count(d.payload) AS payloads, count(d.provider_response) AS receipts,
    coalesce(sum(d.attempt_count), 0) AS attempts
FROM impact_deliveries d
WHERE d.company_id = :company_id AND d.period_start <= :last AND d.period_end >= :first
  AND d.scheduled_for >= CAST(:first AS date) - 7 AND d.status NOT IN @open

-- name: links
SELECT link, encode(hash, 'hex') AS hash, record FROM evidence_links
WHERE company_id = :company_id AND link >= :link ORDER BY link

-- name: kept_from
-- What was due before has left the log (retention).
SELECT min(scheduled_for) FROM impact_deliveries

-- name: deliveries
-- As the records say it (add_evidence), from the rows as they are now, with what the records have by its hash
-- only. Nothing is due before its period begins; the week is for clocks and time zones.
SELECT d.id, CAST(jsonb_strip_nulls(jsonb_build_object(
    'delivery', d.id, 'platform', d.platform, 'trigger', d.trigger, 'status', d.status,
    'period', jsonb_build_array(d.period_start, d.period_end), 'due', d.scheduled_for,
    'delivered_at', d.delivered_at, 'failed_at', d.failed_at,
    'taken_back_at', d.taken_back_at, 'call_back_at', d.call_back_at,
    'payload_sha256', d.payload_hash, 'payload_bytes', d.payload_bytes,
    'payload_kept', d.payload IS NOT NULL,
    'payload_time', coalesce(d.payload ->> 'timestamp', d.payload -> 'metadata' ->> 'timestamp'),
    'key', nullif(d.idempotency_key, d.id), 'revision', nullif(d.revision, 1), 'batch', d.batch_id,
    'transaction', d.transaction_id, 'error_kind', d.error_kind,
    'duplicate_of', d.duplicate_of, 'replay_of', d.replay_of, 'corrects', d.corrects,
    'error', d.last_error, 'note', d.note, 'open', nullif(d.status IN @open, false))) AS text) AS line
FROM impact_deliveries d
WHERE d.company_id = :company_id AND d.period_start <= :last AND d.period_end >= :first
  AND d.scheduled_for >= CAST(:first AS date) - 7
  AND (d.status NOT IN @open OR EXISTS (
      SELECT 1 FROM evidence_links l
      WHERE l.company_id = :company_id AND l.link >= :link AND l.delivery_id = d.id))
ORDER BY d.scheduled_for, d.id

-- name: payloads
SELECT d.id, d.payload FROM impact_deliveries d
WHERE d.company_id = :company_id AND d.period_start <= :last AND d.period_end >= :first
  AND d.scheduled_for >= CAST(:first AS date) - 7 AND d.status NOT IN @open AND d.payload IS NOT NULL
ORDER BY d.scheduled_for, d.id

-- name: receipts
SELECT d.id, CAST(d.provider_response AS text) AS receipt FROM impact_deliveries d
WHERE d.company_id = :company_id AND d.period_start <= :last AND d.period_end >= :first
  AND d.scheduled_for >= CAST(:first AS date) - 7 AND d.status NOT IN @open AND d.provider_response IS NOT NULL
ORDER BY d.scheduled_for, d.id

-- name: attempts
-- The very text whose hash is in the records.
SELECT CAST(jsonb_strip_nulls(jsonb_build_object(
    'delivery', a.delivery_id, 'number', a.number, 'started_at', a.started_at,
    'finished_at', a.finished_at, 'outcome', a.outcome, 'http_status', a.http_status,
    'error_kind', a.error_kind, 'error', a.error, 'latency_ms', a.latency_ms)) AS text) AS line
FROM impact_deliveries d
JOIN delivery_attempts a ON a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity')
WHERE d.company_id = :company_id AND d.period_start <= :last AND d.period_end >= :first
  AND d.scheduled_for >= CAST(:first AS date) - 7 AND d.status NOT IN @open
ORDER BY d.scheduled_for, d.id, a.number

-- name: taken_back
-- The words of a platform that took a delivery back.
SELECT after ->> 'last_error' AS error FROM audit_log
WHERE company_id = :company_id AND action = 'delivery.taken_back' AND subject = 'delivery ' || :delivery_id
  AND at = CAST(:at AS timestamptz)
LIMIT 1
