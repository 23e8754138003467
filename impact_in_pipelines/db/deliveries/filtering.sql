-- name: named
-- What a search names: by the primary key those whose id begins so, by impact_deliveries_transaction_idx those
-- of a transaction.
(SELECT d.id FROM impact_deliveries d
 WHERE d.id BETWEEN CAST(:lowest AS uuid) AND CAST(:highest AS uuid)
   AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
 ORDER BY d.id LIMIT :limit)
UNION
(SELECT d.id FROM impact_deliveries d
 WHERE d.platform = ANY(CAST(:platforms AS text[])) AND d.transaction_id = :transaction
   AND (CAST(:company_ids AS uuid[]) IS NULL OR d.company_id = ANY(CAST(:company_ids AS uuid[])))
 LIMIT :limit)
