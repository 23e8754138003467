-- name: take_days
-- Days to compare, taken off the list in the order of their key, from where the last part ended. What a refresh
-- puts on the list at this moment is for the next comparison.
DELETE FROM impact_compared_days t
USING (
    SELECT company_id, day FROM impact_compared_days
    WHERE (company_id, day) > (CAST(:after_company AS uuid), CAST(:after_day AS date))
    ORDER BY company_id, day
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) n
WHERE t.company_id = n.company_id AND t.day = n.day
RETURNING t.company_id, t.day, t.changed_at

-- name: put_back_days
-- A delivery of them is in a worker's hands: what it will have reported is known when it ends.
INSERT INTO impact_compared_days (company_id, day, changed_at)
SELECT r.company_id, r.day, r.changed_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, day date, changed_at timestamptz)
ON CONFLICT (company_id, day) DO NOTHING

-- name: reports
-- What was, or will be, reported of these days: of each period the delivery that arrived last, and whatever is on
-- its way. A schedule's days are those of its own time zone, where they differ from the company's by one at most.
-- A delivery is due after its period has begun. `changed` are the days of it that have changed since it was due
-- (where none has, an import that lasted longer than the sending had begun before: then all that are looked at).
WITH days AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, day date, changed_at timestamptz)
),
spans AS MATERIALIZED (
    SELECT company_id, CAST(min(day) - 2 AS timestamp) AT TIME ZONE 'UTC' AS due_from, min(day) AS first_day,
           max(day) AS last_day, array_agg(day) AS days, array_agg(changed_at) AS changes
    FROM days GROUP BY company_id
),
reported AS (
    SELECT d.*, CAST(d.timezone <> c.timezone AS int) AS slack, s.days, s.changes
    FROM spans s
    JOIN companies c ON c.id = s.company_id
    -- The OFFSET makes it one index range a company; joined, a company's whole past was read.
    CROSS JOIN LATERAL (
        SELECT d.id, d.company_id, d.platform, d.status, d.timezone, d.period_start, d.period_end,
               d.scheduled_for AS due_at, d.delivered_at, d.correction, d.figures_hash
        FROM impact_deliveries d
        WHERE d.company_id = s.company_id AND d.scheduled_for >= s.due_from
          AND d.period_end >= s.first_day - 1 AND d.period_start <= s.last_day + 1
          AND (d.status = 'in_progress'
               OR d.figures_hash IS NOT NULL AND (d.status = 'success' OR d.status IN @open))
        OFFSET 0
    ) d
),
last_words AS (
    SELECT DISTINCT ON (company_id, platform, period_start, period_end,
                        CASE WHEN status <> 'success' THEN id END) *
    FROM reported
    ORDER BY company_id, platform, period_start, period_end, CASE WHEN status <> 'success' THEN id END,
             delivered_at DESC, correction DESC
)
SELECT w.id, w.company_id, w.platform, w.timezone, w.period_start, w.period_end, w.due_at, w.figures_hash,
       w.status = 'in_progress' AS in_hand,
       coalesce(array_agg(DISTINCT least(greatest(n.day, w.period_start), w.period_end))
                    FILTER (WHERE n.changed_at > w.due_at),
                array_agg(DISTINCT least(greatest(n.day, w.period_start), w.period_end))) AS changed,
       array_agg(n.day) AS seen, max(n.changed_at) AS changed_at
FROM last_words w
-- The company's own days, from its row: joined to all days, each report was compared with each of them.
CROSS JOIN LATERAL unnest(w.days, w.changes) AS n(day, changed_at)
WHERE n.day BETWEEN w.period_start - w.slack AND w.period_end + w.slack
GROUP BY w.id, w.company_id, w.platform, w.timezone, w.period_start, w.period_end, w.due_at, w.figures_hash,
         w.status

-- name: forget
-- Of reports that say again what today's events do, and of those that others have superseded.
DELETE FROM stale_days s
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, platform text, delivery_id uuid)
WHERE s.company_id = r.company_id AND s.platform = r.platform AND s.delivery_id = r.delivery_id

-- name: note
INSERT INTO stale_days AS s
    (company_id, platform, delivery_id, day, due_at, delivered_hash, current_hash, current, changed_at, found_at)
SELECT r.company_id, r.platform, r.delivery_id, r.day, r.due_at, r.delivered_hash, r.current_hash, r.current,
       r.changed_at, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    company_id uuid, platform text, delivery_id uuid, day date, due_at timestamptz, delivered_hash text,
    current_hash text, current jsonb, changed_at timestamptz)
ON CONFLICT (company_id, platform, delivery_id, day) DO UPDATE
SET due_at = excluded.due_at, delivered_hash = excluded.delivered_hash, current_hash = excluded.current_hash,
    current = excluded.current, changed_at = excluded.changed_at

-- name: note_current
-- The other days of the same report that are stale already: what it would say now is of all of them.
UPDATE stale_days s SET current_hash = r.current_hash, current = r.current
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    company_id uuid, platform text, delivery_id uuid, current_hash text, current jsonb)
WHERE s.company_id = r.company_id AND s.platform = r.platform AND s.delivery_id = r.delivery_id
  AND s.current_hash <> r.current_hash

