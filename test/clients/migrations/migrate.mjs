// Drizzle: runs a migration, a file of SQL, as the application's role.
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';

const pool = new pg.Pool({ user: 'migrations_app' });
await migrate(drizzle(pool), { migrationsFolder: process.argv[2] });
await migrate(drizzle(pool), { migrationsFolder: process.argv[2] });
await pool.end();
