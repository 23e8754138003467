-- name: claim_due
-- Serves every drain. `next_attempt_at` is the end of the lease while a row is in progress, so that rows
-- of a dead worker come up by themselves. A fire never overtakes an open predecessor of its schedule; a
-- frozen batch is claimed by its first member and whole; rows that a run made for itself are left to it
-- until it is late by a grace time, or has let a lease end: then it is dead or as good as dead.
-- Nothing is claimed for a connection that is closed: held, not failed (D12); but what a breaker lets
-- through is (`trials`), and with it nothing else.
-- A suspect's workers died one after the other, this lease's included: before its attempt was opened (lost
-- claims) or after (lost attempts).
-- By priority, then by age (D13); of one company first so many, then so many more, and at most `each`. It looks
-- at the first `scan` rows and says how many there were: whoever gets little of a full scan looks further.
-- `CASE` keeps single rows from being looked up by the index of open rows. A full log's statistics say that nothing
-- is open, so that the planner takes reading all that is open for the cheapest way to any one of them: a thousand
-- claimed of ten thousand took three seconds of CPU.
-- Arrays of ids, where a join would do: the planner can't know how many rows a CTE has. It took a thousand of them for
-- half a million, and read all months that have something open to find those.
WITH queued AS (
    SELECT d.id, d.company_id, d.next_attempt_at, @priority(d) AS priority
    FROM impact_deliveries d
    WHERE d.platform = :platform AND @within(d)
      AND d.status IN @open
      AND d.next_attempt_at <= :now
      AND d.company_id <> ALL(CAST(:held_back AS uuid[]))
      -- What was being sent when its company was switched off, and failed, is called off soon.
      AND d.company_id <> ALL(ARRAY(SELECT o.id FROM companies o WHERE NOT o.active))
      AND (NOT :urgent_only OR @priority(d) = 1)
      AND CASE WHEN CAST(:trials AS uuid[]) IS NULL THEN NOT @closed(d)
               ELSE d.id = ANY(CAST(:trials AS uuid[])) END
      AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
      AND (CASE
               WHEN CAST(:run_id AS text) IS NOT NULL THEN d.selected_by = :run_id
               WHEN d.selected_by IS NOT NULL
                   THEN d.status = 'in_progress' OR d.next_attempt_at <= :orphaned_before
               ELSE true
           END)
      AND NOT EXISTS (
          SELECT 1 FROM impact_deliveries p
          WHERE p.schedule_id = d.schedule_id AND p.scheduled_for < d.scheduled_for
            AND CASE WHEN p.status IN @open THEN true ELSE false END AND @within(p) OFFSET 0)
      AND (d.batch_id IS NULL OR NOT EXISTS (
          SELECT 1 FROM impact_deliveries b
          WHERE b.batch_id = d.batch_id AND b.id < d.id
            AND b.status IN @open AND @within(b)))
      AND :suspects = (d.attempt_count + d.lost_claims + 1 >= :suspect_from
          AND d.lost_claims + CAST(@claim_lost(d) AS int) + (
          SELECT count(*) FROM delivery_attempts a
          WHERE @attempt(a, d) AND a.outcome IN ('lost', 'started') AND a.error_kind IS NULL
            AND a.number > ALL (
                SELECT h.number FROM delivery_attempts h
                WHERE @attempt(h, d) AND h.outcome NOT IN ('lost', 'started'))) >= :suspect_from)
    ORDER BY @priority(d), d.next_attempt_at
    LIMIT :scan
), ranked AS (
    SELECT q.*, row_number() OVER (
        PARTITION BY q.company_id ORDER BY q.priority, q.next_attempt_at, q.id) AS place
    FROM queued q
), due AS (
    SELECT d.id, d.batch_id
    FROM ranked r JOIN impact_deliveries d ON d.id = r.id AND @within(d)
    -- Again, for those that somebody has claimed since.
    WHERE r.place <= :each AND CASE WHEN d.status IN @open THEN d.next_attempt_at <= :now ELSE false END
    ORDER BY r.priority, (r.place - 1) / :share, r.next_attempt_at, r.id
    LIMIT :limit
    FOR UPDATE OF d SKIP LOCKED
), held AS (
    SELECT id FROM due
    UNION
    SELECT b.id FROM impact_deliveries b
    WHERE b.batch_id = ANY(ARRAY(SELECT due.batch_id FROM due WHERE due.batch_id IS NOT NULL)) AND @within(b)
      AND CASE WHEN b.status IN @open THEN true ELSE false END
), claimed AS (
    UPDATE impact_deliveries d
    SET status = 'in_progress', claimed_by = :worker, lease_until = :lease_until,
        next_attempt_at = :lease_until, updated_at = :now,
        lost_claims = d.lost_claims + CAST(@claim_lost(d) AS int),
        dagster_run_id = coalesce(:dagster_run_id, d.dagster_run_id),
        -- Whatever reports once more on a period that was corrected says the version that stands: a platform
        -- that keeps the highest would ignore it otherwise. By impact_deliveries_corrections_idx.
        correction = CASE WHEN d.trigger = 'correction' OR d.payload_hash IS NOT NULL THEN d.correction
            ELSE greatest(d.correction, (
                SELECT max(o.correction) FROM impact_deliveries o
                WHERE o.company_id = d.company_id AND o.platform = d.platform AND o.trigger = 'correction'
                  AND o.period_start = d.period_start AND o.period_end = d.period_end AND o.status = 'success'
                  -- Bounds that the planner knows: it plans for the months in question only.
                  AND o.scheduled_for BETWEEN CAST(:corrected_from AS timestamptz) AND CAST(:now AS timestamptz))) END
    WHERE d.id = ANY(ARRAY(SELECT held.id FROM held)) AND @within(d)
    RETURNING d.*
), lost AS (
    -- An attempt that is still open belonged to a worker whose lease ran out. What was never tried has none: to
    -- look for those of a thousand new rows reads a page of a large index for each.
    UPDATE delivery_attempts a SET outcome = 'lost', finished_at = :now, error = :lost_error
    FROM claimed WHERE claimed.attempt_count > 0 AND @attempt(a, claimed) AND a.outcome = 'started'
)
SELECT d.id, d.company_id, c.slug AS company_slug, c.name AS company_name, d.platform, d.trigger,
       d.timezone, d.period_start, d.period_end, d.scheduled_for, d.idempotency_key,
       d.attempt_count + 1 AS attempt_number, d.failed_attempts,
       d.lost_claims + CASE WHEN d.attempt_count = 0 THEN 0 ELSE (
           SELECT count(*) FROM delivery_attempts a
           WHERE @attempt(a, d) AND a.outcome IN ('lost', 'started') AND a.error_kind IS NULL
             AND a.number > ALL (
                 SELECT h.number FROM delivery_attempts h
                 WHERE @attempt(h, d) AND h.outcome NOT IN ('lost', 'started')))
       END AS workers_lost,
       d.payload_hash IS NOT NULL AND EXISTS (
           SELECT 1 FROM delivery_attempts a
           WHERE @attempt(a, d) AND (
               a.outcome IN ('lost', 'started')
               OR a.error_kind = ANY(CAST(:may_have_arrived AS text[])))) AS may_have_arrived,
       d.revision, d.schedule_id, d.batch_id,
       d.payload, d.payload_hash, d.rebuild, d.force, d.replay_of, d.dagster_run_id,
       d.correction, d.first_due_at, q.scanned
