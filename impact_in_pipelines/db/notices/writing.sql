-- name: in_turn
-- One writer at a time; another one leaves it to the first.
SELECT pg_try_advisory_xact_lock(hashtext('impact-in notices'))

-- name: mark
SELECT mark, late_until FROM notice_marks WHERE id = 1

-- name: keep_mark
INSERT INTO notice_marks (id, mark, late_until) VALUES (1, :mark, :late_until)
ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, late_until = excluded.late_until

-- name: any_channel
SELECT EXISTS (SELECT 1 FROM notice_channels WHERE enabled)

-- name: write_changes
-- What has changed in the log since the mark, for the channels that ask for it: arrived, failed, recovered,
-- corrected, missed, or found late already. A delivery that goes through the same again has had one more
-- attempt, or was taken back at another time: that is another event.
WITH changed AS MATERIALIZED (
    SELECT d.* FROM impact_deliveries d
    WHERE @changed_since(d, :mark)
      AND (d.status IN ('success', 'failed', 'missed')
           OR (d.status IN @open AND d.trigger = 'schedule' AND d.scheduled_for <= :late_before))
      AND EXISTS (SELECT 1 FROM notice_channels c WHERE c.company_id = d.company_id AND c.enabled)
), events AS (
    SELECT d.*,
           CASE WHEN d.status = 'failed' THEN 'delivery.failed'
                WHEN d.status <> 'success' THEN 'delivery.late'
                WHEN d.failed_at IS NOT NULL THEN 'delivery.recovered'
                WHEN d.trigger = 'correction' THEN 'delivery.corrected'
                ELSE 'delivery.delivered' END AS kind,
           CASE WHEN d.status = 'success' THEN coalesce(d.delivered_at, d.updated_at)
                WHEN d.status = 'failed' THEN d.updated_at
                ELSE :now END AS happened_at,
           CASE WHEN d.status IN ('success', 'failed')
                THEN ':' || d.attempt_count || ':' || coalesce(extract(epoch FROM d.taken_back_at)::text, '')
                ELSE '' END AS turn
    FROM changed d
)
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT d.company_id, c.id, d.kind || ':' || d.id || d.turn, d.kind, d.happened_at, @event(d), :now, :now
FROM events d
JOIN notice_channels c ON c.company_id = d.company_id AND c.enabled AND d.kind = ANY(c.kinds)
JOIN companies o ON o.id = d.company_id
WHERE d.happened_at >= c.created_at AND d.happened_at > :horizon
ORDER BY d.happened_at, d.id
ON CONFLICT (channel_id, key) DO NOTHING

-- name: write_late
-- What has become late since the last look: due in the span that has passed the limit meanwhile, and not
-- arrived yet. By the key it is the event that `write_changes` would find.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT d.company_id, c.id, 'delivery.late:' || d.id, 'delivery.late', :now, @event(d), :now, :now
FROM impact_deliveries d
JOIN notice_channels c ON c.company_id = d.company_id AND c.enabled AND 'delivery.late' = ANY(c.kinds)
JOIN companies o ON o.id = d.company_id
WHERE d.status IN @open AND d.trigger = 'schedule' AND @within(d)
ORDER BY d.scheduled_for, d.id
ON CONFLICT (channel_id, key) DO NOTHING

-- name: write_held
-- Connections that have been closed for a while, while something of the company waits that was due.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT c.company_id, c.id,
       'delivery.held:' || k.platform || ':' || k.kind || ':' || coalesce(k.company_id::text, 'all') || ':'
           || extract(epoch FROM k.since), 'delivery.held', :now,
       jsonb_build_object(
           'company', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name),
           'platform', k.platform,
           'hold', jsonb_build_object('kind', k.kind, 'since', k.since, 'wholePlatform', k.company_id IS NULL)),
       :now, :now
FROM connection_closures k
JOIN notice_channels c ON (k.company_id = c.company_id OR k.company_id IS NULL)
    AND c.enabled AND 'delivery.held' = ANY(c.kinds)
