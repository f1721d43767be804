// Knex, on node-postgres.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import knexOf from 'knex';

const knex = knexOf({ client: 'pg', connection: {} });
// end region

// region: call
async function upsert(knex, request) {
	const { rows } = await knex.raw('SELECT contact_upsert(?) AS answer', [JSON.stringify(request)]);
	return rows[0].answer;
}

async function upsertMany(knex, requests) {
	const { rows } = await knex.raw('SELECT position, outcome, version, error FROM contacts.upsert_many(?)', [JSON.stringify(requests)]);
	return rows;
}
// end region

const preview = async (knex, request) =>
	(await knex.raw('SELECT outcome, version, changes, error FROM contacts.preview(?)', [JSON.stringify(request)])).rows;

const upsertText = async (knex, text) => (await knex.raw('SELECT contact_upsert(?)::text AS answer', [text])).rows[0].answer;

// region: error
// The message of the error has the statement in front: what the server said is behind the last " - ".
function failure(error) {
	const message = error.message.slice(error.message.lastIndexOf(' - ') + 3);
	return { sqlstate: error.code, message, detail: error.detail, hint: error.hint };
}
// end region

await runSteps(
	knex,
	{
		client: 'Knex',
		version: versionOf('knex'),
		jsonb: 'parsed',
		numbers: 'double',
		bigint: 'string',
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
		sql: async (knex, text) => void (await knex.raw(text)),
		...more(upsert, async (knex, request) => (await knex.raw('SELECT contact_upsert(?) AS answer', [request])).rows[0].answer),
	},
	(knex, body) => knex.transaction(body),
	failure,
);
await knex.destroy();
