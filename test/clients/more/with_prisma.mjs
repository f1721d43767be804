// Prisma, through its adapter for node-postgres: it needs no engine of its own.
import { more, runSteps, versionOf } from './steps.mjs';

// region: connect
import { PrismaPg } from '@prisma/adapter-pg';
import prismaClient from '@prisma/client';

const prisma = new prismaClient.PrismaClient({ adapter: new PrismaPg({}) });
// end region

// region: call
async function upsert(prisma, request) {
	const [row] = await prisma.$queryRaw`SELECT contact_upsert(${JSON.stringify(request)}::jsonb) AS answer`;
	return row.answer;
}

async function upsertMany(prisma, requests) {
	return await prisma.$queryRaw`
		SELECT position, outcome::text, version, error FROM contacts.upsert_many(${JSON.stringify(requests)}::jsonb)`;
}
// end region

const preview = async (prisma, request) => await prisma.$queryRaw`
	SELECT outcome::text, version, changes, error FROM contacts.preview(${JSON.stringify(request)}::jsonb)`;

const upsertText = async (prisma, text) => (await prisma.$queryRaw`SELECT contact_upsert(${text}::jsonb)::text AS answer`)[0].answer;

// region: error
// A PrismaClientKnownRequestError, P2010; what the server said is the cause of its adapter's error.
function failure(error) {
	const cause = error.meta?.driverAdapterError?.cause ?? {};
	return { sqlstate: cause.originalCode, message: cause.originalMessage, detail: cause.detail, hint: cause.hint };
}
// end region

let depth = 0;
async function block(prisma, body) {
	if (depth) {
		await prisma.$executeRawUnsafe('SAVEPOINT inside');
		try {
			return await body(prisma);
		} catch (error) {
			await prisma.$executeRawUnsafe('ROLLBACK TO SAVEPOINT inside');
			throw error;
		}
	}
	depth++;
	try {
		await prisma.$transaction(body);
	} finally {
		depth--;
	}
}

// Without it JSON.stringify refuses a BigInt.
BigInt.prototype.toJSON = function () {
	return `${this}n`;
};
await runSteps(
	prisma,
	{
		client: 'Prisma',
		version: versionOf('@prisma/client'),
		jsonb: 'parsed',
		numbers: 'double',
		bigint: 'BigInt',
		hides: { '22P02': ['detail'] },
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
		sql: async (prisma, text) => void (await prisma.$executeRawUnsafe(text)),
		...more(upsert, async (prisma, request) => (await prisma.$queryRaw`SELECT contact_upsert(${request}::jsonb) AS answer`)[0].answer),
	},
	block,
	failure,
);
await prisma.$disconnect();
