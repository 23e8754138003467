-- name: windows_present
-- GET /maintenance-windows: present and coming ones, the next to end first.
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM maintenance_windows w LEFT JOIN companies c ON c.id = w.company_id
WHERE CASE WHEN w.company_id IS NULL THEN :platforms_too
           ELSE CAST(:company_ids AS uuid[]) IS NULL OR w.company_id = ANY(CAST(:company_ids AS uuid[])) END
  AND w.ends_at > :now
  AND (CAST(:at AS timestamptz) IS NULL OR (w.ends_at, w.id) > (:at, CAST(:id AS uuid)))
ORDER BY w.ends_at, w.id
LIMIT :limit

-- name: windows_ever
-- The same with past ones, the last to end first.
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM maintenance_windows w LEFT JOIN companies c ON c.id = w.company_id
WHERE CASE WHEN w.company_id IS NULL THEN :platforms_too
           ELSE CAST(:company_ids AS uuid[]) IS NULL OR w.company_id = ANY(CAST(:company_ids AS uuid[])) END
  AND (CAST(:at AS timestamptz) IS NULL OR (w.ends_at, w.id) < (:at, CAST(:id AS uuid)))
ORDER BY w.ends_at DESC, w.id DESC
LIMIT :limit

-- name: windows
-- Maintenance that overlaps a span of time, the next to end first.
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM maintenance_windows w LEFT JOIN companies c ON c.id = w.company_id
WHERE w.ends_at > :start AND w.starts_at < :end AND w.starts_at < w.ends_at
ORDER BY w.ends_at, w.id

-- name: window
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM maintenance_windows w LEFT JOIN companies c ON c.id = w.company_id
WHERE w.id = :id

-- name: add_window
WITH added AS (
    INSERT INTO maintenance_windows (company_id, platform, starts_at, ends_at, reason, created_by, created_at)
    VALUES (:company_id, :platform, :starts_at, :ends_at, :reason, :created_by, :now)
    RETURNING *
)
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM added w LEFT JOIN companies c ON c.id = w.company_id

-- name: end_window
-- One that hasn't begun is left empty; one that is over stays as it was.
WITH ended AS (
    UPDATE maintenance_windows
    SET ends_at = greatest(starts_at, CAST(:now AS timestamptz)), ended_by = :by
    WHERE id = :id AND ends_at > :now
    RETURNING *
)
SELECT w.id, w.company_id, c.slug AS company, w.platform, w.starts_at, w.ends_at, w.reason, w.created_by,
       w.created_at, w.ended_by
FROM ended w LEFT JOIN companies c ON c.id = w.company_id

-- name: windows_matching
SELECT id FROM maintenance_windows WHERE id BETWEEN :lowest AND :highest ORDER BY id LIMIT 4
