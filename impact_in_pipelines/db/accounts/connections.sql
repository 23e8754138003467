-- name: of_companies
-- The stored connection of each company, or nulls where only the environment's default can serve.
SELECT c.id AS company_id, c.slug, p.organization_id, p.base_url, p.credentials, p.credentials_origin,
       p.options, p.enabled, p.rate_limit_per_minute, p.max_concurrency
FROM companies c
LEFT JOIN platform_connections p ON p.company_id = c.id AND p.platform = :platform
WHERE c.id = ANY(CAST(:company_ids AS uuid[]))

-- name: binding
-- What the stored credentials are bound to, locked until the change is made.
SELECT c.slug, p.base_url, p.credentials IS NOT NULL AS has_credentials, p.credentials_origin
FROM companies c
LEFT JOIN platform_connections p ON p.company_id = c.id AND p.platform = :platform
WHERE c.id = :company_id
FOR NO KEY UPDATE OF c

-- name: save
INSERT INTO platform_connections AS p
    (company_id, platform, organization_id, base_url, credentials, credentials_origin, webhook_secret,
     options, rate_limit_per_minute, max_concurrency, enabled)
VALUES (:company_id, :platform, :organization_id, :base_url, :credentials, :credentials_origin,
        :webhook_secret, coalesce(CAST(:options AS jsonb), '{}'::jsonb), :rate_limit_per_minute, :max_concurrency,
        coalesce(CAST(:enabled AS boolean), true))
ON CONFLICT (company_id, platform) DO UPDATE
SET organization_id = coalesce(excluded.organization_id, p.organization_id),
    base_url = coalesce(excluded.base_url, p.base_url),
    credentials = coalesce(excluded.credentials, p.credentials),
    credentials_origin = CASE WHEN excluded.credentials IS NOT NULL THEN excluded.credentials_origin
                              ELSE coalesce(p.credentials_origin, excluded.credentials_origin) END,
    webhook_secret = coalesce(excluded.webhook_secret, p.webhook_secret),
    options = coalesce(CAST(:options AS jsonb), p.options),
    rate_limit_per_minute = coalesce(excluded.rate_limit_per_minute, p.rate_limit_per_minute),
    max_concurrency = coalesce(excluded.max_concurrency, p.max_concurrency),
    enabled = coalesce(CAST(:enabled AS boolean), p.enabled),
    updated_at = now()

-- name: listed
SELECT c.slug AS company, p.platform, p.organization_id, p.base_url, p.credentials, p.credentials_origin, p.options,
       p.enabled, p.rate_limit_per_minute, p.max_concurrency, p.updated_at, p.company_id,
       p.webhook_secret IS NOT NULL AS webhook_secret_set
FROM platform_connections p JOIN companies c ON c.id = p.company_id
WHERE CAST(:company_id AS uuid) IS NULL OR p.company_id = :company_id
ORDER BY c.slug, p.platform

-- name: page
SELECT c.slug AS company, p.platform, p.organization_id, p.base_url, p.credentials, p.credentials_origin, p.options,
       p.enabled, p.rate_limit_per_minute, p.max_concurrency, p.updated_at, p.company_id,
       p.webhook_secret IS NOT NULL AS webhook_secret_set
FROM platform_connections p JOIN companies c ON c.id = p.company_id
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR p.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:after_slug AS text) IS NULL OR (c.slug, p.platform) > (:after_slug, :after_platform))
ORDER BY c.slug, p.platform
LIMIT :limit

-- name: to_rotate
-- A batch of stored secrets, by company and platform, locked while they are written anew.
SELECT c.slug AS company, p.company_id, p.platform, p.credentials, p.webhook_secret
FROM platform_connections p JOIN companies c ON c.id = p.company_id
WHERE CAST(:after_company AS uuid) IS NULL
   OR (p.company_id, p.platform) > (CAST(:after_company AS uuid), CAST(:after_platform AS text))
ORDER BY p.company_id, p.platform
LIMIT :limit
FOR UPDATE OF p

-- name: rotated
UPDATE platform_connections
SET credentials = coalesce(:credentials, credentials),
    webhook_secret = coalesce(:webhook_secret, webhook_secret)
WHERE company_id = :company_id AND platform = :platform
