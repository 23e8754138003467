-- name: thresholds
SELECT t.company_id, c.slug AS company, t.platform, t.thresholds, t.updated_by, t.updated_at
FROM sla_thresholds t LEFT JOIN companies c ON c.id = t.company_id
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR t.company_id IS NULL
       OR t.company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY c.slug NULLS FIRST, t.platform NULLS FIRST

-- name: own_thresholds
SELECT thresholds FROM sla_thresholds
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND platform IS NOT DISTINCT FROM CAST(:platform AS text)
FOR UPDATE

-- name: set_thresholds
INSERT INTO sla_thresholds (company_id, platform, thresholds, updated_by, updated_at)
VALUES (:company_id, :platform, CAST(:thresholds AS jsonb), :actor, :now)
ON CONFLICT (company_id, platform) DO UPDATE
SET thresholds = excluded.thresholds, updated_by = excluded.updated_by, updated_at = excluded.updated_at

-- name: clear_thresholds
DELETE FROM sla_thresholds
WHERE company_id IS NOT DISTINCT FROM CAST(:company_id AS uuid)
  AND platform IS NOT DISTINCT FROM CAST(:platform AS text)
