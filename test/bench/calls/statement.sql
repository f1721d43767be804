-- The floor: what is written, without validation, comparison, events or an answer, but with the row returned.
INSERT INTO statement.contact AS c (workspace_id, email_address, tags, data)
VALUES (1, 'c' || :n::bigint || '@example.com', :tags::bigint[], ('{"first_name": "Tywin",
	"last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14", "plan": "business", "score": '
	|| :score::bigint || '}')::jsonb)
ON CONFLICT (workspace_id, email_address) DO UPDATE
	SET status = excluded.status, tags = excluded.tags, data = excluded.data, version = c.version + 1,
		updated_at = excluded.updated_at
RETURNING *;
