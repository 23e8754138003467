-- name: calendar
-- What became of each local day of a company on each platform: the best that any delivery of it came to. A
-- delivery is due after the day it reports has begun, at most 14 hours before its date does in UTC: that
-- narrows the scan to what can report the span.
SELECT DISTINCT ON (r.platform, r.day) r.platform, r.day, r.id,
       CASE WHEN r.status = 'success' AND r.trigger = 'correction' THEN 'corrected'
            WHEN r.status IN ('success', 'skipped') THEN 'arrived'
            WHEN r.held THEN 'held'
            WHEN r.status IN @open THEN 'waiting'
            ELSE r.status END AS state,
       count(*) OVER (PARTITION BY r.platform, r.day) AS deliveries
FROM (
    SELECT d.id, d.platform, d.status, d.trigger, d.scheduled_for, d.correction, CAST(s.day AS date) AS day,
           @hold(d) IS NOT NULL AS held
    FROM impact_deliveries d
    CROSS JOIN LATERAL generate_series(
        CAST(greatest(d.period_start, CAST(:first AS date)) AS timestamp),
        CAST(least(d.period_end, CAST(:last AS date)) AS timestamp), interval '1 day') AS s(day)
    WHERE d.company_id = :company_id AND d.scheduled_for >= CAST(CAST(:first AS date) - 2 AS timestamp) AT TIME ZONE 'UTC'
      AND d.period_start <= :last AND d.period_end >= :first
) AS r
ORDER BY r.platform, r.day,
         array_position(ARRAY['success', 'skipped', 'in_progress', 'retrying', 'pending', 'failed', 'missed',
                              'cancelled'], r.status),
         r.scheduled_for DESC, r.correction DESC, r.id

-- name: begun
-- The first day that was ever to be reported to each platform: before it a day without a delivery is no hole.
SELECT platform, min(period_start) AS first_day FROM impact_deliveries
WHERE company_id = :company_id GROUP BY platform

-- name: days_with_figures
SELECT day FROM company_impact
WHERE company_id = :company_id AND day BETWEEN :first AND :last AND events > 0
