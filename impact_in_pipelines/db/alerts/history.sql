-- name: history
-- What happened to one incident, in order (indexes incident_notes_incident_idx, notifications_incident_idx).
SELECT n.at, 'note' AS kind, n.author AS by, n.text, NULL AS notice, NULL AS channel
FROM incident_notes n WHERE n.incident_id = :id AND :notes_too
UNION ALL
SELECT n.sent_at, 'notice', NULL, NULL, n.kind, n.channel
FROM notifications n WHERE n.incident_id = :id AND n.sent_at IS NOT NULL
ORDER BY at

-- name: add_note
INSERT INTO incident_notes (incident_id, at, author, text) VALUES (:incident_id, :at, :author, :text)
RETURNING id
