// node-postgres (pg).
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import pg from 'pg';

const client = new pg.Client();
await client.connect();
// end region

// region: call
// JSON.stringify: node-postgres does it to an object, but makes an array of PostgreSQL of an array.
async function upsert(client, request) {
	const { rows } = await client.query('SELECT contact_upsert($1) AS answer', [JSON.stringify(request)]);
	return rows[0].answer;
}

async function upsertMany(client, requests) {
	const { rows } = await client.query('SELECT position, outcome, version, error FROM contacts.upsert_many($1)', [JSON.stringify(requests)]);
	return rows;
}
// end region

const preview = async (client, request) =>
	(await client.query('SELECT outcome, version, changes, error FROM contacts.preview($1)', [JSON.stringify(request)])).rows;

// region: text
// JSON.parse rounds numbers above 2^53: as text they keep every digit.
async function upsertText(client, text) {
	const { rows } = await client.query('SELECT contact_upsert($1)::text AS answer', [text]);
	return rows[0].answer;
}
// end region

// region: error
function failure(error) {
	return {
		sqlstate: error.code,
		message: error.message,
		detail: error.detail, // JSON.parse() of it has the code
		hint: error.hint,
	};
}
// end region

let depth = 0;
async function block(client, body) {
	const [begin, commit, rollback] = depth++
		? ['SAVEPOINT inside', 'RELEASE SAVEPOINT inside', 'ROLLBACK TO SAVEPOINT inside']
		: ['BEGIN', 'COMMIT', 'ROLLBACK'];
	await client.query(begin);
	try {
		await body(client);
		await client.query(commit);
	} catch (error) {
		await client.query(rollback);
		throw error;
	} finally {
		depth--;
	}
}

await runSteps(
	client,
	{
		client: 'node-postgres', version: versionOf('pg'), jsonb: 'parsed', numbers: 'double', bigint: 'string',
		outcomes: {
			upsert_nan: 'cleared', upsert_date: 'stored', upsert_half_emoji: 'rejected',
			upsert_bare_object: 'stored', upsert_bare_array: 'array_of_postgresql', upsert_bare_text: 'stored',
		},
	},
	{
		upsert,
		upsert_many: upsertMany,
		preview,
		upsert_text: upsertText,
		sql: async (client, sql) => void (await client.query(sql)),
		...more(upsert, async (client, request) => (await client.query('SELECT contact_upsert($1) AS answer', [request])).rows[0].answer),
	},
	block,
	failure,
);
await client.end();
