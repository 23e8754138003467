-- name: holding
-- The breakers of a platform that hold anything, and whether a person does, locked: decisions about one
-- breaker come one after the other. The platform's own is the first.
SELECT k.company_id, k.kind, k.state, k.cause, k.since, k.reason, k.closed_until, k.interval_seconds, k.probing,
       k.step, k.streak, k.avoid_company_id
FROM connection_closures k
WHERE k.platform = :platform AND k.holds
ORDER BY k.company_id NULLS FIRST, k.kind
FOR UPDATE

-- name: evidence
-- Failures that may pass, since the last attempt that delivered: on the platform, and on each connection.
-- For the platform count those that began after it: an account that hung while others were delivered to does
-- not speak for a platform, though its time-out ends later than all of them.
-- The attempts that are just being settled are handed in. Reads attempts of the window (BRIN on started_at).
WITH recent AS (
    SELECT d.company_id, a.outcome = 'delivered' AS delivered, a.started_at, a.finished_at,
           coalesce(d.batch_id, a.id) AS request
    FROM delivery_attempts a JOIN impact_deliveries d ON d.id = a.delivery_id
     AND (d.scheduled_for = a.due_at OR a.due_at = '-infinity')
    WHERE a.started_at >= :since AND a.finished_at <= :now AND d.platform = :platform
      AND (a.outcome = 'delivered'
        OR (a.outcome IN ('retryable', 'held') AND a.error_kind = ANY(CAST(:may_pass AS text[]))
            AND a.http_status IS DISTINCT FROM 409 AND a.http_status IS DISTINCT FROM 425))
    UNION ALL
    SELECT r.company_id, r.delivered, r.started_at, r.finished_at, r.request
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        company_id uuid, delivered boolean, started_at timestamptz, finished_at timestamptz, request uuid)
), reached AS (
    SELECT max(finished_at) AS at FROM recent WHERE delivered
), own AS (
    SELECT company_id, max(finished_at) FILTER (WHERE delivered) AS at FROM recent GROUP BY company_id
), failing AS (
    -- A batch is one request, whose members fail together.
    SELECT r.company_id, count(DISTINCT (r.request, r.finished_at)) AS failures,
           min(r.finished_at) AS first_at,
           count(DISTINCT (r.request, r.finished_at)) FILTER (
               WHERE p.at IS NULL OR r.started_at > p.at) AS since_anybody
    FROM recent r JOIN own o USING (company_id) CROSS JOIN reached p
    WHERE NOT r.delivered AND (o.at IS NULL OR r.finished_at > o.at)
    GROUP BY r.company_id
)
SELECT f.company_id, f.failures, f.since_anybody,
       EXISTS (SELECT 1 FROM own o
               WHERE o.company_id <> f.company_id AND o.at >= f.first_at) AS others_work
FROM failing f

-- name: refusals
-- How often connections were refused since they last worked; within three days, by the timeline's index.
SELECT r.company_id, (
    SELECT count(DISTINCT coalesce(d.batch_id, d.id)) FROM impact_deliveries d
    WHERE d.company_id = r.company_id AND d.platform = :platform AND d.scheduled_for >= :since
      AND d.status IN ('failed', 'retrying')
      AND (d.error_kind = 'authentication' OR (d.error_kind = 'rejected' AND d.http_status = 404))
      AND d.updated_at > coalesce((
          SELECT max(s.delivered_at) FROM impact_deliveries s
          WHERE s.company_id = r.company_id AND s.platform = :platform AND s.scheduled_for >= :since
            AND s.status = 'success'), '-infinity')) AS refusals
FROM unnest(CAST(:company_ids AS uuid[])) AS r(company_id)

-- name: keep
-- A breaker as it is now. One that is closed holds nothing any more.
INSERT INTO connection_closures AS k (company_id, platform, kind, closed_until, since, reason, holds, state, cause,
    interval_seconds, probing, step, streak, avoid_company_id, updated_at)
SELECT r.company_id, :platform, 'breaker', r.closed_until, r.since, r.reason, r.holds, r.state, r.cause,
       r.interval_seconds, r.probing, r.step, r.streak, r.avoid_company_id, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, closed_until timestamptz,
    since timestamptz, reason text, holds boolean, state text, cause text, interval_seconds float8,
    probing boolean, step int, streak int, avoid_company_id uuid)
ORDER BY r.company_id NULLS FIRST
ON CONFLICT (platform, company_id, kind) DO UPDATE
SET closed_until = excluded.closed_until, since = excluded.since, reason = excluded.reason,
    holds = excluded.holds, state = excluded.state, cause = excluded.cause,
    interval_seconds = excluded.interval_seconds, probing = excluded.probing, step = excluded.step,
    streak = excluded.streak, avoid_company_id = excluded.avoid_company_id,
    notified_at = CASE WHEN k.since = excluded.since THEN k.notified_at END, updated_at = :now

-- name: in_flight
SELECT count(*) FROM impact_deliveries d
WHERE d.platform = :platform AND @within(d) AND d.status = 'in_progress' AND d.next_attempt_at > :now
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)

-- name: oldest
-- What a breaker lets through next: the oldest that could go if it weren't for this breaker. A retry doesn't
-- wait for its time, since the platform was asked in its stead. After a canary that failed another company's
-- comes first, so that one hung account doesn't speak for a platform.
SELECT d.id FROM impact_deliveries d
WHERE d.platform = :platform AND d.status IN @open AND @within(d)
  AND (d.next_attempt_at <= :now
    OR (d.status = 'retrying' AND d.error_kind = ANY(CAST(:may_pass AS text[]))))
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CASE WHEN CAST(:run_id AS text) IS NOT NULL THEN d.selected_by = :run_id
            WHEN d.selected_by IS NOT NULL
                THEN d.status = 'in_progress' OR d.next_attempt_at <= :orphaned_before
            ELSE true END)
  AND NOT EXISTS (
      SELECT 1 FROM connection_closures k
      WHERE k.platform = d.platform AND (k.holds OR k.closed_until > :now)
        AND (k.company_id = d.company_id OR k.company_id IS NULL)
        AND NOT (k.kind = 'breaker' AND k.company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)))
  AND NOT EXISTS (
      SELECT 1 FROM impact_deliveries p
      WHERE p.schedule_id = d.schedule_id AND p.scheduled_for < d.scheduled_for AND p.status IN @open
        AND @within(p))
  AND (d.batch_id IS NULL OR NOT EXISTS (
      SELECT 1 FROM impact_deliveries b
      WHERE b.batch_id = d.batch_id AND b.id < d.id AND b.status IN @open AND @within(b)))
ORDER BY coalesce(d.company_id = CAST(:avoid AS uuid), false), d.scheduled_for, d.id
LIMIT :limit

-- name: due_now
UPDATE impact_deliveries d SET next_attempt_at = :now, updated_at = :now
WHERE d.id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND d.status = 'retrying' AND d.next_attempt_at > :now

-- name: failed_before
-- What failed for good in the minutes before a breaker opened, of kinds that may pass.
SELECT d.id FROM impact_deliveries d
WHERE d.status = 'failed' AND d.platform = :platform AND d.failed_at >= :since AND d.failed_at <= :now
  AND d.error_kind = ANY(CAST(:may_pass AS text[]))
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
ORDER BY d.scheduled_for, d.id
LIMIT 10000
