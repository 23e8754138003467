-- name: current_mark
SELECT CAST(pg_current_snapshot() AS text)

-- name: is_past
SELECT pg_snapshot_xmax(CAST(:mark AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
