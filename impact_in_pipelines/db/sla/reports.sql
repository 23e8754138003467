-- name: save_report
INSERT INTO sla_reports (company_id, period, starts_on, ends_on, report, created_at)
SELECT r.company_id, :period, :starts_on, :ends_on, r.report, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, report jsonb)
ON CONFLICT (company_id, period, starts_on) DO UPDATE
SET ends_on = excluded.ends_on, report = excluded.report, created_at = excluded.created_at

-- name: stored_report
SELECT report FROM sla_reports
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid) AND period = :period
  AND starts_on = :starts_on

-- name: stored_of_all
SELECT r.report FROM sla_reports r LEFT JOIN companies c ON c.id = r.company_id
WHERE r.period = :period AND r.starts_on = :starts_on ORDER BY c.slug NULLS FIRST

-- name: stored_reports
-- What there is to read, newest first.
SELECT period, starts_on, ends_on, created_at FROM sla_reports
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND (CAST(:period AS text) IS NULL OR period = CAST(:period AS text))
ORDER BY starts_on DESC, period LIMIT :limit

-- name: causes
-- Why deliveries of the window failed: per company and platform, and per platform over all companies. A
-- replayed row has lost its error; its last failed attempt still has it.
WITH fates AS ({fates}),
failures AS (
    SELECT f.id, f.company_id, f.platform, f.settled_at, f.status = 'success' AS recovered,
           coalesce(e.error_kind, d.error_kind, 'unknown') AS error_kind,
           CASE WHEN e.error_kind IS NULL THEN d.http_status ELSE e.http_status END AS http_status
    FROM fates f
    JOIN impact_deliveries d ON d.id = f.id AND d.scheduled_for >= :start AND d.scheduled_for < :end
    LEFT JOIN LATERAL (
        SELECT a.error_kind, a.http_status FROM delivery_attempts a
        WHERE a.delivery_id = f.id AND a.due_at IN (f.scheduled_for, '-infinity')
          AND (a.due_at >= :start AND a.due_at < :end OR a.due_at = '-infinity')
          AND a.error_kind IS NOT NULL AND a.started_at <= f.settled_at
        ORDER BY a.number DESC LIMIT 1) AS e ON f.status <> 'failed'
    WHERE f.fate = 'failed'
),
grouped AS (
    SELECT company_id, platform, error_kind, http_status, count(*) AS deliveries,
           count(DISTINCT company_id) AS companies, count(*) FILTER (WHERE recovered) AS recovered,
           min(settled_at) AS first_at, max(settled_at) AS last_at,
           (array_agg(id ORDER BY settled_at DESC, id))[1] AS example_delivery
    FROM failures
    GROUP BY GROUPING SETS ((company_id, platform, error_kind, http_status),
                            (platform, error_kind, http_status))
)
SELECT g.*, c.slug AS example_company,
       coalesce(d.last_error, (
           SELECT a.error FROM delivery_attempts a
           WHERE a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity')
             AND (a.due_at >= :start AND a.due_at < :end OR a.due_at = '-infinity')
             AND a.error IS NOT NULL ORDER BY a.number DESC LIMIT 1)) AS example
FROM grouped g
JOIN impact_deliveries d ON d.id = g.example_delivery AND d.scheduled_for >= :start AND d.scheduled_for < :end
JOIN companies c ON c.id = d.company_id
ORDER BY g.deliveries DESC, g.last_at DESC, g.platform, g.error_kind

-- name: fates_at
-- A fragment in place of `fates`: those of some companies that were due at some instants, by
-- impact_deliveries_timeline_idx. Who they are and when is known from sla_outcomes: a week of the log, read for its
-- failures, is a hundred rows for one that counts.
SELECT f.* FROM unnest(CAST(:companies AS uuid[]), CAST(:instants AS timestamptz[])) AS w(company_id, at)
JOIN ({fates}) AS f ON f.company_id = w.company_id AND f.scheduled_for = w.at

-- name: crowded
-- The minute of the day of each platform whose first attempts start latest on average, of those that are
-- due at least :fewest times: per company and platform, and per platform.
WITH fates AS ({fates}),
facts AS ({facts}),
started AS ({started}),
minutes AS (
    SELECT company_id, platform, to_char(scheduled_for AT TIME ZONE 'UTC', 'HH24:MI') AS at,
           count(*) AS deliveries, avg(lateness_ms) AS average_lateness_ms,
           max(lateness_ms) AS max_lateness_ms
    FROM started WHERE lateness_ms IS NOT NULL
    GROUP BY GROUPING SETS ((company_id, platform, 3), (platform, 3))
    HAVING avg(lateness_ms) >= :late_ms AND count(*) >= :fewest
)
SELECT DISTINCT ON (company_id, platform) *
FROM minutes ORDER BY company_id, platform, average_lateness_ms DESC, at

-- name: day_counts
-- What was due in [start, end) by UTC day: per company, and of all. From the log and not from sla_daily, whose
-- days are whole: a window that begins at noon has half of its first one.
WITH fates AS ({fates}),
facts AS ({facts} UNION ALL {unplanned})
SELECT CAST(scheduled_for AT TIME ZONE 'UTC' AS date) AS day, company_id,
       count(*) FILTER (WHERE fate = 'successful') AS successful,
       count(*) FILTER (WHERE fate IN ('failed', 'missed', 'overdue')) AS not_arrived,
       count(*) FILTER (WHERE timed) AS timed, count(*) FILTER (WHERE on_time) AS on_time,
       {buckets} AS latency_ms_buckets
FROM facts
GROUP BY GROUPING SETS ((1, company_id), (1))
ORDER BY 1

-- name: log_trends
-- The counters of each of some periods, from the log: per company, and of all. For periods that are no whole
-- days; those come from sla_daily (`trends`).
WITH fates AS ({fates}),
facts AS ({facts}),
started AS ({started})
SELECT p.starts_at, f.company_id, {counters}, {buckets} AS latency_ms_buckets
FROM jsonb_to_recordset(CAST(:periods AS jsonb)) AS p(starts_at timestamptz, ends_at timestamptz)
JOIN started f ON f.scheduled_for >= p.starts_at AND f.scheduled_for < p.ends_at
GROUP BY GROUPING SETS ((p.starts_at, f.company_id), (p.starts_at))

-- name: incidents_within
-- Incidents that were open at some time of the period, by incidents_opened_at_idx.
SELECT i.id, i.type, i.severity, i.company_id, c.slug AS company, i.platform, i.opened_at, i.closed_at,
       i.low_confidence, i.muted_by
FROM incidents i LEFT JOIN companies c ON c.id = i.company_id
WHERE i.opened_at < :end AND coalesce(i.closed_at, 'infinity') >= :start
  AND (CAST(:company_id AS uuid) IS NULL OR i.company_id IS NULL
       OR i.company_id = CAST(:company_id AS uuid))
ORDER BY i.opened_at, i.id

-- name: maintenance_within
SELECT m.platform, m.company_id, c.slug AS company, m.starts_at, m.ends_at, m.reason, m.created_by
FROM maintenance_windows m LEFT JOIN companies c ON c.id = m.company_id
WHERE m.starts_at < :end AND m.ends_at > :start AND m.starts_at < m.ends_at
  AND (CAST(:company_id AS uuid) IS NULL OR m.company_id IS NULL
       OR m.company_id = CAST(:company_id AS uuid))
ORDER BY m.starts_at, m.id

-- name: listed_companies
SELECT id, slug, name FROM companies
WHERE CAST(:company_id AS uuid) IS NULL OR id = CAST(:company_id AS uuid) ORDER BY slug
