-- name: cursors_ahead
-- Schedules that were planned up to an instant that lies ahead: a clock was wrong then.
SELECT s.id, s.company_id, s.timezone, s.fired_until, s.covered_until
FROM scheduled_deliveries s
WHERE s.platform = :platform AND s.deleted_at IS NULL AND s.fired_until > :ahead
ORDER BY s.id
FOR UPDATE OF s SKIP LOCKED

-- name: forget_packed_outcomes
-- Before rows are deleted: what sla_outcomes has of them would stay, and so everything is packed anew.
DELETE FROM sla_outcome_marks

-- name: drop_catch_ups
-- What was to catch up fires that have not come yet, and was never tried.
DELETE FROM impact_deliveries c USING impact_deliveries d
WHERE c.replay_of = d.id AND c.status = 'pending' AND c.attempt_count = 0
  AND d.schedule_id = ANY(CAST(:ids AS uuid[])) AND d.scheduled_for > :now AND d.status = 'missed'

-- name: missed_ahead
-- Those of the following that are in the chain of evidence already.
SELECT d.id FROM impact_deliveries d
WHERE d.schedule_id = ANY(CAST(:ids AS uuid[])) AND d.trigger = 'schedule' AND d.scheduled_for > :now
  AND d.status = 'missed' AND d.attempt_count = 0
  AND NOT EXISTS (SELECT 1 FROM impact_deliveries r WHERE r.replay_of = d.id)
  AND NOT EXISTS (SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity'))

-- name: drop_fires_ahead
-- Fires that have not come yet and of which nothing was sent: they come in their time. One that went out
-- stays as it is, for it is settled what it brought.
DELETE FROM impact_deliveries d
WHERE d.schedule_id = ANY(CAST(:ids AS uuid[])) AND d.trigger = 'schedule' AND d.scheduled_for > :now
  AND d.status IN ('missed', 'pending') AND d.attempt_count = 0
  AND NOT EXISTS (SELECT 1 FROM impact_deliveries r WHERE r.replay_of = d.id)
  AND NOT EXISTS (SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity'))

-- name: put_back
-- To the last fire that has come, or to now; what the days since then lack, the next fire covers.
UPDATE scheduled_deliveries s
SET fired_until = coalesce(p.scheduled_for, :now),
    covered_until = least(s.covered_until, coalesce(
        p.period_end, CAST(CAST(:now AS timestamptz) AT TIME ZONE s.timezone AS date) - 1)),
    next_run = :now, updated_at = :now,
    last_error = 'the clock was ahead when this schedule was planned; it was put back to the present'
FROM unnest(CAST(:ids AS uuid[])) AS i(id)
LEFT JOIN LATERAL (
    SELECT d.scheduled_for, d.period_end FROM impact_deliveries d
    WHERE d.schedule_id = i.id AND d.scheduled_for <= :now AND d.status <> 'missed'
    ORDER BY d.scheduled_for DESC LIMIT 1) AS p ON true
WHERE s.id = i.id
RETURNING s.id, s.fired_until, s.covered_until

-- name: bring_forward
-- No lease lasts a day, and no plan waits nine: such times come from a clock that was wrong.
UPDATE impact_deliveries u SET next_attempt_at = :now, updated_at = :now
WHERE @within(u) AND u.id IN (
    SELECT d.id FROM impact_deliveries d
    WHERE d.platform = :platform AND d.status IN @open AND @within(d)
      AND (@priority(d) IN (1, 2, 3, 4) OR @priority(d) IS NULL) AND d.next_attempt_at > :lease_most
      AND (d.status = 'in_progress' OR d.next_attempt_at > :wait_most)
    ORDER BY d.id
    FOR UPDATE SKIP LOCKED)
RETURNING u.id

-- name: open_closures
-- No platform asks for nine days, and no canary waits so long. What a person holds ends by a person.
UPDATE connection_closures SET closed_until = :now, updated_at = :now
WHERE platform = :platform AND kind <> 'person' AND closed_until > :wait_most
