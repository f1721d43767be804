// PostGraphile 4, as a library: GraphQL in, GraphQL out.
import pg from 'pg';
import { createRequire } from 'node:module';
import { runSteps, values, versionOf } from './steps.mjs';

// One graphql for all, which is PostGraphile's.
const { graphql } = createRequire(createRequire(import.meta.url).resolve('postgraphile'))('graphql');

const pool = new pg.Pool();
await pool.query(`
-- region: wrappers
CREATE SCHEMA api;
CREATE FUNCTION api.upsert_contact(request jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT public.contact_upsert(request)';
-- end region
GRANT USAGE ON SCHEMA api TO PUBLIC;
CREATE FUNCTION api.upsert_contact_text(request text) RETURNS text LANGUAGE sql VOLATILE
	AS 'SELECT public.contact_upsert(request::jsonb)::text';
CREATE FUNCTION api.upsert_contacts(requests jsonb) RETURNS jsonb LANGUAGE sql VOLATILE
	AS 'SELECT jsonb_agg(m) FROM (SELECT position, outcome, version, error FROM contacts.upsert_many(requests)) m';
CREATE FUNCTION api.preview_contact(request jsonb) RETURNS jsonb LANGUAGE sql STABLE
	AS 'SELECT jsonb_agg(p) FROM (SELECT outcome, version, changes, error FROM contacts.preview(request)) p'
`);

// region: connect
import postgraphile from 'postgraphile';

const schema = await postgraphile.createPostGraphileSchema(pool, 'api', {
	dynamicJson: true, // objects, not strings of JSON
});
// end region

async function call(db, query, variableValues) {
	const run = (context) => graphql({ schema, source: query, variableValues, contextValue: context });
	const { data, errors } = db === pool ? await postgraphile.withPostGraphileContext({ pgPool: pool }, run) : await run({ pgClient: db });
	if (errors) throw errors[0];
	return Object.values(data)[0];
}

// region: call
const UPSERT = `mutation ($request: JSON!) { upsertContact(input: {request: $request}) { json } }`;

async function upsert(db, request) {
	return (await call(db, UPSERT, { request })).json;
}
// end region

const upsertMany = async (db, requests) =>
	(await call(db, 'mutation ($requests: JSON!) { upsertContacts(input: {requests: $requests}) { json } }', { requests })).json;
const preview = async (db, request) => await call(db, 'query ($request: JSON!) { previewContact(request: $request) }', { request });
const upsertText = async (db, text) =>
	(await call(db, 'mutation ($text: String!) { upsertContactText(input: {request: $text}) { string } }', { text })).string;

// region: error
// Over HTTP the same, with extendedErrors: ['errcode', 'detail', 'hint'].
function failure({ originalError }) {
	return { sqlstate: originalError?.code, message: originalError?.message, detail: originalError?.detail, hint: originalError?.hint };
}
// end region

async function block(db, body) {
	const client = db === pool ? await pool.connect() : db;
	const [begin, commit, rollback] = db === pool
		? ['BEGIN', 'COMMIT', 'ROLLBACK']
		: ['SAVEPOINT inside', 'RELEASE SAVEPOINT inside', 'ROLLBACK TO SAVEPOINT inside'];
	await client.query(begin);
	try {
		await body(client);
		await client.query(commit);
	} catch (error) {
		await client.query(rollback);
		throw error;
	} finally {
		if (db === pool) client.release();
	}
}

await runSteps(
	pool,
	{
		client: 'PostGraphile',
		version: versionOf('postgraphile'),
		jsonb: 'parsed',
		numbers: 'double',
		bigint: 'number',
		outcomes: { upsert_nan: 'cleared', upsert_date: 'stored', upsert_half_emoji: 'rejected' },
	},
	{
		upsert,
		upsert_many: upsertMany,
		preview,
		upsert_text: upsertText,
		sql: async (db, text) => {
			try {
				await db.query(text);
			} catch (error) {
				throw { originalError: error };
			}
		},
		...Object.fromEntries(Object.entries(values).map(([name, fields]) =>
			[name, (db) => upsert(db, { email_address: 'value@example.com', fields })])),
	},
	block,
	failure,
);
await pool.end();
