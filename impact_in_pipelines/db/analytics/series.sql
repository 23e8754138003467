-- name: series_columns
-- A fragment over sla_daily `d` and calls_daily `c`.
day, company_id, platform,
coalesce(d.successful + d.failed + d.missed + d.overdue, 0) AS planned, coalesce(d.successful, 0) AS succeeded,
coalesce(d.failed, 0) AS failed, coalesce(d.missed + d.overdue, 0) AS never_started, coalesce(d.timed, 0) AS timed,
coalesce(d.on_time, 0) AS on_time, coalesce(d.latency_ms_sum, 0) AS latency_ms_sum,
coalesce(d.latency_ms_n, 0) AS latency_ms_n, coalesce(d.latency_ms_buckets, '{}') AS latency_ms_buckets,
coalesce(d.payload_bytes_sum, 0) AS payload_bytes,
coalesce(c.requests, 0) AS requests, coalesce(c.deliveries_sent, 0) AS deliveries_sent,
coalesce(c.repeats, 0) AS repeats, coalesce(c.failed_requests, 0) AS failed_requests, coalesce(c.lost, 0) AS lost,
coalesce(c.answered, 0) AS answered, coalesce(c.answer_ms_sum, 0) AS answer_ms_sum,
coalesce(c.answer_bins, '{}') AS answer_bins, coalesce(c.answer_counts, '{}') AS answer_counts, c.errors

-- name: of_company
-- Day by day: both keys begin with the day, and a look for each costs what the answer costs, on every server.
SELECT {series_columns}
FROM (
    SELECT s.* FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS g(at)
    JOIN sla_daily s ON s.day = CAST(g.at AS date) AND s.company_id = :company_id) AS d
FULL JOIN (
    SELECT n.* FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS g(at)
    JOIN calls_daily n ON n.day = CAST(g.at AS date) AND n.company_id = :company_id) AS c
USING (day, company_id, platform)
ORDER BY platform, day

-- name: of_all
SELECT {series_columns}
FROM (SELECT * FROM sla_daily WHERE day BETWEEN :first AND :last) AS d
FULL JOIN (SELECT * FROM calls_daily WHERE day BETWEEN :first AND :last) AS c USING (day, company_id, platform)
ORDER BY company_id, platform, day

-- name: of_platforms
SELECT * FROM platform_daily WHERE day BETWEEN :first AND :last ORDER BY platform, day

-- name: counted_at
SELECT max(calls_at) FROM sla_days WHERE day <= :last

-- name: calls_of_hours
SELECT platform, hour, sum(requests) AS requests, sum(failed_requests) AS failed
FROM platform_hours WHERE day BETWEEN :first AND :last GROUP BY 1, 2

-- name: answers_of_hours
SELECT h.platform, h.hour, u.bin, sum(u.n) AS n
FROM platform_hours h, unnest(h.answer_bins, h.answer_counts) AS u(bin, n)
WHERE h.day BETWEEN :first AND :last GROUP BY 1, 2, 3

-- name: most_calls
-- The companies with the most calls, by platform, and how many have called at all.
WITH both_ AS (
    SELECT company_id, platform, sum(requests) AS requests, sum(deliveries_sent) AS deliveries_sent,
           sum(repeats) AS repeats, sum(failed_requests) AS failed_requests, sum(lost) AS lost,
           sum(answered) AS answered, sum(answer_ms_sum) AS answer_ms_sum
    FROM calls_daily WHERE day BETWEEN :first AND :last GROUP BY 1, 2
), companies_ AS (
    SELECT company_id, sum(requests) AS of_all, count(*) OVER () AS called_by
    FROM both_ GROUP BY company_id HAVING sum(requests) > 0
    ORDER BY of_all DESC, company_id LIMIT :limit
)
SELECT o.slug, o.name, b.*, c.called_by
FROM companies_ c JOIN both_ b USING (company_id) JOIN companies o ON o.id = c.company_id
ORDER BY c.of_all DESC, o.slug, b.platform
