-- name: lock_corrected
-- In one order. Whoever corrects the same at the same time waits here, and then finds the correction.
SELECT d.id FROM impact_deliveries d
JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, due_at timestamptz)
  ON d.id = r.id AND d.scheduled_for = r.due_at
ORDER BY d.id
FOR UPDATE OF d

-- name: called_off
-- Corrections of these that were cancelled, or skipped because the figures had arrived otherwise: the next one has
-- another number, and so another key. In every month, by impact_deliveries_corrections_idx, which has few rows.
SELECT o.corrects, count(*) AS called_off
FROM impact_deliveries o
WHERE o.corrects = ANY(CAST(:ids AS uuid[])) AND o.status IN ('cancelled', 'skipped')
  AND o.company_id = ANY(CAST(:company_ids AS uuid[])) AND o.trigger = 'correction'
GROUP BY o.corrects

-- name: add
-- Once, whatever clocks say: no constraint keeps a second row of the same id out, for it has a due time of its own, and
-- a clock that was set back since gives one from before the delivery's. By impact_deliveries_corrections_idx again.
INSERT INTO impact_deliveries
    (id, company_id, platform, trigger, status, timezone, period_start, period_end, scheduled_for,
     idempotency_key, next_attempt_at, corrects, correction, first_due_at)
SELECT r.id, d.company_id, d.platform, 'correction', 'pending', d.timezone, d.period_start, d.period_end, :now,
       r.id, :now, d.id, r.correction, coalesce(d.first_due_at, d.scheduled_for)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, corrects uuid, due_at timestamptz, correction int)
JOIN impact_deliveries d ON d.id = r.corrects AND d.scheduled_for = r.due_at AND d.status = 'success'
WHERE NOT EXISTS (
    SELECT 1 FROM impact_deliveries o
    WHERE o.company_id = d.company_id AND o.platform = d.platform AND o.trigger = 'correction'
      AND o.period_start = d.period_start AND o.corrects = d.id
      AND (o.id = r.id OR o.status NOT IN ('cancelled', 'skipped')))
RETURNING id, corrects

-- name: policies
SELECT company_id, platform, policy, quiet_minutes, at_most_every_minutes, counts_twice_accepted
FROM correction_policies
WHERE (CAST(:company_ids AS uuid[]) IS NULL OR company_id = ANY(CAST(:company_ids AS uuid[])))
ORDER BY company_id, platform

-- name: set_policy
INSERT INTO correction_policies
    (company_id, platform, policy, quiet_minutes, at_most_every_minutes, counts_twice_accepted, updated_at)
VALUES (:company_id, :platform, :policy, :quiet_minutes, :at_most_every_minutes, :counts_twice_accepted, :now)
ON CONFLICT (company_id, platform) DO UPDATE
SET policy = excluded.policy, quiet_minutes = excluded.quiet_minutes,
    at_most_every_minutes = excluded.at_most_every_minutes,
    counts_twice_accepted = excluded.counts_twice_accepted, updated_at = excluded.updated_at

-- name: last_asked_for
-- When a company was last corrected on a platform.
SELECT company_id, platform, max(scheduled_for) AS at FROM impact_deliveries
WHERE trigger = 'correction' AND scheduled_for > :since
  AND company_id = ANY(CAST(:company_ids AS uuid[]))
GROUP BY company_id, platform