JOIN companies o ON o.id = c.company_id
WHERE (k.holds OR k.closed_until > :now) AND k.since <= :held_before
  AND EXISTS (
      SELECT 1 FROM impact_deliveries d
      WHERE d.company_id = c.company_id AND d.platform = k.platform AND d.status IN @waiting
        AND @within(d))
ON CONFLICT (channel_id, key) DO NOTHING

-- name: write_released
-- A hold that was notified of is over: the same channels are notified of that, if they ask for it.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT m.company_id, m.channel_id, 'released:' || m.key, 'delivery.recovered', :now, m.data, :now, :now
FROM notice_messages m
JOIN notice_channels c ON c.id = m.channel_id AND c.enabled AND 'delivery.recovered' = ANY(c.kinds)
WHERE m.kind = 'delivery.held' AND m.created_at > :horizon
  AND NOT EXISTS (
      SELECT 1 FROM connection_closures k
      WHERE (k.holds OR k.closed_until > :now) AND k.platform = m.data ->> 'platform'
        AND k.kind = m.data -> 'hold' ->> 'kind'
        AND (k.company_id = m.company_id
             OR (k.company_id IS NULL AND (m.data -> 'hold' ->> 'wholePlatform')::boolean)))
  AND NOT EXISTS (
      SELECT 1 FROM notice_messages e WHERE e.channel_id = m.channel_id AND e.key = 'released:' || m.key)
ON CONFLICT (channel_id, key) DO NOTHING

-- name: write_undecided
-- Delivered days that have changed since, where the company is asked what to do: of what was found on one day
-- one notice for each platform.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT o.id, c.id, 'correction.undecided:' || f.platform || ':' || f.found_on, 'correction.undecided', f.found_at,
       jsonb_build_object(
           'company', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name),
           'platform', f.platform,
           'changed', jsonb_build_object('days', f.days, 'firstDay', f.first_day, 'lastDay', f.last_day)),
       :now, :now
FROM (
    SELECT s.company_id, s.platform, CAST(s.found_at AT TIME ZONE 'UTC' AS date) AS found_on,
           max(s.found_at) AS found_at, count(DISTINCT s.day) AS days, min(s.day) AS first_day,
           max(s.day) AS last_day
    FROM stale_days s
    JOIN impact_deliveries d ON d.id = s.delivery_id AND d.scheduled_for = s.due_at
    LEFT JOIN correction_policies p ON p.company_id = s.company_id AND p.platform = s.platform
    WHERE s.found_at > :recent AND coalesce(p.policy, 'ask') = 'ask' AND s.current_hash <> s.delivered_hash
      AND d.status = 'success' AND d.figures_hash = s.delivered_hash
      AND NOT EXISTS (
          SELECT 1 FROM impact_deliveries o
          WHERE @correction_of(o, s, d))
    GROUP BY s.company_id, s.platform, CAST(s.found_at AT TIME ZONE 'UTC' AS date)
) f
JOIN notice_channels c ON c.company_id = f.company_id
    AND c.enabled AND 'correction.undecided' = ANY(c.kinds)
JOIN companies o ON o.id = f.company_id AND o.active
WHERE f.found_at >= c.created_at
ON CONFLICT (channel_id, key) DO NOTHING

-- name: write_reports
-- Weekly reports that were made since a few days ago, once each, however often they are made again.
INSERT INTO notice_messages (company_id, channel_id, key, kind, at, data, created_at, next_attempt_at)
SELECT c.company_id, c.id, 'report.weekly_ready:' || r.starts_on, 'report.weekly_ready', r.created_at,
       jsonb_build_object(
           'company', jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name),
           'report', jsonb_build_object('period', r.period, 'startsOn', r.starts_on, 'endsOn', r.ends_on)),
       :now, :now
FROM sla_reports r
JOIN notice_channels c ON c.company_id = r.company_id
    AND c.enabled AND 'report.weekly_ready' = ANY(c.kinds)
JOIN companies o ON o.id = r.company_id
WHERE r.period = 'weekly' AND r.created_at > :recent AND r.created_at >= c.created_at
ON CONFLICT (channel_id, key) DO NOTHING
