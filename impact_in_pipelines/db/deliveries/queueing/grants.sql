-- name: add_accounts
-- In an order of its own: two drains that add the same ones must not wait for each other in a circle.
INSERT INTO request_budgets (platform, base_url, organization_id)
SELECT a.platform, a.base_url, a.organization_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS a(platform text, base_url text, organization_id text)
ORDER BY a.platform, a.base_url, a.organization_id
ON CONFLICT DO NOTHING

-- name: lock_accounts
-- The time is the database's (D15). It may be older than the lock: a slot is then thought to rest a moment
-- longer than it does.
SELECT b.platform, b.base_url, b.organization_id, b.blocks, b.hours,
       extract(epoch FROM clock_timestamp())::float8 AS now
FROM request_budgets b
JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS a(platform text, base_url text, organization_id text)
  ON b.platform = a.platform AND b.base_url = a.base_url AND b.organization_id = a.organization_id
ORDER BY b.platform, b.base_url, b.organization_id
FOR UPDATE OF b

-- name: write_accounts
UPDATE request_budgets b
SET blocks = a.blocks, hours = a.hours, updated_at = clock_timestamp()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS a(
    platform text, base_url text, organization_id text, blocks jsonb, hours jsonb)
WHERE b.platform = a.platform AND b.base_url = a.base_url AND b.organization_id = a.organization_id

-- name: purge
-- Accounts that are no longer sent to. One that a drain has locked is in use.
DELETE FROM request_budgets b
USING (
    SELECT platform, base_url, organization_id FROM request_budgets
    WHERE updated_at < clock_timestamp() - CAST(:unused_for AS interval)
    FOR UPDATE SKIP LOCKED) AS o
WHERE b.platform = o.platform AND b.base_url = o.base_url AND b.organization_id = o.organization_id
