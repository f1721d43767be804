// A table of the application's.
import { bigint, pgTable, text } from 'drizzle-orm/pg-core';

export const deal = pgTable('deal', { id: bigint({ mode: 'bigint' }).primaryKey(), email: text() });
