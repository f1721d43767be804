-- Here as in the other ways a JSON value is text put together in the statement and then read, which costs what reading the
-- text parameter of a driver costs; pgbench itself cannot put strings together.
SELECT contact_upsert(('{"email_address": "c' || :n::bigint || '@example.com", "tags": [1, 2], "fields": {"first_name": "Tywin",
	"last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14", "plan": "business", "score": '
	|| :score::bigint || '}}')::jsonb);
