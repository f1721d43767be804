// region: config
export default {
	dialect: 'postgresql',
	schema: './drizzle_schema.mjs',
	out: './drizzle',
	schemaFilter: ['public'],
	dbCredentials: { url: process.env.DATABASE_URL },
};
// end region
