-- name: still_held
-- The fence: of these rows, the ones that are still this worker's.
SELECT d.id FROM impact_deliveries d
WHERE d.id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND d.claimed_by = :worker AND d.status = 'in_progress'
ORDER BY d.id
FOR UPDATE

-- name: lock_contents
-- One lock per content, in one order: two workers never judge the same content at once.
SELECT pg_advisory_xact_lock(hashtextextended(k.content, 0))
FROM (SELECT unnest(CAST(:contents AS text[])) AS content ORDER BY 1) AS k

-- name: twins
-- Rows with the same content for the same company and platform: delivered inside the window; on their way,
-- which is open and attempted, whatever the status says between two attempts; or given up after an attempt
-- inside the window, not necessarily the last one, that may have arrived. The same content reports on the same
-- period, before which nothing is due: `due_from` lies a week before the first period of them all.
-- Nothing arrives before it is due: where it says so, the clock was set back then.
-- Hashes are char(64), as the columns are: compared with text, they are of no use in an index.
WITH m AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, company_id uuid, payload_hash char(64), figures_hash char(64), period_start date, period_end date,
        corrects bool)
)
SELECT m.id, t.id AS twin, t.status, t.next_attempt_at, t.idempotency_key, t.batch_id, t.payload, t.delivered_at
FROM m
-- OFFSET: one look into the index for each. A join reads all contents of the platform as long as statistics call
-- the month empty.
CROSS JOIN LATERAL (
    SELECT * FROM impact_deliveries o
    WHERE o.company_id = m.company_id AND o.platform = :platform AND o.payload_hash = m.payload_hash AND @within(o)
    OFFSET 0
) t
WHERE t.id NOT IN (SELECT m.id FROM m)
  AND ((t.status = 'success' AND greatest(t.delivered_at, t.scheduled_for) > :window_start)
    OR (t.status IN @open AND (t.attempt_count > 0 OR EXISTS (
        SELECT 1 FROM delivery_attempts h WHERE @attempt(h, t) AND h.outcome = 'held')))
    OR (t.status IN ('failed', 'cancelled') AND t.delivered_at IS NULL AND EXISTS (
        SELECT 1 FROM delivery_attempts a
        WHERE @attempt(a, t) AND greatest(a.started_at, t.scheduled_for) > :window_start
          AND (a.outcome IN ('started', 'lost')
            OR a.error_kind = ANY(CAST(:may_have_arrived AS text[]))))))
UNION ALL
-- A correction says in its body which one it is, so that the same figures have another content: by figures, a
-- correction that has arrived inside the window or is on its way, ...
SELECT m.id, t.id AS twin, t.status, t.next_attempt_at, t.idempotency_key, t.batch_id, t.payload, t.delivered_at
FROM m
JOIN impact_deliveries t
  ON t.company_id = m.company_id AND t.platform = :platform AND t.trigger = 'correction'
 AND t.period_start = m.period_start AND t.period_end = m.period_end AND t.figures_hash = m.figures_hash
 AND @within(t)
WHERE t.id NOT IN (SELECT m.id FROM m) AND t.payload_hash <> m.payload_hash
  AND ((t.status = 'success' AND greatest(t.delivered_at, t.scheduled_for) > :window_start)
    OR (t.status IN @open AND t.attempt_count > 0))
  AND NOT EXISTS (
      -- Only the last word on the period: figures may have been corrected back and forth.
      SELECT 1 FROM impact_deliveries n
      WHERE n.company_id = t.company_id AND n.platform = t.platform AND n.status = 'success' AND @within(n)
        AND n.period_start = t.period_start AND n.period_end = t.period_end
        AND (greatest(n.delivered_at, n.scheduled_for), n.correction)
          > (greatest(t.delivered_at, t.scheduled_for), t.correction))
UNION ALL
-- ... and whatever else has brought a correction's own figures.
SELECT m.id, t.id AS twin, t.status, t.next_attempt_at, t.idempotency_key, t.batch_id, t.payload, t.delivered_at
FROM m
JOIN impact_deliveries t
  ON m.corrects AND t.company_id = m.company_id AND t.platform = :platform AND t.trigger <> 'correction'
 AND t.period_start = m.period_start AND t.period_end = m.period_end AND t.figures_hash = m.figures_hash
 AND @within(t)
WHERE t.id NOT IN (SELECT m.id FROM m)
  AND ((t.status = 'success' AND greatest(t.delivered_at, t.scheduled_for) > :window_start)
    OR (t.status IN @open AND t.attempt_count > 0))
  AND NOT EXISTS (
      -- Only the last word on the period: figures may have been corrected back and forth.
      SELECT 1 FROM impact_deliveries n
      WHERE n.company_id = t.company_id AND n.platform = t.platform AND n.status = 'success' AND @within(n)
        AND n.period_start = t.period_start AND n.period_end = t.period_end
        AND (greatest(n.delivered_at, n.scheduled_for), n.correction)
          > (greatest(t.delivered_at, t.scheduled_for), t.correction))
ORDER BY id, delivered_at DESC NULLS LAST

-- name: freeze_ready
UPDATE impact_deliveries d
SET payload = r.payload, payload_hash = r.payload_hash, payload_bytes = r.payload_bytes,
    idempotency_key = r.idempotency_key, revision = r.revision, batch_id = r.batch_id, rebuild = false,
    attempt_count = r.attempt_number, trace_id = coalesce(r.trace_id, d.trace_id), taken_back_at = NULL, updated_at = :now,
    figures = coalesce(r.figures, d.figures), figures_hash = coalesce(r.figures_hash, d.figures_hash)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, figures jsonb, figures_hash text, payload jsonb, payload_hash text, payload_bytes int, idempotency_key uuid, revision int,
    batch_id uuid, attempt_number int, trace_id uuid)
WHERE d.id = r.id AND @within(d) AND d.status = 'in_progress'

-- name: open_attempts
INSERT INTO delivery_attempts (id, delivery_id, due_at, number, started_at, outcome)
-- Numbered on from the last: an attempt that was told to wait stays in the log and counts as none.
SELECT r.attempt_id, r.id, r.scheduled_for,
       1 + coalesce((SELECT max(a.number) FROM delivery_attempts a WHERE @attempt(a, r)), 0),
       :now, 'started'
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, scheduled_for timestamptz, attempt_id uuid)

-- name: skip_duplicates
UPDATE impact_deliveries d
SET status = 'skipped', duplicate_of = r.duplicate_of, payload = r.payload, payload_hash = r.payload_hash,
    payload_bytes = r.payload_bytes, rebuild = false, next_attempt_at = NULL, lease_until = NULL,
    claimed_by = NULL, lost_claims = 0, updated_at = :now,
    figures = coalesce(r.figures, d.figures), figures_hash = coalesce(r.figures_hash, d.figures_hash)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, figures jsonb, figures_hash text, duplicate_of uuid, payload jsonb, payload_hash text, payload_bytes int)
WHERE d.id = r.id AND @within(d) AND d.status = 'in_progress'

-- name: release_twins
-- Not now: a twin is on its way. The payload isn't kept, so that the row is judged afresh.
UPDATE impact_deliveries d
SET status = CASE WHEN d.failed_attempts > 0 THEN 'retrying' ELSE 'pending' END,
    next_attempt_at = r.next_attempt_at, lease_until = NULL, claimed_by = NULL, lost_claims = 0,
    updated_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, next_attempt_at timestamptz)
WHERE d.id = r.id AND @within(d) AND d.status = 'in_progress'
