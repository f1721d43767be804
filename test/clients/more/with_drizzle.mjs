// Drizzle, on node-postgres.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';

const pool = new pg.Pool();
const db = drizzle(pool);
// end region

// region: call
async function upsert(db, request) {
	const { rows } = await db.execute(sql`SELECT contact_upsert(${JSON.stringify(request)}) AS answer`);
	return rows[0].answer;
}

async function upsertMany(db, requests) {
	const { rows } = await db.execute(
		sql`SELECT position, outcome, version, error FROM contacts.upsert_many(${JSON.stringify(requests)})`,
	);
	return rows;
}
// end region

const preview = async (db, request) =>
	(await db.execute(sql`SELECT outcome, version, changes, error FROM contacts.preview(${JSON.stringify(request)})`)).rows;

const upsertText = async (db, text) => (await db.execute(sql`SELECT contact_upsert(${text})::text AS answer`)).rows[0].answer;

// region: error
// A DrizzleQueryError; what the server said is its cause.
function failure({ cause }) {
	return { sqlstate: cause.code, message: cause.message, detail: cause.detail, hint: cause.hint };
}
// end region

await runSteps(
	db,
	{
		client: 'Drizzle',
		version: versionOf('drizzle-orm'),
		jsonb: 'parsed',
		numbers: 'double',
		bigint: 'string',
		outcomes: {
			upsert_nan: 'cleared', upsert_date: 'stored', upsert_half_emoji: 'rejected',
			upsert_bare_object: 'stored', upsert_bare_array: 'stored', upsert_bare_text: 'stored',
		},
	},
	{
		upsert,
		upsert_many: upsertMany,
		preview,
		upsert_text: upsertText,
		sql: async (db, text) => void (await db.execute(sql.raw(text))),
		...more(upsert, async (db, request) => (await db.execute(sql`SELECT contact_upsert(${request}) AS answer`)).rows[0].answer),
	},
	(db, body) => db.transaction(body),
	failure,
);
await pool.end();
