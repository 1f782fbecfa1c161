/** The way back of an upgrade of the database: its script, run by bash on this machine, with a volume that is a folder. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './manifests.ts';

let volume: string;
let bin: string;

beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), 'zakpos-volume-'));
  bin = mkdtempSync(join(tmpdir(), 'zakpos-bin-'));
  writeFileSync(join(bin, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 16.14 (Debian 16.14-1)"\n');
  chmodSync(join(bin, 'postgres'), 0o755);
});
afterEach(() => {
  for (const folder of [volume, bin]) rmSync(folder, { recursive: true });
});

/** A data folder of a release, with a file that tells it from others. */
function files(folder: string, release: number, mark = ''): void {
  mkdirSync(join(volume, folder));
  writeFileSync(join(volume, folder, 'PG_VERSION'), `${release}\n`);
  writeFileSync(join(volume, folder, 'mark'), mark);
}

/** Runs `upgrade.sh back` with the programs of PostgreSQL 16. */
function back(): { readonly status: number | null; readonly said: string } {
  const { status, stderr } = spawnSync('bash', [join(ROOT, 'backup/upgrade.sh'), 'back'], {
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env.PATH ?? ''}`, PGDATA: join(volume, 'pgdata'), UPGRADE_ID: 'now' },
  });
  return { status, said: stderr };
}

const mark = (): string => readFileSync(join(volume, 'pgdata/mark'), 'utf8');

test('puts the files of before back, the newest of them, and keeps the others', () => {
  files('pgdata', 17);
  files('pgdata.16-20260101t000000z', 16, 'older');
  files('pgdata.16-20261122t060000z', 16, 'newer');
  files('pgdata.before-20261122t070000z', 16, 'of a restore');
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('newer');
  expect(readdirSync(volume).sort()).toEqual([
    'pgdata',
    'pgdata.16-20260101t000000z',
    'pgdata.17-now',
    'pgdata.before-20261122t070000z',
  ]);
});

test('changes nothing the second time', () => {
  files('pgdata', 16, 'live');
  files('pgdata.16-20261122t060000z', 16, 'old');
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('live');
  expect(readdirSync(volume)).toHaveLength(2);
});

test.each<[string, () => void]>([
  [
    'before the live files were moved',
    () => {
      files('pgdata', 17);
      files('pgdata.restored', 16, 'old');
    },
  ],
  [
    'after they were',
    () => {
      files('pgdata.17-before', 17);
      files('pgdata.restored', 16, 'old');
    },
  ],
])('goes on where it was killed %s', (_, prepare) => {
  prepare();
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('old');
  expect(existsSync(join(volume, 'pgdata.restored'))).toBe(false);
});

test('says for good that there is nothing to go back to, and leaves the database as it is', () => {
  files('pgdata', 17, 'live');
  files('pgdata.before-20261122t070000z', 16, 'of a restore');
  const { status, said } = back();
  expect(status).toBe(3);
  expect(said).toContain('no files of PostgreSQL 16 are beside those of 17');
  expect(mark()).toBe('live');
});
