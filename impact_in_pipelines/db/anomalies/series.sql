-- name: deliveries
-- Of each company on each platform, packed: the day (from :first on), deliveries due, and those of them that did
-- not arrive. 10,000 companies have six million rows in half a year: as rows of Python they would take minutes.
SELECT s.company_id, s.platform,
       string_agg(int4send(s.day - CAST(:first AS date)) || int4send(s.successful + s.failed + s.missed + s.overdue)
                  || int4send(s.failed + s.missed + s.overdue), CAST('' AS bytea)) AS packed
FROM sla_daily s
WHERE s.day BETWEEN :first AND :last
GROUP BY s.company_id, s.platform

-- name: answers
-- The same of how long calls took on average, in microseconds.
SELECT s.company_id, s.platform,
       string_agg(int4send(s.day - CAST(:first AS date))
                  || int4send(CAST(least(s.answer_ms_sum / s.answered * 1000, 2e9) AS integer)), CAST('' AS bytea)) AS packed
FROM calls_daily s
WHERE s.day BETWEEN :first AND :last AND s.answered > 0
GROUP BY s.company_id, s.platform

-- name: figures
-- The same of a company's events and hours.
SELECT s.company_id,
       string_agg(int4send(s.day - CAST(:first AS date)) || int4send(s.events)
                  || int4send(CAST(least(s.volunteer_hours, 2e9) AS integer)), CAST('' AS bytea)) AS packed
FROM company_impact s
WHERE s.day BETWEEN :first AND :last
GROUP BY s.company_id

-- name: rescheduled
-- When somebody last changed the schedules of a company: a new plan is no drop in volume.
SELECT company_id, max(at) AS at FROM audit_log
WHERE action LIKE 'schedule.%' AND company_id IS NOT NULL AND at >= :since
GROUP BY company_id
