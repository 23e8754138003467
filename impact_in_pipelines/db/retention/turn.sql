-- name: take_turn
SELECT pg_try_advisory_lock(727106)

-- name: hold_erasures
-- The lock that an erasure takes alone (erasing.sql).
SELECT pg_advisory_lock_shared(727105)

-- name: let_erasures_go_on
SELECT pg_advisory_unlock_shared(727105)
