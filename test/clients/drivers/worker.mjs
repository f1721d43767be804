// A worker: handles the events of a consumer. Usage: worker.mjs CONSUMER [LEASE]
import { setTimeout as sleep } from 'node:timers/promises';

// What is to be done about an event; if it raises an error, the event comes again.
async function handle(event) {
	await sleep(3);
	console.log(JSON.stringify({ event: event.event_id, type: event.type }));
}

// region: worker
import pg from 'pg';

// Handles what is due, a page at a time; of a contact one event at a time, in order.
async function drain(client, consumer, lease, state) {
	while (!state.stopped) {
		const { rows: events } = await client.query('SELECT * FROM contacts.claim($1, 20, $2)', [consumer, lease]);
		if (events.length === 0) return;
		for (const event of events) {
			try {
				await handle(event);
			} catch (error) {
				await client.query('SELECT contacts.fail($1, $2, $3, $4)', [consumer, event.lease, event.event_id, String(error)]);
				continue;
			}
			await client.query('SELECT contacts.ack($1, $2, $3)', [consumer, event.lease, [event.event_id]]);
		}
	}
}

async function work(consumer, lease, state) {
	const listener = new pg.Client(); // past a pooler: it would hear nothing
	const client = new pg.Client();
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
