-- The floor: the same array written by one statement, without validation, comparison, events or an answer, but it says of
-- each row what the other ways say, its id and whether it is new. An address that came twice would be an error.
INSERT INTO statement.contact AS c (workspace_id, email_address, tags, data)
SELECT 1, r.email_address, r.tags, r.fields
FROM batch b, jsonb_to_recordset(b.requests) AS r (email_address text, tags bigint[], fields jsonb)
WHERE b.scenario = :scenario AND b.number = (SELECT nextval(:turn::regclass) % :arrays::bigint)
ON CONFLICT (workspace_id, email_address) DO UPDATE
	SET status = excluded.status, tags = excluded.tags, data = excluded.data, version = c.version + 1,
		updated_at = excluded.updated_at
RETURNING id, version;