FROM (SELECT count(*) AS scanned FROM queued) q
LEFT JOIN (claimed d JOIN companies c ON c.id = d.company_id) ON true
ORDER BY @priority(d), d.scheduled_for, d.id

-- name: due_an_hour
SELECT count(*) FROM impact_deliveries d
WHERE d.platform = :platform AND d.status IN @open AND @within(d)
  AND d.next_attempt_at <= :within

-- name: close_attempts
-- Once each: a result that is recorded again must not count as a change again. An array of their ids, where the join
-- would do: the planner takes open attempts for few, and read all of the month to compare each with every row.
-- A lost attempt keeps its beginning: its delivery may have ended meanwhile, and be kept packed (sla_outcomes) with
-- how late it was begun and which attempts had begun by then.
WITH ended AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        attempt_id uuid, outcome text, started_at timestamptz, finished_at timestamptz, http_status int,
        error_kind text, error text, latency_ms float8)
)
UPDATE delivery_attempts a
SET outcome = r.outcome, started_at = CASE WHEN a.outcome = 'lost' THEN a.started_at ELSE r.started_at END,
    finished_at = r.finished_at,
    http_status = r.http_status, error_kind = r.error_kind, error = r.error, latency_ms = r.latency_ms
FROM ended r
WHERE a.id = r.attempt_id AND a.id = ANY(ARRAY(SELECT attempt_id FROM ended)) AND @attempts_within(a)
  AND a.outcome IN ('started', 'lost')
