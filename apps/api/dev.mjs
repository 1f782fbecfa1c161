/**
 * `npm run dev`: migrates, serves, and starts again when a source changes. Where DATABASE_URL is not set, it takes what
 * .env says, as `npm run up -- --only infra` writes it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

const COMPILE = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];

if (process.env.DATABASE_URL === undefined && existsSync('.env')) process.loadEnvFile('.env');
const { DATABASE_OWNER_URL, ...env } = process.env;

toItsEnd(COMPILE, env);
// The schema belongs to another role than the server's.
if (DATABASE_OWNER_URL !== undefined) {
  toItsEnd(['--enable-source-maps', 'dist/migrate.js'], { ...env, DATABASE_URL: DATABASE_OWNER_URL });
}
const children = [
  [...COMPILE, '--watch', '--preserveWatchOutput'],
  ['--watch', '--enable-source-maps', 'dist/main.js'],
].map((args) => spawn(process.execPath, args, { stdio: 'inherit', env }));
for (const child of children) {
  child.on('exit', (code) => {
    process.exitCode ??= code ?? 0;
    for (const other of children) other.kill();
  });
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}

/** Runs it to its end, which has to be a good one. */
function toItsEnd(args, variables) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: variables });
  if (status !== 0) process.exit(status ?? 1);
}
