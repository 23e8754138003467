-- name: aggregate_periods
-- The figures of every request (ref, company_id, starts_at, ends_at, timezone, first and last local day) in
-- one pass over its events: totals, activities and outcome categories by grouping sets. `section` of a row is
-- 'total', 'activity' or 'outcome', `label` the activity or category. Numbers stay numeric until the end.
WITH requests AS MATERIALIZED (
    SELECT r.*
    FROM jsonb_to_recordset(CAST(:requests AS jsonb)) AS r(
        ref integer, company_id uuid, starts_at timestamptz, ends_at timestamptz, timezone text,
        first_day date, last_day date)
),
ranges AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:ranges AS jsonb)) AS s(category text, lowest numeric, highest numeric)
),
matched AS MATERIALIZED (
    SELECT r.ref, e.occurred_at, e.activity, e.participant_ref, e.volunteer_ref, e.hours,
           CASE WHEN e.outcome_score IS NOT NULL THEN e.outcome_category END AS category,
           e.outcome_score AS score,
           e.outcome_score < s.lowest OR e.outcome_score > s.highest AS out_of_range,
           CASE WHEN e.volunteer_ref IS NOT NULL THEN (e.occurred_at AT TIME ZONE r.timezone)::date END
               AS volunteer_day
    FROM requests r
    -- The OFFSET keeps the planner from joining everything and filtering afterwards: one index range a request.
    CROSS JOIN LATERAL (
        SELECT * FROM impact_events i
        WHERE i.company_id = r.company_id AND i.occurred_at >= r.starts_at AND i.occurred_at < r.ends_at
        OFFSET 0
    ) e
    LEFT JOIN ranges s ON s.category = e.outcome_category
),
grouped AS (
    SELECT ref,
           CASE WHEN GROUPING(activity) = 0 THEN 'activity' WHEN GROUPING(category) = 0 THEN 'outcome'
                ELSE 'total' END AS section,
           CASE WHEN GROUPING(activity) = 0 THEN activity WHEN GROUPING(category) = 0 THEN category
                END AS label,
           count(*) AS events,
           count(*) FILTER (WHERE activity = 'session') AS sessions,
           count(DISTINCT participant_ref) AS participants,
           count(DISTINCT volunteer_ref) AS volunteers,
           coalesce(sum(hours) FILTER (WHERE volunteer_ref IS NOT NULL), 0) AS hours,
           count(score) AS scores,
           round(avg(score), 4) AS average,
           min(score) AS lowest_score,
           max(score) AS highest_score,
           count(*) FILTER (WHERE out_of_range) AS out_of_range,
           count(*) FILTER (WHERE hours < 0) AS negative_hours,
           min(hours) AS lowest_hours,
           count(*) FILTER (WHERE occurred_at > :latest) AS future_events,
           max(occurred_at) AS latest_event,
           count(*) FILTER (WHERE participant_ref IS NULL AND volunteer_ref IS NULL) AS missing_refs,
           count(*) FILTER (WHERE score IS NOT NULL AND participant_ref IS NULL) AS unattributed_scores
    FROM matched
    GROUP BY GROUPING SETS ((ref), (ref, activity), (ref, category))
    HAVING NOT (GROUPING(category) = 0 AND category IS NULL)
),
volunteer_days AS (
    SELECT ref, count(*) FILTER (WHERE hours > 24) AS overlong_volunteer_days, max(hours) AS most_hours_a_day
    FROM (
        SELECT ref, volunteer_ref, volunteer_day, sum(hours) AS hours
        FROM matched WHERE volunteer_ref IS NOT NULL
        GROUP BY ref, volunteer_ref, volunteer_day
    ) d
    GROUP BY ref
),
history AS (
    SELECT r.ref, n.history_days, h.history_events
    FROM requests r
    CROSS JOIN LATERAL (
        SELECT min(c.day) AS since,
               sum(c.events) FILTER (WHERE (7 - (r.first_day - c.day) % 7) % 7 <= r.last_day - r.first_day)
                   AS history_events
        FROM company_impact c
        WHERE c.company_id = r.company_id
          AND c.day >= r.first_day - CAST(:history_days AS integer) AND c.day < r.first_day
    ) h
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE (7 - back % 7) % 7 <= r.last_day - r.first_day) AS history_days
        FROM generate_series(1, r.first_day - h.since) AS back
    ) n
    WHERE :history_days > 0
)
SELECT r.ref AS request, g.*, d.overlong_volunteer_days, d.most_hours_a_day, h.history_days, h.history_events
FROM requests r
LEFT JOIN grouped g ON g.ref = r.ref
LEFT JOIN volunteer_days d ON d.ref = r.ref AND g.section = 'total'
LEFT JOIN history h ON h.ref = r.ref AND coalesce(g.section, 'total') = 'total'
ORDER BY r.ref, g.section, g.label COLLATE "C"

