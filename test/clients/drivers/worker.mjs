// A worker: handles the events of a consumer. Usage: worker.mjs CONSUMER [LEASE]; ../workers.sh says what handle() does.
import { existsSync } from 'node:fs';

const { GATE, PAUSE, PGAPPNAME } = process.env;
const say = (line) => console.log(JSON.stringify({ worker: PGAPPNAME, ...line }));

// What is to be done about an event; if it raises an error, the event comes again.
async function handle(event) {
	const tag = event.attempts === 0 ? event.detail.tag?.name : undefined;
	say({ event: event.event_id });
	await sleep(1000 * PAUSE);
	while (tag === 'late' && !existsSync(GATE)) await sleep(10);
	if (tag === 'fragile') throw new Error('Node has no paper');
	say({ event: event.event_id, done: true });
}

// region: worker
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

// Handles what is due, one event at a time: those of a page would share one lease.
async function drain(client, consumer, lease, state) {
	const ask = async (call, ...values) => (await client.query(`SELECT * FROM contacts.${call}`, [consumer, ...values])).rows[0];
	for (let event; !state.stopped && (event = await ask('claim($1, 1, $2)', lease)); ) {
		try {
			await handle(event);
		} catch (error) {
			await ask('fail($1, $2, $3, $4)', event.lease, event.event_id, String(error));
			continue;
		}
		const { ack } = await ask('ack($1, $2, $3)', event.lease, [event.event_id]);
		if (ack === 0) console.error(`event ${event.event_id} outlasted its lease: it is handled again`);
	}
}

async function work(consumer, lease, state) {
	const [listener, client] = [new pg.Client(), new pg.Client()]; // past a pooler: it would hear nothing
	const lost = new Promise((_, reject) => [listener, client].forEach((one) => one.on('error', reject)));
	lost.catch(() => {}); // it is awaited below
	try {
		await Promise.all([listener.connect(), client.connect()]);
		listener.on('notification', () => state.ring());
		await listener.query('LISTEN contact_automation'); // before the first look
		while (!state.stopped) {
			const bell = new Promise((resolve) => (state.ring = resolve)); // before the look: one that comes meanwhile counts
			await drain(client, consumer, lease, state);
			await Promise.race([bell, lost, sleep(1000)]); // a bell may be missed: look every second
		}
	} finally {
		await Promise.allSettled([listener.end(), client.end()]);
	}
}

export async function main(consumer, lease = '30 s') {
	const state = { stopped: false, ring() {} };
	process.on('SIGTERM', () => {
		state.stopped = true;
		state.ring();
	});
	while (!state.stopped) {
		await work(consumer, lease, state).catch((error) => {
			console.error(error.message); // a connection that is lost, most likely: anew
			return sleep(1000);
		});
	}
}
// end region

await main(...process.argv.slice(2));
