-- name: note_on_schedules
-- What became of a schedule's latest deliveries; the count of failures in a row starts again at a success.
-- A replay of an older fire says nothing of the latest ones, and one that fails again is counted already.
-- One that arrives repairs a delivery and not the record (D11): it ends no row of failures.
UPDATE scheduled_deliveries s
SET last_run = :now, last_status = f.status, last_error = f.last_error,
    consecutive_failures = CASE WHEN f.arrived > 0 THEN f.failed_since
                                ELSE s.consecutive_failures + f.failed END
FROM (
    SELECT schedule_id,
           (array_agg(status ORDER BY scheduled_for DESC))[1] AS status,
           (array_agg(last_error ORDER BY scheduled_for DESC))[1] AS last_error,
           count(*) FILTER (WHERE arrives) AS arrived,
           count(*) FILTER (WHERE fails_anew) AS failed,
           count(*) FILTER (WHERE status = 'failed' AND scheduled_for > last_arrival) AS failed_since
    FROM (
        SELECT schedule_id, status, last_error, scheduled_for,
               id = ANY(CAST(:failed_anew AS uuid[])) AS fails_anew,
               status IN ('success', 'skipped') AND failed_at IS NULL AS arrives,
               max(scheduled_for) FILTER (WHERE status IN ('success', 'skipped') AND failed_at IS NULL)
                   OVER (PARTITION BY schedule_id) AS last_arrival
        FROM impact_deliveries d
        WHERE id = ANY(CAST(:ids AS uuid[])) AND @within(d) AND schedule_id IS NOT NULL
          AND status IN ('success', 'skipped', 'failed')
          AND NOT EXISTS (
              SELECT 1 FROM impact_deliveries l
              WHERE l.schedule_id = d.schedule_id AND l.scheduled_for > d.scheduled_for
                AND l.scheduled_for >= CAST(:due_from AS timestamptz)
                AND l.status IN ('success', 'skipped', 'failed')
                AND l.id <> ALL(CAST(:ids AS uuid[])))
    ) AS final
    GROUP BY schedule_id
) AS f
WHERE s.id = f.schedule_id
