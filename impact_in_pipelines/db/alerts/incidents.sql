-- name: try_lock
-- One tick at a time compares breaches with incidents: what an earlier one has read must not undo a later one.
SELECT pg_try_advisory_xact_lock(727104)

-- name: lock
SELECT pg_advisory_xact_lock(727104)

-- name: open
-- Every open incident (index incidents_open_key).
SELECT i.id, i.company_id, c.slug AS company, i.platform, i.type, i.severity, i.threshold, i.actual,
       i.sample_size, i.low_confidence, i.since, i.opened_at, i.details, i.acknowledged_at,
       i.acknowledged_by, i.cleared_at, i.closed_at, i.notified_severity, i.paged, i.channels, i.muted_by,
       i.maintenance_id
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE i.closed_at IS NULL
ORDER BY i.opened_at, i.id

-- name: closed_since
-- What has lately ended and still explains what arrives late (a scan: incidents are few, some hundreds a month).
SELECT i.id, i.company_id, c.slug AS company, i.platform, i.type, i.severity, i.threshold, i.actual,
       i.sample_size, i.low_confidence, i.since, i.opened_at, i.details, i.acknowledged_at,
       i.acknowledged_by, i.cleared_at, i.closed_at, i.notified_severity, i.paged, i.channels, i.muted_by,
       i.maintenance_id
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE i.closed_at >= :at AND i.type = ANY(CAST(:types AS text[]))

-- name: listed
SELECT i.id, i.company_id, c.slug AS company, i.platform, i.type, i.severity, i.threshold, i.actual,
       i.sample_size, i.low_confidence, i.since, i.opened_at, i.details, i.acknowledged_at,
       i.acknowledged_by, i.cleared_at, i.closed_at, i.notified_severity, i.paged, i.channels, i.muted_by,
       i.maintenance_id
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE (CAST(:company_id AS uuid) IS NULL OR i.company_id = :company_id)
  AND (CAST(:platform AS text) IS NULL OR i.platform = :platform)
  AND (:closed_too OR i.closed_at IS NULL)
ORDER BY i.opened_at DESC, i.id
LIMIT :limit

-- name: page
-- GET /incidents, newest first (index incidents_opened_at_idx).
SELECT i.id, i.company_id, c.slug AS company, i.platform, i.type, i.severity, i.threshold, i.actual,
       i.sample_size, i.low_confidence, i.since, i.opened_at, i.details, i.acknowledged_at,
       i.acknowledged_by, i.cleared_at, i.closed_at, i.notified_severity, i.paged, i.channels, i.muted_by,
       i.maintenance_id
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE CASE WHEN i.company_id IS NULL THEN :platforms_too
           ELSE CAST(:company_ids AS uuid[]) IS NULL OR i.company_id = ANY(CAST(:company_ids AS uuid[])) END
  AND (CAST(:platform AS text) IS NULL OR i.platform = :platform)
  AND (:closed_too OR i.closed_at IS NULL)
  AND (CAST(:before_at AS timestamptz) IS NULL OR (i.opened_at, i.id) < (:before_at, CAST(:before_id AS uuid)))
ORDER BY i.opened_at DESC, i.id DESC
LIMIT :limit

-- name: find
SELECT i.id, i.company_id, c.slug AS company, i.platform, i.type, i.severity, i.threshold, i.actual,
       i.sample_size, i.low_confidence, i.since, i.opened_at, i.details, i.acknowledged_at,
       i.acknowledged_by, i.cleared_at, i.closed_at, i.notified_severity, i.paged, i.channels, i.muted_by,
       i.maintenance_id
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE i.id = :id

-- name: matching
-- The incidents whose ids lie between two: those that begin with some digits.
SELECT id FROM incidents WHERE id BETWEEN :lowest AND :highest ORDER BY id LIMIT 4

-- name: store
-- Each incident as it is to be, new or changed.
INSERT INTO incidents (id, company_id, platform, type, severity, threshold, actual, sample_size,
    low_confidence, since, opened_at, details, acknowledged_at, acknowledged_by, cleared_at, closed_at,
    notified_severity, paged, channels, muted_by, maintenance_id, updated_at)
SELECT r.id, r.company_id, r.platform, r.type, r.severity, r.threshold, r.actual, r.sample_size,
    r.low_confidence, r.since, r.opened_at, r.details, r.acknowledged_at, r.acknowledged_by, r.cleared_at,
    r.closed_at, r.notified_severity, r.paged, r.channels, r.muted_by, r.maintenance_id, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, company_id uuid, platform text, type text,
    severity text, threshold float8, actual float8, sample_size int, low_confidence boolean,
    since timestamptz, opened_at timestamptz, details jsonb, acknowledged_at timestamptz,
    acknowledged_by text, cleared_at timestamptz, closed_at timestamptz, notified_severity text,
    paged boolean, channels text[], muted_by text, maintenance_id uuid)
