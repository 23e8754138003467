-- name: chosen
-- The companies of a page by slug, of those whose name or slug contains a text (a scan: ten thousand take 5 ms).
SELECT c.id FROM companies c
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:sought AS text) = '' OR position(lower(:sought) IN lower(c.name)) > 0
       OR position(lower(:sought) IN c.slug) > 0)
  AND (CAST(:after_slug AS text) IS NULL OR c.slug > :after_slug)
ORDER BY c.slug LIMIT :limit

-- name: worst
-- The companies in trouble, the worst first: open incidents (index incidents_open_key), schedules that fail, what
-- is late (open rows only), connections that are held. One pass over each, whatever the number of companies.
WITH opened AS (
    SELECT i.company_id, count(*) FILTER (WHERE i.severity = 'critical') AS critical,
           count(*) FILTER (WHERE i.severity = 'warning') AS warning
    FROM incidents i WHERE i.closed_at IS NULL AND i.company_id IS NOT NULL GROUP BY i.company_id
), waiting AS (
    SELECT d.company_id, count(*) AS late FROM impact_deliveries d
    WHERE d.status IN @open AND @within(d) AND d.scheduled_for <= :late_before GROUP BY d.company_id
), failing AS (
    SELECT s.company_id, count(*) AS failing FROM scheduled_deliveries s
    WHERE s.deleted_at IS NULL AND s.active AND s.consecutive_failures >= :failing_from GROUP BY s.company_id
), closed AS (
    SELECT k.company_id, count(DISTINCT k.platform) AS held FROM connection_closures k
    WHERE k.company_id IS NOT NULL AND (k.holds OR k.closed_until > :now) GROUP BY k.company_id
), troubled AS (
    SELECT company_id FROM opened UNION SELECT company_id FROM waiting
    UNION SELECT company_id FROM failing UNION SELECT company_id FROM closed
)
SELECT c.id, count(*) OVER () AS troubled
FROM troubled t JOIN companies c ON c.id = t.company_id
LEFT JOIN opened o ON o.company_id = c.id LEFT JOIN waiting w ON w.company_id = c.id
LEFT JOIN failing f ON f.company_id = c.id LEFT JOIN closed k ON k.company_id = c.id
WHERE CAST(:company_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:company_ids AS uuid[]))
ORDER BY coalesce(o.critical, 0) DESC, coalesce(f.failing, 0) DESC, coalesce(w.late, 0) DESC,
         coalesce(o.warning, 0) DESC, coalesce(k.held, 0) DESC, c.slug
LIMIT :limit

-- name: health
-- How some companies stand: for a page of them.
SELECT c.id, c.slug, c.name, c.timezone, c.active,
       (SELECT count(*) FROM incidents i
        WHERE i.company_id = c.id AND i.closed_at IS NULL AND i.severity = 'critical') AS critical,
       (SELECT count(*) FROM incidents i
        WHERE i.company_id = c.id AND i.closed_at IS NULL AND i.severity = 'warning') AS warning,
       coalesce(w.late, 0) AS late, w.oldest_late,
       (SELECT count(*) FROM scheduled_deliveries s
        WHERE s.company_id = c.id AND s.deleted_at IS NULL AND s.active
          AND s.consecutive_failures >= :failing_from) AS failing,
       (SELECT count(DISTINCT k.platform) FROM connection_closures k
        WHERE k.company_id = c.id AND (k.holds OR k.closed_until > :now)) AS held,
       EXISTS (SELECT 1 FROM impact_deliveries d WHERE d.company_id = c.id AND d.status = 'success') AS arrived
FROM companies c
LEFT JOIN (
    SELECT d.company_id, count(*) AS late, min(d.scheduled_for) AS oldest_late FROM impact_deliveries d
    WHERE d.status IN @open AND @within(d) AND d.scheduled_for <= :late_before
      AND d.company_id = ANY(CAST(:ids AS uuid[]))
    GROUP BY d.company_id) AS w ON w.company_id = c.id
WHERE c.id = ANY(CAST(:ids AS uuid[]))

-- name: open_incidents
SELECT count(*) FILTER (WHERE severity = 'critical') AS critical,
       count(*) FILTER (WHERE severity = 'warning') AS warning
FROM incidents WHERE closed_at IS NULL

-- name: drains
-- Who sends at this moment: the drains that hold deliveries under a lease, and how many they hold.
SELECT d.platform, count(DISTINCT d.claimed_by) AS drains, count(*) AS sending FROM impact_deliveries d
WHERE d.status = 'in_progress' AND @within(d) AND d.lease_until > clock_timestamp() GROUP BY d.platform
