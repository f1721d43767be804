// Kysely, on node-postgres.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';

const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool() }) });
// end region

// region: call
async function upsert(db, request) {
	const { rows } = await sql`SELECT contact_upsert(${JSON.stringify(request)}) AS answer`.execute(db);
	return rows[0].answer;
}

async function upsertMany(db, requests) {
	const { rows } = await sql`
		SELECT position, outcome, version, error FROM contacts.upsert_many(${JSON.stringify(requests)})`.execute(db);
	return rows;
}
// end region

const preview = async (db, request) =>
	(await sql`SELECT outcome, version, changes, error FROM contacts.preview(${JSON.stringify(request)})`.execute(db)).rows;

const upsertText = async (db, text) => (await sql`SELECT contact_upsert(${text})::text AS answer`.execute(db)).rows[0].answer;

// region: error
function failure(error) {
	return { sqlstate: error.code, message: error.message, detail: error.detail, hint: error.hint };
}
// end region

async function block(db, body) {
	const savepoint = db.isTransaction;
	const inside = savepoint ? await db.savepoint('inside').execute() : await db.startTransaction().execute();
	try {
		await body(inside);
		await (savepoint ? inside.releaseSavepoint('inside') : inside.commit()).execute();
	} catch (error) {
		await (savepoint ? inside.rollbackToSavepoint('inside') : inside.rollback()).execute();
		throw error;
	}
}

await runSteps(
	db,
	{
		client: 'Kysely',
		version: versionOf('kysely'),
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
		sql: async (db, text) => void (await sql.raw(text).execute(db)),
		...more(upsert, async (db, request) => (await sql`SELECT contact_upsert(${request}) AS answer`.execute(db)).rows[0].answer),
	},
	block,
	failure,
);
await db.destroy();
