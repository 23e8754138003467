-- name: add
INSERT INTO companies (id, slug, name, country, timezone)
VALUES (coalesce(CAST(:id AS uuid), gen_random_uuid()), :slug, :name, :country, :timezone)
RETURNING id, slug, name, country, timezone, active, created_at

-- name: listed
SELECT id, slug, name, country, timezone, active, created_at FROM companies ORDER BY slug

-- name: page
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:after_slug AS text) IS NULL OR slug > :after_slug)
ORDER BY slug LIMIT :limit

-- name: find
-- By either key: an id that is compared as text is looked for among all of them.
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE slug = :slug OR id = CAST(:id AS uuid)

-- name: by_slug
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE slug = ANY(CAST(:slugs AS text[]))

-- name: by_id
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE id = ANY(CAST(:ids AS uuid[]))

-- name: active_slugs
SELECT slug FROM companies WHERE active ORDER BY created_at, slug

-- name: rename
UPDATE companies SET name = :name WHERE id = :id
RETURNING id, slug, name, country, timezone, active, created_at

-- name: lock
SELECT id, slug, name, country, timezone, active, created_at FROM companies WHERE id = :id FOR NO KEY UPDATE

-- name: deactivate
-- Whatever was exported before says nothing of what is there now.
UPDATE companies SET active = false, deactivated_at = :now, exported_at = NULL, export_sha256 = NULL
WHERE id = :id

-- name: reactivate
UPDATE companies SET active = true, deactivated_at = NULL, exported_at = NULL, export_sha256 = NULL WHERE id = :id

-- name: exported
-- An export that was begun before the company was switched off says nothing of what came until then.
UPDATE companies SET exported_at = :now, export_sha256 = :sha256
WHERE id = :id AND (deactivated_at IS NULL OR deactivated_at <= :now)

-- name: life
SELECT deactivated_at, exported_at, export_sha256 FROM companies WHERE id = :id

-- name: waiting_of_inactive
-- A worker that was sending when a company was switched off may have put its delivery back for a retry since.
SELECT d.id FROM impact_deliveries d JOIN companies c ON c.id = d.company_id AND NOT c.active
WHERE d.status IN @waiting
ORDER BY d.id LIMIT :limit

-- name: waiting_of
SELECT id FROM impact_deliveries WHERE company_id = :id AND status IN @waiting ORDER BY scheduled_for, id LIMIT :limit

-- name: inactive_of_deliveries
SELECT d.id, c.slug FROM impact_deliveries d JOIN companies c ON c.id = d.company_id AND NOT c.active
WHERE d.id = ANY(CAST(:ids AS uuid[]))

-- name: has
SELECT EXISTS (SELECT 1 FROM impact_events WHERE company_id = :id) AS events,
       EXISTS (SELECT 1 FROM scheduled_deliveries WHERE company_id = :id AND deleted_at IS NULL) AS schedules,
       EXISTS (SELECT 1 FROM impact_deliveries WHERE company_id = :id) AS deliveries,
       EXISTS (SELECT 1 FROM impact_deliveries WHERE company_id = :id AND status = 'success') AS arrived
