-- name: events
-- All events in one pass; the imports and what they rejected from the audit log.
SELECT e.rows, e.companies, e.newest_event_at, e.imported_at, i.imports, i.rejected,
       (SELECT count(*) FROM impact_touched_days) AS touched_days
FROM (
    SELECT count(*) AS rows, count(DISTINCT company_id) AS companies, max(occurred_at) AS newest_event_at,
           max(imported_at) AS imported_at
    FROM impact_events
) e
CROSS JOIN (
    SELECT count(*) AS imports, CAST(coalesce(sum(CAST(a.after ->> 'rejected' AS bigint)), 0) AS bigint) AS rejected
    FROM audit_log a WHERE a.action = 'events.import' AND a.at >= :since
) i

-- name: deliveries
-- By status: what was due since a time, and what is open and was due before (impact_deliveries_open_due_idx).
WITH counted AS (
    SELECT d.status, d.scheduled_for, d.delivered_at FROM impact_deliveries d
    WHERE d.scheduled_for >= :since AND d.scheduled_for <= :now
    UNION ALL
    SELECT d.status, d.scheduled_for, NULL FROM impact_deliveries d
    WHERE d.status IN @open AND (d.scheduled_for < :since OR d.scheduled_for > :now)
)
SELECT status, count(*) AS deliveries, max(delivered_at) AS last_delivered_at,
       min(scheduled_for) FILTER (WHERE status IN @open) AS oldest_due
FROM counted GROUP BY status
