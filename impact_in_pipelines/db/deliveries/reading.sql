-- name: listed
-- One page, the latest due first: of one company by impact_deliveries_timeline_idx, of all by
-- impact_deliveries_due_idx, by a text of the error by impact_deliveries_errors_idx, or of the deliveries with
-- certain ids. Conditions on what isn't given are left out (`narrowed`). Companies are joined to the page: to join
-- them to the months takes the planner longer than the page takes.
SELECT d.*, c.slug AS company, @hold(d) AS held
FROM (
    SELECT d.id, d.company_id, d.platform, d.schedule_id, d.trigger, d.status, d.period_start, d.period_end,
           d.scheduled_for, d.created_at, d.updated_at, d.attempt_count, d.next_attempt_at, d.delivered_at,
           d.failed_at, d.error_kind, d.last_error, d.http_status, d.transaction_id, d.payload_bytes,
           d.duplicate_of, d.replay_of, d.corrects, d.note, CASE WHEN :with_payload THEN d.payload END AS payload
    FROM impact_deliveries d
    WHERE true
      AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = :company_id)
      @fitting(d)
    ORDER BY d.scheduled_for DESC, d.id DESC
    LIMIT :limit) AS d
JOIN companies c ON c.id = d.company_id
ORDER BY d.scheduled_for DESC, d.id DESC

-- name: listed_of_several
-- The same of several companies: a page of each by the index, then the latest of all.
SELECT d.id, d.company_id, c.slug AS company, d.platform, d.schedule_id, d.trigger, d.status,
       d.period_start, d.period_end, d.scheduled_for, d.created_at, d.updated_at, d.attempt_count,
       d.next_attempt_at, d.delivered_at, d.failed_at, d.error_kind, d.last_error, d.http_status,
       d.transaction_id, d.payload_bytes, d.duplicate_of, d.replay_of, d.corrects, d.note,
       CASE WHEN :with_payload THEN d.payload END AS payload, @hold(d) AS held
FROM companies c
CROSS JOIN LATERAL (
    SELECT * FROM impact_deliveries l
    WHERE l.company_id = c.id
      @fitting(l)
    ORDER BY l.scheduled_for DESC, l.id DESC
    LIMIT :limit) AS d
WHERE c.id = ANY(CAST(:company_ids AS uuid[]))
ORDER BY d.scheduled_for DESC, d.id DESC
LIMIT :limit

-- name: owned
-- Which of these deliveries belong to the caller's companies, and whose each is.
SELECT id, company_id, platform FROM impact_deliveries d
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: changed_since
-- GET /events after a pause: what of a company has changed since, oldest change first.
SELECT id, company_id, platform, status, attempt_count, updated_at
FROM impact_deliveries d
WHERE d.company_id = :company_id AND @changed_since(d, :mark)
ORDER BY change_seq, updated_at, id
LIMIT :limit

-- name: replay_request
-- Visible to a token that may see every company in it.
SELECT id, requested_by, company_ids, delivery_ids, created_at FROM replay_requests
WHERE id = :id
  AND (CAST(:company_ids AS uuid[]) IS NULL OR company_ids <@ CAST(:company_ids AS uuid[]))

-- name: replay_states
SELECT id, platform, period_start, period_end, status, attempt_count, error_kind, last_error, updated_at
FROM impact_deliveries d
WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) ORDER BY scheduled_for, id

-- name: whole
SELECT d.id, d.company_id, c.slug AS company, d.platform, d.schedule_id, d.trigger, d.status,
       d.period_start, d.period_end, d.scheduled_for, d.created_at, d.updated_at, d.attempt_count,
       d.next_attempt_at, d.delivered_at, d.failed_at, d.error_kind, d.last_error, d.http_status,
       d.transaction_id, d.payload_bytes, d.duplicate_of, d.replay_of, d.corrects, d.note, d.payload,
       d.timezone, s.schedule, d.payload_hash, d.revision, d.idempotency_key, d.batch_id, d.force,
       d.dagster_run_id, replace(CAST(d.trace_id AS text), '-', '') AS trace_id, d.provider_response, @hold(d) AS held
FROM impact_deliveries d
JOIN companies c ON c.id = d.company_id
LEFT JOIN scheduled_deliveries s ON s.id = d.schedule_id
WHERE d.id = :id AND @within(d)
  AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: attempts
SELECT number, started_at, finished_at, outcome, http_status, error_kind, error, latency_ms
FROM delivery_attempts a WHERE a.delivery_id = :id AND @attempts_within(a) ORDER BY number

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