ON CONFLICT (id) DO UPDATE SET
    severity = EXCLUDED.severity, threshold = EXCLUDED.threshold, actual = EXCLUDED.actual,
    sample_size = EXCLUDED.sample_size, low_confidence = EXCLUDED.low_confidence, since = EXCLUDED.since,
    details = EXCLUDED.details, acknowledged_at = EXCLUDED.acknowledged_at,
    acknowledged_by = EXCLUDED.acknowledged_by, cleared_at = EXCLUDED.cleared_at,
    closed_at = EXCLUDED.closed_at, notified_severity = EXCLUDED.notified_severity, paged = EXCLUDED.paged,
    channels = EXCLUDED.channels, muted_by = EXCLUDED.muted_by, maintenance_id = EXCLUDED.maintenance_id,
    updated_at = EXCLUDED.updated_at

-- name: write_notices
-- Into the outbox, in the order given; what has been written once is not written again.
INSERT INTO notifications (key, incident_id, channel, kind, body, created_at, next_attempt_at)
SELECT r.key, r.incident_id, r.channel, r.kind, r.body, :now, :now
FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb))
        AS (key text, incident_id uuid, channel text, kind text, body jsonb))
    WITH ORDINALITY AS r(key, incident_id, channel, kind, body, place)
ORDER BY r.place
ON CONFLICT (key) DO NOTHING

-- name: platform_activity
-- For each platform the attempts since the last one that delivered (index delivery_attempts_started_at_idx).
-- Canaries of a breaker count like any other. Attempts that never reached the platform, or whose end nobody knows, say nothing about it.
WITH recent AS (
    SELECT d.platform, d.company_id, a.outcome, a.error_kind, a.finished_at
    FROM delivery_attempts a JOIN impact_deliveries d ON d.id = a.delivery_id
         AND (d.scheduled_for = a.due_at OR a.due_at = '-infinity')
    WHERE a.started_at >= :since AND a.finished_at <= :now
      AND (a.outcome IN ('delivered', 'retryable', 'permanent')
        OR (a.outcome = 'held' AND a.error_kind IN ('network', 'timeout', 'server_error', 'authentication')))
      AND a.error_kind IS DISTINCT FROM 'configuration'
), reached AS (
    SELECT platform, max(finished_at) AS last_success FROM recent
    WHERE outcome = 'delivered' GROUP BY platform
), failing AS (
    SELECT r.* FROM recent r LEFT JOIN reached s USING (platform)
    WHERE r.outcome <> 'delivered' AND (s.last_success IS NULL OR r.finished_at > s.last_success)
), failed AS (
    SELECT platform, min(finished_at) AS first_failure, max(finished_at) AS last_failure,
           count(*) AS failures, count(DISTINCT company_id) AS companies,
           count(*) FILTER (WHERE error_kind IN ('authentication', 'rejected')) AS own_faults,
           array_agg(DISTINCT error_kind) FILTER (WHERE error_kind IS NOT NULL) AS error_kinds
    FROM failing GROUP BY platform
)
SELECT coalesce(s.platform, f.platform) AS platform, s.last_success, f.first_failure, f.last_failure,
       coalesce(f.failures, 0) AS failures, coalesce(f.companies, 0) AS companies,
       coalesce(f.own_faults, 0) AS own_faults,
       coalesce(f.error_kinds, '{}') AS error_kinds
FROM reached s FULL JOIN failed f USING (platform)

-- name: went_out
-- What arrived late on platforms since their outages began, and how late the latest was.
SELECT r.platform, count(d.id) AS went_out,
       coalesce(max(extract(epoch FROM d.delivered_at - d.scheduled_for)) * 1000, 0) AS latest_ms
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(platform text, since timestamptz)
LEFT JOIN impact_deliveries d ON d.platform = r.platform AND d.status = 'success'
     AND d.delivered_at >= r.since AND d.scheduled_for >= r.since - interval '1 day'
     AND d.delivered_at - d.scheduled_for > interval '1 minute' AND d.trigger NOT IN ('backfill', 'correction')
GROUP BY r.platform

-- name: purge_closed
-- Old incidents with their notices, which were sent. Open ones stay, and those somebody is still to be told of.
WITH old AS (
    SELECT i.id FROM incidents i
    WHERE i.closed_at < :before
      AND NOT EXISTS (
          SELECT 1 FROM notifications n WHERE n.incident_id = i.id AND n.sent_at IS NULL)
    FOR UPDATE
), told AS (
    DELETE FROM notifications n USING old WHERE n.incident_id = old.id
)
DELETE FROM incidents i USING old WHERE i.id = old.id

-- name: note_health
-- By platform_outages, each minute; a state that stays keeps its beginning.
INSERT INTO platform_health AS h (platform, state, since, reason, updated_at)
SELECT r.platform, r.state, r.since, r.reason, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(platform text, state text, since timestamptz, reason text)
ON CONFLICT (platform) DO UPDATE
SET since = CASE WHEN h.state = excluded.state THEN h.since ELSE excluded.since END,
    state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at

-- name: health
SELECT platform, state, since, reason FROM platform_health ORDER BY platform
