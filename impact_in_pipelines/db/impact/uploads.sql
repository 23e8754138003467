-- name: add
INSERT INTO event_uploads
    (company_id, file_name, bytes, sha256, state, rows, imported, updated, unchanged, duplicates, rejected,
     uploaded_by, uploaded_at)
VALUES (:company_id, :file_name, :bytes, :sha256, 'checked', :rows, :imported, :updated, :unchanged, :duplicates,
        :rejected, :actor, :now)
RETURNING id

-- name: put
INSERT INTO event_upload_parts (upload_id, kind, number, content) VALUES (:id, :kind, :number, :content)

-- name: take
UPDATE event_uploads SET state = 'imported', decided_by = :actor, decided_at = :now
WHERE id = :id AND state = 'checked'

-- name: discard
-- One that is being imported is locked until that ends: nobody waits for it.
UPDATE event_uploads SET state = 'discarded', decided_by = :actor, decided_at = :now
WHERE id IN (SELECT id FROM event_uploads WHERE id = :id AND state = 'checked' FOR UPDATE SKIP LOCKED)

-- name: undecided
SELECT count(*) FROM event_uploads WHERE company_id = :company_id AND state = 'checked' AND uploaded_at >= :since

-- name: imported
UPDATE event_uploads
SET rows = :rows, imported = :imported, updated = :updated, unchanged = :unchanged, duplicates = :duplicates,
    rejected = :rejected
WHERE id = :id

-- name: drop_parts
DELETE FROM event_upload_parts WHERE upload_id = :id

-- name: of_company
SELECT u.*, EXISTS (SELECT 1 FROM event_upload_parts p WHERE p.upload_id = u.id AND p.kind = 'rejects') AS rejects_kept
FROM event_uploads u WHERE u.company_id = :company_id ORDER BY u.uploaded_at DESC, u.id LIMIT :limit

-- name: find
SELECT u.*, EXISTS (SELECT 1 FROM event_upload_parts p WHERE p.upload_id = u.id AND p.kind = 'rejects') AS rejects_kept
FROM event_uploads u WHERE u.company_id = :company_id AND u.id = :id

-- name: piece
SELECT content FROM event_upload_parts WHERE upload_id = :id AND kind = :kind AND number = :number

-- name: discard_undecided
UPDATE event_uploads SET state = 'discarded', decided_at = :now
WHERE id IN (SELECT id FROM event_uploads WHERE state = 'checked' AND uploaded_at < :undecided FOR UPDATE SKIP LOCKED)

-- name: purge_parts
DELETE FROM event_upload_parts p USING event_uploads u
WHERE u.id = p.upload_id
  AND (u.state = 'discarded' OR u.uploaded_at < :rejects OR (u.state = 'imported' AND p.kind = 'file'))
