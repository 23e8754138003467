-- name: lock
-- Until it is erased nobody takes it up again, exports it, or writes anything that is its.
SELECT active, export_sha256 FROM companies WHERE id = :company_id FOR UPDATE

-- name: being_sent
-- Nobody knows yet whether these arrive.
SELECT count(*) FROM impact_deliveries WHERE company_id = :company_id AND status = 'in_progress'

-- name: sessions_of_it_alone
DELETE FROM web_sessions WHERE companies = ARRAY[CAST(:company_id AS uuid)]

-- name: sessions_among_others
UPDATE web_sessions SET companies = array_remove(companies, CAST(:company_id AS uuid))
WHERE CAST(:company_id AS uuid) = ANY(companies)

-- name: tokens
-- The row of a revoked token stays until the token has expired: without it the token would be good again.
UPDATE access_tokens SET companies = array_remove(companies, CAST(:company_id AS uuid))
WHERE CAST(:company_id AS uuid) = ANY(companies)

-- name: replays_of_it_alone
DELETE FROM replay_requests WHERE company_ids <@ ARRAY[CAST(:company_id AS uuid)]

-- name: replays_among_others
UPDATE replay_requests r
SET company_ids = array_remove(company_ids, CAST(:company_id AS uuid)),
    delivery_ids = ARRAY(
        SELECT one FROM unnest(r.delivery_ids) one
        WHERE one NOT IN (SELECT d.id FROM impact_deliveries d WHERE d.company_id = :company_id))
WHERE CAST(:company_id AS uuid) = ANY(company_ids)

-- name: avoided
UPDATE connection_closures SET avoid_company_id = NULL WHERE avoid_company_id = :company_id

-- name: budgets
-- What the company's accounts had left, unless another company's connection leads to the same account.
DELETE FROM request_budgets b
WHERE b.organization_id = ANY(CAST(:organizations AS text[]))
  AND NOT EXISTS (
      SELECT 1 FROM platform_connections p
      WHERE p.company_id <> :company_id AND p.platform = b.platform AND p.organization_id = b.organization_id)

-- name: organizations
SELECT organization_id FROM platform_connections
WHERE company_id = :company_id AND organization_id IS NOT NULL

-- name: forget_person
-- The person's events stay as what they are counted as, under a name made up here, and under ids of which the
-- source knows nothing: the figures of the day don't change, and nothing leads back.
UPDATE impact_events
SET event_id = 'erased-' || gen_random_uuid(),
    participant_ref = CASE WHEN participant_ref = :reference THEN CAST(:alias AS text) ELSE participant_ref END,
    volunteer_ref = CASE WHEN volunteer_ref = :reference THEN CAST(:alias AS text) ELSE volunteer_ref END
WHERE company_id = :company_id AND (participant_ref = :reference OR volunteer_ref = :reference)

-- name: deliveries_of_attempts
SELECT DISTINCT delivery_id FROM delivery_attempts WHERE id = ANY(CAST(:ids AS uuid[]))

-- name: remember_erased
INSERT INTO erased_references (company_id, digest, erased_at) VALUES (:company_id, :digest, :now)
ON CONFLICT (company_id, digest) DO UPDATE SET erased_at = excluded.erased_at

-- name: drop_upload_contents
DELETE FROM event_upload_parts p USING event_uploads u
WHERE u.id = p.upload_id AND u.company_id = :company_id

-- name: discard_uploads
-- What waits for a yes has lost its content with that.
UPDATE event_uploads SET state = 'discarded', decided_at = :now, decided_by = :actor
WHERE company_id = :company_id AND state = 'checked'

-- name: erased_digests
SELECT company_id, digest FROM erased_references

-- name: erased_so_far
SELECT count(*) FROM erased_references WHERE company_id = :company_id

-- name: alone
-- Whoever writes what a file says of people holds the same lock, shared, and whoever archives a month
-- (retention/turn.sql).
SELECT pg_advisory_xact_lock(727105)

-- name: beside_others
SELECT pg_advisory_xact_lock_shared(727105)

-- name: table_sizes
-- What autovacuum has counted; of a partitioned table that of its parts.
SELECT c.relname AS name, 1 + greatest(coalesce((
    SELECT sum(greatest(part.reltuples, 0)) FROM pg_partition_tree(c.oid) t
    JOIN pg_class part ON part.oid = t.relid AND t.isleaf), c.reltuples), 0) AS rows
FROM pg_class c
WHERE c.oid = ANY(SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)
