// postgres.js.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import postgres from 'postgres';

const sql = postgres({ prepare: !process.env.POOLED }); // false for a pooler that pools transactions
// end region

// region: call
async function upsert(sql, request) {
	const [row] = await sql`SELECT contact_upsert(${sql.json(request)}) AS answer`;
	return row.answer;
}

async function upsertMany(sql, requests) {
	return await sql`SELECT position, outcome, version, error FROM contacts.upsert_many(${sql.json(requests)})`;
}
// end region

const preview = async (sql, request) => await sql`SELECT outcome, version, changes, error FROM contacts.preview(${sql.json(request)})`;

// region: text
// ::text::jsonb: a string for a parameter of type jsonb would be encoded once more.
async function upsertText(sql, text) {
	const [row] = await sql`SELECT contact_upsert(${text}::text::jsonb)::text AS answer`;
	return row.answer;
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

const block = (sql, body) => (sql.savepoint ? sql.savepoint(body) : sql.begin(body));

await runSteps(
	sql,
	{
		client: 'postgres.js', version: versionOf('postgres'), jsonb: 'parsed', numbers: 'double', bigint: 'string',
		outcomes: {
			upsert_nan: 'cleared', upsert_date: 'stored', upsert_half_emoji: 'rejected',
			upsert_bare_object: 'stored', upsert_bare_array: 'jsonb_array', upsert_bare_text: 'encoded_twice',
		},
	},
	{
		upsert,
		upsert_many: upsertMany,
		preview,
		upsert_text: upsertText,
		sql: async (sql, text) => void (await sql.unsafe(text)),
		...more(upsert, async (sql, request) => (await sql`SELECT contact_upsert(${request}) AS answer`)[0].answer),
	},
	block,
	failure,
);
await sql.end();
