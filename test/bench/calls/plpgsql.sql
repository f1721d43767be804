SELECT plpgsql.upsert(('{"email_address": "c' || :n::bigint || '@example.com", "tags": [1, 2], "fields": {"first_name": "Tywin",
	"last_name": "Lannister", "company": "Casterly Rock Mining", "birthday": "1967-05-14", "plan": "business", "score": '
	|| :score::bigint || '}}')::jsonb);
