-- name: failed
-- replay --all-failed: what failed for good, and whether its days have arrived since with another
-- delivery of the same company and platform.
SELECT d.id, EXISTS (
    SELECT 1 FROM impact_deliveries r
    WHERE r.company_id = d.company_id AND r.scheduled_for >= d.scheduled_for
      AND r.platform = d.platform AND r.status = 'success' AND r.delivered_at > d.failed_at
      AND r.period_start <= d.period_start AND r.period_end >= d.period_end
) AS arrived_since
FROM impact_deliveries d
WHERE d.status = 'failed' AND d.failed_at >= :since
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
  AND (CAST(:platform AS text) IS NULL OR d.platform = :platform)
ORDER BY d.scheduled_for, d.id

-- name: lock
-- In one order, so that two replays wait for each other instead of deadlocking. Rows on their way belong
-- to a drain and are left alone. Members of a failed batch are locked with it.
SELECT d.id FROM impact_deliveries d
WHERE d.status IN ('failed', 'success')
  AND (d.id = ANY(CAST(:ids AS uuid[]))
    OR d.batch_id = ANY(ARRAY(
        SELECT b.batch_id FROM impact_deliveries b
        WHERE b.id = ANY(CAST(:ids AS uuid[])) AND b.batch_id IS NOT NULL AND b.status = 'failed')))
ORDER BY d.id
FOR UPDATE

-- name: candidates
-- What the decision needs, read after the locks are held. An attempt may have arrived if it went out and
-- nobody knows how it ended.
SELECT d.id, d.status, d.batch_id, d.delivered_at, d.next_attempt_at, d.duplicate_of,
       EXISTS (
           SELECT 1 FROM delivery_attempts a
           WHERE a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity') AND d.batch_id IS NOT NULL
             AND (a.outcome IN ('started', 'lost')
               OR a.error_kind = ANY(CAST(:may_have_arrived AS text[])))) AS may_have_arrived
FROM impact_deliveries d
WHERE d.id = ANY(CAST(:ids AS uuid[]))
   OR d.batch_id = ANY(ARRAY(
        SELECT b.batch_id FROM impact_deliveries b
        WHERE b.id = ANY(CAST(:ids AS uuid[])) AND b.batch_id IS NOT NULL AND b.status = 'failed'))
ORDER BY d.id

-- name: revisions
SELECT id, revision FROM impact_deliveries
WHERE id = ANY(CAST(:ids AS uuid[])) AND taken_back_at IS NOT NULL

-- name: queue_again
-- Back to the start of the queue with a fresh budget of retries; attempts go on counting, and failed_at
-- stays: for the SLA the delivery remains a failure (D11). Dagster is told of the new end, and the run that
-- had selected the row has no more claim to it. What a call-back took back gets a new key: to the old one the
-- platform would repeat the answer it has stored.
UPDATE impact_deliveries d
SET status = 'pending', rebuild = NOT r.whole_batch, force = d.force OR :force,
    batch_id = CASE WHEN r.whole_batch THEN d.batch_id END,
    failed_attempts = 0,
    idempotency_key = CASE WHEN d.taken_back_at IS NULL THEN d.idempotency_key ELSE r.new_key END,
    revision = d.revision + CASE WHEN d.taken_back_at IS NULL THEN 0 ELSE 1 END,
    next_attempt_at = :now, selected_by = NULL,
    lease_until = NULL, claimed_by = NULL, recorded_at = NULL, updated_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, whole_batch boolean, new_key uuid)
WHERE d.id = r.id AND d.status = 'failed'
RETURNING d.id

-- name: send_again
-- A success is sent again as a row of its own, and not while an earlier request for it is on its way.
INSERT INTO impact_deliveries
    (id, company_id, platform, trigger, status, timezone, period_start, period_end, scheduled_for,
     idempotency_key, next_attempt_at, replay_of, force)
