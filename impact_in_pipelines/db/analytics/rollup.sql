-- name: forget_calls
DELETE FROM calls_daily WHERE day = :day

-- name: forget_hours
DELETE FROM platform_hours WHERE day = :day

-- name: forget_platforms
DELETE FROM platform_daily WHERE day = :day

-- name: tries
-- A fragment: the attempts that have ended of deliveries that were due in [start, end), with the UTC hour in which
-- they began. Those from before there were months have no due time of their own: a branch for them, since one
-- condition for both would keep the planner from joining by hash.
SELECT a.id, d.company_id, d.platform, a.number, a.started_at, a.finished_at, a.outcome, a.error_kind, a.latency_ms
FROM impact_deliveries d JOIN delivery_attempts a ON a.delivery_id = d.id AND a.due_at = d.scheduled_for
WHERE d.scheduled_for >= :start AND d.scheduled_for < :end AND a.due_at >= :start AND a.due_at < :end
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = CAST(:company_id AS uuid))
  AND a.outcome <> 'started'
UNION ALL
SELECT a.id, d.company_id, d.platform, a.number, a.started_at, a.finished_at, a.outcome, a.error_kind, a.latency_ms
FROM impact_deliveries d JOIN delivery_attempts a ON a.delivery_id = d.id AND a.due_at = '-infinity'
WHERE d.scheduled_for >= :start AND d.scheduled_for < :end
  AND (CAST(:company_id AS uuid) IS NULL OR d.company_id = CAST(:company_id AS uuid))
  AND a.outcome <> 'started'

-- name: requests
-- A fragment over `tries`: one row for each call. The members of a batch began and ended together and took equally
-- long; the delivery's own batch is no key, since a batch that is split is forgotten. An attempt whose worker died
-- stands for itself: nobody knows whether there was a call. So does one where a call has one delivery: two thirds of
-- the platforms needn't be sorted for their batches.
SELECT r.*, CAST(extract(hour FROM r.started_at AT TIME ZONE 'UTC') AS smallint) AS hour,
       CASE WHEN r.ms IS NULL THEN {no_bin}
            ELSE least({last_bin}, greatest(0, floor({bins} * ln(greatest(r.ms, 1)) / ln(CAST(2 AS float8)))))
       END AS bin
FROM (
    SELECT t.company_id, t.platform, t.started_at, t.outcome = 'lost' AS lost, 1 AS deliveries, t.number > 1 AS repeats,
           t.outcome <> 'delivered' AS failed, coalesce(t.error_kind, 'unknown') AS kind, t.latency_ms AS ms
    FROM tries t
    WHERE t.outcome = 'lost' OR t.platform = ANY(CAST(:single AS text[]))
    UNION ALL
    SELECT t.company_id, t.platform, t.started_at, false, count(*), min(t.number) > 1,
           NOT bool_or(t.outcome = 'delivered'), coalesce(min(t.error_kind), 'unknown'), min(t.latency_ms)
    FROM tries t
    WHERE t.outcome <> 'lost' AND t.platform <> ALL(CAST(:single AS text[]))
    GROUP BY t.company_id, t.platform, t.started_at, t.finished_at, t.latency_ms
) AS r

-- name: count_calls
-- The rows of calls_daily and of platform_hours for :day, which is [start, end). Each grouping is made apart, so that
-- none is sorted for the next: nearly every request of a company has an hour of its own.
WITH tries AS ({tries}),
requests AS MATERIALIZED ({requests}),
by_kind AS MATERIALIZED (
    SELECT company_id, platform, kind, count(*) AS n FROM requests WHERE failed AND NOT lost GROUP BY 1, 2, 3
), kinds AS (
    SELECT company_id, platform, jsonb_object_agg(kind, n) AS errors FROM by_kind GROUP BY 1, 2
), binned AS MATERIALIZED (
    SELECT company_id, platform, CAST(bin AS smallint) AS bin, {calls}, coalesce(sum(deliveries) FILTER (WHERE NOT lost), 0) AS deliveries,
           count(*) FILTER (WHERE NOT lost AND repeats) AS repeats, count(*) FILTER (WHERE lost) AS lost
    FROM requests GROUP BY 1, 2, 3
), by_hour AS MATERIALIZED (
    SELECT platform, hour, CAST(bin AS smallint) AS bin, {calls} FROM requests GROUP BY 1, 2, 3
), hours AS (
    INSERT INTO platform_hours (day, platform, hour, requests, failed_requests, answered, answer_ms_sum, answer_bins,
        answer_counts)
    SELECT :day, platform, hour, sum(requests), sum(failed), sum(answered), sum(ms), {answer_bins}
    FROM by_hour GROUP BY platform, hour HAVING sum(requests) > 0
)
INSERT INTO calls_daily (day, company_id, platform, requests, deliveries_sent, repeats, failed_requests, lost, answered,
    answer_ms_sum, answer_bins, answer_counts, errors)
