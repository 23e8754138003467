-- name: finished
-- What came to its end since the last look (impact_deliveries_changes_brin); place n: above n bounds.
WITH ended AS (
    SELECT d.platform, d.status, CASE WHEN :by_company THEN c.slug END AS company,
           CASE WHEN d.status = 'success' AND d.failed_at IS NULL
                     AND d.trigger NOT IN ('backfill', 'replay')
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
           CASE WHEN a.number = 1 AND d.trigger NOT IN ('backfill', 'replay')
                THEN greatest(0, extract(epoch FROM a.started_at - d.scheduled_for)) END AS late_s
    FROM delivery_attempts a JOIN impact_deliveries d ON d.id = a.delivery_id
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
-- By impact_deliveries_open_idx. What is held wants no worker; it has a series of its own.
SELECT d.platform, count(*) AS open,
       count(*) FILTER (WHERE d.next_attempt_at <= :now AND NOT @closed(d)) AS due,
       min(d.next_attempt_at) FILTER (WHERE d.next_attempt_at <= :now AND NOT @closed(d)) AS oldest_due
FROM impact_deliveries d WHERE d.status IN @open
GROUP BY d.platform

-- name: platform_states
SELECT platform, state FROM platform_health

-- name: breaker_states
SELECT platform, state FROM connection_closures WHERE company_id IS NULL AND kind = 'breaker' AND holds

-- name: held
-- Nothing to count where nothing is closed.
SELECT d.platform, count(*) AS held FROM impact_deliveries d
WHERE d.status IN @waiting AND d.scheduled_for <= :now
  AND d.platform IN (SELECT k.platform FROM connection_closures k WHERE k.holds OR k.closed_until > :now)
  AND @closed(d)
GROUP BY d.platform

-- name: token_refreshes
SELECT coalesce((SELECT value FROM counters WHERE name = 'token_refreshes'), 0)