SELECT r.id, d.company_id, d.platform, 'replay', 'pending', d.timezone, d.period_start, d.period_end,
       :now, r.id, :now, d.id, :force
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, source uuid)
JOIN impact_deliveries d ON d.id = r.source AND d.status = 'success'
WHERE NOT EXISTS (
    SELECT 1 FROM impact_deliveries o
    WHERE o.platform = d.platform AND o.status IN @open
      AND o.replay_of = d.id)
RETURNING id, replay_of

-- name: destinations_of
SELECT id, company_id, platform FROM impact_deliveries WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id

-- name: add_request
-- One request's deliveries, so that its progress can be asked for. Each takes a few with it that nobody asks for now.
WITH purged AS (
    DELETE FROM replay_requests WHERE id IN (
        SELECT id FROM replay_requests WHERE created_at < :kept_from
        ORDER BY created_at LIMIT 20 FOR UPDATE SKIP LOCKED)
)
INSERT INTO replay_requests (id, requested_by, company_ids, delivery_ids, created_at)
VALUES (:id, :requested_by, CAST(:company_ids AS uuid[]), CAST(:delivery_ids AS uuid[]), :now)

-- name: claimable
-- A preview's rows, with the columns of a claim.
SELECT d.id, d.company_id, c.slug AS company_slug, c.name AS company_name, d.platform, d.trigger,
       d.timezone, d.period_start, d.period_end, d.scheduled_for, d.idempotency_key,
       d.attempt_count + 1 AS attempt_number, d.failed_attempts, d.revision, d.schedule_id, d.batch_id,
       d.payload, d.payload_hash, d.rebuild, d.force, d.replay_of, d.dagster_run_id,
       d.correction, d.first_due_at, d.status
FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
WHERE d.id = ANY(CAST(:ids AS uuid[]))
ORDER BY d.scheduled_for, d.id

-- name: arrived_twins
SELECT DISTINCT ON (m.id) m.id, t.id AS twin, t.delivered_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS m(id uuid, company_id uuid, platform text, payload_hash char(64))
JOIN impact_deliveries t
  ON t.company_id = m.company_id AND t.platform = m.platform AND t.payload_hash = m.payload_hash
 AND t.id <> m.id
WHERE t.status = 'success' AND greatest(t.delivered_at, t.scheduled_for) > :since
ORDER BY m.id, t.delivered_at DESC

-- name: last_accepted
-- Of each by impact_deliveries_timeline_idx: a period is due when it is over, or on its last day. The bound for
-- all leaves months out before the first is looked at.
SELECT m.id AS of_id, a.id, a.delivered_at, a.payload
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
     AS m(id uuid, company_id uuid, platform text, period_start date, period_end date)
CROSS JOIN LATERAL (
    SELECT d.id, d.delivered_at, d.payload FROM impact_deliveries d
    WHERE d.company_id = m.company_id AND d.platform = m.platform AND d.status = 'success'
      AND d.scheduled_for >= CAST(:first_end AS date) - 1
      AND d.scheduled_for >= m.period_end - 1
      AND d.period_start = m.period_start AND d.period_end = m.period_end
    ORDER BY d.delivered_at DESC LIMIT 1) AS a

-- name: waiting
SELECT company_id, platform, count(*) AS waiting FROM impact_deliveries
WHERE status IN @open AND next_attempt_at <= :now
  AND company_id = ANY(CAST(:company_ids AS uuid[]))
GROUP BY company_id, platform

-- name: failed_like
-- Bulk replay by a filter: what failed for good, the oldest first.
SELECT id FROM impact_deliveries
WHERE status = 'failed'
  AND (CAST(:company_ids AS uuid[]) IS NULL OR company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:platform AS text) IS NULL OR platform = :platform)
  AND (CAST(:schedule_id AS uuid) IS NULL OR schedule_id = :schedule_id)
  AND (CAST(:error AS text) IS NULL OR last_error ILIKE :error)
  AND (CAST(:start AS timestamptz) IS NULL OR scheduled_for >= :start)
  AND (CAST(:end AS timestamptz) IS NULL OR scheduled_for < :end)
ORDER BY scheduled_for, id
LIMIT :limit