SELECT :day, b.company_id, b.platform, b.requests, b.deliveries, b.repeats, b.failed, b.lost, b.answered, b.ms, b.bins,
       b.counts, k.errors
FROM (SELECT company_id, platform, sum(requests) AS requests, sum(deliveries) AS deliveries, sum(repeats) AS repeats,
             sum(failed) AS failed, sum(lost) AS lost, sum(answered) AS answered, sum(ms) AS ms, {answer_bins}
      FROM binned GROUP BY 1, 2) AS b
LEFT JOIN kinds k USING (company_id, platform)

-- name: calls
-- A fragment over `requests`: what is counted by company and by hour.
count(*) FILTER (WHERE NOT lost) AS requests,
count(*) FILTER (WHERE NOT lost AND failed) AS failed,
count(ms) FILTER (WHERE NOT lost) AS answered,
coalesce(sum(ms) FILTER (WHERE NOT lost), 0) AS ms

-- name: answer_bins
-- A fragment over groups of `calls` by bin: the histogram.
coalesce(array_agg(bin ORDER BY bin) FILTER (WHERE answered > 0), '{}') AS bins,
coalesce(array_agg(CAST(answered AS int) ORDER BY bin) FILTER (WHERE answered > 0), '{}') AS counts

-- name: count_platforms
-- The rows of platform_daily for :day, from those of sla_daily and calls_daily.
WITH due AS (
    SELECT platform, count(*) AS companies, sum(successful + failed + missed + overdue) AS planned,
           sum(successful) AS succeeded, sum(failed) AS failed, sum(missed + overdue) AS never_started,
           sum(timed) AS timed, sum(on_time) AS on_time, sum(latency_ms_sum) AS latency_ms_sum,
           sum(latency_ms_n) AS latency_ms_n, sum(payload_bytes_sum) AS payload_bytes,
           {histogram} AS latency_ms_buckets
    FROM sla_daily WHERE day = :day GROUP BY platform
), answers AS (
    SELECT platform, array_agg(bin ORDER BY bin) AS bins, array_agg(CAST(n AS int) ORDER BY bin) AS counts
    FROM (SELECT c.platform, u.bin, sum(u.n) AS n
          FROM calls_daily c, unnest(c.answer_bins, c.answer_counts) AS u(bin, n)
          WHERE c.day = :day GROUP BY 1, 2) AS b
    GROUP BY platform
), kinds AS (
    SELECT platform, jsonb_object_agg(kind, n) AS errors
    FROM (SELECT c.platform, e.key AS kind, sum(CAST(e.value AS bigint)) AS n
          FROM calls_daily c, jsonb_each_text(c.errors) AS e
          WHERE c.day = :day GROUP BY 1, 2) AS k
    GROUP BY platform
), called AS (
    SELECT platform, count(*) AS companies, sum(requests) AS requests, sum(deliveries_sent) AS deliveries_sent,
           sum(repeats) AS repeats, sum(failed_requests) AS failed_requests, sum(lost) AS lost,
           sum(answered) AS answered, sum(answer_ms_sum) AS answer_ms_sum
    FROM calls_daily WHERE day = :day GROUP BY platform
)
INSERT INTO platform_daily (day, platform, companies, planned, succeeded, failed, never_started, timed, on_time,
    latency_ms_sum, latency_ms_n, payload_bytes, requests, deliveries_sent, repeats, failed_requests, lost, answered,
    latency_ms_buckets, answer_ms_sum, answer_bins, answer_counts, errors)
SELECT :day, platform, greatest(d.companies, c.companies), coalesce(d.planned, 0), coalesce(d.succeeded, 0),
       coalesce(d.failed, 0), coalesce(d.never_started, 0), coalesce(d.timed, 0), coalesce(d.on_time, 0),
       coalesce(d.latency_ms_sum, 0), coalesce(d.latency_ms_n, 0), coalesce(d.payload_bytes, 0),
       coalesce(c.requests, 0), coalesce(c.deliveries_sent, 0), coalesce(c.repeats, 0),
       coalesce(c.failed_requests, 0), coalesce(c.lost, 0), coalesce(c.answered, 0),
       coalesce(d.latency_ms_buckets, '{}'), coalesce(c.answer_ms_sum, 0), coalesce(a.bins, '{}'),
       coalesce(a.counts, '{}'), k.errors
FROM due d FULL JOIN called c USING (platform) LEFT JOIN answers a USING (platform) LEFT JOIN kinds k USING (platform)

-- name: own_hours
-- The calls of one company by the hour of day in which they began, in UTC and in a zone, from the log itself: few
-- have an hour's worth of calls each day, and a row for each would be as many rows as the log has.
WITH tries AS ({tries}),
requests AS ({requests})
SELECT platform, hour, CAST(extract(hour FROM started_at AT TIME ZONE :zone) AS smallint) AS local_hour,
       CAST(bin AS int) AS bin, count(*) AS requests, count(*) FILTER (WHERE failed) AS failed
FROM requests WHERE NOT lost GROUP BY 1, 2, 3, 4