RETURNING a.delivery_id

-- name: settle
-- Fenced by worker and attempt: whoever lost the lease changes nothing. `o` is the row as it was: one that
-- had failed before a replay is counted as a failure already.
UPDATE impact_deliveries d
SET status = r.status,
    failed_attempts = d.failed_attempts + r.failed,
    attempt_count = d.attempt_count - r.unspent,
    next_attempt_at = r.next_attempt_at,
    lease_until = NULL, claimed_by = NULL, lost_claims = 0,
    batch_id = CASE WHEN r.keeps_batch THEN d.batch_id END,
    last_error = r.error, error_kind = r.error_kind,
    http_status = r.http_status,
    transaction_id = coalesce(r.transaction_id, d.transaction_id),
    provider_response = coalesce(r.response, d.provider_response),
    failed_at = CASE WHEN r.status = 'failed' THEN coalesce(d.failed_at, r.finished_at)
                     ELSE d.failed_at END,
    delivered_at = CASE WHEN r.status = 'success' THEN r.finished_at ELSE d.delivered_at END,
    updated_at = :now
FROM impact_deliveries o JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id uuid, status text, attempt_number int, failed int, unspent int, next_attempt_at timestamptz,
    keeps_batch boolean, error text, error_kind text, http_status int, transaction_id text,
    response jsonb, finished_at timestamptz) ON o.id = r.id
WHERE d.id = o.id AND @within(d) AND @within(o) AND d.claimed_by = :worker AND d.status = 'in_progress'
  AND d.attempt_count = r.attempt_number
RETURNING d.id, d.scheduled_for, r.status = 'failed' AND o.failed_at IS NULL AS fails_anew

-- name: refuse
UPDATE impact_deliveries d
SET status = 'failed', error_kind = r.kind, last_error = r.message, rebuild = false,
    failed_at = coalesce(d.failed_at, :now), next_attempt_at = NULL, lease_until = NULL,
    claimed_by = NULL, lost_claims = 0, updated_at = :now
FROM impact_deliveries o
JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, kind text, message text) ON o.id = r.id
WHERE d.id = o.id AND @within(d) AND @within(o) AND d.claimed_by = :worker AND d.status = 'in_progress'
RETURNING d.id, d.scheduled_for, o.failed_at IS NULL AS fails_anew

-- name: settle_lost
-- Lost attempts of a delivery that has failed are settled: they don't count again after a replay.
UPDATE delivery_attempts a SET error_kind = 'unresolved'
WHERE a.delivery_id = ANY(CAST(:ids AS uuid[])) AND @attempts_within(a)
  AND a.outcome = 'lost' AND a.error_kind IS NULL

-- name: renew
UPDATE impact_deliveries d
SET lease_until = :lease_until, next_attempt_at = :lease_until
WHERE d.id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND d.claimed_by = :worker AND d.status = 'in_progress'
RETURNING d.id

-- name: release_claims
-- Rows that were claimed and not attempted go back as they were; an attempt opened for them is undone, and
-- with its first attempt a batch: its members are judged afresh.
WITH undone AS (
    DELETE FROM delivery_attempts a USING impact_deliveries d
    WHERE @attempt(a, d) AND @within(d) AND a.outcome = 'started' AND d.claimed_by = :worker
      AND d.id = ANY(CAST(:ids AS uuid[]))
    RETURNING a.delivery_id
)
UPDATE impact_deliveries d
SET status = CASE WHEN d.failed_attempts > 0 THEN 'retrying' ELSE 'pending' END,
    attempt_count = d.attempt_count - (SELECT count(*) FROM undone u WHERE u.delivery_id = d.id),
    batch_id = CASE WHEN d.attempt_count > (SELECT count(*) FROM undone u WHERE u.delivery_id = d.id)
                    THEN d.batch_id END,
    next_attempt_at = :next_attempt_at, lease_until = NULL, claimed_by = NULL, lost_claims = 0,
    updated_at = :now
WHERE d.id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND d.claimed_by = :worker AND d.status = 'in_progress'

-- name: call_forward
-- What was given back behind a request without an answer, which has come since. Another drain may have had a row
-- meanwhile: what waits for its retry by now, or behind a request of that one, stays as it is.
UPDATE impact_deliveries d SET next_attempt_at = :now, updated_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, since timestamptz, until timestamptz)
WHERE d.id = r.id AND @within(d) AND d.status IN @waiting
  AND d.updated_at = r.since AND d.next_attempt_at = r.until AND r.until > :now
