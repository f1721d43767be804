// TypeORM, on node-postgres.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import { DataSource } from 'typeorm';

const dataSource = await new DataSource({ type: 'postgres' }).initialize();
// end region

// region: call
// query() of a DataSource, or of the manager that transaction() hands out.
async function upsert(manager, request) {
	const [row] = await manager.query('SELECT contact_upsert($1) AS answer', [JSON.stringify(request)]);
	return row.answer;
}

async function upsertMany(manager, requests) {
	return await manager.query('SELECT position, outcome, version, error FROM contacts.upsert_many($1)', [JSON.stringify(requests)]);
}
// end region

const preview = async (manager, request) =>
	await manager.query('SELECT outcome, version, changes, error FROM contacts.preview($1)', [JSON.stringify(request)]);

const upsertText = async (manager, text) => (await manager.query('SELECT contact_upsert($1)::text AS answer', [text]))[0].answer;

// region: error
// A QueryFailedError; what the server said is its driverError.
function failure({ driverError }) {
	return { sqlstate: driverError.code, message: driverError.message, detail: driverError.detail, hint: driverError.hint };
}
// end region

await runSteps(
	dataSource,
	{
		client: 'TypeORM',
		version: versionOf('typeorm'),
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
		sql: async (manager, text) => void (await manager.query(text)),
		...more(upsert, async (manager, request) => (await manager.query('SELECT contact_upsert($1) AS answer', [request]))[0].answer),
	},
	(manager, body) => manager.transaction(body),
	failure,
);
await dataSource.destroy();
