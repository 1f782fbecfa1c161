import type { Migration } from 'kysely';

import * as initial from './0001-initial.js';

/** In the order of their names; a migration that has been released is never edited. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
};

export const LATEST_MIGRATION = Object.keys(migrations).sort().at(-1) ?? '';
