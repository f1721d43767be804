-- The arrays of 1,000 requests. Wants the variables contacts, and arrays: how many with new contacts to make.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- Uncompressed, so that reading an array costs little and the same for every way.
CREATE TABLE batch (scenario text, number bigint, requests jsonb, PRIMARY KEY (scenario, number));
ALTER TABLE batch ALTER requests SET STORAGE EXTERNAL;

CREATE FUNCTION request_of(n bigint, score bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('email_address', 'c' || n || '@example.com', 'tags', '[1, 2]'::jsonb, 'fields', fields_of(score))
$$;

-- Which array is the next: each table takes them in turn, from cell to cell, so that a change is one every time.
SELECT format('CREATE SEQUENCE turn_%s_%s', way, scenario)
FROM unnest(ARRAY['contact_upsert', 'statement', 'plpgsql', 'copy']) way, unnest(ARRAY['create', 'change', 'unchanged']) scenario \gexec

-- New contacts, in no order, with numbers that nobody else has.
INSERT INTO batch
SELECT 'create', i / 1000, jsonb_agg(request_of((hashint8(i) + 3000000000) * 1000000 + i, i))
FROM generate_series(0, :arrays * 1000 - 1) i GROUP BY i / 1000;

-- Odd contacts in no order, up to 50 times 1,000 of them, twice over: the second time with another score, so that an array
-- changes each of its contacts however often its turn comes. Then even ones, with the score that they have.
WITH chosen AS (
	SELECT 2 * i - 1 AS odd, (row_number() OVER (ORDER BY hashint8(i)) - 1) / 1000 AS chunk
	FROM generate_series(1::bigint, :contacts / 2) i),
chunks AS (
	SELECT least(50, :contacts / 2000) AS number)
INSERT INTO batch
SELECT 'change', chunk + pass * chunks.number, jsonb_agg(request_of(odd, 2000000000 + pass))
FROM chosen, chunks, generate_series(0, 1) pass WHERE chunk < chunks.number GROUP BY chunk, pass, chunks.number
UNION ALL
SELECT 'unchanged', chunk, jsonb_agg(request_of(odd + 1, odd + 1))
FROM chosen, chunks WHERE chunk < chunks.number GROUP BY chunk;
VACUUM ANALYZE batch;

-- The member under row level security, as whom the arrays run once more.
SELECT 'CREATE ROLE contact_upsert_bench_member' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'contact_upsert_bench_member') \gexec
SELECT contacts.grant_access('contact_upsert_bench_member', 1) \g /dev/null
GRANT SELECT ON batch TO contact_upsert_bench_member;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO contact_upsert_bench_member;
