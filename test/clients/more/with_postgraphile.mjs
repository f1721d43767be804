// PostGraphile 4, over HTTP.
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
import http from 'node:http';
import postgraphile from 'postgraphile';

const server = http.createServer(postgraphile.postgraphile(pool, 'api', {
	dynamicJson: true, // objects, not strings of JSON
	extendedErrors: ['errcode', 'detail', 'hint'],
	bodySizeLimit: '2MB', // 100 kB, otherwise
	disableQueryLog: true,
}));
// end region
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/graphql`;

// In a transaction of the test's own, without HTTP.
const schema = await postgraphile.createPostGraphileSchema(pool, 'api', { dynamicJson: true });
async function callInside(pgClient, query, variables) {
	const { data, errors } = await graphql({ schema, source: query, variableValues: variables, contextValue: { pgClient } });
	if (errors) {
		const { code, message, detail, hint } = errors[0].originalError;
		throw { errcode: code, message, detail, hint };
	}
	return Object.values(data)[0];
}

async function call(db, query, variables) {
	if (db !== pool) return await callInside(db, query, variables);
	// region: call
	const response = await fetch(url, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ query, variables }),
	});
	const { data, errors } = await response.json();
	if (errors) throw errors[0];
	return Object.values(data)[0];
	// end region
}

// region: query
const UPSERT = `mutation ($request: JSON!) { upsertContact(input: {request: $request}) { json } }`;
// end region
const upsert = async (db, request) => (await call(db, UPSERT, { request })).json;
const upsertMany = async (db, requests) =>
	(await call(db, 'mutation ($requests: JSON!) { upsertContacts(input: {requests: $requests}) { json } }', { requests })).json;
const preview = async (db, request) => await call(db, 'query ($request: JSON!) { previewContact(request: $request) }', { request });
const upsertText = async (db, text) =>
	(await call(db, 'mutation ($text: String!) { upsertContactText(input: {request: $text}) { string } }', { text })).string;

// region: error
function failure(error) {
	return { sqlstate: error.errcode, message: error.message, detail: error.detail, hint: error.hint };
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
			} catch ({ code, message, detail, hint }) {
				throw { errcode: code, message, detail, hint };
			}
		},
		...Object.fromEntries(Object.entries(values).map(([name, fields]) =>
			[name, (db) => upsert(db, { email_address: 'value@example.com', fields })])),
	},
	block,
	failure,
);
server.close();
server.closeAllConnections();
await pool.end();
