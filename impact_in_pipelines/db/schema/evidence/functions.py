"""The functions of the chain of evidence (ADR 0012). Migrations write them out as they were."""

GENESIS = "impact-in evidence 1"
"""What a chain begins with: the SHA-256 of this, a line feed and the company's id is the predecessor of its
first link."""

NEW_HEAD_FUNCTION = """
CREATE OR REPLACE FUNCTION add_evidence_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO evidence_heads (company_id, hash)
    VALUES (NEW.id, sha256(convert_to('impact-in evidence 1' || E'\\n' || NEW.id, 'UTF8')));
    RETURN NULL;
END $$
"""

NEW_HEAD_TRIGGER = """
CREATE OR REPLACE TRIGGER companies_evidence AFTER INSERT ON companies
FOR EACH ROW EXECUTE FUNCTION add_evidence_head()
"""

ADD_FUNCTION = """
CREATE OR REPLACE FUNCTION add_evidence(
    ids uuid[], due_from timestamptz, due_until timestamptz, removed boolean DEFAULT false)
RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET timezone = 'UTC' AS $$
DECLARE
    recorded timestamptz;
    ended record;
    company uuid;
    links bigint;
    last bytea;
    line text;
    companies uuid[];
    numbers bigint[];
    deliveries uuid[];
    statuses text[];
    lines text[];
    hashes bytea[];
BEGIN
    -- Before anything is read, and in one order: whoever else ends deliveries of these companies waits here.
    PERFORM FROM evidence_heads h
    WHERE h.company_id = ANY(ARRAY(
        SELECT d.company_id FROM impact_deliveries d
        WHERE d.id = ANY(ids) AND d.scheduled_for BETWEEN due_from AND due_until
          AND (removed OR d.status NOT IN ('pending', 'in_progress', 'retrying'))))
    ORDER BY h.company_id
    FOR NO KEY UPDATE;
    recorded := clock_timestamp();
    FOR ended IN
        SELECT d.company_id, d.id, h.links, h.hash,
               CASE WHEN removed THEN 'removed' ELSE d.status END AS status,
               CAST(jsonb_strip_nulls(jsonb_build_object(
                   'delivery', d.id, 'platform', d.platform, 'trigger', d.trigger,
                   'status', CASE WHEN removed THEN 'removed' ELSE d.status END,
                   'period', jsonb_build_array(d.period_start, d.period_end), 'due', d.scheduled_for,
                   'delivered_at', d.delivered_at, 'failed_at', d.failed_at,
                   'taken_back_at', d.taken_back_at, 'call_back_at', d.call_back_at,
                   'payload_sha256', d.payload_hash, 'payload_bytes', d.payload_bytes,
                   'payload_kept', d.payload IS NOT NULL,
                   'payload_time',
                   coalesce(d.payload ->> 'timestamp', d.payload -> 'metadata' ->> 'timestamp'),
                   'key', nullif(d.idempotency_key, d.id), 'revision', nullif(d.revision, 1),
                   'batch', d.batch_id, 'transaction', d.transaction_id,
                   'receipt_sha256',
                   encode(sha256(convert_to(CAST(d.provider_response AS text), 'UTF8')), 'hex'),
                   'attempts', tried.attempts, 'attempts_sha256', tried.hash,
                   'error_kind', d.error_kind,
                   'error_sha256', encode(sha256(convert_to(d.last_error, 'UTF8')), 'hex'),
                   'duplicate_of', d.duplicate_of, 'replay_of', d.replay_of, 'corrects', d.corrects))
                   AS text) AS content
        FROM impact_deliveries d
        JOIN evidence_heads h ON h.company_id = d.company_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS attempts, encode(sha256(convert_to(string_agg(
                CAST(jsonb_strip_nulls(jsonb_build_object(
                    'delivery', a.delivery_id, 'number', a.number, 'started_at', a.started_at,
                    'finished_at', a.finished_at, 'outcome', a.outcome, 'http_status', a.http_status,
                    'error_kind', a.error_kind, 'error', a.error, 'latency_ms', a.latency_ms)) AS text),
                E'\\n' ORDER BY a.number), 'UTF8')), 'hex') AS hash
            FROM delivery_attempts a
            WHERE a.delivery_id = d.id AND a.due_at IN (d.scheduled_for, '-infinity')
              AND (a.due_at BETWEEN due_from AND due_until OR a.due_at = '-infinity')) AS tried
        WHERE d.id = ANY(ids) AND d.scheduled_for BETWEEN due_from AND due_until
          AND (removed OR d.status NOT IN ('pending', 'in_progress', 'retrying'))
        ORDER BY d.company_id, greatest(d.delivered_at, d.failed_at, d.taken_back_at), d.scheduled_for, d.id
    LOOP
        IF company IS DISTINCT FROM ended.company_id THEN
            company := ended.company_id;
            links := ended.links;
            last := ended.hash;
        END IF;
        links := links + 1;
        line := format('{"link": %s, "recorded_at": %s, ', links, to_json(recorded))
            || substr(ended.content, 2);
        last := sha256(convert_to(encode(last, 'hex') || E'\\n' || line, 'UTF8'));
        companies := array_append(companies, company);
        numbers := array_append(numbers, links);
        deliveries := array_append(deliveries, ended.id);
        statuses := array_append(statuses, ended.status);
        lines := array_append(lines, line);
        hashes := array_append(hashes, last);
    END LOOP;
    IF companies IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO evidence_links (company_id, link, delivery_id, status, recorded_at, record, hash)
    SELECT n.company_id, n.link, n.delivery_id, n.status, recorded, n.record, n.hash
    FROM unnest(companies, numbers, deliveries, statuses, lines, hashes)
        AS n(company_id, link, delivery_id, status, record, hash);
    UPDATE evidence_heads h SET links = n.link, hash = n.hash
    FROM (SELECT DISTINCT ON (u.company_id) u.company_id, u.link, u.hash
          FROM unnest(companies, numbers, hashes) AS u(company_id, link, hash)
          ORDER BY u.company_id, u.link DESC) AS n
    WHERE h.company_id = n.company_id;
    RETURN cardinality(companies);
END $$
"""
"""Adds the links of those of `ids` that have ended, all of them in one statement, and returns how many.

The last thing that a transaction does: it holds the chains of these companies until it commits."""