-- name: mark_all_days
-- Every local day that has events, or has had figures, is to be computed again.
INSERT INTO impact_touched_days (company_id, day)
SELECT c.id, d.day
FROM companies c
CROSS JOIN LATERAL (
    SELECT DISTINCT (e.occurred_at AT TIME ZONE c.timezone)::date AS day
    FROM impact_events e WHERE e.company_id = c.id
    UNION
    SELECT i.day FROM company_impact i WHERE i.company_id = c.id
) d
WHERE CAST(:company_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:company_ids AS uuid[]))
ORDER BY c.id, d.day
ON CONFLICT (company_id, day) DO NOTHING

-- name: take_touched_days
-- Days to compute, taken off the list. An import that touches one of them at this moment holds its row: it is
-- passed over, or waits for us and puts it on the list again.
DELETE FROM impact_touched_days t
USING (
    SELECT company_id, day FROM impact_touched_days
    WHERE CAST(:company_ids AS uuid[]) IS NULL OR company_id = ANY(CAST(:company_ids AS uuid[]))
    ORDER BY company_id, day
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
) n, companies c
WHERE t.company_id = n.company_id AND t.day = n.day AND c.id = t.company_id
RETURNING t.company_id, t.day, t.touched_at, c.timezone

-- name: hand_on_days
-- To whoever compares them with what was delivered.
INSERT INTO impact_compared_days (company_id, day, changed_at)
SELECT r.company_id, r.day, least(r.touched_at, CAST(:now AS timestamptz))
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company_id uuid, day date, touched_at timestamptz)
ORDER BY r.company_id, r.day
ON CONFLICT (company_id, day) DO UPDATE SET changed_at = excluded.changed_at

-- name: write_company_days
-- The figures of days that have events; `computed_at` moves only where they changed.
INSERT INTO company_impact AS i
    (company_id, day, participants, volunteers, volunteer_hours, sessions, events, activities, outcomes,
     quality, computed_at)
SELECT n.company_id, n.day, n.participants, n.volunteers, n.volunteer_hours, n.sessions, n.events,
       n.activities, n.outcomes, n.quality, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(
    company_id uuid, day date, participants integer, volunteers integer, volunteer_hours numeric,
    sessions integer, events integer, activities jsonb, outcomes jsonb, quality jsonb)
ON CONFLICT (company_id, day) DO UPDATE
SET participants = excluded.participants, volunteers = excluded.volunteers,
    volunteer_hours = excluded.volunteer_hours, sessions = excluded.sessions, events = excluded.events,
    activities = excluded.activities, outcomes = excluded.outcomes, quality = excluded.quality,
    computed_at = excluded.computed_at
WHERE (i.participants, i.volunteers, i.volunteer_hours, i.sessions, i.events, i.activities, i.outcomes,
       i.quality)
      IS DISTINCT FROM
      (excluded.participants, excluded.volunteers, excluded.volunteer_hours, excluded.sessions,
       excluded.events, excluded.activities, excluded.outcomes, excluded.quality)

-- name: remove_company_days
-- Days whose last event has moved away.
DELETE FROM company_impact i
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(company_id uuid, day date)
WHERE i.company_id = n.company_id AND i.day = n.day

-- name: content_version
-- In any order, so that no million rows are sorted.
SELECT count(*) AS days, CAST(coalesce(sum(CAST(hashtextextended(CAST(ROW(
    i.company_id, i.day, i.participants, i.volunteers, i.volunteer_hours, i.sessions, i.events, i.activities,
    i.outcomes, i.quality) AS text), 0) AS numeric) + 9223372036854775808), 0) AS numeric) AS digest
FROM company_impact i

-- name: company_days
-- What `company_impact` says of local days, with what was usual before each of them.
SELECT i.*, c.slug, c.timezone, n.history_days, h.history_events
FROM company_impact i
JOIN companies c ON c.id = i.company_id
CROSS JOIN LATERAL (
    SELECT min(p.day) AS since, sum(p.events) FILTER (WHERE (i.day - p.day) % 7 = 0) AS history_events
    FROM company_impact p
    WHERE p.company_id = i.company_id
      AND p.day >= i.day - CAST(:history_days AS integer) AND p.day < i.day
) h
CROSS JOIN LATERAL (SELECT (i.day - h.since) / 7 AS history_days) n
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR i.company_id = ANY(CAST(:company_ids AS uuid[])))
  AND (CAST(:first_day AS date) IS NULL OR i.day >= CAST(:first_day AS date))
  AND (CAST(:last_day AS date) IS NULL OR i.day <= CAST(:last_day AS date))
  AND (CAST(:computed_since AS timestamptz) IS NULL OR i.computed_at >= CAST(:computed_since AS timestamptz))
ORDER BY i.company_id, i.day
LIMIT :limit

-- name: create_staged_events
CREATE TEMPORARY TABLE staged_events (
    line bigint, company_id uuid, event_id text, occurred_at timestamptz, activity text,
    participant_ref text, volunteer_ref text, hours numeric(10, 2), outcome_category text,
    outcome_score numeric(12, 4)
) ON COMMIT DROP

-- name: create_refused_events
-- Events of lines that were rejected by themselves: another line of the same event says something else.
CREATE TEMPORARY TABLE refused_events (line bigint, company_id uuid, event_id text) ON COMMIT DROP

