-- name: first_due
-- The earliest due time from an instant on; the months are walked by it, so that empty ones cost nothing.
SELECT min(scheduled_for) FROM impact_deliveries WHERE scheduled_for >= :since

-- name: needed
-- What keeps a month: a delivery that is open, that Dagster doesn't show yet, or that somebody has changed lately,
-- such as a replay whose content may come again, or whose call-back may.
SELECT EXISTS (
    SELECT 1 FROM impact_deliveries d
    WHERE d.scheduled_for >= :month AND d.scheduled_for < :until
      AND (d.status IN @open OR (d.recorded_at IS NULL AND d.status IN @shown)
        OR greatest(d.updated_at, d.delivered_at, d.call_back_at) > :touched_since))

-- name: changed
-- Since they were archived.
SELECT EXISTS (
    SELECT 1 FROM impact_deliveries d
    WHERE d.scheduled_for >= :month AND d.scheduled_for < :until AND @changed_since(d, :mark))
OR EXISTS (
    SELECT 1 FROM delivery_attempts a
    WHERE a.due_at >= :month AND a.due_at < :until AND @changed_since(a, :mark))

-- name: impact_deliveries_rows
SELECT count(*) FROM impact_deliveries r WHERE r.scheduled_for >= :month AND r.scheduled_for < :until

-- name: impact_deliveries
SELECT {columns} FROM impact_deliveries r
WHERE r.scheduled_for >= :month AND r.scheduled_for < :until
ORDER BY r.scheduled_for, r.id

-- name: delivery_attempts_rows
SELECT count(*) FROM delivery_attempts r
WHERE (r.due_at >= :month AND r.due_at < :until)
   OR (r.due_at = '-infinity' AND r.delivery_id IN (
        SELECT d.id FROM impact_deliveries d WHERE d.scheduled_for >= :month AND d.scheduled_for < :until))

-- name: delivery_attempts
-- Those from before there were months are their delivery's.
SELECT {columns} FROM delivery_attempts r
WHERE (r.due_at >= :month AND r.due_at < :until)
   OR (r.due_at = '-infinity' AND r.delivery_id IN (
        SELECT d.id FROM impact_deliveries d WHERE d.scheduled_for >= :month AND d.scheduled_for < :until))
ORDER BY r.delivery_id, r.number

-- name: delete_attempts
DELETE FROM delivery_attempts r
WHERE (r.due_at >= :month AND r.due_at < :until)
   OR (r.due_at = '-infinity' AND r.delivery_id IN (
        SELECT d.id FROM impact_deliveries d WHERE d.scheduled_for >= :month AND d.scheduled_for < :until))

-- name: delete_deliveries
DELETE FROM impact_deliveries r WHERE r.scheduled_for >= :month AND r.scheduled_for < :until

-- name: first_audited
SELECT min(at) FROM audit_log WHERE at >= :since

-- name: audit_log_rows
SELECT count(*) FROM audit_log r WHERE r.at >= :month AND r.at < :until

-- name: audit_log
SELECT {columns} FROM audit_log r WHERE r.at >= :month AND r.at < :until ORDER BY r.at, r.id

-- name: delete_audited
DELETE FROM audit_log WHERE at >= :month AND at < :until

-- name: old_figures
SELECT count(*) FROM company_impact WHERE day < :before

-- name: delete_figures
DELETE FROM company_impact WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM company_impact WHERE day < :before LIMIT :limit))
