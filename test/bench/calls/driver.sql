-- What an application does: it looks, validates and compares on its own side, which costs nothing here, and writes. It knows
-- the definitions of fields by heart but looks whether the tags still exist. There is no event to write in these scenarios.
-- pgbench runs on the server's machine, so that a round trip is as short as can be.
\set found 0
BEGIN;
SELECT 1 AS found, id, status, tags, data, version, created_at, updated_at FROM driver.contact
WHERE workspace_id = 1 AND email_address = 'c' || :n::bigint || '@example.com' FOR UPDATE \aset
SELECT tag_id, name FROM contacts.tag WHERE workspace_id = 1 AND tag_id = ANY (:tags::bigint[]);
\if :found = 0
INSERT INTO driver.contact (workspace_id, email_address, tags, data)
VALUES (1, 'c' || :n::bigint || '@example.com', :tags::bigint[], ('{"first_name": "Tywin",
	"last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14", "plan": "business", "score": '
	|| :score::bigint || '}')::jsonb)
RETURNING *;
\elif :changes
UPDATE driver.contact SET tags = :tags::bigint[], data = ('{"first_name": "Tywin",
	"last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14", "plan": "business", "score": '
	|| :score::bigint || '}')::jsonb, version = version + 1, updated_at = now()
WHERE workspace_id = 1 AND id = :id
RETURNING *;
\endif
COMMIT;
