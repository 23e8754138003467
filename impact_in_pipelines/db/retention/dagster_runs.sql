-- name: old_runs
SELECT id, run_id FROM runs
WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED') AND id > :after
  AND coalesce(to_timestamp(end_time), update_timestamp AT TIME ZONE 'UTC') < :before
ORDER BY id LIMIT :limit

-- name: count_old_runs
SELECT count(*) FROM runs
WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED')
  AND coalesce(to_timestamp(end_time), update_timestamp AT TIME ZONE 'UTC') < :before

-- name: shown
-- What a cell, a report or an asset's page still shows: the last of its kind for its partition, inside the window.
-- A cell is red by the planned event of the run that failed, as long as nothing has arrived after it. Checks have a
-- table of their own, whose last evaluations stay.
SELECT e.id, e.run_id
FROM event_logs e JOIN runs r ON r.run_id = e.run_id
WHERE e.run_id = ANY(CAST(:runs AS text[])) AND e.asset_key IS NOT NULL
  AND (e.partition IS NULL OR right(e.partition, 10) >= :first_day)
  AND CASE e.dagster_event_type
      WHEN 'ASSET_MATERIALIZATION_PLANNED' THEN r.status <> 'SUCCESS'
      ELSE e.dagster_event_type IN (
          'ASSET_MATERIALIZATION', 'ASSET_OBSERVATION', 'ASSET_FAILED_TO_MATERIALIZE') END
  -- By idx_events_by_asset_partition, which "is not distinct from" would not use.
  AND NOT CASE WHEN e.partition IS NULL THEN EXISTS (
      SELECT 1 FROM event_logs n
      WHERE n.asset_key = e.asset_key AND n.partition IS NULL AND n.id > e.id
        AND n.dagster_event_type = CASE e.dagster_event_type
            WHEN 'ASSET_OBSERVATION' THEN 'ASSET_OBSERVATION' ELSE 'ASSET_MATERIALIZATION' END)
  ELSE EXISTS (
      SELECT 1 FROM event_logs n
      WHERE n.asset_key = e.asset_key AND n.partition = e.partition AND n.id > e.id
        AND n.dagster_event_type = CASE e.dagster_event_type
            WHEN 'ASSET_OBSERVATION' THEN 'ASSET_OBSERVATION' ELSE 'ASSET_MATERIALIZATION' END)
  END

-- name: events_of
SELECT count(*) FROM event_logs WHERE run_id = ANY(CAST(:runs AS text[]))

-- name: others_of
-- Events of runs that stay which show nothing; how a run began and ended stays with it.
SELECT count(*) AS events, coalesce(array_agg(DISTINCT e.run_id), '{}') AS runs FROM event_logs e
WHERE e.run_id = ANY(CAST(:runs AS text[])) AND e.id <> ALL(CAST(:shown AS bigint[]))
  AND (e.dagster_event_type IS NULL OR e.dagster_event_type NOT IN (
      'PIPELINE_START', 'PIPELINE_SUCCESS', 'PIPELINE_FAILURE', 'PIPELINE_CANCELED'))

-- name: delete_others
WITH others AS (
    SELECT e.id FROM event_logs e
    WHERE e.run_id = ANY(CAST(:runs AS text[])) AND e.id <> ALL(CAST(:shown AS bigint[]))
      AND (e.dagster_event_type IS NULL OR e.dagster_event_type NOT IN (
          'PIPELINE_START', 'PIPELINE_SUCCESS', 'PIPELINE_FAILURE', 'PIPELINE_CANCELED'))
), tags AS (
    DELETE FROM asset_event_tags t USING others o WHERE t.event_id = o.id
)
DELETE FROM event_logs e USING others o WHERE e.id = o.id

-- name: delete_checks
DELETE FROM asset_check_executions c
WHERE c.run_id = ANY(CAST(:runs AS text[])) AND EXISTS (
    SELECT 1 FROM asset_check_executions n
    WHERE n.asset_key = c.asset_key AND n.check_name = c.check_name AND n.id > c.id)

-- name: delete_event_tags
DELETE FROM asset_event_tags t USING event_logs e
WHERE t.event_id = e.id AND e.run_id = ANY(CAST(:runs AS text[]))

-- name: delete_events
DELETE FROM event_logs WHERE run_id = ANY(CAST(:runs AS text[]))

-- name: delete_tags
DELETE FROM run_tags WHERE run_id = ANY(CAST(:runs AS text[]))

-- name: delete_runs
DELETE FROM runs WHERE run_id = ANY(CAST(:runs AS text[]))

-- name: runs_of_backfills
SELECT DISTINCT run_id FROM run_tags WHERE key = 'dagster/backfill' AND run_id = ANY(CAST(:runs AS text[]))

-- name: old_backfills
-- Backfills that are over since before, of which no run is left: `gone` are runs that would go. When one ended is
-- in its body only, which may be long, and no JSON of ours.
SELECT b.id, b.key FROM bulk_actions b
WHERE b.status IN ('COMPLETED', 'COMPLETED_SUCCESS', 'COMPLETED_FAILED', 'FAILED', 'CANCELED')
  AND coalesce(
      to_timestamp(CAST(substring(b.body FROM '"backfill_end_timestamp": *([0-9.]+)') AS double precision)),
      b.timestamp AT TIME ZONE 'UTC') < :before
  AND b.timestamp AT TIME ZONE 'UTC' < :before
  AND NOT EXISTS (
      SELECT 1 FROM run_tags t
      WHERE t.key = 'dagster/backfill' AND t.value = b.key AND t.run_id <> ALL(CAST(:gone AS text[])))

-- name: delete_backfill_tags
DELETE FROM backfill_tags WHERE backfill_id = ANY(CAST(:keys AS text[]))

-- name: delete_backfills
DELETE FROM bulk_actions WHERE id = ANY(CAST(:ids AS bigint[]))
