-- name: finished
-- What came to its end since the last look (impact_deliveries_changes_brin); place n: above n bounds.
WITH ended AS (
    SELECT d.platform, d.status, CASE WHEN :by_company THEN c.slug END AS company,
           CASE WHEN d.status = 'success' AND d.failed_at IS NULL
                     AND d.trigger NOT IN ('backfill', 'replay', 'correction')
                THEN extract(epoch FROM d.delivered_at - d.scheduled_for) END AS took_s
    FROM impact_deliveries d JOIN companies c ON c.id = d.company_id
    WHERE @changed_since(d, :mark)
      AND d.status IN ('success', 'failed', 'skipped', 'missed', 'cancelled')
), placed AS (
    SELECT platform, status, company, CASE WHEN took_s IS NOT NULL THEN
               (SELECT count(*) FROM unnest(CAST(:bounds AS float8[])) b WHERE b < took_s) END AS place,
           count(*) AS n, sum(took_s) AS took_s
    FROM ended GROUP BY 1, 2, 3, 4
)
SELECT platform, status, company, CAST(sum(n) AS bigint) AS deliveries,
       CAST(coalesce(sum(n) FILTER (WHERE place IS NOT NULL), 0) AS bigint) AS measured,
       CAST(coalesce(sum(took_s), 0) AS float8) AS sum_s,
       array_agg(CAST(place AS int)) FILTER (WHERE place IS NOT NULL) AS places,
       array_agg(CAST(n AS bigint)) FILTER (WHERE place IS NOT NULL) AS counts
FROM placed GROUP BY platform, status, company

-- name: attempted
-- Attempts that ended since the last look (delivery_attempts_changes_brin).
WITH ended AS (
    SELECT d.platform, a.outcome,
           CASE WHEN a.number = 1 AND d.trigger NOT IN ('backfill', 'replay', 'correction')
                THEN greatest(0, extract(epoch FROM a.started_at - d.scheduled_for)) END AS late_s
    FROM delivery_attempts a JOIN impact_deliveries d ON d.id = a.delivery_id
         AND (d.scheduled_for = a.due_at OR a.due_at = '-infinity')
    WHERE @changed_since(a, :mark) AND a.finished_at IS NOT NULL
), placed AS (
    SELECT platform, outcome, CASE WHEN late_s IS NOT NULL THEN
               (SELECT count(*) FROM unnest(CAST(:bounds AS float8[])) b WHERE b < late_s) END AS place,
           count(*) AS n, sum(late_s) AS late_s
    FROM ended GROUP BY 1, 2, 3
)
SELECT platform, outcome, CAST(sum(n) AS bigint) AS attempts,
       CAST(coalesce(sum(n) FILTER (WHERE place IS NOT NULL), 0) AS bigint) AS measured,
       CAST(coalesce(sum(late_s), 0) AS float8) AS sum_s,
       array_agg(CAST(place AS int)) FILTER (WHERE place IS NOT NULL) AS places,
       array_agg(CAST(n AS bigint)) FILTER (WHERE place IS NOT NULL) AS counts
FROM placed GROUP BY platform, outcome

-- name: accounts
-- Whose counters are there before their first event, where companies are a label.
SELECT c.slug, p.platform FROM platform_connections p JOIN companies c ON c.id = p.company_id

-- name: queues
-- What is due, by what it waits for: a worker, its predecessor, or the end of a closure. A fire whose time has
-- passed and that nobody has planned wants a worker too, one for each schedule; so does the canary of a breaker
-- whose time has come. Open rows by impact_deliveries_open_due_idx, schedules by scheduled_deliveries_next_run_idx.
-- The predecessor is found by a window over the open rows: a look for each row costs the schedule's whole past.
WITH opened AS (
    SELECT d.platform, d.status, d.scheduled_for, d.next_attempt_at, @shut(d) AS closed,
           d.schedule_id IS NOT NULL
               AND d.scheduled_for > min(d.scheduled_for) OVER (PARTITION BY d.schedule_id) AS behind
    FROM impact_deliveries d WHERE d.status IN @open AND @within(d)
), found AS (
    SELECT platform, 1 AS open,
           CASE WHEN next_attempt_at <= :now AND NOT closed AND NOT behind THEN next_attempt_at END AS since,
           closed AND status IN @waiting AND scheduled_for <= :now AS held,
           next_attempt_at <= :now AND behind AND NOT closed AS behind
    FROM opened
    UNION ALL
    SELECT s.platform, 0, CASE WHEN NOT @shut(s) THEN s.next_run END, @shut(s), false
    FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id AND c.active
    WHERE s.active AND s.deleted_at IS NULL AND s.next_run <= :now
      AND NOT EXISTS (
          SELECT 1 FROM impact_deliveries d WHERE d.schedule_id = s.id AND d.scheduled_for = s.next_run)
    UNION ALL
    SELECT k.platform, 0, greatest(k.closed_until, k.updated_at), false, false
    FROM connection_closures k
    WHERE k.kind = 'breaker' AND k.holds AND k.closed_until <= :now
      AND NOT EXISTS (
          SELECT 1 FROM connection_closures o
          WHERE o.platform = k.platform AND o.holds
            AND (o.company_id IS NULL OR o.company_id = k.company_id)
            AND (o.kind = 'person' OR (o.company_id IS NULL AND k.company_id IS NOT NULL)))
      AND EXISTS (
          SELECT 1 FROM impact_deliveries h
          WHERE h.platform = k.platform AND h.status IN @waiting AND h.scheduled_for <= :now AND @within(h)
            AND (h.company_id = k.company_id OR k.company_id IS NULL))
)
SELECT platform, sum(open) AS open, count(since) AS due, min(since) AS oldest_due,
       count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE behind) AS waiting_turn
FROM found GROUP BY platform

-- name: platform_states
SELECT platform, state FROM platform_health

-- name: breaker_states
SELECT platform, state FROM connection_closures WHERE company_id IS NULL AND kind = 'breaker' AND holds

-- name: limit_slots
-- What drains have asked for and the accounts' limits still count (delivery/limits/budgets.py).
WITH used AS (
    SELECT b.platform, sum(CAST(one ->> 1 AS int)) AS slots
    FROM request_budgets b, jsonb_array_elements(b.blocks) AS one
    WHERE CAST(one ->> 2 AS float8) > extract(epoch FROM clock_timestamp())
    GROUP BY b.platform, b.base_url, b.organization_id
)
SELECT platform, CAST(sum(slots) AS bigint) AS slots, CAST(max(slots) AS bigint) AS busiest
FROM used GROUP BY platform

-- name: alert_channels
-- How the channels of alerts do: how often in a row one hasn't taken anything, and since when what it is to take
-- waits.
SELECT channel, coalesce(max(c.failures), 0) AS failures, min(n.created_at) AS oldest
FROM alert_channels c
FULL JOIN (SELECT channel, created_at FROM notifications WHERE sent_at IS NULL) n USING (channel)
GROUP BY channel

-- name: token_refreshes
SELECT coalesce((SELECT value FROM counters WHERE name = 'token_refreshes'), 0)
