-- name: beat
-- Every process that works for a platform or ticks, a few times a minute. By the database's clock: machines
-- may disagree about the time.
INSERT INTO processes (name, host, role, started_at, last_seen)
VALUES (:name, :host, :role, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET last_seen = clock_timestamp(), role = excluded.role

-- name: seen
SELECT name, host, role, last_seen FROM processes
WHERE last_seen > clock_timestamp() - CAST(:within AS interval)
ORDER BY host, name

-- name: forget
DELETE FROM processes WHERE last_seen < clock_timestamp() - CAST(:after AS interval)
