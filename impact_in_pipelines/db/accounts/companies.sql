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
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE slug = :text OR CAST(id AS text) = lower(:text)

-- name: by_slug
SELECT id, slug, name, country, timezone, active, created_at FROM companies
WHERE slug = ANY(CAST(:slugs AS text[]))

-- name: active_slugs
SELECT slug FROM companies WHERE active ORDER BY created_at, slug