-- name: stale
-- Days of deliveries that are the last word on their period and no longer say what the events do. By company,
-- platform and day; `correction_id` is the newest correction that was asked for.
WITH found AS MATERIALIZED (
    -- Apart from the limit: with it the planner would look for the later deliveries of each day on its own.
    SELECT s.company_id, c.slug AS company, c.active, s.platform, s.day, s.delivery_id, s.due_at, s.current_hash,
           s.current, s.changed_at, s.found_at, d.period_start, d.period_end, d.timezone, d.delivered_at,
           d.figures AS delivered, d.correction, d.first_due_at
        FROM stale_days s
    JOIN companies c ON c.id = s.company_id
    JOIN impact_deliveries d ON d.id = s.delivery_id AND d.scheduled_for = s.due_at
    WHERE d.status = 'success' AND d.figures_hash = s.delivered_hash AND s.current_hash <> s.delivered_hash
      AND (CAST(:company_ids AS uuid[]) IS NULL OR s.company_id = ANY(CAST(:company_ids AS uuid[])))
      AND (CAST(:platform AS text) IS NULL OR s.platform = :platform)
      AND (CAST(:delivery_ids AS uuid[]) IS NULL OR s.delivery_id = ANY(CAST(:delivery_ids AS uuid[])))
      AND (CAST(:first_day AS date) IS NULL OR s.day >= CAST(:first_day AS date))
      AND (CAST(:last_day AS date) IS NULL OR s.day <= CAST(:last_day AS date))
      AND NOT EXISTS (
          SELECT 1 FROM impact_deliveries n
          WHERE n.company_id = d.company_id AND n.platform = d.platform AND n.status = 'success'
            AND n.period_start = d.period_start AND n.period_end = d.period_end AND (n.delivered_at, n.correction) > (d.delivered_at, d.correction))
), shown AS (
    SELECT * FROM found ORDER BY changed_at DESC, company, platform, day LIMIT :limit
)
SELECT f.*, o.id AS correction_id, o.status AS correction_status, (SELECT count(*) FROM found) AS total
FROM shown f
LEFT JOIN LATERAL (
    SELECT o.id, o.status FROM impact_deliveries o
    WHERE @correction_of(o, f, f)
    ORDER BY o.scheduled_for DESC LIMIT 1
) o ON :with_corrections
ORDER BY f.changed_at DESC, f.company, f.platform, f.day

-- name: stale_by_platform
SELECT s.platform, count(*) AS days
FROM stale_days s
JOIN impact_deliveries d ON d.id = s.delivery_id AND d.scheduled_for = s.due_at
WHERE d.status = 'success' AND d.figures_hash = s.delivered_hash AND s.current_hash <> s.delivered_hash
  AND NOT EXISTS (
      SELECT 1 FROM impact_deliveries n
      WHERE n.company_id = d.company_id AND n.platform = d.platform AND n.status = 'success'
        AND n.period_start = d.period_start AND n.period_end = d.period_end
        AND (n.delivered_at, n.correction) > (d.delivered_at, d.correction))
GROUP BY s.platform

-- name: undecided
-- Of each platform the stale days that a company is to decide on: its policy is to be asked, a correction is
-- possible, and none was asked for.
SELECT s.platform, count(*) AS days, count(DISTINCT s.company_id) AS companies, min(s.found_at) AS since
FROM stale_days s
JOIN companies c ON c.id = s.company_id AND c.active
JOIN impact_deliveries d ON d.id = s.delivery_id AND d.scheduled_for = s.due_at
LEFT JOIN correction_policies p ON p.company_id = s.company_id AND p.platform = s.platform
WHERE d.status = 'success' AND d.figures_hash = s.delivered_hash AND s.current_hash <> s.delivered_hash
  AND coalesce(p.policy, 'ask') = 'ask'
  AND (p.counts_twice_accepted IS NOT NULL OR s.platform <> ALL(CAST(:adding AS text[])))
  AND NOT EXISTS (
      SELECT 1 FROM impact_deliveries n
      WHERE n.company_id = d.company_id AND n.platform = d.platform AND n.status = 'success'
        AND n.period_start = d.period_start AND n.period_end = d.period_end
        AND (n.delivered_at, n.correction) > (d.delivered_at, d.correction))
  AND NOT EXISTS (
      SELECT 1 FROM impact_deliveries o
      WHERE @correction_of(o, s, d))
GROUP BY s.platform

-- name: shown_cells
SELECT t.company_id, c.slug AS company, t.platform, t.day, t.version
FROM stale_cells t JOIN companies c ON c.id = t.company_id
WHERE t.platform = :platform
FOR UPDATE OF t

-- name: show_cells
INSERT INTO stale_cells (company_id, platform, day, version)
SELECT r.company_id, :platform, r.day, r.version
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, day date, version text)
ON CONFLICT (company_id, platform, day) DO UPDATE SET version = excluded.version

-- name: clear_cells
DELETE FROM stale_cells t
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, day date)
WHERE t.company_id = r.company_id AND t.platform = :platform AND t.day = r.day
