// Runs the steps of requests.json through a JavaScript client, and prints what it saw as JSON lines: see ../check.py.
//
// The client gives a function for each kind of request, and `block`, which opens a transaction or, inside of one, a savepoint, and
// hands its body what to send with inside. What a client cannot send it has no function for, and such a step is left out.
import { readFileSync } from 'node:fs';

const say = (line) => console.log(JSON.stringify(line));

// Of a package beside these programs.
export const versionOf = (name) =>
	JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

class RolledBack extends Error {}

export const bare = {
	upsert_bare_object: { email_address: 'value@example.com' },
	upsert_bare_array: [{ email_address: 'value@example.com' }],
	upsert_bare_text: '{"email_address": "value@example.com"}',
};

export const values = {
	upsert_nan: { amount: NaN },
	upsert_date: { birthday: new Date('2024-03-01T01:30:00Z') },
	upsert_half_emoji: { name: '\ud83d' },
};

// The steps that send what only a program can, where the call takes an object and where it is given no help.
export const more = (upsert, upsertBare) => ({
	...Object.fromEntries(Object.entries(values).map(([name, fields]) =>
		[name, (db) => upsert(db, { email_address: 'value@example.com', fields })])),
	...Object.fromEntries(Object.entries(bare).map(([name, request]) => [name, (db) => upsertBare(db, request)])),
});

export async function runSteps(db, about, calls, block, failure) {
	const run = async (db, step) => {
		if (step.steps) {
			await block(db, async (inner) => {
				for (const one of step.steps) await run(inner, one);
			}).catch((error) => {
				if (!(error instanceof RolledBack) && !(error.cause instanceof RolledBack)) throw error;
			});
			return;
		}
		const call = calls[step.do];
		if (!call) return;
		try {
			say({ step: step.name, answer: (await call(db, step.send)) ?? null });
		} catch (error) {
			const seen = failure(error);
			say(/^[0-9A-Z]{5}$/.test(seen?.sqlstate ?? '') ? { step: step.name, error: seen } : { step: step.name, refused: String(error) });
			throw new RolledBack();
		}
	};
	say(about);
	for (const step of JSON.parse(readFileSync(process.argv[2], 'utf8')).steps) {
		try {
			await run(db, step);
		} catch (error) {
			if (!(error instanceof RolledBack)) throw error; // said above
		}
	}
}
