-- name: known_files
SELECT file FROM archived_files

-- name: forget_file
DELETE FROM archived_files WHERE file = :file RETURNING id

-- name: forget_deliveries
-- The whole table is read, which has no index by file: seldom.
DELETE FROM archived_deliveries WHERE file = :file

-- name: add_file
INSERT INTO archived_files (file, month, archived_at) VALUES (:file, :month, :at) RETURNING id

-- name: add_deliveries
-- Of companies that are there; the newest file counts for a delivery that is in two.
INSERT INTO archived_deliveries (id, company_id, file)
SELECT a.id, a.company_id, :file
FROM unnest(CAST(:ids AS uuid[]), CAST(:company_ids AS uuid[])) AS a(id, company_id)
JOIN companies c ON c.id = a.company_id
ON CONFLICT (id) DO UPDATE SET file = EXCLUDED.file

-- name: archived
SELECT a.id, f.month, f.file, f.archived_at
FROM archived_deliveries a JOIN archived_files f ON f.id = a.file
WHERE a.id = ANY(CAST(:ids AS uuid[]))
  AND (CAST(:company_ids AS uuid[]) IS NULL OR a.company_id = ANY(CAST(:company_ids AS uuid[])))

-- name: between
-- Up to :limit ids in a range of ids, by primary key.
SELECT id FROM archived_deliveries
WHERE id BETWEEN :lowest AND :highest AND (CAST(:company_id AS uuid) IS NULL OR company_id = :company_id)
ORDER BY id LIMIT :limit

-- name: archive
SELECT archive FROM archive_marks

-- name: set_archive
INSERT INTO archive_marks (id, archive, marked_at) VALUES (1, :archive, :now)

-- name: has_noted
SELECT EXISTS (SELECT 1 FROM audit_log WHERE action = 'retention.removed')

-- name: noted_files
-- What every pass that the audit log still knows of wrote before it removed anything, as table/file; and when.
SELECT split_part(subject, ' ', 1) || '/' || (after ->> 'file') AS file, at FROM audit_log
WHERE company_id IS NULL AND action = 'retention.removed' AND after ->> 'file' IS NOT NULL
ORDER BY at, 1
