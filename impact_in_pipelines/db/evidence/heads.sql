-- name: heads
SELECT CAST(company_id AS text) AS company, links, encode(hash, 'hex') AS hash FROM evidence_heads ORDER BY company_id

-- name: strays
-- Published heads through which their company's chain leads no more. A company that is gone has no chain.
SELECT r.company, r.links
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(company uuid, links bigint, hash text)
JOIN evidence_heads h ON h.company_id = r.company
WHERE r.links > 0 AND NOT EXISTS (
    SELECT 1 FROM evidence_links l
    WHERE l.company_id = r.company AND l.link = r.links AND l.hash = decode(r.hash, 'hex'))
ORDER BY r.company
