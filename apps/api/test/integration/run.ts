import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { StoreContainers } from './stores.js';

/** Runs the integration tests, against stores in containers unless TEST_DATABASE_URL names others. */

const given = process.env['TEST_DATABASE_URL'];
const containers = given === undefined ? new StoreContainers() : undefined;
const stores = {
  databaseUrl: given,
  redisUrl: process.env['TEST_REDIS_URL'],
  kafkaBrokers: process.env['TEST_KAFKA_BROKERS'],
};

process.on('exit', () => containers?.remove());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { databaseUrl, redisUrl, kafkaBrokers } = containers === undefined ? stores : await containers.start();
if (databaseUrl === undefined || redisUrl === undefined || kafkaBrokers === undefined) {
  throw new Error('TEST_DATABASE_URL is set: expected TEST_REDIS_URL and TEST_KAFKA_BROKERS as well');
}

const wanted = process.argv.slice(2);
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((each) => file.includes(each)))
  .map((file) => join(import.meta.dirname, file));
const tests = spawn(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-reporter=spec', '--test-concurrency=1', ...files],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_DATABASE_URL: databaseUrl,
      TEST_REDIS_URL: redisUrl,
      TEST_KAFKA_BROKERS: kafkaBrokers,
      ...(containers && { TEST_CONTAINERS: containers.name('').slice(0, -1) }),
    },
  },
);
tests.on('exit', (code) => process.exit(code ?? 1));
