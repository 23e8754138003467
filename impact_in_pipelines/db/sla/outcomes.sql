-- name: record
-- A fragment over `started` s: one delivery as sla/everybody/outcomes.py reads it, in network byte order. Null
-- is the smallest number, -infinity, or -1.
substr(uuid_send(s.id), 9, 8)
|| timestamptz_send(s.scheduled_for) || timestamptz_send(coalesce(s.settled_at, '-infinity'))
|| int8send(coalesce(s.latency_ms, CAST('-9223372036854775808' AS bigint)))
|| int8send(coalesce(s.lateness_ms, CAST('-9223372036854775808' AS bigint)))
|| int4send(CAST(coalesce(s.attempts, -1) AS int)) || int4send(coalesce(s.payload_bytes, -1))
|| int4send({platform_number} + {fate_number} + CASE WHEN s.recovered THEN {recovered_bit} ELSE 0 END
            + CASE WHEN s.timed THEN {timed_bit} ELSE 0 END)

-- name: packed_state
-- From which day on the outcomes are packed, and the mark up to which the log was read for it; none if that is
-- of another server's future, or numbers other platforms.
SELECT first_day, mark FROM sla_outcome_marks
WHERE pg_snapshot_xmax(CAST(mark AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
  AND platforms = :platforms

-- name: unpacked
-- A fragment in place of `fates`: those of [start, end) that sla_outcomes doesn't have as they are now. Due
-- before its first day, still open, or changed since its mark (by impact_deliveries_changes_brin).
{fates}
  AND (d.scheduled_for < :packed_from OR d.status IN @open OR @changed_since(d, :mark))

-- name: read_unpacked
-- The outcomes that have to be read from the log, of all companies: the ids of companies in their order, how many
-- records each has, and the records. No join finds the companies' numbers: how many rows have changed is beyond
-- the planner, and for one row it would number all companies anew.
WITH fates AS ({unpacked}),
facts AS ({facts}),
started AS ({started})
SELECT string_agg(uuid_send(company_id), '' ORDER BY company_id) AS owners,
       string_agg(int4send(octet_length(records) / {record_bytes}), '' ORDER BY company_id) AS counts,
       string_agg(records, '' ORDER BY company_id) AS records
FROM (SELECT s.company_id, string_agg({record}, '') AS records
      FROM started s WHERE {platform_number} IS NOT NULL GROUP BY s.company_id) AS each

-- name: read_packed
-- The same from sla_outcomes, of the companies from :first_company to :last_company and the days that [start,
-- end) touches.
SELECT string_agg(uuid_send(o.company_id), '') AS owners,
       string_agg(int4send(octet_length(o.records) / {record_bytes}), '') AS counts,
       string_agg(o.records, '') AS records
FROM sla_outcomes o
WHERE o.company_id >= :first_company AND o.company_id <= :last_company
  AND (CAST(:company_ids AS uuid[]) IS NULL OR o.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND o.day >= CAST(CAST(:start AS timestamptz) AT TIME ZONE 'UTC' AS date)
  AND o.day <= CAST((CAST(:end AS timestamptz) - interval '1 microsecond') AT TIME ZONE 'UTC' AS date)

-- name: lock
LOCK TABLE sla_outcome_marks IN SHARE ROW EXCLUSIVE MODE

-- name: changed_cells
-- The days of companies whose records no longer are what the log says.
CREATE TEMPORARY TABLE changed_cells ON COMMIT DROP AS
SELECT DISTINCT CAST(d.scheduled_for AT TIME ZONE 'UTC' AS date) AS day, d.company_id
FROM impact_deliveries d
WHERE d.scheduled_for >= :packed_from AND @changed_since(d, :mark)

-- name: analyze_cells
-- Without knowing how many they are, the planner would read the whole log for a few.
ANALYZE changed_cells

-- name: changed_days
SELECT DISTINCT day FROM changed_cells ORDER BY day

-- name: forget_cells
DELETE FROM sla_outcomes o USING changed_cells c WHERE o.day = c.day AND o.company_id = c.company_id

-- name: settled
-- A fragment in place of `fates`: those of [start, end) that are final.
{fates} AND d.status NOT IN @open

-- name: settled_of_cells
-- A fragment in place of `fates`: the final ones of the changed cells of :day, which is [start, end). One day at a
-- time: a join with days as a condition would read the whole log.
SELECT f.* FROM changed_cells c JOIN ({settled}) AS f ON f.company_id = c.company_id WHERE c.day = :day

-- name: pack
WITH fates AS ({to_pack}),
facts AS ({facts}),
started AS ({started})
INSERT INTO sla_outcomes (day, company_id, records)
SELECT CAST(s.scheduled_for AT TIME ZONE 'UTC' AS date), s.company_id, string_agg({record}, '')
FROM started s WHERE {platform_number} IS NOT NULL GROUP BY 1, 2

-- name: forget_days
-- What lies before :first_day, or (:all) everything.
DELETE FROM sla_outcomes WHERE :all OR day < :first_day

-- name: set_mark
INSERT INTO sla_outcome_marks (id, first_day, mark, platforms, packed_at)
VALUES (1, :first_day, :mark, :platforms, :now)
ON CONFLICT (id) DO UPDATE
SET first_day = excluded.first_day, mark = excluded.mark, platforms = excluded.platforms, packed_at = excluded.packed_at
