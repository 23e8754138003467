-- name: due_state
-- What a tick asks: since when something is due, and when the next thing will be. Reads only. Times that lie
-- ahead of anything possible are due now: planning puts them back (clock_faults.sql). Open rows by
-- impact_deliveries_priority_idx, the first of each priority.
SELECT
    (SELECT min(CASE WHEN s.fired_until > :ahead THEN :now ELSE s.next_run END) FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id
     WHERE s.platform = :platform AND s.active AND s.deleted_at IS NULL AND c.active) AS next_fire,
    (SELECT min(e.next_attempt_at) FROM (
        SELECT f.next_attempt_at FROM unnest(ARRAY[1, 2, 3, 4]) AS p(priority) CROSS JOIN LATERAL (
            SELECT d.next_attempt_at FROM impact_deliveries d
            WHERE d.platform = :platform AND d.status IN @open AND @within(d) AND @priority(d) = p.priority AND NOT @closed(d)
              AND (d.selected_by IS NULL OR d.status = 'in_progress' OR d.next_attempt_at <= :orphaned_before)
              AND NOT EXISTS (
                  SELECT 1 FROM impact_deliveries p
                  WHERE p.schedule_id = d.schedule_id AND p.scheduled_for < d.scheduled_for
                    AND p.status IN @open AND @within(p))
            ORDER BY d.next_attempt_at LIMIT 1) AS f
        UNION ALL
        -- Corrections, which have no place among the priorities.
        (SELECT d.next_attempt_at FROM impact_deliveries d
         WHERE d.platform = :platform AND d.status IN @open AND @within(d) AND @priority(d) IS NULL AND NOT @closed(d)
         ORDER BY d.next_attempt_at LIMIT 1)) AS e) AS next_attempt,
    (SELECT CAST(:now AS timestamptz) FROM impact_deliveries d
     WHERE d.platform = :platform AND d.status IN @open AND @within(d)
       AND (@priority(d) IN (1, 2, 3, 4) OR @priority(d) IS NULL) AND d.next_attempt_at > :lease_most
       AND (d.status = 'in_progress' OR d.next_attempt_at > :wait_most) LIMIT 1) AS out_of_time,
    (SELECT min(CASE WHEN k.closed_until > :wait_most THEN :now ELSE k.closed_until END) FROM connection_closures k
     WHERE k.platform = :platform AND k.kind <> 'person' AND (k.holds OR k.closed_until > :now)
       AND NOT EXISTS (
           SELECT 1 FROM connection_closures o
           WHERE o.platform = k.platform AND o.company_id IS NULL AND o.holds
             AND (o.kind = 'person' OR k.company_id IS NOT NULL))
       AND NOT EXISTS (
           SELECT 1 FROM connection_closures o
           WHERE o.platform = k.platform AND o.company_id = k.company_id AND o.kind = 'person' AND o.holds)
       AND EXISTS (
         SELECT 1 FROM impact_deliveries h
         WHERE h.platform = :platform AND h.status IN @open AND @within(h)
           AND (h.company_id = k.company_id OR k.company_id IS NULL))) AS reopens_at,
    (SELECT min(d.updated_at) FROM impact_deliveries d
     WHERE d.platform = :platform AND d.recorded_at IS NULL AND d.status IN @shown
       AND (d.selected_by IS NULL
            OR d.updated_at <= CASE WHEN d.status = 'failed' THEN CAST(:abandoned_before AS timestamptz)
                                    ELSE :orphaned_before END)) AS unrecorded_since,
    (SELECT count(*) FROM (
        SELECT 1 FROM impact_deliveries d
        WHERE d.platform = :platform AND d.status IN @open AND @within(d) AND d.next_attempt_at <= :now AND NOT @closed(d)
          AND (d.selected_by IS NULL OR d.next_attempt_at <= :orphaned_before)
        LIMIT :counted) c)
    + (SELECT count(*) FROM (
        SELECT 1 FROM scheduled_deliveries s JOIN companies c ON c.id = s.company_id AND c.active
        WHERE s.platform = :platform AND s.active AND s.deleted_at IS NULL AND s.next_run <= :now
        LIMIT :counted) c) AS due