-- name: create_merged_events
-- Each event once (lines that repeat it say the same, or it goes to the conflicts), in the order of the table's key: that order is what makes a
-- million insertions into its index quick, and `place` lets them be done a part at a time.
CREATE TEMPORARY TABLE merged_events ON COMMIT DROP AS
SELECT row_number() OVER () AS place, last.*
FROM (
    SELECT DISTINCT ON (company_id, event_id) *
    FROM staged_events
    ORDER BY company_id, event_id, line DESC
) last

-- name: create_conflicts
-- The lines of events that the file has more than once with different content, each with the first others.
-- Most files repeat nothing; those that do repeat little.
CREATE TEMPORARY TABLE conflicts ON COMMIT DROP AS
WITH disputed AS (
    SELECT DISTINCT s.company_id, s.event_id
    FROM staged_events s JOIN merged_events m USING (company_id, event_id)
    WHERE (s.occurred_at, s.activity, s.participant_ref, s.volunteer_ref, s.hours, s.outcome_category,
           s.outcome_score)
          IS DISTINCT FROM
          (m.occurred_at, m.activity, m.participant_ref, m.volunteer_ref, m.hours, m.outcome_category,
           m.outcome_score)
    UNION
    SELECT r.company_id, r.event_id FROM refused_events r JOIN merged_events m USING (company_id, event_id)
),
lines AS (
    SELECT line, company_id, event_id, false AS refused FROM staged_events
    UNION ALL
    SELECT line, company_id, event_id, true FROM refused_events
),
numbered AS (
    SELECT s.company_id, s.event_id, s.line, s.refused,
           row_number() OVER (PARTITION BY s.company_id, s.event_id ORDER BY s.line) AS nth
    FROM lines s JOIN disputed d USING (company_id, event_id)
),
firsts AS (
    SELECT company_id, event_id, array_agg(line ORDER BY line) FILTER (WHERE nth <= :most) AS lines,
           count(*) AS total
    FROM numbered GROUP BY company_id, event_id
)
SELECT n.line, n.company_id, n.event_id, f.lines, f.total
FROM numbered n JOIN firsts f USING (company_id, event_id)
WHERE NOT n.refused

-- name: drop_conflicts_from_merged
DELETE FROM merged_events m USING conflicts c
WHERE m.company_id = c.company_id AND m.event_id = c.event_id

-- name: conflicts_in_order
SELECT line, event_id, lines, total FROM conflicts ORDER BY line

-- name: index_merged_events
CREATE INDEX ON merged_events (place)

-- name: analyze_merged_events
ANALYZE merged_events

-- name: merge_events
-- New events go in, changed ones are replaced, equal ones aren't even locked. The local days that gain or lose
-- an event are marked for `company_impact`, where an event moved the old one and the new one.
WITH incoming AS MATERIALIZED (
    SELECT m.*, e.event_id IS NOT NULL AS known, e.occurred_at AS old_occurred_at
    FROM merged_events m
    LEFT JOIN impact_events e ON e.company_id = m.company_id AND e.event_id = m.event_id
    WHERE m.place > :after AND m.place <= :until
      AND (e.event_id IS NULL
           OR (e.occurred_at, e.activity, e.participant_ref, e.volunteer_ref, e.hours, e.outcome_category,
               e.outcome_score)
              IS DISTINCT FROM
              (m.occurred_at, m.activity, m.participant_ref, m.volunteer_ref, m.hours, m.outcome_category,
               m.outcome_score))
),
written AS (
    INSERT INTO impact_events
        (company_id, event_id, occurred_at, activity, participant_ref, volunteer_ref, hours,
         outcome_category, outcome_score, imported_at)
    SELECT company_id, event_id, occurred_at, activity, participant_ref, volunteer_ref, hours,
           outcome_category, outcome_score, :now
    FROM incoming ORDER BY place
    ON CONFLICT (company_id, event_id) DO UPDATE
    SET occurred_at = excluded.occurred_at, activity = excluded.activity,
        participant_ref = excluded.participant_ref, volunteer_ref = excluded.volunteer_ref,
        hours = excluded.hours, outcome_category = excluded.outcome_category,
        outcome_score = excluded.outcome_score, imported_at = excluded.imported_at
),
touched AS (
    INSERT INTO impact_touched_days (company_id, day, touched_at)
    SELECT DISTINCT i.company_id, (moment AT TIME ZONE c.timezone)::date AS day, CAST(:now AS timestamptz)
    FROM incoming i
    JOIN companies c ON c.id = i.company_id
    CROSS JOIN LATERAL (VALUES (i.occurred_at), (i.old_occurred_at)) AS v(moment)
    WHERE moment IS NOT NULL
    ORDER BY i.company_id, day
    ON CONFLICT (company_id, day) DO UPDATE SET touched_at = excluded.touched_at
)
SELECT count(*) FILTER (WHERE NOT known) AS imported, count(*) FILTER (WHERE known) AS updated
FROM incoming

-- name: company_slugs
SELECT slug, id FROM companies
